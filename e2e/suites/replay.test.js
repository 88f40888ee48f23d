'use strict';

// What was before: objects that were there before their trigger, events of the past, and
// deliveries that were given up, are run again.

const assert = require('node:assert/strict');
const { after, before, it } = require('node:test');
const { Server } = require('../lib/server');
const { oss, fc, runs, FC } = require('../lib/clients');
const { create, location, trigger } = require('../lib/functions');
const { cli, json } = require('../lib/cli');
const { until } = require('../lib/wait');

// mark writes an empty object named after the source's key and the run.
const mark = `
  const OSS = require('ali-oss');
  exports.handler = async (event, context) => {
    const { accessKeyId, accessKeySecret, securityToken } = context.credentials;
    const { bucket: { name: bucket }, object: { key } } = JSON.parse(event).events[0].oss;
    const c = new OSS({ region: 'oss-' + context.region, endpoint: 'https://oss-' + context.region + '-internal.aliyuncs.com', accessKeyId, accessKeySecret, stsToken: securityToken, bucket });
    await c.put('ran/' + key + '/' + context.requestId, Buffer.from(event));
  };`;

let server;
let c;
before(async () => {
  server = await Server.start();
  c = oss(server, { bucket: 'archive' });
  await c.putBucket('archive');
});
after(async () => { if (server) await server.stop(); });

// ran gives {key: number of runs} of the keys under a prefix.
async function ran(prefix) {
  const found = new Map();
  let marker;
  do {
    const page = await c.list({ prefix: `ran/${prefix}`, 'max-keys': 1000, ...(marker ? { marker } : {}) });
    for (const o of page.objects || []) {
      const key = o.name.slice(4, o.name.lastIndexOf('/'));
      found.set(key, (found.get(key) || 0) + 1);
    }
    marker = page.isTruncated ? page.nextMarker : null;
  } while (marker);
  return found;
}

async function lines(...args) {
  const r = await cli(server, ...args, '--output', 'json');
  assert.equal(r.code, 0, r.err);
  return r.out.trim().split('\n').map((l) => JSON.parse(l));
}

it('backfills 300 objects over a pause and a kill -9: each has its run, others have none', { timeout: 120000 }, async () => {
  const keys = Array.from({ length: 300 }, (_, i) => `old/${String(i).padStart(3, '0')}.png`);
  const put = async (list) => { for (let i = 0; i < list.length; i += 30) await Promise.all(list.slice(i, i + 30).map((k) => c.put(k, Buffer.from(k)))); };
  await put(keys);
  await put(keys.map((k) => k.replace('.png', '.txt')).slice(0, 50));
  await put(keys.map((k) => k.replace('old/', 'older/')).slice(0, 50));
  await create(server, 'backfilled', { 'index.js': mark });
  await trigger(server, 'backfilled', 't', { bucket: 'archive', prefix: 'old/', suffix: '.png', events: ['oss:ObjectCreated:*'] });

  const dry = await cli(server, 'backfill', '--trigger', 'backfilled/t', '--dry-run');
  assert.equal(dry.code, 0, dry.err);
  assert.match(dry.out, /^300 objects would be run \(of 350 looked at\), the first:\n {2}ObjectCreated:PutObject archive\/old\/000\.png\n/);
  assert.equal((await ran('old')).size, 0);

  const [begun] = [JSON.parse((await cli(server, 'backfill', '--trigger', 'backfilled/t', '--rate', '30', '--detach', '--output', 'json')).out)];
  const job = () => json(server, 'jobs', 'show', begun.id);
  await until('some of it', async () => (await job()).enqueued >= 60, { timeout: 30000, every: 50 });
  assert.equal((await json(server, 'jobs', 'pause', begun.id)).state, 'Paused');
  const held = (await job()).enqueued;
  await server.kill();
  await server.launch();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const still = await job();
  assert.equal(still.state, 'Paused');
  assert.equal(still.enqueued, held);
  assert.ok(held < 300, `it had enqueued ${held} already`);

  assert.equal((await json(server, 'jobs', 'resume', begun.id)).state, 'Running');
  await until('more of it', async () => (await job()).enqueued >= held + 60, { timeout: 30000, every: 50 });
  await server.kill(); // while it enqueues
  await server.launch();
  const followed = await lines('jobs', 'show', begun.id, '--follow');
  const done = followed[followed.length - 1];
  assert.equal(done.state, 'Done');
  assert.equal(done.enqueued, 300);
  assert.equal(done.total, 300);

  const found = await until('a run for each', async () => {
    const m = await ran('old');
    return keys.every((k) => m.has(k)) && m;
  }, { timeout: 60000, every: 200 });
  assert.deepEqual([...found.keys()].sort(), keys);
  const listed = await runs(server, 'backfilled', 1000);
  assert.ok(listed.length > 200, `${listed.length} runs are in the history`); // a kill may lose the last ones' records, not the runs
  assert.ok(listed.every((r) => r.mark === 'backfill'), 'the history marks them');
  const [one] = (await c.list({ prefix: 'ran/old/000.png/', 'max-keys': 1 })).objects;
  const event = JSON.parse((await c.get(one.name)).content).events[0];
  assert.equal(event.eventName, 'ObjectCreated:PutObject');
  assert.equal(event.oss.object.size, 'old/000.png'.length);
  assert.ok(!JSON.stringify(event).includes('backfill'), 'the event does not say what it is');

  const text = await cli(server, 'jobs', 'list');
  assert.match(text.out, new RegExp(`${begun.id}\\s+backfill\\s+backfilled/t\\s+Done\\s+300 of 300`));
});

it('shows how far it is, and says what it did', async () => {
  const r = await cli(server, 'backfill', '--trigger', 'backfilled/t', '--prefix', 'old/00', '--rate', '1000');
  assert.equal(r.code, 0, r.err);
  assert.match(r.out, /^done: 10 deliveries enqueued \(.+\)\./);
  const refused = await cli(server, 'backfill', '--trigger', 'backfilled/t', '--prefix', 'new/');
  assert.notEqual(refused.code, 0);
  assert.match(refused.err, /wants keys that begin with "old\/"/);
  assert.match((await cli(server, 'replay', '--trigger', 'backfilled/t')).err, /since/);
});

it('replays the events of a time', { timeout: 60000 }, async () => {
  await create(server, 'replayed', { 'index.js': mark });
  await trigger(server, 'replayed', 't', { bucket: 'archive', prefix: 'new/' });
  await c.put('new/before', Buffer.from('x'));
  await until('its run', async () => (await ran('new')).size === 1);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const since = new Date().toISOString();
  const keys = Array.from({ length: 20 }, (_, i) => `new/${String(i).padStart(2, '0')}`);
  for (const k of keys) await c.put(k, Buffer.from(k));
  await until('their runs', async () => (await ran('new')).size === 21);
  const until2 = new Date(Date.now() + 1).toISOString();
  await new Promise((resolve) => setTimeout(resolve, 50));
  await c.put('new/after', Buffer.from('x'));
  await until('its run', async () => (await ran('new')).size === 22);

  // The results are lost.
  const results = (await c.list({ prefix: 'ran/new/', 'max-keys': 1000 })).objects.map((o) => o.name);
  await c.deleteMulti(results, { quiet: true });
  const events = await lines('replay', '--trigger', 'replayed/t', '--since', since, '--until', until2);
  assert.equal(events[events.length - 1].enqueued, 20);
  const found = await until('their runs again', async () => {
    const m = await ran('new');
    return m.size >= 20 && m;
  });
  assert.deepEqual([...found.keys()].sort(), keys);
  await until('20 runs that are marked', async () => (await runs(server, 'replayed', 100)).filter((r) => r.mark === 'replay').length === 20);
});

it('keeps what a function failed, and runs it again when it is mended: one, and many', { timeout: 90000 }, async () => {
  await create(server, 'failing', { 'index.js': "exports.handler = async () => { throw new Error('not yet'); };" });
  await fc(server).putAsyncInvokeConfig('failing', new FC.PutAsyncInvokeConfigRequest({ body: new FC.PutAsyncInvokeConfigInput({ maxAsyncRetryAttempts: 0 }) }));
  await trigger(server, 'failing', 't', { bucket: 'archive', prefix: 'fail/' });
  const keys = Array.from({ length: 12 }, (_, i) => `fail/${String(i).padStart(2, '0')}`);
  for (const k of keys) await c.put(k, Buffer.from(k));
  const list = (...args) => json(server, 'dead', 'list', '--function', 'failing', ...args);
  const dead = await until('12 dead letters', async () => {
    const all = await list();
    return all.length === 12 && all;
  }, { timeout: 40000, every: 100 });
  assert.ok(dead.every((d) => d.reason === 'RetriesExhausted' && d.trigger === 't'));
  assert.equal((await list('--prefix', 'fail/0')).length, 10);
  assert.equal((await list('--reason', 'Expired')).length, 0);
  assert.equal((await list('--limit', '5')).length, 5);
  const first = dead.find((d) => d.key === 'fail/00');
  // The history is written shortly after the truth.
  const shown = await until('the attempt in the history', async () => {
    const d = await json(server, 'dead', 'show', first.id);
    return d.attempts.length && d;
  });
  const text = (await cli(server, 'dead', 'show', first.id)).out;
  assert.match(text, /Why\s+UnhandledInvocationError in attempt 1/);
  assert.match(text, /"key":"fail\/00"/);
  assert.equal(shown.event.events[0].oss.object.key, 'fail/00');
  assert.equal(shown.attempts.length, 1);
  assert.match(shown.attempts[0].payload, /not yet/);
  assert.match(text, /not yet/);

  await fc(server).updateFunction('failing', new FC.UpdateFunctionRequest({ body: new FC.UpdateFunctionInput({ code: location({ 'index.js': mark }) }) }));
  assert.equal((await json(server, 'dead', 'redrive', first.id)).redriven, 1);
  await until('its run', async () => (await ran('fail')).get('fail/00') === 1);
  assert.equal((await list()).length, 11);
  const again = await cli(server, 'dead', 'redrive', first.id);
  assert.notEqual(again.code, 0);
  assert.match(again.err, /DeadLetterNotFound/);

  const one = (await list('--prefix', 'fail/11'))[0];
  assert.equal((await json(server, 'dead', 'delete', one.id)).deleted, 1);
  assert.equal((await json(server, 'dead', 'redrive', '--function', 'failing', '--since', '1h')).redriven, 10);
  const found = await until('their runs', async () => {
    const m = await ran('fail');
    return m.size >= 11 && m;
  });
  assert.deepEqual([...found.keys()].sort(), keys.slice(0, 11));
  assert.deepEqual(await list(), []);
  assert.notEqual((await cli(server, 'dead', 'delete')).code, 0);
});
