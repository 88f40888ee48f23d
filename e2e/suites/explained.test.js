'use strict';

// An object followed back to the run that wrote it and forward to the runs it caused: the
// commands events, runs and trace, as a user types them.

const assert = require('node:assert/strict');
const { after, before, it } = require('node:test');
const { spawn } = require('node:child_process');
const { Server, binary, root } = require('../lib/server');
const { oss, fc, consoleGet, FC } = require('../lib/clients');
const { create, trigger } = require('../lib/functions');
const { until } = require('../lib/wait');

const bucket = 'explained';
let server;
let c;

before(async () => {
  server = await Server.start();
  c = oss(server, { bucket });
  await c.putBucket(bucket);
  await create(server, 'process', { 'index.js': `
    const OSS = require('ali-oss');
    exports.handler = async (event, context) => {
      const { accessKeyId, accessKeySecret, securityToken } = context.credentials;
      const e = JSON.parse(event).events[0];
      const c = new OSS({ region: 'oss-' + context.region, endpoint: 'https://oss-' + context.region + '-internal.aliyuncs.com', accessKeyId, accessKeySecret, stsToken: securityToken, bucket: e.oss.bucket.name });
      const key = e.oss.object.key;
      if (key.includes('bad')) throw new Error('this one is bad');
      console.log('processing ' + key);
      const { content } = await c.get(key);
      await c.put(key.replace('source/', 'processed/'), Buffer.from(content.toString().toUpperCase()));
      return 'done';
    };` });
  await create(server, 'index', { 'index.js': 'exports.handler = async () => "indexed";' });
  await trigger(server, 'process', 'on-upload', { bucket, prefix: 'source/', suffix: '.txt' });
  await trigger(server, 'index', 'on-processed', { bucket, prefix: 'processed/', suffix: '.txt' });
  // So that a failure is one at once, not after the retries of the default.
  await fc(server).putAsyncInvokeConfig('process', new FC.PutAsyncInvokeConfigRequest({ body: new FC.PutAsyncInvokeConfigInput({ maxAsyncRetryAttempts: 0 }) }));
});
after(async () => { if (server) await server.stop(); });

function start(...args) {
  const [a, b, d] = server.address;
  const env = {
    ...process.env,
    ALCEDO_OSS: a, ALCEDO_FC: b, ALCEDO_CONSOLE: d, ALCEDO_REGION: server.region, ALCEDO_ACCOUNT: server.account, ALCEDO_DATA: server.dataDir,
    ALCEDO_ACCESS_KEY_ID: server.accessKeyId, ALCEDO_ACCESS_KEY_SECRET: server.accessKeySecret,
  };
  const child = spawn(binary, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  child.out = '';
  child.err = '';
  child.stdout.on('data', (d2) => { child.out += d2; });
  child.stderr.on('data', (d2) => { child.err += d2; });
  child.done = new Promise((resolve) => { child.once('close', (code) => resolve(code)); });
  return child;
}

async function good(...args) {
  const child = start(...args);
  assert.equal(await child.done, 0, `alcedo ${args.join(' ')}:\n${child.out}${child.err}`);
  return child.out;
}

const json = async (...args) => JSON.parse(await good(...args, '--output', 'json'));

it('traces a processed object back to its upload and forward to what it caused', async () => {
  await c.put('source/a.txt', Buffer.from('hello'));
  const t = await until('the trace', async () => {
    if (!(await c.head('processed/a.txt').catch(() => null))) return null;
    const got = await json('trace', `${bucket}/processed/a.txt`);
    return got.nodes.filter((n) => n.run && n.run.state === 'Succeeded' && n.run.last).length === 2 && got;
  });
  assert.deepEqual(t.nodes.map((n) => [n.kind, n.level]), [['event', -2], ['run', -1], ['event', 0], ['run', 1]]);
  const [upload, run, written, index] = t.nodes;
  assert.equal(upload.event.key, 'source/a.txt');
  assert.equal(upload.event.by, undefined);
  assert.equal(run.run.function, 'process');
  assert.equal(run.run.trigger, 'on-upload');
  assert.equal(run.run.last.eventId, upload.event.id);
  assert.ok(run.run.last.billedMs >= run.run.last.durationNanos / 1e6 && run.run.last.billedMs < run.run.last.durationNanos / 1e6 + 1, 'billed in started milliseconds');
  assert.equal(written.event.key, 'processed/a.txt');
  assert.equal(written.event.by.run, run.run.requestId);
  assert.equal(index.run.function, 'index');
  assert.deepEqual(t.edges.map((e) => [e.from, e.to, e.kind]), [
    [upload.id, run.id, 'owes'], [run.id, written.id, 'wrote'], [written.id, index.id, 'owes'],
  ]);
  assert.equal(t.focus, written.id);
  assert.equal(t.root, upload.id);

  // The same tree, for people.
  const text = await good('trace', `${bucket}/processed/a.txt`);
  const order = ['PutObject explained/source/a.txt', '▶ process  Succeeded', run.run.requestId, 'PutObject explained/processed/a.txt', '◀', '▶ index  Succeeded', index.run.requestId];
  let at = 0;
  for (const part of order) {
    const i = text.indexOf(part, at);
    assert.ok(i >= 0, `${part} is missing, or not in its place:\n${text}`);
    at = i;
  }
  assert.match(text, /└─ /);
  assert.ok(!text.includes('\x1b'), 'colours without a terminal');

  // From the other ends it is the same.
  for (const from of [['--event', upload.event.id], ['--run', run.run.requestId], ['--run', index.run.requestId]]) {
    const same = await json('trace', ...from);
    assert.deepEqual(same.nodes.map((n) => n.id), t.nodes.map((n) => n.id), from.join(' '));
  }

  // The object is gone; what happened is not.
  await c.delete('processed/a.txt');
  const gone = await json('trace', `${bucket}/processed/a.txt`);
  assert.equal(gone.nodes[0].event.type, 'ObjectRemoved:DeleteObject');
});

it('shows a run with its event, its times and what it printed', async () => {
  const [last] = await json('runs', 'list', 'process', '--outcome', 'ok', '--since', '1h', '--limit', '1');
  const text = await good('runs', 'show', last.requestId);
  for (const part of [last.requestId, 'process', 'trigger on-upload', last.eventId, 'billed', 'ok', 'done', 'processing source/']) assert.ok(text.includes(part), `${part}:\n${text}`);
  assert.deepEqual(await json('runs', 'list', 'process', '--until', '1h'), []);
});

it('lists events by bucket, prefix, type, outcome and time', async () => {
  const list = async (...args) => (await json('events', 'list', '--bucket', bucket, ...args)).map((e) => e.key);
  await c.put('other/b.txt', Buffer.from('b'));
  assert.deepEqual(await list('--prefix', 'source/'), ['source/a.txt']);
  assert.deepEqual(await list('--key', 'processed/a.txt', '--type', 'ObjectCreated'), ['processed/a.txt']);
  assert.deepEqual(await list('--type', 'ObjectRemoved:DeleteObject'), ['processed/a.txt']);
  assert.deepEqual(await list('--outcome', 'none', '--prefix', 'other/'), ['other/b.txt']);
  assert.deepEqual(await list('--since', '1h', '--limit', '1'), ['other/b.txt']);
  assert.deepEqual(await list('--until', '1h'), []);
  assert.deepEqual(await list('--function', 'index'), ['processed/a.txt']);
  const text = await good('events', 'list', '--bucket', bucket);
  assert.match(text, /ObjectCreated:PutObject +explained\/source\/a\.txt +5 B +process Succeeded/);
});

it('finds the event of a failed run by its outcome', async () => {
  await c.put('source/bad.txt', Buffer.from('bad'));
  const [e] = await until('the failure', async () => {
    const l = await json('events', 'list', '--outcome', 'failed');
    return l.length && l;
  });
  assert.equal(e.key, 'source/bad.txt');
  assert.equal(e.owed[0].state, 'Failed');
  assert.equal(e.owed[0].attempts, 1);
  const shown = await until('the run', async () => {
    const s = await json('events', 'show', e.id);
    return s.owed[0].last && s;
  });
  assert.equal(shown.owed[0].last.errorType, 'UnhandledInvocationError');
  const [run] = await json('runs', 'list', 'process', '--outcome', 'failed');
  assert.equal(run.requestId, e.owed[0].requestId);
});

it('tells why no trigger matched an event', async () => {
  await c.put('source/c.jpg', Buffer.from('c'));
  const [e] = await json('events', 'list', '--bucket', bucket, '--key', 'source/c.jpg');
  const text = await good('events', 'show', e.id);
  assert.match(text, /none: no trigger matched/);
  assert.match(text, /on-upload of process does not match: .*suffix/);
  assert.match(text, /on-processed of index does not match: .*prefix/);
});

it('tells events of one delete apart', async () => {
  for (const k of ['many/1', 'many/2']) await c.put(k, Buffer.from(k));
  await c.deleteMulti(['many/1', 'many/2']);
  const list = await json('events', 'list', '--bucket', bucket, '--prefix', 'many/', '--type', 'ObjectRemoved');
  assert.equal(list.length, 2);
  assert.notEqual(list[0].id, list[1].id);
  for (const e of list) assert.equal((await json('events', 'show', e.id)).key, e.key);
});

it('shows new events at once', async () => {
  await c.put('tail/old.txt', Buffer.from('old'));
  await c.put('tail/last.txt', Buffer.from('last'));
  const tail = start('events', 'tail', '--bucket', bucket, '--prefix', 'tail/', '--tail', '1');
  try {
    await until('the tail to begin', () => tail.out.includes('tail/last.txt'));
    assert.ok(!tail.out.includes('tail/old.txt'), tail.out);
    const begun = Date.now();
    await c.put('tail/new.txt', Buffer.from('new'));
    await c.put('elsewhere.txt', Buffer.from('new'));
    await until('the event in the tail', () => tail.out.includes('tail/new.txt'), { timeout: 10000, every: 5 });
    const took = Date.now() - begun;
    assert.ok(took < 2000, `it took ${took} ms`);
    assert.ok(!tail.out.includes('elsewhere'), tail.out);
  } finally {
    tail.kill('SIGINT');
  }
  assert.equal(await tail.done, 0, tail.err);
});

it('keeps event sample where it was', async () => {
  for (const name of ['events', 'event']) assert.equal(JSON.parse(await good(name, 'sample', '--key', 'source/x.png')).events[0].oss.object.key, 'source/x.png');
});

it('names what is not known', async () => {
  for (const [args, text] of [
    [['trace', `${bucket}/never`], /never/], [['trace', 'nothing'], /BUCKET\/KEY/], [['trace'], /one thing/], [['events', 'show', 'ffffff'], /ffffff/], [['events', 'show', 'zz'], /zz/],
    [['runs', 'show', '1-2-3'], /1-2-3/], [['events', 'list', '--since', 'never'], /--since/], [['events', 'list', '--outcome', 'lost'], /lost/],
  ]) {
    const child = start(...args);
    assert.equal(await child.done, 1, args.join(' '));
    assert.match(child.err, text);
  }
  assert.ok((await consoleGet(server, '/api/events', { limit: 1 })).head);
});
