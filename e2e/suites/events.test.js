'use strict';

// The event that a function receives for each operation: exactly the documented fields.

const assert = require('node:assert/strict');
const { after, before, it } = require('node:test');
const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Server } = require('../lib/server');
const { oss } = require('../lib/clients');
const { create, trigger } = require('../lib/functions');
const { until } = require('../lib/wait');

const source = 'events-src';
const sink = 'events-sink';
let server;
let c;
let out;

before(async () => {
  server = await Server.start();
  c = oss(server, { bucket: source });
  out = oss(server, { bucket: sink });
  await c.putBucket(source);
  await out.putBucket(sink);
  await create(server, 'capture', { 'index.js': `
    const OSS = require('ali-oss');
    exports.handler = async (event, context) => {
      const { accessKeyId, accessKeySecret, securityToken } = context.credentials;
      const c = new OSS({ region: 'oss-' + context.region, endpoint: 'https://oss-' + context.region + '-internal.aliyuncs.com', accessKeyId, accessKeySecret, stsToken: securityToken, bucket: '${sink}' });
      const e = JSON.parse(event).events[0];
      await c.put(encodeURIComponent(e.oss.object.key) + '/' + e.eventName + '/' + e.responseElements.requestId, event);
    };` });
  await trigger(server, 'capture', 'all', {
    bucket: source,
    events: ['oss:ObjectCreated:*', 'oss:ObjectRemoved:DeleteObject', 'oss:ObjectRemoved:DeleteObjects', 'oss:ObjectRemoved:AbortMultipartUpload'],
  });
});
after(async () => { if (server) await server.stop(); });

// captured waits for n events of a key and name, and returns them in order of time.
async function captured(key, name, n = 1) {
  const prefix = `${encodeURIComponent(key)}/${name}/`;
  return until(`${n} ${name} of ${key}`, async () => {
    const { objects = [] } = await out.list({ prefix, 'max-keys': 100 });
    if (!objects || objects.length < n) return null;
    return Promise.all(objects.map(async (o) => JSON.parse((await out.get(o.name)).content)));
  });
}

const keys = (o) => Object.keys(o).sort();

// check asserts the form of an event; more are the object fields beyond the common ones.
function check(event, key, name, requestId, more = []) {
  assert.deepEqual(keys(event), ['events']);
  assert.equal(event.events.length, 1);
  const e = event.events[0];
  assert.deepEqual(keys(e), ['eventName', 'eventSource', 'eventTime', 'eventVersion', 'oss', 'region', 'requestParameters', 'responseElements', 'userIdentity']);
  assert.equal(e.eventName, name);
  assert.equal(e.eventSource, 'acs:oss');
  assert.match(e.eventTime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.ok(Math.abs(Date.parse(e.eventTime) - Date.now()) < 60000);
  assert.equal(e.eventVersion, '1.0');
  assert.equal(e.region, server.region);
  assert.deepEqual(e.requestParameters, { sourceIPAddress: '127.0.0.1' });
  assert.deepEqual(keys(e.responseElements), ['requestId']);
  if (requestId) assert.equal(e.responseElements.requestId, requestId);
  assert.match(e.responseElements.requestId, /^[0-9A-F]{24}$/);
  assert.deepEqual(e.userIdentity, { principalId: server.account });
  assert.deepEqual(keys(e.oss), ['bucket', 'object', 'ossSchemaVersion', 'ruleId']);
  assert.equal(e.oss.ossSchemaVersion, '1.0');
  assert.match(e.oss.ruleId, /^[0-9a-f]{40}$/);
  const bucket = { ...e.oss.bucket };
  delete bucket.virtualBucket; // in older samples, always empty
  assert.deepEqual(bucket, { arn: `acs:oss:${server.region}:${server.account}:${source}`, name: source, ownerIdentity: server.account });
  const o = e.oss.object;
  assert.equal(o.key, key);
  assert.equal(typeof o.size, 'number');
  assert.equal(typeof o.deltaSize, 'number');
  assert.equal(typeof o.eTag, 'string');
  assert.match(o.eTag, /^[0-9A-F-]*$/);
  const allowed = new Set(['deltaSize', 'eTag', 'key', 'objectMeta', 'size', ...more]);
  for (const k of keys(o)) assert.ok(allowed.has(k), `undocumented field object.${k}`);
  for (const k of more) assert.ok(k in o, `object.${k} is missing`);
  if (o.objectMeta) {
    for (const k of keys(o.objectMeta)) {
      assert.ok(['mimeType', 'userMeta', 'cacheControl', 'contentDisposition', 'contentEncoding', 'contentLanguage', 'expires'].includes(k), `undocumented field objectMeta.${k}`);
    }
  }
  return o;
}

const id = (res) => (res.res || res).headers['x-oss-request-id'];

it('PutObject: new, overwritten, with metadata, with an odd key', async () => {
  const key = 'put/ü a+b%20&"é.png';
  const first = await c.put(key, Buffer.alloc(1000, 'a'), { mime: 'image/png', meta: { Uid: 'x7' } });
  const [one] = await captured(key, 'ObjectCreated:PutObject');
  const o = check(one, key, 'ObjectCreated:PutObject', id(first));
  assert.equal(o.size, 1000);
  assert.equal(o.deltaSize, 1000);
  assert.equal(o.eTag, crypto.createHash('md5').update(Buffer.alloc(1000, 'a')).digest('hex').toUpperCase());
  assert.equal(o.objectMeta.mimeType, 'image/png');
  assert.deepEqual(o.objectMeta.userMeta, { 'x-oss-meta-uid': 'x7' });
  const again = await c.put(key, Buffer.alloc(400, 'b'));
  const both = await captured(key, 'ObjectCreated:PutObject', 2);
  const second = both.find((e) => e.events[0].responseElements.requestId === id(again));
  assert.equal(second.events[0].oss.object.size, 400);
  assert.equal(second.events[0].oss.object.deltaSize, -600);
  assert.equal(second.events[0].oss.ruleId, one.events[0].oss.ruleId);
});

it('PostObject', async () => {
  const sig = c.calculatePostSignature({ expiration: new Date(Date.now() + 60000).toISOString(), conditions: [['starts-with', '$key', '']] });
  const form = new FormData();
  for (const [k, v] of Object.entries({ key: 'post/a.txt', ...sig })) form.append(k, v);
  form.append('file', new Blob(['posted'], { type: 'text/plain' }), 'a.txt');
  const res = await fetch(`${server.oss}/${source}/`, { method: 'POST', body: form });
  assert.equal(res.status, 204, await res.text());
  const [e] = await captured('post/a.txt', 'ObjectCreated:PostObject');
  const o = check(e, 'post/a.txt', 'ObjectCreated:PostObject', res.headers.get('x-oss-request-id'));
  assert.equal(o.size, 6);
});

it('CopyObject', async () => {
  await c.put('copy/from', Buffer.from('12345'));
  const res = await c.copy('copy/to', 'copy/from');
  const [e] = await captured('copy/to', 'ObjectCreated:CopyObject');
  assert.equal(check(e, 'copy/to', 'ObjectCreated:CopyObject', id(res)).size, 5);
});

it('AppendObject, with its position', async () => {
  const a = await c.append('append/log', Buffer.from('abc'));
  const [first] = await captured('append/log', 'ObjectCreated:AppendObject');
  check(first, 'append/log', 'ObjectCreated:AppendObject', id(a), ['position']);
  const b = await c.append('append/log', Buffer.from('defg'), { position: 3 });
  const both = await captured('append/log', 'ObjectCreated:AppendObject', 2);
  const o = check(both.find((e) => e.events[0].responseElements.requestId === id(b)), 'append/log', 'ObjectCreated:AppendObject', id(b), ['position']);
  assert.equal(o.position, 3);
  assert.equal(o.size, 7);
  assert.equal(o.deltaSize, 4);
});

it('PutSymlink', async () => {
  await c.put('sym/target', Buffer.from('x'));
  const res = await c.putSymlink('sym/link', 'sym/target');
  const [e] = await captured('sym/link', 'ObjectCreated:PutSymlink');
  check(e, 'sym/link', 'ObjectCreated:PutSymlink', id(res));
});

it('InitiateMultipartUpload, UploadPart, UploadPartCopy, CompleteMultipartUpload', async () => {
  const part = Buffer.alloc(100 * 1024, 'p');
  await c.put('mp/from', Buffer.alloc(120 * 1024, 'q'));
  const file = path.join(os.tmpdir(), `alcedo-e2e-ev-${process.pid}.bin`);
  fs.writeFileSync(file, part);
  try {
    const init = await c.initMultipartUpload('mp/key', { mime: 'text/x-parts' });
    const [began] = await captured('mp/key', 'ObjectCreated:InitiateMultipartUpload');
    check(began, 'mp/key', 'ObjectCreated:InitiateMultipartUpload', id(init));
    const p1 = await c.uploadPart('mp/key', init.uploadId, 1, file, 0, part.length);
    const [up] = await captured('mp/key', 'ObjectCreated:UploadPart');
    check(up, 'mp/key', 'ObjectCreated:UploadPart', id(p1));
    const p2 = await c.uploadPartCopy('mp/key', init.uploadId, 2, `0-${100 * 1024 - 1}`, { sourceKey: 'mp/from', sourceBucketName: source }, {});
    const [copied] = await captured('mp/key', 'ObjectCreated:UploadPartCopy');
    check(copied, 'mp/key', 'ObjectCreated:UploadPartCopy', id(p2));
    const done = await c.completeMultipartUpload('mp/key', init.uploadId, [{ number: 1, etag: p1.etag }, { number: 2, etag: p2.etag }]);
    const [whole] = await captured('mp/key', 'ObjectCreated:CompleteMultipartUpload');
    const o = check(whole, 'mp/key', 'ObjectCreated:CompleteMultipartUpload', id(done));
    assert.equal(o.size, 200 * 1024);
    assert.equal(o.deltaSize, 200 * 1024);
    assert.match(o.eTag, /-2$/);
    assert.equal(o.objectMeta.mimeType, 'text/x-parts');
  } finally {
    fs.rmSync(file);
  }
});

it('AbortMultipartUpload', async () => {
  const { uploadId } = await c.initMultipartUpload('abort/key');
  const res = await c.abortMultipartUpload('abort/key', uploadId);
  const [e] = await captured('abort/key', 'ObjectRemoved:AbortMultipartUpload');
  check(e, 'abort/key', 'ObjectRemoved:AbortMultipartUpload', id(res));
});

it('DeleteObject, and none for a key that is not there', async () => {
  await c.put('del/one', Buffer.from('12345678'));
  await c.delete('del/none');
  const res = await c.delete('del/one');
  const [e] = await captured('del/one', 'ObjectRemoved:DeleteObject');
  check(e, 'del/one', 'ObjectRemoved:DeleteObject', id(res));
  assert.equal(((await out.list({ prefix: encodeURIComponent('del/none'), 'max-keys': 10 })).objects || []).length, 0);
});

it('DeleteObjects: one run for each key that was there', async () => {
  for (const k of ['dels/1', 'dels/2']) await c.put(k, Buffer.from('x'));
  const res = await c.deleteMulti(['dels/1', 'dels/2', 'dels/3']);
  for (const k of ['dels/1', 'dels/2']) {
    const [e] = await captured(k, 'ObjectRemoved:DeleteObjects');
    check(e, k, 'ObjectRemoved:DeleteObjects', id(res));
  }
  assert.equal(((await out.list({ prefix: encodeURIComponent('dels/3'), 'max-keys': 10 })).objects || []).length, 0);
});

it('no event for a failed write', async () => {
  await assert.rejects(c.put('failed/put', Buffer.from('x'), { headers: { 'Content-MD5': Buffer.alloc(16).toString('base64') } }));
  // A write after it, of the same bucket, has its event; had the failed one had any, it would be there too.
  await c.put('failed/after', Buffer.from('x'));
  await captured('failed/after', 'ObjectCreated:PutObject');
  assert.equal(((await out.list({ prefix: encodeURIComponent('failed/put'), 'max-keys': 10 })).objects || []).length, 0);
});
