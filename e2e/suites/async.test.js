'use strict';

// Asynchronous invocation: retries, destinations, tasks, age and concurrency, through the
// FC SDK.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const { Readable } = require('node:stream');
const { RuntimeOptions } = require('@darabonba/typescript');
const { Server } = require('../lib/server');
const { cli, json } = require('../lib/cli');
const { oss, fc, runs, FC } = require('../lib/clients');
const { create, trigger } = require('../lib/functions');
const { until } = require('../lib/wait');

let server;
let client;
let bucket;
before(async () => {
  server = await Server.start();
  client = fc(server);
  await oss(server).putBucket('results');
  bucket = oss(server, { bucket: 'results' });
  await create(server, 'work', { 'index.js': work });
  await create(server, 'sink', { 'index.js': 'exports.handler = async (e) => { console.log("SINK " + e); return "taken"; };' });
});
after(async () => { if (server) await server.stop(); });

// work does as its event says.
const work = `exports.handler = async (event, context) => {
  const e = JSON.parse(event);
  console.log('RETRY ' + context.requestId + ' ' + JSON.stringify(context.retryCount ?? null));
  if (e.sleep) await new Promise((r) => setTimeout(r, e.sleep));
  if (e.fail) throw new Error(e.fail);
  return JSON.stringify({ did: e });
};`;

const arn = (name) => `acs:fc:${server.region}:${server.account}:functions/${name}`;
const prefix = (p) => `acs:oss:${server.region}:${server.account}:results/${p}`;

async function settings(name, { onSuccess, onFailure, ...rest } = {}, qualifier) {
  const destinationConfig = new FC.DestinationConfig({
    ...(onSuccess ? { onSuccess: new FC.Destination({ destination: onSuccess }) } : {}),
    ...(onFailure ? { onFailure: new FC.Destination({ destination: onFailure }) } : {}),
  });
  const body = new FC.PutAsyncInvokeConfigInput({ destinationConfig, ...rest });
  return (await client.putAsyncInvokeConfig(name, new FC.PutAsyncInvokeConfigRequest({ qualifier, body }))).body;
}

async function start(name, event, taskId) {
  const res = await client.invokeFunctionWithOptions(
    name,
    new FC.InvokeFunctionRequest({ body: Readable.from([Buffer.from(JSON.stringify(event))]) }),
    new FC.InvokeFunctionHeaders({ xFcInvocationType: 'Async', ...(taskId ? { xFcAsyncTaskId: taskId } : {}) }),
    new RuntimeOptions({ readTimeout: 20000, connectTimeout: 10000 }),
  );
  assert.equal(res.statusCode, 202);
  return { requestId: res.headers['x-fc-request-id'], taskId: res.headers['x-fc-async-task-id'] };
}

const ended = (name, requestId, n = 1) => until(`${n} runs of ${requestId}`, async () => {
  const list = (await runs(server, name, 100)).filter((r) => r.requestId === requestId);
  return list.length >= n && list;
});

const object = (key) => until(`object ${key}`, async () => {
  try {
    return JSON.parse((await bucket.get(key)).content.toString());
  } catch (err) {
    if (err.code === 'NoSuchKey') return null;
    throw err;
  }
});

const refused = (promise, code, says, status) => assert.rejects(promise, (err) => {
  assert.equal(err.code, code, err.message);
  if (status) assert.equal(err.statusCode, status);
  assert.match(err.message, says);
  return true;
});

describe('retries', () => {
  it('have the same request id and a growing count', async () => {
    await settings('work', { maxAsyncRetryAttempts: 2 });
    const { requestId } = await start('work', { fail: 'no luck' });
    const list = await ended('work', requestId, 3);
    assert.deepEqual(list.map((r) => r.attempt).sort(), [0, 1, 2]);
    for (const r of list) assert.equal(r.errorType, 'UnhandledInvocationError');
    const seen = await until('what the function saw', async () => {
      const { out } = await cli(server, 'logs', 'work');
      const counts = [...out.matchAll(new RegExp(`RETRY ${requestId} (\\S+)`, 'g'))].map((m) => m[1]).sort();
      return counts.length === 3 && counts;
    });
    assert.deepEqual(seen, ['0', '1', '2']); // x-fc-retry-count
    await new Promise((r) => setTimeout(r, 300));
    assert.equal((await runs(server, 'work', 100)).filter((r) => r.requestId === requestId).length, 3);
  });

  it('of none', async () => {
    const made = await settings('work', { maxAsyncRetryAttempts: 0 });
    assert.equal(made.maxAsyncRetryAttempts, 0);
    const { requestId } = await start('work', { fail: 'once' });
    await ended('work', requestId);
    await new Promise((r) => setTimeout(r, 1500));
    assert.equal((await runs(server, 'work', 100)).filter((r) => r.requestId === requestId).length, 1);
  });
});

describe('destinations', () => {
  it('a function gets what succeeded', async () => {
    const made = await settings('work', { onSuccess: arn('sink'), maxAsyncRetryAttempts: 0 });
    assert.equal(made.destinationConfig.onSuccess.destination, arn('sink'));
    assert.equal(made.destinationConfig.onFailure, undefined);
    const shown = (await client.getAsyncInvokeConfig('work', new FC.GetAsyncInvokeConfigRequest({}))).body;
    assert.equal(shown.destinationConfig.onSuccess.destination, arn('sink'));
    const listed = (await client.listAsyncInvokeConfigs(new FC.ListAsyncInvokeConfigsRequest({ functionName: 'work' }))).body;
    assert.equal(listed.configs[0].destinationConfig.onSuccess.destination, arn('sink'));

    const { requestId } = await start('work', { n: 'ü"1' });
    const run = await until('the run of the destination', async () => (await runs(server, 'sink'))[0]);
    assert.equal(run.kind, 'destination');
    const log = await until('its log', async () => {
      const out = await cli(server, 'logs', 'sink');
      return /SINK (\{.*\})/.exec(out.out);
    });
    const got = JSON.parse(log[1]);
    assert.equal(typeof got.timestamp, 'number');
    assert.deepEqual(got.requestContext, { requestId, functionArn: arn('work'), condition: '', approximateInvokeCount: 1 });
    assert.deepEqual(JSON.parse(got.requestPayload), { n: 'ü"1' });
    assert.deepEqual(got.responseContext, { statusCode: 200, functionError: '' });
    assert.deepEqual(JSON.parse(got.responsePayload), { did: { n: 'ü"1' } });
  });

  it('an object under a prefix gets what failed, with the rights of the role', async () => {
    await settings('work', { onFailure: prefix('failed/'), maxAsyncRetryAttempts: 1 });
    const { requestId } = await start('work', { fail: 'no luck' });
    const got = await object(`failed/${requestId}.json`);
    assert.deepEqual(got.requestContext, { requestId, functionArn: arn('work'), condition: 'UnhandledInvocationError', approximateInvokeCount: 2 });
    assert.deepEqual(got.responseContext, { statusCode: 200, functionError: 'UnhandledInvocationError' });
    assert.equal(JSON.parse(got.responsePayload).errorMessage, 'no luck');
    const head = await bucket.head(`failed/${requestId}.json`);
    assert.equal(head.res.headers['content-type'], 'application/json');
    assert.equal(head.res.headers['x-alcedo-run'], requestId);
  });

  it('an event\'s run has them too, and a loop through them ends', async () => {
    await create(server, 'looper', { 'index.js': 'exports.handler = async () => { throw new Error("again"); };' });
    await settings('looper', { onFailure: prefix('loop/'), maxAsyncRetryAttempts: 0 });
    await trigger(server, 'looper', 't', { bucket: 'results', prefix: 'loop/' });
    await bucket.put('loop/first', Buffer.from('x'));
    const count = () => runs(server, 'looper', 100).then((l) => l.length);
    await until('the end of the chain', async () => (await count()) === 16, { timeout: 40000 });
    await new Promise((r) => setTimeout(r, 1000));
    assert.equal(await count(), 16);
    await client.deleteTrigger('looper', 't');
  });

  it('an HTTP endpoint gets what failed, again until it takes it', async () => {
    const seen = [];
    const endpoint = http.createServer((req, res) => {
      const chunks = [];
      req.on('data', (c) => chunks.push(c));
      req.on('end', () => {
        seen.push({ method: req.method, url: req.url, headers: req.headers, body: JSON.parse(Buffer.concat(chunks).toString()) });
        res.statusCode = seen.length === 1 ? 503 : 204;
        res.end();
      });
    });
    await new Promise((resolve) => endpoint.listen(0, '127.0.0.1', resolve));
    try {
      await settings('work', { onFailure: `http://127.0.0.1:${endpoint.address().port}/hook?token=t1`, maxAsyncRetryAttempts: 0, asyncTask: true });
      const { requestId, taskId } = await start('work', { fail: 'told' });
      await until('two requests', () => seen.length === 2);
      for (const r of seen) {
        assert.equal(r.method, 'POST');
        assert.equal(r.url, '/hook?token=t1');
        assert.equal(r.headers['content-type'], 'application/json');
        assert.equal(r.headers['x-fc-request-id'], requestId);
        assert.equal(r.headers['x-fc-destination-condition'], 'UnhandledInvocationError');
        assert.equal(r.body.requestContext.requestId, requestId);
      }
      await until('the task to know', async () => (await client.getAsyncTask('work', taskId, new FC.GetAsyncTaskRequest({}))).body.destinationStatus === 'Succeeded');
      assert.ok(!server.log.includes('token=t1'), 'the URL\'s secret is in the log');
    } finally {
      endpoint.close();
    }
  });

  it('are refused with a reason', async () => {
    const mns = `acs:mns:${server.region}:${server.account}:/queues/q/messages`;
    await refused(settings('work', { onFailure: mns }), 'NotImplemented', /onFailure.*in place of a queue/, 501);
    await refused(settings('work', { onSuccess: `acs:eventbridge:${server.region}:${server.account}:eventbus/default` }), 'NotImplemented', /EventBridge/, 501);
    await refused(settings('work', { onSuccess: arn('nobody') }), 'InvalidArgument', /onSuccess.*'nobody' does not exist/, 400);
    await refused(settings('work', { onSuccess: arn('work') }), 'InvalidArgument', /own results/, 400);
    await refused(settings('work', { onSuccess: `acs:fc:cn-beijing:${server.account}:functions/sink` }), 'InvalidArgument', /region 'cn-beijing'/, 400);
    await refused(settings('work', { onFailure: `acs:oss:${server.region}:${server.account}:no-such-bucket/x` }), 'InvalidArgument', /'no-such-bucket' does not exist/, 400);
    await refused(settings('work', { onFailure: 'https://me:secret@example.com/' }), 'InvalidArgument', /user name or password/, 400);
    await refused(settings('work', { onFailure: 'http://169.254.169.254/' }), 'InvalidArgument', /credentials/, 400);
  });
});

describe('tasks', () => {
  const list = async (query = {}) => (await client.listAsyncTasks('tasks', new FC.ListAsyncTasksRequest(query))).body;
  const get = async (id, query = {}) => (await client.getAsyncTask('tasks', id, new FC.GetAsyncTaskRequest(query))).body;
  const stop = (id) => client.stopAsyncTask('tasks', id, new FC.StopAsyncTaskRequest({}));
  const become = (id, status) => until(`${id} to be ${status}`, async () => { const t = await get(id); return t.status === status && t; });
  before(async () => { await create(server, 'tasks', { 'index.js': work }); });

  it('there are none without asyncTask', async () => {
    const { taskId, requestId } = await start('tasks', {});
    await ended('tasks', requestId);
    assert.deepEqual((await list()).tasks, []);
    await refused(get(taskId), 'AsyncTaskNotFound', /asyncTask true/, 404);
    await refused(client.listAsyncTasks('nobody', new FC.ListAsyncTasksRequest({})), 'FunctionNotFound', /nobody/, 404);
  });

  it('are listed and shown', async () => {
    const made = await settings('tasks', { asyncTask: true, maxAsyncRetryAttempts: 1 });
    assert.equal(made.asyncTask, true);
    const first = await start('tasks', { n: 1 }, 'job-1');
    assert.equal(first.taskId, 'job-1');
    const t = await become('job-1', 'Succeeded');
    assert.equal(t.requestId, first.requestId);
    assert.equal(t.functionArn, arn('tasks'));
    assert.equal(t.qualifier, 'LATEST');
    assert.equal(t.alreadyRetriedTimes, 0);
    assert.deepEqual(JSON.parse(t.taskPayload), { n: 1 });
    assert.deepEqual(JSON.parse(t.returnPayload), { did: { n: 1 } });
    assert.ok(t.startedTime <= t.endTime && t.durationMs >= 1 && t.instanceId, JSON.stringify(t));
    assert.deepEqual(t.events.map((e) => e.status), ['Enqueued', 'Running', 'Succeeded']);
    assert.deepEqual(t.events.map((e) => e.eventId), [1, 2, 3]);

    await start('tasks', { fail: 'bad luck' }, 'job-2');
    const failed = await become('job-2', 'Failed');
    assert.equal(failed.taskErrorMessage, 'bad luck');
    assert.equal(failed.alreadyRetriedTimes, 1);
    assert.deepEqual(failed.events.map((e) => e.status), ['Enqueued', 'Running', 'Retrying', 'Running', 'Failed']);
    const third = await start('tasks', { n: 3 });
    assert.equal(third.taskId, third.requestId);
    await become(third.taskId, 'Succeeded');

    const ids = (l) => l.tasks.map((x) => x.taskId);
    assert.deepEqual(ids(await list()), [third.taskId, 'job-2', 'job-1']);
    assert.deepEqual(ids(await list({ sortOrderByTime: 'asc' })), ['job-1', 'job-2', third.taskId]);
    assert.deepEqual(ids(await list({ prefix: 'job-', status: 'Succeeded' })), ['job-1']);
    assert.deepEqual(ids(await list({ startedTimeBegin: failed.startedTime, sortOrderByTime: 'asc' })), ['job-2', third.taskId]);
    assert.deepEqual(ids(await list({ startedTimeEnd: failed.startedTime - 1 })), ['job-1']);
    assert.deepEqual(ids(await list({ qualifier: 'LATEST', limit: 1 })), [third.taskId]);
    const page = await list({ limit: 2 });
    assert.deepEqual(ids(await list({ limit: 2, nextToken: page.nextToken })), ['job-1']);
    assert.equal((await list()).tasks[0].taskPayload, undefined);
    assert.equal((await list({ includePayload: true })).tasks[0].taskPayload, '{"n":3}');
    await refused(start('tasks', {}, 'job-1'), 'AsyncTaskAlreadyExists', /job-1.*Succeeded/, 409);
    await refused(list({ status: 'Sleeping' }), 'InvalidArgument', /Sleeping/, 400);
    await refused(get('job-9'), 'AsyncTaskNotFound', /job-9/, 404);
  });

  it('are stopped while they run, and while they wait', async () => {
    await client.putConcurrencyConfig('tasks', new FC.PutConcurrencyConfigRequest({ body: new FC.PutConcurrencyInput({ reservedConcurrency: 1 }) }));
    await start('tasks', { sleep: 25000 }, 'long');
    await become('long', 'Running');
    await start('tasks', { sleep: 25000 }, 'waiting');
    const begun = Date.now();
    assert.equal((await stop('waiting')).statusCode, 204);
    await become('waiting', 'Stopped');
    await stop('long');
    const t = await become('long', 'Stopped');
    assert.ok(Date.now() - begun < 10000, 'it went on to its end');
    assert.deepEqual(t.events.map((e) => e.status), ['Enqueued', 'Stopping', 'Running', 'Stopped']);
    await stop('long'); // again
    await refused(stop('job-1'), 'AsyncInvocationStopped', /Succeeded/, 412);
    await refused(stop('job-9'), 'AsyncTaskNotFound', /job-9/, 404);
    await start('tasks', { n: 4 }, 'after');
    await become('after', 'Succeeded');
    await client.deleteConcurrencyConfig('tasks');
    assert.equal((await runs(server, 'tasks', 100)).filter((r) => r.errorType && r.requestId === t.requestId).length, 0);
  });

  it('of an event are tasks too, and survive a restart', async () => {
    await trigger(server, 'tasks', 't', { bucket: 'results', prefix: 'in/' });
    await bucket.put('in/a', Buffer.from('x'));
    await until('a task with the event', async () => (await list({ includePayload: true, limit: 1 })).tasks[0].taskPayload?.includes('"in/a"'));
    const count = (await list({ limit: 100 })).tasks.length;
    await server.kill();
    await server.launch();
    assert.equal((await list({ limit: 100 })).tasks.length, count);
    assert.equal((await get('job-1')).status, 'Succeeded');
  });
});

describe('age and concurrency', () => {
  it('what is older than maxAsyncEventAgeInSeconds expires', async () => {
    await create(server, 'stopped', { 'index.js': work });
    await settings('stopped', { maxAsyncEventAgeInSeconds: 1, asyncTask: true, onFailure: prefix('expired/') });
    // The second one waits for the instance that the first one keeps.
    await client.putConcurrencyConfig('stopped', new FC.PutConcurrencyConfigRequest({ body: new FC.PutConcurrencyInput({ reservedConcurrency: 1 }) }));
    await start('stopped', { sleep: 4000 }, 'first');
    const { requestId } = await start('stopped', { n: 2 }, 'second');
    const got = await object(`expired/${requestId}.json`);
    assert.deepEqual(got.requestContext, { requestId, functionArn: arn('stopped'), condition: 'Expired', approximateInvokeCount: 0 });
    assert.equal(JSON.parse(got.responsePayload).errorType, 'Expired');
    const t = (await client.getAsyncTask('stopped', 'second', new FC.GetAsyncTaskRequest({}))).body;
    assert.equal(t.status, 'Expired');
    assert.match(t.taskErrorMessage, /maxAsyncEventAgeInSeconds/);
    assert.equal((await runs(server, 'stopped', 100)).filter((r) => r.requestId === requestId && r.succeeded).length, 0);
  });

  it('what a stopped function is owed expires, and it is told', async () => {
    await create(server, 'off', { 'index.js': work });
    await settings('off', { maxAsyncEventAgeInSeconds: 1, onFailure: prefix('off/') });
    await trigger(server, 'off', 't', { bucket: 'results', prefix: 'for-off/' });
    await client.putConcurrencyConfig('off', new FC.PutConcurrencyConfigRequest({ body: new FC.PutConcurrencyInput({ reservedConcurrency: 0 }) }));
    await bucket.put('for-off/a', Buffer.from('x'));
    const key = await until('a result', async () => ((await bucket.list({ prefix: 'off/' })).objects || [])[0]?.name);
    const got = await object(key);
    assert.equal(got.requestContext.condition, 'Expired');
    assert.equal(JSON.parse(got.requestPayload).events[0].oss.object.key, 'for-off/a');
    assert.deepEqual(await runs(server, 'off'), []);
  });

  it('no more run at once than reservedConcurrency lets', async () => {
    await create(server, 'narrow', { 'index.js': work });
    await client.putConcurrencyConfig('narrow', new FC.PutConcurrencyConfigRequest({ body: new FC.PutConcurrencyInput({ reservedConcurrency: 2 }) }));
    await Promise.all(Array.from({ length: 8 }, (_, n) => start('narrow', { n, sleep: 150 })));
    const done = await until('eight runs', async () => {
      const l = (await runs(server, 'narrow', 100)).filter((r) => !r.fault && !r.errorType);
      return l.length === 8 && l;
    });
    const steps = done.flatMap((r) => [[r.start, 1], [r.start + r.durationNanos / 1e6, -1]]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    let now = 0;
    let most = 0;
    for (const [, d] of steps) most = Math.max(most, now += d);
    assert.ok(most <= 2, `${most} at once`);
  });
});

describe('who may', () => {
  it('tasks and destinations need their own permissions', async () => {
    const file = path.join(server.dataDir, 'user-policy.json');
    const policy = { Version: '1', Statement: [{ Effect: 'Allow', Action: ['fc:PutAsyncInvokeConfig', 'fc:ListAsyncTasks'], Resource: arn('work') }] };
    fs.writeFileSync(file, JSON.stringify(policy));
    await json(server, 'user', 'create', 'limited', '--policy', file);
    const key = await json(server, 'key', 'create', 'limited');
    const theirs = fc(server, { accessKeyId: key.accessKeyId, accessKeySecret: key.accessKeySecret });
    await theirs.listAsyncTasks('work', new FC.ListAsyncTasksRequest({}));
    await refused(theirs.getAsyncTask('work', 'x', new FC.GetAsyncTaskRequest({})), 'AccessDenied', /./, 403);
    await refused(theirs.stopAsyncTask('work', 'x', new FC.StopAsyncTaskRequest({})), 'AccessDenied', /./, 403);
    const put = (destination) => theirs.putAsyncInvokeConfig('work', new FC.PutAsyncInvokeConfigRequest({
      body: new FC.PutAsyncInvokeConfigInput({ destinationConfig: new FC.DestinationConfig({ onSuccess: new FC.Destination({ destination }) }) }),
    }));
    await refused(put(arn('sink')), 'AccessDenied', /./, 403);
    await put(prefix('ok/'));
  });

  it('a role that may not write keeps the result', async () => {
    const { requestId } = await start('work', { n: 1 });
    assert.ok((await object(`ok/${requestId}.json`)).requestContext);
    await create(server, 'roleless', { 'index.js': work }, { role: '' });
    await settings('roleless', { onSuccess: prefix('none/') });
    const r = await start('roleless', { n: 1 });
    await ended('roleless', r.requestId);
    await until('its dead letter', () => /delivery given up.*function=roleless.*DestinationDeliveryFailed/.test(server.log));
    await assert.rejects(bucket.head(`none/${r.requestId}.json`), { code: 'NoSuchKey' });
  });
});
