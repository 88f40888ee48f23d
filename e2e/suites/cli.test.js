'use strict';

// The commands beside serve, as a user types them: against a running server, its
// addresses and keys from the environment.

const assert = require('node:assert/strict');
const { after, before, it } = require('node:test');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Server, binary, root } = require('../lib/server');
const { oss } = require('../lib/clients');
const { until } = require('../lib/wait');
const png = require('../lib/png');

let server;
let dir;
before(async () => {
  server = await Server.start();
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'alcedo-cli-'));
});
after(async () => {
  if (dir) fs.rmSync(dir, { recursive: true, force: true });
  if (server) await server.stop();
});

function environment() {
  const [a, b, d] = server.address;
  return {
    ...process.env,
    ALCEDO_OSS: a, ALCEDO_FC: b, ALCEDO_CONSOLE: d, ALCEDO_REGION: server.region, ALCEDO_ACCOUNT: server.account, ALCEDO_DATA: server.dataDir,
    ALCEDO_ACCESS_KEY_ID: server.accessKeyId, ALCEDO_ACCESS_KEY_SECRET: server.accessKeySecret, NO_COLOR: '1',
  };
}

function start(...args) {
  const child = spawn(binary, args, { cwd: root, env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
  child.out = '';
  child.err = '';
  child.stdout.on('data', (d) => { child.out += d; });
  child.stderr.on('data', (d) => { child.err += d; });
  child.done = new Promise((resolve) => { child.once('close', (code) => resolve(code)); });
  return child;
}

async function alcedo(...args) {
  const child = start(...args);
  const code = await child.done;
  return { code, out: child.out, err: child.err, all: child.out + child.err };
}

async function good(...args) {
  const r = await alcedo(...args);
  assert.equal(r.code, 0, `alcedo ${args.join(' ')}:\n${r.all}`);
  return r;
}

it('tells its version, its commands and its runtimes', async () => {
  const help = await good('--help');
  for (const c of ['serve', 'deploy', 'invoke', 'logs', 'trigger', 'event', 'runtimes']) assert.match(help.out, new RegExp(`\\b${c}\\b`));
  const { out } = await good('runtimes');
  for (const r of ['nodejs20', 'python3.10', 'php8.2']) assert.match(out, new RegExp(r.replace('.', '\\.')));
});

it('deploys an example, binds it, tells which triggers fire, and shows the logs', async () => {
  const c = oss(server, { bucket: 'cli' });
  await good('bucket', 'create', 'cli');
  await good('deploy', 'examples/resize-nodejs', '--name', 'small', '--runtime', 'nodejs20', '--handler', 'index.handler');
  await good('trigger', 'create', 'small', '--name', 'on-upload', '--bucket', 'cli', '--prefix', 'source/', '--suffix', '.png', '--event', 'oss:ObjectCreated:PutObject');
  assert.match((await good('trigger', 'list', 'small')).out, /on-upload/);

  const yes = await good('trigger', 'match', '--bucket', 'cli', '--key', 'source/a.png', '--event', 'ObjectCreated:PutObject');
  assert.match(yes.out, /on-upload/);
  const no = await alcedo('trigger', 'match', '--bucket', 'cli', '--key', 'source/a.jpg', '--event', 'ObjectCreated:PutObject');
  assert.match(no.all, /on-upload/);
  assert.match(no.all, /suffix/);

  const follow = start('logs', 'small', '-f');
  try {
    await good('put', 'examples/kingfisher.png', 'cli/source/a.png');
    const { content } = await until('processed/a.png', () => c.get('processed/a.png'));
    assert.deepEqual(png.size(content), [128, 128]);
    const made = (await c.head('processed/a.png')).res.headers['x-alcedo-run'];
    await until('the run that the object names', async () => (await good('runs', 'list', 'small')).out.includes(made) && made);
    assert.equal((await c.head('source/a.png')).res.headers['x-alcedo-run'], undefined);
    await until('the run\'s line in logs -f', () => /resizing cli\/source\/a\.png/.test(follow.out), { timeout: 10000 });
  } finally {
    follow.kill('SIGINT');
    await follow.done;
  }
  assert.match((await good('logs', 'small')).out, /resizing cli\/source\/a\.png/);

  await good('trigger', 'delete', 'small', 'on-upload');
  assert.doesNotMatch((await good('trigger', 'list', 'small')).out, /on-upload/);
});

it('deploys again over what is there, and invokes with an event from a file', async () => {
  fs.writeFileSync(path.join(dir, 'index.py'), 'def handler(event, context):\n    print("a line")\n    return event.decode()[::-1]\n');
  await good('deploy', dir, '--name', 'mirror', '--runtime', 'python3.10', '--handler', 'index.handler');
  await good('deploy', dir, '--name', 'mirror', '--runtime', 'python3.10', '--handler', 'index.handler');
  const event = path.join(os.tmpdir(), `alcedo-event-${process.pid}.txt`);
  fs.writeFileSync(event, 'abc');
  try {
    const r = await good('invoke', 'mirror', '--event', event);
    assert.equal(r.out.trim().split('\n').pop(), 'cba');
  } finally {
    fs.rmSync(event);
  }
  fs.writeFileSync(path.join(dir, 'index.py'), 'def handler(event, context):\n    raise KeyError("broken")\n');
  await good('deploy', dir, '--name', 'mirror', '--runtime', 'python3.10', '--handler', 'index.handler');
  const bad = await alcedo('invoke', 'mirror');
  assert.notEqual(bad.code, 0);
  assert.match(bad.all, /KeyError/);
});

it('prints the event that a trigger would send', async () => {
  const { out } = await good('event', 'sample', '--type', 'ObjectCreated:PutObject', '--bucket', 'photos', '--key', 'source/ü.png');
  const e = JSON.parse(out).events[0];
  assert.equal(e.eventName, 'ObjectCreated:PutObject');
  assert.equal(e.oss.bucket.name, 'photos');
  assert.equal(e.oss.object.key, 'source/ü.png');
  assert.equal(e.eventSource, 'acs:oss');
  const prefixed = JSON.parse((await good('event', 'sample', '--type', 'oss:ObjectRemoved:DeleteObject', '--bucket', 'b', '--key', 'k')).out);
  assert.equal(prefixed.events[0].eventName, 'ObjectRemoved:DeleteObject');
});

it('says what to do when it cannot', async () => {
  const ghost = await alcedo('invoke', 'ghost');
  assert.notEqual(ghost.code, 0);
  assert.match(ghost.err, /ghost/);
  const runtime = await alcedo('deploy', dir, '--name', 'x', '--runtime', 'cobol', '--handler', 'index.handler');
  assert.notEqual(runtime.code, 0);
  assert.match(runtime.err, /cobol/);
  const nobucket = await alcedo('put', 'examples/kingfisher.png', 'nowhere-at-all/a.png');
  assert.notEqual(nobucket.code, 0);
  assert.match(nobucket.err, /NoSuchBucket/);
  const nodir = await alcedo('deploy', path.join(dir, 'nowhere'), '--name', 'x', '--runtime', 'nodejs20', '--handler', 'index.handler');
  assert.notEqual(nodir.code, 0);
  assert.match(nodir.err, /nowhere/);
  const nowhere = spawn(binary, ['invoke', 'x'], { env: { ...environment(), ALCEDO_FC: '127.0.0.1:1', ALCEDO_CONSOLE: '127.0.0.1:1' }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  nowhere.stderr.on('data', (d) => { said += d; });
  assert.notEqual(await new Promise((resolve) => { nowhere.once('close', resolve); }), 0);
  assert.match(said, /127\.0\.0\.1:1/);
  assert.match(said, /serve/);
});
