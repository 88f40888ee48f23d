'use strict';

// Functions that start themselves end: by the depth of the chain where their writes tell
// of it, and by the guard where they do not.

const assert = require('node:assert/strict');
const { after, before, describe, it } = require('node:test');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { Server, root } = require('../lib/server');
const { oss, fc, runs, consoleGet } = require('../lib/clients');
const { create, trigger } = require('../lib/functions');
const { cli, json } = require('../lib/cli');
const { until } = require('../lib/wait');

const picture = fs.readFileSync(path.join(root, 'examples/kingfisher.png'));

// The documentation's function, with its result beside its source.
const beside = () => {
  const seed = fs.readFileSync(path.join(__dirname, '../seed/index.js'), 'utf8');
  const code = seed.replaceAll('processed/', 'source/again-');
  assert.notEqual(code, seed);
  return { 'index.js': code };
};

// keep gives a function that writes what it was given under the key that an expression
// makes of its own, with the run's credentials.
const again = (expression) => ({ 'index.js': `
  const OSS = require('ali-oss');
  exports.handler = async (event, context) => {
    const { accessKeyId, accessKeySecret, securityToken } = context.credentials;
    const { bucket: { name: bucket }, object: { key } } = JSON.parse(event).events[0].oss;
    const c = new OSS({ region: 'oss-' + context.region, endpoint: 'https://oss-' + context.region + '-internal.aliyuncs.com', accessKeyId, accessKeySecret, stsToken: securityToken, bucket });
    await c.put(${expression}, Buffer.from('again'));
  };` });

const metrics = (server) => new Promise((resolve, reject) => {
  http.get(`${server.console}/metrics`, (res) => {
    let text = '';
    res.on('data', (d) => { text += d; });
    res.on('end', () => (res.statusCode === 200 ? resolve(text) : reject(new Error(`${res.statusCode} ${text}`))));
  }).on('error', reject);
});

describe('chains of runs that cause each other', () => {
  let server;
  let c;
  before(async () => {
    server = await Server.start();
    c = oss(server, { bucket: 'testbucket' });
    await c.putBucket('testbucket');
  });
  after(async () => { if (server) await server.stop(); });

  it('end after 16 runs, with one dead letter that has the whole chain, while others keep working', async () => {
    await create(server, 'looping', beside(), { timeout: 60 });
    await trigger(server, 'looping', 't', { bucket: 'testbucket', prefix: 'source/', suffix: '.png' });
    await create(server, 'neighbour', again("key.replace('in/', 'out/')"));
    await trigger(server, 'neighbour', 't', { bucket: 'testbucket', prefix: 'in/' });

    await c.put('source/a.png', picture);
    const dead = (async () => until('the dead letter', async () => (await json(server, 'dead', 'list', '--function', 'looping'))[0], { timeout: 90000, every: 100 }))();
    let over = false;
    dead.then(() => { over = true; }, () => { over = true; });
    let n = 0;
    let slowest = 0;
    do {
      const begun = Date.now();
      await c.put(`in/${n}`, Buffer.from('x'));
      await until(`out/${n}`, async () => (await c.head(`out/${n}`)).status === 200, { timeout: 20000 });
      if (n++ > 0) slowest = Math.max(slowest, Date.now() - begun); // the first one starts its instance
    } while (!over && n < 500);
    const letter = await dead;
    assert.ok(slowest < 3000, `the neighbour took ${slowest} ms beside the loop`);

    assert.equal(letter.reason, 'RecursiveInvocation');
    const all = await until('16 runs in the history', async () => {
      const list = await runs(server, 'looping', 100);
      return list.length >= 16 && list;
    });
    assert.equal(all.length, 16);
    assert.ok(all.every((r) => !r.errorType && !r.fault), JSON.stringify(all.map((r) => [r.errorType, r.fault])));
    assert.equal((await json(server, 'dead', 'list')).length, 1);

    const shown = await json(server, 'dead', 'show', letter.id);
    assert.equal(shown.chain.length, 17);
    assert.deepEqual(shown.chain.slice(0, 16).map((l) => l.run), all.map((r) => r.requestId).reverse());
    assert.equal(shown.chain[0].key, 'source/a.png');
    assert.ok(shown.chain.every((l, i) => l.function === 'looping' && l.bucket === 'testbucket' && l.key && Boolean(l.stopped) === (i === 16)), JSON.stringify(shown.chain));
    const text = (await cli(server, 'dead', 'show', letter.id)).out;
    for (const l of shown.chain) assert.ok(text.includes(l.run) && text.includes(`testbucket/${l.key}`), text);
    assert.match(text, /STOPPED HERE/);

    const warned = await json(server, 'function', 'show', 'looping');
    assert.equal(warned.warnings.length, 1);
    assert.equal(warned.warnings[0].kind, 'LoopStopped');
    assert.equal(warned.warnings[0].count, 1);
    assert.match((await cli(server, 'function', 'show', 'looping')).out, /WARNING: A chain of runs .* was stopped .* once since/);
    assert.deepEqual((await json(server, 'function', 'show', 'neighbour')).warnings, []);

    const m = await metrics(server);
    assert.match(m, /^alcedo_loops_stopped_total\{function="looping"\} 1$/m);
    assert.match(m, /^alcedo_runs_total\{function="looping",kind="trigger",outcome="ok"\} 16$/m);
    assert.match(m, /^alcedo_requests_total\{method="PUT",protocol="oss",status="2xx"\} \d+$/m);
    assert.match(m, /^alcedo_storage_writable 1$/m);
  });

  it('end earlier at a limit of the function, and not at all when it is off', async () => {
    await create(server, 'limited', again("'lim/' + (Number(key.slice(4)) + 1)"));
    assert.equal((await json(server, 'function', 'loop-limit', 'limited')).effective, 16);
    assert.deepEqual(await json(server, 'function', 'loop-limit', 'limited', '3'), { limit: '3', effective: 3 });
    await trigger(server, 'limited', 't', { bucket: 'testbucket', prefix: 'lim/' });
    await c.put('lim/0', Buffer.from('x'));
    const [letter] = await until('the dead letter', async () => {
      const list = await json(server, 'dead', 'list', '--function', 'limited');
      return list.length && list;
    });
    assert.equal(letter.key, 'lim/3');
    assert.equal((await until('3 runs', async () => {
      const list = await runs(server, 'limited', 100);
      return list.length >= 3 && list;
    })).length, 3);

    const refused = await cli(server, 'function', 'loop-limit', 'limited', 'none');
    assert.notEqual(refused.code, 0);
    assert.match(refused.err, /1 to 1000, "off" or "default"/);

    await json(server, 'function', 'loop-limit', 'limited', 'off');
    await c.put('lim/100', Buffer.from('x'));
    await until('a chain longer than 16', async () => (await c.head('lim/125')).status === 200, { timeout: 60000 });
    await fc(server).deleteTrigger('limited', 't');
    let last;
    await until('the end of the chain', async () => {
      const n = (await runs(server, 'limited', 1000)).length;
      const still = n === last;
      last = n;
      return still;
    }, { timeout: 30000, every: 500 });
    assert.equal((await json(server, 'dead', 'list', '--function', 'limited')).length, 1);
  });

  it('keep their lineage when a handler writes after it has returned, and with keys of its own', async () => {
    await create(server, 'later', { 'index.js': `
      const OSS = require('ali-oss');
      exports.handler = async (event, context) => {
        const { bucket: { name: bucket }, object: { key } } = JSON.parse(event).events[0].oss;
        const c = new OSS({ region: 'oss-' + context.region, endpoint: 'https://oss-' + context.region + '-internal.aliyuncs.com',
          accessKeyId: process.env.KEY_ID, accessKeySecret: process.env.KEY_SECRET, bucket });
        setTimeout(() => c.put(key + 'x', Buffer.from('later')), 50);
      };` }, { environmentVariables: { KEY_ID: server.accessKeyId, KEY_SECRET: server.accessKeySecret } });
    await json(server, 'function', 'loop-limit', 'later', '5');
    await trigger(server, 'later', 't', { bucket: 'testbucket', prefix: 'later/' });
    await c.put('later/', Buffer.from('x'));
    const [letter] = await until('the dead letter', async () => {
      const list = await json(server, 'dead', 'list', '--function', 'later');
      return list.length && list;
    }, { timeout: 30000 });
    assert.equal(letter.key, 'later/xxxxx');
    assert.equal(letter.reason, 'RecursiveInvocation');
  });
});

// Without a sandbox, and with keys of its own, nothing tells that a function's writes are
// its own.
describe('loops that carry no lineage', () => {
  let server;
  before(async () => { server = await Server.start({ args: ['--sandbox', 'process'] }); });
  after(async () => { if (server) await server.stop(); });

  it('are paused with a reason, and an uploader just as busy is not', async () => {
    const c = oss(server, { bucket: 'open' });
    await c.putBucket('open');
    const own = (key) => ({ 'index.js': `
      const OSS = require('ali-oss');
      exports.handler = async (event) => {
        const { bucket: { name: bucket }, object: { key } } = JSON.parse(event).events[0].oss;
        const c = new OSS({ region: 'oss-cn-hangzhou', endpoint: process.env.ENDPOINT, sldEnable: true, accessKeyId: process.env.KEY_ID, accessKeySecret: process.env.KEY_SECRET, bucket });
        await c.put(${key}, Buffer.from('again'));
      };` });
    const environmentVariables = { KEY_ID: server.accessKeyId, KEY_SECRET: server.accessKeySecret, ENDPOINT: server.oss };
    await create(server, 'wild', own("'thumbs/' + key.split('/').pop()"), { environmentVariables });
    await trigger(server, 'wild', 't', { bucket: 'open', prefix: 'thumbs/' });
    await create(server, 'tame', own("'done/' + key"), { environmentVariables });
    await trigger(server, 'tame', 't', { bucket: 'open', prefix: 'status/' });

    await c.put('thumbs/a.png', Buffer.from('x'));
    let paused = null;
    let n = 0;
    const begun = Date.now();
    while (!paused && Date.now() - begun < 90000) {
      await c.put('status/now.json', Buffer.from(String(n++))); // one key, over and over, from the same address with the same keys
      if (n % 50 === 0) [paused] = (await json(server, 'function', 'show', 'wild')).warnings.filter((w) => w.kind === 'TriggerPaused');
    }
    assert.ok(paused, `not paused after ${(await runs(server, 'wild', 1000)).length} runs or more`);
    assert.equal(paused.reason, 'LoopSuspected');
    assert.match(paused.message, /seems to start itself/);
    assert.deepEqual((await json(server, 'function', 'show', 'tame')).warnings, []);
    assert.match(await metrics(server), /^alcedo_triggers_paused_total 1$/m);
    assert.ok(server.log.includes('a trigger is paused'));

    // It is still: what it matches is kept.
    const before = (await until('quiet', async () => {
      const a = (await runs(server, 'wild', 1000)).length;
      await new Promise((resolve) => setTimeout(resolve, 1500));
      return a === (await runs(server, 'wild', 1000)).length && [a];
    }, { timeout: 30000 }))[0];
    await c.put('thumbs/b.png', Buffer.from('x'));
    await until('a dead letter', async () => (await json(server, 'dead', 'list', '--function', 'wild', '--reason', 'TriggerPaused')).some((d) => d.key === 'thumbs/b.png'));
    assert.equal((await runs(server, 'wild', 1000)).length, before);

    // Mended and resumed, it works on.
    const { FC } = require('../lib/clients');
    const { location } = require('../lib/functions');
    await fc(server).updateFunction('wild', new FC.UpdateFunctionRequest({ body: new FC.UpdateFunctionInput({ code: location(own("'done/' + key")) }) }));
    assert.equal((await cli(server, 'trigger', 'resume', 'wild', 't')).code, 0);
    assert.equal((await json(server, 'dead', 'redrive', '--function', 'wild', '--prefix', 'thumbs/b')).redriven, 1);
    await until('the result', async () => (await c.head('done/thumbs/b.png')).status === 200);
    assert.deepEqual((await consoleGet(server, '/api/functions/wild/warnings')), []);
  });
});
