'use strict';

// Each line of "bad input": the cloud's own code, a message that says what to do, and
// nothing changed.

const assert = require('node:assert/strict');
const { after, before, describe, it } = require('node:test');
const crypto = require('node:crypto');
const http = require('node:http');
const net = require('node:net');
const { deflateSync, crc32 } = require('node:zlib');
const { Server } = require('../lib/server');
const { oss, fc, FC } = require('../lib/clients');
const { create, invoke, zip } = require('../lib/functions');
const { until } = require('../lib/wait');

const bucket = 'bad-input';
let server;
let c;
before(async () => {
  server = await Server.start();
  c = oss(server, { bucket });
  await c.putBucket(bucket);
  await c.put('text', Buffer.from('no picture'), { mime: 'image/png' });
});
after(async () => { if (server) await server.stop(); });

// signed sends a request with a V1 signature over whatever is given, so that the tests
// can be wrong in one thing at a time.
function signed(method, key, { headers = {}, body, subresource = '', query = '', date = new Date().toUTCString(), secret = server.accessKeySecret, id = server.accessKeyId } = {}) {
  const lower = Object.fromEntries(Object.entries(headers).map(([k, v]) => [k.toLowerCase(), v]));
  const canon = Object.keys(lower).filter((k) => k.startsWith('x-oss-')).sort().map((k) => `${k}:${lower[k]}\n`).join('');
  const resource = `/${bucket}/${key}${subresource ? `?${subresource}` : ''}`;
  const text = [method, lower['content-md5'] || '', lower['content-type'] || '', date, canon + resource].join('\n');
  const signature = crypto.createHmac('sha1', secret).update(text).digest('base64');
  const all = [subresource, query].filter(Boolean).join('&');
  const target = `/${bucket}/${encodeURI(key)}${all ? `?${all}` : ''}`;
  return new Promise((resolve, reject) => {
    const req = http.request({ host: '127.0.0.1', port: server.ports[0], method, path: target, headers: { ...headers, date, authorization: `OSS ${id}:${signature}` } }, (res) => {
      const chunks = [];
      res.on('data', (d) => chunks.push(d));
      res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(chunks).toString() }));
    });
    req.on('error', reject);
    req.end(body);
  });
}

function xml(res, status, code) {
  assert.equal(res.status, status, res.body);
  assert.match(res.body, new RegExp(`<Code>${code}</Code>`), res.body);
  assert.match(res.body, /<Message>[^<]{8,}<\/Message>/);
  assert.match(res.body, /<RequestId>[0-9A-F]{24}<\/RequestId>/);
  assert.match(res.body, /<HostId>[^<]+<\/HostId>/);
  assert.equal(res.headers['x-oss-request-id'], /<RequestId>([^<]+)</.exec(res.body)[1]);
}

const absent = (key) => assert.rejects(c.head(key), { code: 'NoSuchKey' });
const md5 = (b) => crypto.createHash('md5').update(b).digest('base64');

describe('OSS', () => {
  it('wrong Content-MD5', async () => {
    xml(await signed('PUT', 'md5', { body: 'data', headers: { 'content-md5': md5('other') } }), 400, 'InvalidDigest');
    xml(await signed('PUT', 'md5', { body: 'data', headers: { 'content-md5': 'not base64!' } }), 400, 'InvalidDigest');
    await absent('md5');
    assert.equal((await signed('PUT', 'md5', { body: 'data', headers: { 'content-md5': md5('data') } })).status, 200);
  });

  it('bad signature, unknown key, no signature', async () => {
    xml(await signed('PUT', 'sig', { body: 'x', secret: 'wrong' }), 403, 'SignatureDoesNotMatch');
    xml(await signed('PUT', 'sig', { body: 'x', id: 'LTAIunknown' }), 403, 'InvalidAccessKeyId');
    await absent('sig');
  });

  it('clock skew', async () => {
    const res = await signed('PUT', 'skew', { body: 'x', date: new Date(Date.now() - 16 * 60000).toUTCString() });
    xml(res, 403, 'RequestTimeTooSkewed');
    await absent('skew');
  });

  it('key of 1,025 bytes, and the longest that fits', async () => {
    const long = 'k'.repeat(1025);
    xml(await signed('PUT', long, { body: 'x' }), 400, 'InvalidObjectName');
    assert.equal((await signed('PUT', 'k'.repeat(1023), { body: 'x' })).status, 200);
    xml(await signed('PUT', '\\back', { body: 'x' }), 400, 'InvalidObjectName');
  });

  it('invalid bucket name', async () => {
    for (const name of ['ab', 'UPPER', 'under_score', '-dash', 'dash-', 'b'.repeat(64)]) {
      const date = new Date().toUTCString();
      const signature = crypto.createHmac('sha1', server.accessKeySecret).update(`PUT\n\n\n${date}\n/${name}/`).digest('base64');
      const res = await new Promise((resolve, reject) => {
        const req = http.request({ host: '127.0.0.1', port: server.ports[0], method: 'PUT', path: `/${name}/`, headers: { date, authorization: `OSS ${server.accessKeyId}:${signature}` } }, (r) => {
          const chunks = [];
          r.on('data', (d) => chunks.push(d));
          r.on('end', () => resolve({ status: r.statusCode, headers: r.headers, body: Buffer.concat(chunks).toString() }));
        });
        req.on('error', reject);
        req.end();
      });
      xml(res, 400, 'InvalidBucketName');
    }
  });

  it('invalid XML', async () => {
    await c.put('keep', Buffer.from('x'));
    for (const body of ['<Delete><Object><Key>keep</Key>', 'not xml', '<Delete/>', '']) {
      xml(await signed('POST', '', { subresource: 'delete', body, headers: { 'content-md5': md5(body) } }), 400, 'MalformedXML');
    }
    const { uploadId } = await c.initMultipartUpload('xml');
    xml(await signed('POST', 'xml', { subresource: `uploadId=${uploadId}`, body: '<CompleteMultipartUpload><Part>' }), 400, 'MalformedXML');
    await absent('xml');
    assert.equal((await c.get('keep')).content.toString(), 'x');
  });

  it('broken multipart: unknown upload, wrong order, wrong tag, too small', async () => {
    const complete = (id, parts) => signed('POST', 'mp', { subresource: `uploadId=${id}`, body: `<CompleteMultipartUpload>${parts.map(([n, e]) => `<Part><PartNumber>${n}</PartNumber><ETag>"${e}"</ETag></Part>`).join('')}</CompleteMultipartUpload>` });
    xml(await complete('0'.repeat(32), [[1, 'A'.repeat(32)]]), 404, 'NoSuchUpload');
    const { uploadId } = await c.initMultipartUpload('mp');
    const part = async (n, size) => (await signed('PUT', 'mp', { subresource: `partNumber=${n}&uploadId=${uploadId}`, body: Buffer.alloc(size, String(n)) })).headers.etag.replace(/"/g, '');
    const [a, b] = [await part(1, 102400), await part(2, 1000)];
    xml(await complete(uploadId, [[2, b], [1, a]]), 400, 'InvalidPartOrder');
    xml(await complete(uploadId, [[1, 'B'.repeat(32)]]), 400, 'InvalidPart');
    xml(await complete(uploadId, [[1, a], [3, b]]), 400, 'InvalidPart');
    const small = await part(3, 1000);
    xml(await complete(uploadId, [[1, a], [2, b], [3, small]]), 400, 'EntityTooSmall');
    xml(await signed('PUT', 'mp', { subresource: `partNumber=10001&uploadId=${uploadId}`, body: 'x' }), 400, 'InvalidArgument');
    await absent('mp');
    assert.equal((await complete(uploadId, [[1, a], [2, b]])).status, 200);
  });

  it('truncated upload', async () => {
    const date = new Date().toUTCString();
    const signature = crypto.createHmac('sha1', server.accessKeySecret).update(`PUT\n\n\n${date}\n/${bucket}/cut`).digest('base64');
    await new Promise((resolve, reject) => {
      const s = net.connect(server.ports[0], '127.0.0.1', () => {
        s.write(`PUT /${bucket}/cut HTTP/1.1\r\nHost: 127.0.0.1:${server.ports[0]}\r\nDate: ${date}\r\nAuthorization: OSS ${server.accessKeyId}:${signature}\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(5000)}`, () => s.end());
      });
      s.on('data', (d) => assert.doesNotMatch(d.toString(), /^HTTP\/1.1 200/));
      s.on('close', resolve);
      s.on('error', reject);
    });
    await absent('cut');
  });

  it('oversized body, refused before it is sent', async () => {
    const date = new Date().toUTCString();
    const signature = crypto.createHmac('sha1', server.accessKeySecret).update(`PUT\n\n\n${date}\n/${bucket}/huge`).digest('base64');
    const answer = await new Promise((resolve, reject) => {
      const s = net.connect(server.ports[0], '127.0.0.1', () => {
        s.write(`PUT /${bucket}/huge HTTP/1.1\r\nHost: 127.0.0.1:${server.ports[0]}\r\nDate: ${date}\r\nAuthorization: OSS ${server.accessKeyId}:${signature}\r\nContent-Length: ${6 * 2 ** 30}\r\nExpect: 100-continue\r\n\r\n`);
      });
      s.once('data', (d) => { resolve(d.toString()); s.destroy(); });
      s.on('error', reject);
      s.setTimeout(5000, () => reject(new Error('no answer')));
    });
    assert.match(answer, /^HTTP\/1.1 400/);
    assert.match(answer, /EntityTooLarge/);
    await absent('huge');
  });

  it('non-image sent to x-oss-process, and wrong parameters', async () => {
    const process = (key, value) => signed('GET', key, { subresource: `x-oss-process=${value}` });
    const res = await process('text', 'image/resize,w_10');
    xml(res, 400, 'BadRequest');
    assert.match(res.body, /image format is not supported/i);
    for (const p of ['image/resize,w_0', 'image/resize,m_nonsense,w_10', 'image/nothing', 'image/resize,w_99999', 'video/snapshot']) {
      const got = await process('text', p);
      assert.equal(got.status, 400, `${p}: ${got.body}`);
    }
    const save = await signed('POST', 'text', { subresource: 'x-oss-process', body: `x-oss-process=image/resize,w_10|sys/saveas,o_${Buffer.from('out').toString('base64')}` });
    assert.equal(save.status, 400);
    await absent('out');
    const noKey = await process('nothing-there', 'image/resize,w_10');
    xml(noKey, 404, 'NoSuchKey');
  });

  it('decompression bomb', async () => {
    const chunk = (type, data) => {
      const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
      const out = Buffer.alloc(body.length + 8);
      out.writeUInt32BE(data.length, 0);
      body.copy(out, 4);
      out.writeUInt32BE(crc(body), body.length + 4);
      return out;
    };
    const png = (w, h, rows) => {
      const head = Buffer.alloc(13);
      head.writeUInt32BE(w, 0);
      head.writeUInt32BE(h, 4);
      head.set([8, 6, 0, 0, 0], 8);
      return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', head), chunk('IDAT', deflateSync(Buffer.alloc(rows), { level: 9 })), chunk('IEND', Buffer.alloc(0))]);
    };
    await c.put('bomb.png', png(30000, 30000, 64 << 20));
    const begun = Date.now();
    const res = await signed('GET', 'bomb.png', { subresource: 'x-oss-process=image/resize,w_10' });
    assert.equal(res.status, 400, res.body);
    assert.ok(Date.now() - begun < 10000);
    await c.put('side.png', png(30001, 10, 1 << 20));
    assert.equal((await signed('GET', 'side.png', { subresource: 'x-oss-process=image/resize,w_10' })).status, 400);
    await c.put('broken.png', Buffer.concat([png(100, 100, 100).subarray(0, 60), crypto.randomBytes(200)]));
    assert.equal((await signed('GET', 'broken.png', { subresource: 'x-oss-process=image/resize,w_10' })).status, 400);
    assert.equal((await c.get('text')).content.toString(), 'no picture', 'the server lives on');
  });
});

function crc(data) {
  if (crc32) return crc32(data);
  let v = ~0;
  for (const b of data) {
    v ^= b;
    for (let i = 0; i < 8; i++) v = (v >>> 1) ^ (0xedb88320 & -(v & 1));
  }
  return ~v >>> 0;
}

describe('Function Compute', () => {
  const refused = (promise, code, text) => assert.rejects(promise, (err) => {
    assert.equal(err.code, code, err.message);
    assert.ok(err.statusCode >= 400 && err.statusCode < 500, err.message);
    if (text) assert.match(err.message, text);
    return true;
  });
  const none = (name) => refused(fc(server).getFunction(name, new FC.GetFunctionRequest({})), 'FunctionNotFound');

  it('malformed zip, and one that climbs out', async () => {
    await refused(create(server, 'z1', { zip: Buffer.from('PK but not a zip') }), 'InvalidArgument', /zip/i);
    await refused(create(server, 'z2', { zip: zip({ '../../evil.js': 'x' }) }), 'InvalidArgument', /\.\./);
    const good = zip({ 'index.js': 'exports.handler = async () => 1;' });
    await refused(create(server, 'z3', { zip: good.subarray(0, good.length - 30) }), 'InvalidArgument', /zip/i);
    for (const n of ['z1', 'z2', 'z3']) await none(n);
  });

  it('unknown runtime', async () => {
    await refused(create(server, 'u', { 'index.js': 'x' }, { runtime: 'cobol' }), 'InvalidArgument', /cobol/);
    await none('u');
  });

  it('missing handler, wrong handler name, code that does not load: the payload says so', async () => {
    const say = async (name, code, handler) => {
      try {
        await create(server, name, code, { handler });
        const res = await invoke(server, name);
        assert.equal(res.errorType, 'UnhandledInvocationError');
        return res.json().errorMessage;
      } catch (err) {
        if (err.code === 'ERR_ASSERTION') throw err;
        return err.message;
      }
    };
    assert.match(await say('h1', { 'index.js': 'exports.other = 1;' }, 'index.handler'), /handler/);
    assert.match(await say('h2', { 'index.js': 'exports.handler = async () => 1;' }, 'main.handler'), /main/);
    assert.match(await say('h3', { 'index.js': 'throw new Error("at load");' }, 'index.handler'), /at load/);
    assert.match(await say('h4', { 'index.js': 'require("no-such-module");' }, 'index.handler'), /no-such-module/);
  });

  it('bad signature, expired date, oversized bodies, no JSON', async () => {
    await refused(fc(server, { accessKeyId: server.accessKeyId, accessKeySecret: 'wrong' }).listFunctions(new FC.ListFunctionsRequest({})), 'SignatureNotMatch');
    await refused(fc(server, { accessKeyId: 'LTAInobody', accessKeySecret: 'wrong' }).listFunctions(new FC.ListFunctionsRequest({})), 'InvalidAccessKeyID');
    await create(server, 'big', { 'index.js': 'exports.handler = async (e) => e.length;' });
    const event = Buffer.alloc(200 * 1024, 'x');
    await refused(invoke(server, 'big', event, { type: 'Async' }), 'EntityTooLarge', /131072|128/);
    assert.equal((await invoke(server, 'big', event)).payload, String(event.length));
    const res = await fetch(`${server.fc}/2023-03-30/functions`, { method: 'POST', body: '{' });
    assert.ok(res.status >= 400 && res.status < 500);
    const body = await res.json();
    assert.ok(body.Code && body.Message && body.RequestId, JSON.stringify(body));
  });
});

it('is alive and well after all that', async () => {
  await until('a healthy server', async () => (await fetch(`${server.console}/healthz`)).status === 200, { timeout: 5000 });
  const { objects } = await c.list({ 'max-keys': 1000 });
  const names = objects.map((o) => o.name).sort();
  assert.deepEqual(names.filter((n) => !n.startsWith('kkk')), ['bomb.png', 'broken.png', 'keep', 'md5', 'mp', 'side.png', 'text']);
});
