'use strict';

// A server with the bucket "pictures" and two functions that its triggers start, and what a
// reader does on the bucket's page.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Server, root } = require('../../lib/server');
const clients = require('../../lib/clients');
const functions = require('../../lib/functions');
const { close, open, signedIn } = require('./browser');

const picture = fs.readFileSync(path.join(root, 'examples/kingfisher.png'));

// start gives the server, an OSS client of it, a directory of files to be uploaded, and stop.
async function start() {
  const server = await Server.start();
  const client = clients.oss(server);
  await client.putBucket('pictures');
  client.useBucket('pictures');
  for (const [name, event, suffix] of [['thumbs', 'PostObject', '.png'], ['index', 'CompleteMultipartUpload', '.bin']]) {
    await functions.create(server, name, { 'index.js': 'exports.handler = async () => "ok"' });
    await functions.trigger(server, name, `on-${name}`, { bucket: 'pictures', prefix: 'in/', suffix, events: [`oss:ObjectCreated:${event}`] });
  }
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'alcedo-buckets-'));
  fs.writeFileSync(path.join(dir, 'note.txt'), 'note');
  const stop = async () => {
    await close();
    await server.stop();
    fs.rmSync(dir, { recursive: true, force: true });
  };
  return { server, client, dir, stop, at: (where, options) => signedIn(server, { at: `/buckets/${where}`, ...options }) };
}

// drop drops files of the disk, folders too, as the desktop would.
async function drop(page, paths) {
  const cdp = await page.context().newCDPSession(page);
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop']) await cdp.send('Input.dispatchDragEvent', { type, x: 640, y: 420, data });
}

// limited makes a user with a policy and gives its key.
async function limited(server, name, statements) {
  const { context } = await open(server);
  await context.request.post('/api/session', { data: { accessKeyId: server.accessKeyId, accessKeySecret: server.accessKeySecret } });
  const headers = { 'Sec-Fetch-Site': 'same-origin' };
  const made = await context.request.post('/api/users', { headers, data: { name, policies: [{ name: 'p', document: { Version: '1', Statement: statements } }] } });
  assert.equal(made.status(), 200, await made.text());
  const key = await context.request.post(`/api/users/${name}/keys`, { headers, data: {} });
  assert.equal(key.status(), 200, await key.text());
  const out = await key.json();
  await context.close();
  return out;
}

module.exports = { drop, limited, picture, start };
