'use strict';

// The process itself: start, keys, the lock on the data directory, drain.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Server, get, freePorts } = require('../lib/server');
const { oss, runs } = require('../lib/clients');
const { create, invoke } = require('../lib/functions');
const { until } = require('../lib/wait');

const findKeys = (dir) => fs.readdirSync(dir, { recursive: true, withFileTypes: true })
  .filter((e) => e.isFile()).map((e) => path.join(e.path || e.parentPath, e.name));

it('makes a root key pair at the first start, prints it once and keeps it private', async () => {
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'alcedo-e2e-'));
  try {
    const server = await Server.start({ dataDir, keys: false });
    const id = await until('the access key id in the output', () => /LTAI[0-9A-Za-z]{12,}/.exec(server.log), { timeout: 5000 });
    const file = findKeys(dataDir).find((f) => fs.statSync(f).size < 4096 && fs.readFileSync(f, 'latin1').includes(id[0]));
    assert.ok(file, 'the key pair is kept in a file of the data directory');
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    const secret = [...server.log.matchAll(/[0-9A-Za-z/+]{24,}/g)].map((m) => m[0]).find((s) => s !== id[0] && fs.readFileSync(file, 'latin1').includes(s));
    assert.ok(secret, 'the secret is printed at the first start');
    const c = oss(server, { credentials: { accessKeyId: id[0], accessKeySecret: secret } });
    await c.putBucket('keyed');
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
    await server.launch();
    assert.ok(!server.log.includes(secret), 'the secret is not printed again');
    assert.deepEqual((await c.listBuckets()).buckets.map((b) => b.name), ['keyed']);
    await server.stop();
  } finally {
    fs.rmSync(dataDir, { recursive: true, force: true });
  }
});

it('answers /healthz, and starts again on existing data within a second', async () => {
  const server = await Server.start();
  try {
    assert.equal((await get(`${server.console}/healthz`)).status, 200);
    await oss(server).putBucket('kept');
    await server.signal('SIGTERM');
    await assert.rejects(get(`${server.console}/healthz`), { code: 'ECONNREFUSED' });
    const ms = await server.launch();
    assert.ok(ms < 3000, `ready after ${ms} ms`);
    assert.deepEqual((await oss(server).listBuckets()).buckets.map((b) => b.name), ['kept']);
  } finally {
    await server.stop();
  }
});

it('refuses a second start on the same data directory', async () => {
  const server = await Server.start();
  try {
    const said = await Server.refused({ dataDir: server.dataDir, ports: await freePorts(3) });
    assert.ok(said.includes(server.dataDir), said);
    assert.match(said, /in use|lock|already|another/i);
    assert.doesNotMatch(said, /panic|goroutine/);
    assert.equal((await get(`${server.console}/healthz`)).status, 200, 'the first one lives on');
  } finally {
    await server.stop();
  }
});

it('says which port is taken', async () => {
  const server = await Server.start();
  try {
    const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'alcedo-e2e-'));
    try {
      const said = await Server.refused({ dataDir, ports: server.ports });
      assert.ok(said.includes(String(server.ports[0])), said);
      assert.doesNotMatch(said, /panic|goroutine/);
    } finally {
      fs.rmSync(dataDir, { recursive: true, force: true });
    }
  } finally {
    await server.stop();
  }
});

it('drains on SIGTERM: what runs is finished and answered, and the exit is clean', async () => {
  const server = await Server.start();
  try {
    await create(server, 'slow', { 'index.js': `
      exports.handler = async () => { console.log('begun'); await new Promise((r) => setTimeout(r, 700)); return 'finished'; };` }, { role: '' });
    await invoke(server, 'slow');
    const answer = invoke(server, 'slow');
    await new Promise((resolve) => setTimeout(resolve, 200)); // the request has to be under way, and nothing tells from outside
    const how = await server.signal('SIGTERM');
    assert.equal((await answer).payload, 'finished');
    assert.deepEqual(how, { code: 0, signal: null });
  } finally {
    await server.stop();
  }
});

it('keeps objects and functions over a restart', async () => {
  const server = await Server.start();
  try {
    const c = oss(server, { bucket: 'lasting' });
    await c.putBucket('lasting');
    await c.put('small', Buffer.from('s'));
    await c.put('large', Buffer.alloc(200000, 'l'));
    await create(server, 'lasting', { 'index.js': 'exports.handler = async () => "here";' }, { role: '' });
    await server.signal('SIGTERM');
    await server.launch();
    assert.equal((await c.get('small')).content.toString(), 's');
    assert.equal((await c.get('large')).content.length, 200000);
    assert.equal((await invoke(server, 'lasting')).payload, 'here');
  } finally {
    await server.stop();
  }
});

it('tells on the console address which runs there were', async () => {
  const server = await Server.start();
  try {
    await create(server, 'seen', { 'index.js': 'exports.handler = async () => "x";' }, { role: '' });
    const { requestId } = await invoke(server, 'seen');
    const run = await until('the run in the console\'s list', async () => (await runs(server, 'seen')).find((r) => r.requestId === requestId));
    assert.ok(Math.abs(run.start - Date.now()) < 60000);
    assert.equal((await fetch(`${server.console}/api/runs?function=seen`)).status, 403, 'the list needs a signature');
  } finally {
    await server.stop();
  }
});
