'use strict';

// Functions through @alicloud/fc20230330: CRUD, code, versions, aliases, invocations,
// and how each language's failures look.

const assert = require('node:assert/strict');
const { after, before, describe, it } = require('node:test');
const { Server } = require('../lib/server');
const { oss, fc, roles, FC } = require('../lib/clients');
const { create, invoke, location, zip } = require('../lib/functions');
const { until } = require('../lib/wait');

let server;
let client;
before(async () => { server = await Server.start(); client = fc(server); });
after(async () => { if (server) await server.stop(); });

const node = (body) => ({ 'index.js': body });
const fails = (promise, code, status, text) => assert.rejects(promise, (err) => {
  assert.equal(err.code, code, err.message);
  if (status) assert.equal(err.statusCode, status, err.message);
  if (text) assert.match(err.message, text);
  return true;
});

describe('functions', () => {
  it('creates, gets, updates, lists and deletes', async () => {
    const pkg = zip(node('exports.handler = async () => 1;'));
    const made = await create(server, 'crud', { zip: pkg }, {
      description: 'first', environmentVariables: { A: 'b' }, timeout: 7, memorySize: 256, cpu: 0.25, tags: [new FC.Tag({ key: 'k', value: 'v' })],
    });
    assert.equal(made.functionName, 'crud');
    assert.equal(made.functionArn, `acs:fc:${server.region}:${server.account}:functions/crud`);
    assert.equal(made.codeSize, pkg.length);
    assert.match(made.codeChecksum, /^\d+$/);
    assert.match(made.createdTime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const got = (await client.getFunction('crud', new FC.GetFunctionRequest({}))).body;
    assert.equal(got.description, 'first');
    assert.deepEqual(got.environmentVariables, { A: 'b' });
    assert.equal(got.timeout, 7);
    assert.equal(got.state, 'Active');
    assert.equal(got.lastUpdateStatus, 'Successful');
    const updated = (await client.updateFunction('crud', new FC.UpdateFunctionRequest({ body: new FC.UpdateFunctionInput({ description: 'second' }) }))).body;
    assert.equal(updated.description, 'second');
    assert.equal(updated.timeout, 7, 'what an update does not name stays');
    assert.equal(updated.codeChecksum, made.codeChecksum);
    await create(server, 'crud-2', node('exports.handler = async () => 1;'));
    const names = (await client.listFunctions(new FC.ListFunctionsRequest({ prefix: 'crud', limit: 100 }))).body.functions.map((f) => f.functionName);
    assert.deepEqual(names, ['crud', 'crud-2']);
    const first = (await client.listFunctions(new FC.ListFunctionsRequest({ prefix: 'crud', limit: 1 }))).body;
    assert.equal(first.functions.length, 1);
    const second = (await client.listFunctions(new FC.ListFunctionsRequest({ prefix: 'crud', limit: 1, nextToken: first.nextToken }))).body;
    assert.deepEqual(second.functions.map((f) => f.functionName), ['crud-2']);
    assert.equal(second.nextToken, undefined);
    await fails(create(server, 'crud', node('exports.handler = 1')), 'FunctionAlreadyExists', 409, /crud/);
    await client.deleteFunction('crud');
    await fails(client.getFunction('crud', new FC.GetFunctionRequest({})), 'FunctionNotFound', 404, /crud/);
    await fails(client.deleteFunction('crud'), 'FunctionNotFound', 404);
    await fails(invoke(server, 'crud'), 'FunctionNotFound', 404);
  });

  it('takes code from OSS, and gives it back', async () => {
    const c = oss(server, { bucket: 'code-bucket' });
    await c.putBucket('code-bucket');
    const pkg = zip(node('exports.handler = async () => "from oss";'));
    await c.put('fn/code.zip', pkg);
    await create(server, 'from-oss', { oss: ['code-bucket', 'fn/code.zip'] });
    assert.equal((await invoke(server, 'from-oss')).payload, 'from oss');
    const { url, checksum } = (await client.getFunctionCode('from-oss', new FC.GetFunctionCodeRequest({}))).body;
    const res = await fetch(url);
    assert.equal(res.status, 200);
    assert.ok(Buffer.from(await res.arrayBuffer()).equals(pkg));
    assert.match(checksum, /^\d+$/);
    const refused = (where, message) => assert.rejects(create(server, 'from-nowhere', { oss: where }), (err) => {
      assert.equal(err.statusCode, 400);
      assert.equal(err.code, 'InvalidArgument');
      assert.match(err.message, message);
      return true;
    });
    await refused(['code-bucket', 'fn/none.zip'], /'fn\/none\.zip'.* does not exist in bucket 'code-bucket'/);
    await refused(['no-such-bucket', 'fn/code.zip'], /bucket 'no-such-bucket' .*does not exist/);
  });

  it('runs new code after an update', async () => {
    await create(server, 'renew', node('exports.handler = async () => "old";'));
    assert.equal((await invoke(server, 'renew')).payload, 'old');
    await client.updateFunction('renew', new FC.UpdateFunctionRequest({ body: new FC.UpdateFunctionInput({ code: location(node('exports.handler = async () => "new";')) }) }));
    assert.equal((await invoke(server, 'renew')).payload, 'new');
  });

  it('publishes versions that never change, and points aliases at them', async () => {
    const update = (text) => client.updateFunction('ver', new FC.UpdateFunctionRequest({ body: new FC.UpdateFunctionInput({ code: location(node(`exports.handler = async () => ${JSON.stringify(text)};`)) }) }));
    await create(server, 'ver', node('exports.handler = async () => "one";'));
    const publish = async (description) => (await client.publishFunctionVersion('ver', new FC.PublishFunctionVersionRequest({ body: new FC.PublishVersionInput({ description }) }))).body;
    assert.equal((await publish('v1')).versionId, '1');
    await update('two');
    assert.equal((await publish('v2')).versionId, '2');
    await update('three');
    assert.equal((await invoke(server, 'ver', '', { qualifier: '1' })).payload, 'one');
    assert.equal((await invoke(server, 'ver', '', { qualifier: '2' })).payload, 'two');
    assert.equal((await invoke(server, 'ver')).payload, 'three');
    assert.equal((await invoke(server, 'ver', '', { qualifier: 'LATEST' })).payload, 'three');
    const versions = (await client.listFunctionVersions('ver', new FC.ListFunctionVersionsRequest({}))).body.versions.map((v) => v.versionId);
    assert.deepEqual([...versions].sort(), ['1', '2']);
    await client.createAlias('ver', new FC.CreateAliasRequest({ body: new FC.CreateAliasInput({ aliasName: 'live', versionId: '1' }) }));
    assert.equal((await invoke(server, 'ver', '', { qualifier: 'live' })).payload, 'one');
    await client.updateAlias('ver', 'live', new FC.UpdateAliasRequest({ body: new FC.UpdateAliasInput({ versionId: '2' }) }));
    assert.equal((await invoke(server, 'ver', '', { qualifier: 'live' })).payload, 'two');
    assert.equal((await client.getAlias('ver', 'live')).body.versionId, '2');
    assert.deepEqual((await client.listAliases('ver', new FC.ListAliasesRequest({}))).body.aliases.map((a) => a.aliasName), ['live']);
    await fails(client.createAlias('ver', new FC.CreateAliasRequest({ body: new FC.CreateAliasInput({ aliasName: 'live', versionId: '1' }) })), 'AliasAlreadyExists', 409);
    await fails(client.createAlias('ver', new FC.CreateAliasRequest({ body: new FC.CreateAliasInput({ aliasName: 'dream', versionId: '9' }) })), 'VersionNotFound', 404);
    await client.deleteAlias('ver', 'live');
    await fails(client.getAlias('ver', 'live'), 'AliasNotFound', 404);
    await client.deleteFunctionVersion('ver', '1');
    await assert.rejects(invoke(server, 'ver', '', { qualifier: '1' }), (err) => err.statusCode === 404);
  });

  it('gives a function the credentials of its own role only', async () => {
    const body = node('exports.handler = async (e, c) => c.credentials || {};');
    await create(server, 'with-role', body);
    const creds = (await invoke(server, 'with-role')).json();
    assert.match(creds.accessKeyId, /^STS\./);
    const c = oss(server, { bucket: 'by-role', credentials: creds });
    await c.putBucket('by-role');
    await c.put('x', Buffer.from('x'));
    await create(server, 'without-role', body, { role: '' });
    const none = (await invoke(server, 'without-role')).json();
    assert.ok(!none.accessKeyId && !none.accessKeySecret && !none.securityToken, JSON.stringify(none));
    await assert.rejects(create(server, 'no-such-role', body, { role: `acs:ram::${server.account}:role/nobody` }), (err) => err.statusCode < 500 && /nobody/.test(err.message));
    await assert.rejects(create(server, 'not-for-fc', body, { role: roles.trigger(server) }), (err) => err.statusCode === 403 || /assume/i.test(err.message));
  });
});

describe('invocation', () => {
  it('hands the event and the context to Node.js, and tells of the run in headers', async () => {
    await create(server, 'ctx', node(`
      exports.handler = async (event, context) => {
        context.logger.info('by logger'); console.log('by console'); console.error('by stderr');
        return { event: event.toString(), isBuffer: Buffer.isBuffer(event), context: { ...context, logger: undefined, credentials: undefined }, env: process.env };
      };`), { environmentVariables: { MINE: 'yes' }, timeout: 9, memorySize: 256, cpu: 0.25 });
    const res = await invoke(server, 'ctx', 'text, not JSON');
    assert.equal(res.status, 200);
    assert.equal(res.errorType, '');
    const got = res.json();
    assert.equal(got.event, 'text, not JSON');
    assert.equal(got.isBuffer, true);
    assert.equal(got.context.requestId, res.requestId);
    assert.equal(got.context.region, server.region);
    assert.equal(String(got.context.accountId), server.account);
    assert.equal(got.context.function.name, 'ctx');
    assert.equal(got.context.function.handler, 'index.handler');
    assert.equal(Number(got.context.function.memory), 256);
    assert.equal(Number(got.context.function.timeout), 9);
    assert.equal(got.env.MINE, 'yes');
    assert.equal(got.env.FC_FUNCTION_NAME, 'ctx');
    assert.equal(got.env.FC_FUNC_CODE_PATH, '/code');
    for (const text of ['by logger', 'by console', 'by stderr', res.requestId]) assert.ok(res.log.includes(text), `${text} is missing in:\n${res.log}`);
    assert.match(res.log, /\d{4}-\d\d-\d\dT[\d:.]+Z \S+ \[INFO\] by logger/i);
  });

  it('takes whichever of callback and promise settles first', async () => {
    await create(server, 'cb', node('exports.handler = (event, context, callback) => { setTimeout(() => callback(null, { by: "callback" }), 5); };'));
    assert.deepEqual((await invoke(server, 'cb')).json(), { by: 'callback' });
    await create(server, 'both', node('exports.handler = async (event, context, callback) => { callback(null, "callback"); return "promise"; };'));
    assert.equal((await invoke(server, 'both')).payload, 'callback');
    await create(server, 'prom', node('exports.handler = async (event, context, callback) => { setTimeout(() => callback(null, "late"), 300); return "promise"; };'));
    assert.equal((await invoke(server, 'prom')).payload, 'promise');
    await create(server, 'buf', node('exports.handler = async () => Buffer.from([0x68, 0x69]);'));
    assert.equal((await invoke(server, 'buf')).payload, 'hi');
  });

  it('runs ES modules and the initializer', async () => {
    await create(server, 'esm', { 'index.mjs': 'export const handler = async (event) => `esm ${event}`;' });
    assert.equal((await invoke(server, 'esm', 'x')).payload, 'esm x');
    await create(server, 'init', node('let n = 0; exports.initialize = async () => { n += 41; }; exports.handler = async () => ++n;'),
      { instanceLifecycleConfig: new FC.InstanceLifecycleConfig({ initializer: new FC.LifecycleHook({ handler: 'index.initialize', timeout: 3 }) }) });
    assert.equal((await invoke(server, 'init')).payload, '42');
    assert.equal((await invoke(server, 'init')).payload, '43', 'the instance was used again');
  });

  it('runs asynchronously, with three retries', async () => {
    const c = oss(server, { bucket: 'async-marks' });
    await c.putBucket('async-marks');
    await create(server, 'again', node(`
      const OSS = require('ali-oss');
      let n = 0;
      exports.handler = async (event, context) => {
        const { accessKeyId, accessKeySecret, securityToken } = context.credentials;
        const c = new OSS({ region: 'oss-' + context.region, endpoint: 'https://oss-' + context.region + '-internal.aliyuncs.com', accessKeyId, accessKeySecret, stsToken: securityToken, bucket: 'async-marks' });
        await c.put('try/' + Date.now() + '-' + n++, Buffer.from(context.requestId));
        if (event.toString() === 'fail') throw new Error('not this time');
        return 'ok';
      };`));
    const res = await invoke(server, 'again', 'ok', { type: 'Async' });
    assert.equal(res.status, 202);
    const marks = async () => (await c.list({ prefix: 'try/', 'max-keys': 100 })).objects || [];
    await until('the asynchronous run', async () => (await marks()).length === 1);
    assert.equal((await c.get((await marks())[0].name)).content.toString(), res.requestId);
    await invoke(server, 'again', 'fail', { type: 'Async' });
    await until('one try and its first retry', async () => (await marks()).length >= 3, { timeout: 30000 });
  });

  it('keeps a function inside its sandbox', async () => {
    await create(server, 'jail', node(`
      const net = require('net'), fs = require('fs');
      const dial = (port, host) => new Promise((r) => { const s = net.connect({ port, host, timeout: 1500 }, () => { s.destroy(); r('connected'); }); s.on('error', (e) => r(e.code)); s.on('timeout', () => { s.destroy(); r('timeout'); }); });
      exports.handler = async (event) => {
        const ports = JSON.parse(event);
        const out = { own: [], write: '', passwd: '', tmp: '' };
        for (const p of ports) out.own.push(await dial(p, '127.0.0.1'));
        out.meta = await dial(80, '100.100.100.200');
        out.world = await dial(53, '8.8.8.8');
        try { fs.writeFileSync('/code/x', 'x'); out.write = 'written'; } catch (e) { out.write = e.code; }
        try { fs.writeFileSync('/tmp/x', 'x'); out.tmp = 'written'; } catch (e) { out.tmp = e.code; }
        try { out.root = fs.readdirSync('/root').length; } catch (e) { out.root = e.code; }
        out.pids = fs.readdirSync('/proc').filter((n) => /^[0-9]+$/.test(n)).length;
        return out;
      };`));
    const got = (await invoke(server, 'jail', server.ports)).json();
    for (const r of [...got.own, got.meta, got.world]) assert.notEqual(r, 'connected', JSON.stringify(got));
    assert.notEqual(got.write, 'written');
    assert.equal(got.tmp, 'written');
    assert.ok(typeof got.root === 'string' || got.root === 0, JSON.stringify(got));
    assert.ok(got.pids < 12, `${got.pids} processes are visible`);
  });

  it('enforces the timeout and the memory limit, and goes on with a new instance', async () => {
    await create(server, 'sleepy', node('exports.handler = async (e) => { if (e.length) await new Promise(() => setInterval(() => {}, 1000)); return "awake"; };'), { timeout: 1 });
    const late = await invoke(server, 'sleepy', 'x');
    assert.equal(late.status, 200);
    assert.equal(late.errorType, 'UnhandledInvocationError');
    assert.match(late.json().errorMessage, /time[sd]? ?out.*1 ?s/i);
    assert.equal((await invoke(server, 'sleepy')).payload, 'awake');
    await create(server, 'hungry', node('exports.handler = async (e) => { const all = []; if (e.length) for (let i = 0; i < 60; i++) { all.push(Buffer.alloc(16 << 20, 1)); await new Promise((r) => setImmediate(r)); } return "fed"; };'), { memorySize: 256, cpu: 0.25 });
    const fat = await invoke(server, 'hungry', 'x');
    assert.equal(fat.errorType, 'UnhandledInvocationError');
    assert.match(fat.json().errorMessage, /exited unexpectedly|memory/i);
    assert.equal((await invoke(server, 'hungry')).payload, 'fed');
  });
});

describe('failures in each language', () => {
  const run = async (name, runtime, code, options) => {
    await create(server, name, code, { runtime, ...options });
    return invoke(server, name);
  };

  // diagnosis is what a user is told of code that cannot run: when deploying it, or else
  // by the payload of its first run.
  const diagnosis = async (...args) => {
    try {
      const res = await run(...args);
      assert.equal(res.errorType, 'UnhandledInvocationError', res.payload);
      return JSON.stringify(res.json());
    } catch (err) {
      if (err.code === 'ERR_ASSERTION') throw err;
      assert.ok(err.statusCode >= 400 && err.statusCode < 500, err.message);
      return err.message;
    }
  };

  it('Node.js: thrown, rejected, called back, exited', async () => {
    const thrown = await run('n-throw', 'nodejs20', node('exports.handler = async () => { throw new TypeError("oops"); };'));
    assert.equal(thrown.status, 200);
    assert.equal(thrown.errorType, 'UnhandledInvocationError');
    assert.equal(thrown.json().errorMessage, 'oops');
    assert.equal(thrown.json().errorType, 'TypeError');
    assert.ok(Array.isArray(thrown.json().stackTrace) && thrown.json().stackTrace.some((l) => /\/code\/index\.js:1:/.test(l)), thrown.payload);
    const called = await run('n-cb', 'nodejs20', node('exports.handler = (e, c, cb) => cb("a string");'));
    assert.equal(called.errorType, 'HandledInvocationError');
    assert.equal(called.json().errorMessage, 'a string');
    const gone = await run('n-exit', 'nodejs20', node('exports.handler = async () => process.exit(3);'));
    assert.equal(gone.errorType, 'UnhandledInvocationError');
    assert.match(gone.json().errorMessage, /Process exited unexpectedly before completing request/);
  });

  it('Node.js: module, handler and syntax', async () => {
    assert.match(await diagnosis('n-mod', 'nodejs20', node('exports.handler = 1'), { handler: 'other.handler' }), /other/);
    assert.match(await diagnosis('n-name', 'nodejs20', node('exports.handler = async () => 1;'), { handler: 'index.nope' }), /nope/);
    assert.match(await diagnosis('n-syntax', 'nodejs20', node('exports.handler = async () => {')), /SyntaxError/);
  });

  it('Python: context of 3.10 and of 3.12, exceptions, module, handler, syntax', async () => {
    const show = { 'index.py': 'import json\ndef handler(event, context):\n    print("out")\n    return json.dumps({"bytes": isinstance(event, bytes), "id": context.request_id, "creds": hasattr(context, "credentials"), "ak": getattr(getattr(context, "credentials", None), "access_key_id", None), "fn": context.function.name, "service": hasattr(context, "service")})\n' };
    const old = await run('p-310', 'python3.10', show);
    assert.equal(old.errorType, '', old.payload);
    assert.equal(old.json().bytes, true);
    assert.equal(old.json().id, old.requestId);
    assert.equal(old.json().creds, true);
    assert.match(old.json().ak, /^STS\./);
    assert.ok(old.log.includes('out'));
    const young = await run('p-312', 'python3.12', show);
    assert.equal(young.json().creds, false, 'the context of 3.12 has no credentials');
    assert.equal(young.json().fn, 'p-312');
    const raised = await run('p-raise', 'python3.10', { 'index.py': 'def handler(event, context):\n    raise ValueError("something is wrong")\n' });
    assert.equal(raised.errorType, 'UnhandledInvocationError');
    assert.equal(raised.json().errorMessage, 'something is wrong');
    assert.equal(raised.json().errorType, 'ValueError');
    assert.match(JSON.stringify(raised.json().stackTrace), /\/code\/index\.py/);
    assert.match(await diagnosis('p-mod', 'python3.10', show, { handler: 'other.handler' }), /other/);
    assert.match(await diagnosis('p-name', 'python3.10', show, { handler: 'index.nope' }), /nope/);
    assert.match(await diagnosis('p-syntax', 'python3.10', { 'index.py': 'def handler(:\n' }), /SyntaxError|invalid syntax/);
  });

  it('PHP: arrays in and out, exceptions, handler, syntax of PHP 7', async () => {
    const ok = await run('h-ok', 'php8.2', { 'index.php': '<?php function handler($event, $context) { echo "out\\n"; return $event . " " . $context["function"]["name"] . " " . $context["requestId"]; }' });
    assert.equal(ok.errorType, '', ok.payload);
    assert.equal(ok.payload, ` h-ok ${ok.requestId}`);
    assert.ok(ok.log.includes('out'));
    const thrown = await run('h-throw', 'php8.2', { 'index.php': '<?php\nfunction handler($event, $context) {\n  throw new Exception("oops");\n}' });
    assert.equal(thrown.errorType, 'UnhandledInvocationError');
    assert.equal(thrown.json().errorMessage, 'oops');
    assert.equal(thrown.json().errorType, 'Exception');
    assert.match(JSON.stringify(thrown.json().stackTrace), /code\\?\/index\.php/);
    assert.match(await diagnosis('h-name', 'php8.2', { 'index.php': '<?php function other($e, $c) {}' }), /handler/);
    assert.match(await diagnosis('h-syntax', 'php8.2', { 'index.php': '<?php function handler($e, $c) { return $e{0}; }' }), /index\.php/);
  });
});

describe('deploying what cannot run', () => {
  const refused = (promise, text) => assert.rejects(promise, (err) => {
    assert.ok(err.statusCode >= 400 && err.statusCode < 500, `${err.statusCode} ${err.message}`);
    assert.match(err.message, text);
    return true;
  });

  it('refuses unknown runtimes, names, sizes and roles with what is wrong', async () => {
    const ok = node('exports.handler = async () => 1;');
    await refused(create(server, 'bad-rt', ok, { runtime: 'cobol85' }), /cobol85/);
    await refused(create(server, '1bad name', ok), /name/i);
    await refused(create(server, 'bad-timeout', ok, { timeout: 90000 }), /timeout/i);
    await refused(create(server, 'bad-memory', ok, { memorySize: 100 }), /memory/i);
    await refused(create(server, 'bad-role', ok, { role: 'fc-role' }), /role/i);
    await refused(create(server, 'bad-zip', { zip: Buffer.from('this is not a zip') }), /zip/i);
    await refused(create(server, 'no-handler', ok, { handler: '' }), /handler/i);
    for (const name of ['bad-rt', 'bad-timeout', 'bad-zip']) await fails(client.getFunction(name, new FC.GetFunctionRequest({})), 'FunctionNotFound', 404);
  });
});
