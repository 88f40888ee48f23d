'use strict';

// Every OSS operation through ali-oss: both addressing styles, both signatures.

const assert = require('node:assert/strict');
const { after, before, describe, it } = require('node:test');
const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { Server, root } = require('../lib/server');
const { oss, agent } = require('../lib/clients');
const { until } = require('../lib/wait');
const png = require('../lib/png');

let server;
before(async () => { server = await Server.start(); });
after(async () => { if (server) await server.stop(); });

// raw sends one request, resolving *.localhost as the SDK's agent here does.
function raw(method, url, { headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const req = http.request(url, { method, headers, agent }, (res) => {
      const chunks = [];
      res.on('data', (c) => chunks.push(c));
      res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(chunks) }));
    });
    req.on('error', reject);
    req.end(body);
  });
}

const rejects = (promise, code, status) => assert.rejects(promise, (err) => {
  assert.equal(err.code, code, err.message);
  if (status) assert.equal(err.status, status, err.message);
  return true;
});

for (const style of ['path', 'host']) {
  for (const v4 of [false, true]) {
    describe(`ali-oss, ${style === 'path' ? 'path-style' : 'virtual host'}, signature ${v4 ? 'V4' : 'V1'}`, () => {
      const bucket = `e2e-${style}-${v4 ? 'v4' : 'v1'}`;
      let c;
      let signer;
      before(async () => {
        c = oss(server, { style, v4 });
        signer = style === 'path' ? oss(server, { style: 'local', v4, bucket }) : c;
        await c.putBucket(bucket);
        c.useBucket(bucket);
      });

      it('lists the bucket and tells about it', async () => {
        const { buckets } = await c.listBuckets({ prefix: bucket });
        assert.deepEqual(buckets.map((b) => b.name), [bucket]);
        assert.equal(buckets[0].region, 'oss-cn-hangzhou');
        const info = await c.getBucketInfo(bucket);
        assert.equal(info.bucket.Name, bucket);
        assert.equal(info.bucket.Location, 'oss-cn-hangzhou');
        assert.equal(info.bucket.Owner.ID, server.account);
        assert.equal((await c.getBucketLocation(bucket)).location, 'oss-cn-hangzhou');
      });

      it('sets and gets the bucket ACL', async () => {
        assert.equal((await c.getBucketACL(bucket)).acl, 'private');
        await c.putBucketACL(bucket, 'public-read');
        assert.equal((await c.getBucketACL(bucket)).acl, 'public-read');
        await c.putBucketACL(bucket, 'private');
      });

      it('puts, heads, gets and deletes an object', async () => {
        const data = crypto.randomBytes(70000);
        const key = '目录/a b+c&d=e~!*\'().txt';
        const put = await c.put(key, data, { mime: 'text/plain', meta: { uid: 7, name: 'eisvogel' }, headers: { 'Cache-Control': 'max-age=5' } });
        assert.match(put.res.headers['x-oss-request-id'], /^[0-9A-F]{24}$/);
        const stamp = parseInt(put.res.headers['x-oss-request-id'].slice(0, 8), 16);
        assert.ok(Math.abs(stamp - Date.now() / 1000) < 10, 'the request id starts with the unix time');
        assert.equal(put.res.headers.etag, `"${crypto.createHash('md5').update(data).digest('hex').toUpperCase()}"`);
        assert.match(put.res.headers['x-oss-hash-crc64ecma'], /^\d+$/);
        const head = await c.head(key);
        assert.deepEqual(head.meta, { uid: '7', name: 'eisvogel' });
        assert.equal(head.res.headers['content-length'], '70000');
        assert.equal(head.res.headers['content-type'], 'text/plain');
        assert.equal(head.res.headers['cache-control'], 'max-age=5');
        assert.equal(head.res.headers['x-oss-object-type'], 'Normal');
        const got = await c.get(key);
        assert.ok(got.content.equals(data));
        const meta = await c.getObjectMeta(key);
        assert.equal(meta.res.headers.etag, put.res.headers.etag);
        assert.equal((await c.delete(key)).res.status, 204);
        await rejects(c.get(key), 'NoSuchKey', 404);
        await rejects(c.head(key), 'NoSuchKey', 404);
        assert.equal((await c.delete(key)).res.status, 204);
      });

      it('puts and gets streams, and an empty object', async () => {
        const data = crypto.randomBytes(300000);
        const file = path.join(os.tmpdir(), `alcedo-e2e-${process.pid}.bin`);
        fs.writeFileSync(file, data);
        try {
          await c.putStream('stream', fs.createReadStream(file));
          const { stream } = await c.getStream('stream');
          const chunks = [];
          for await (const chunk of stream) chunks.push(chunk);
          assert.ok(Buffer.concat(chunks).equals(data));
        } finally {
          fs.rmSync(file);
        }
        await c.put('empty', Buffer.alloc(0));
        assert.equal((await c.get('empty')).content.length, 0);
      });

      it('answers ranges and conditions', async () => {
        const { res } = await c.put('range', Buffer.from('0123456789'));
        const part = await c.get('range', { headers: { Range: 'bytes=2-4' } });
        assert.equal(part.res.status, 206);
        assert.equal(part.content.toString(), '234');
        assert.equal(part.res.headers['content-range'], 'bytes 2-4/10');
        assert.equal((await c.get('range', { headers: { Range: 'bytes=-3' } })).content.toString(), '789');
        assert.equal((await c.get('range', { headers: { Range: 'bytes=7-' } })).content.toString(), '789');
        assert.equal((await c.head('range', { headers: { 'If-None-Match': res.headers.etag } })).status, 304);
        await rejects(c.get('range', { headers: { 'If-Match': '"0123"' } }), 'PreconditionFailed', 412);
      });

      it('forbids overwriting when asked', async () => {
        await c.put('once', Buffer.from('1'), { headers: { 'x-oss-forbid-overwrite': 'true' } });
        await rejects(c.put('once', Buffer.from('2'), { headers: { 'x-oss-forbid-overwrite': 'true' } }), 'FileAlreadyExists', 409);
        assert.equal((await c.get('once')).content.toString(), '1');
      });

      it('copies objects', async () => {
        await c.put('copy/from', Buffer.from('copy me'), { meta: { a: '1' } });
        await c.copy('copy/to', 'copy/from');
        assert.equal((await c.get('copy/to')).content.toString(), 'copy me');
        assert.deepEqual((await c.head('copy/to')).meta, { a: '1' });
        await c.copy('copy/to', 'copy/from', { meta: { b: '2' } });
        assert.deepEqual((await c.head('copy/to')).meta, { b: '2' });
        await rejects(c.copy('copy/to', 'copy/nothing'), 'NoSuchKey', 404);
      });

      it('appends', async () => {
        const first = await c.append('log', Buffer.from('ab'));
        assert.equal(first.nextAppendPosition, '2');
        const second = await c.append('log', Buffer.from('cd'), { position: 2 });
        assert.equal(second.nextAppendPosition, '4');
        assert.equal((await c.get('log')).content.toString(), 'abcd');
        assert.equal((await c.head('log')).res.headers['x-oss-object-type'], 'Appendable');
        await rejects(c.append('log', Buffer.from('x'), { position: 2 }), 'PositionNotEqualToLength', 409);
        await rejects(c.append('range', Buffer.from('x'), { position: 10 }), 'ObjectNotAppendable', 409);
      });

      it('makes and follows symlinks', async () => {
        await c.put('target', Buffer.from('behind the link'));
        await c.putSymlink('link', 'target', { meta: { kind: 'link' } });
        assert.equal((await c.getSymlink('link')).targetName, 'target');
        assert.equal((await c.get('link')).content.toString(), 'behind the link');
        await rejects(c.getSymlink('target'), 'NotSymlink');
      });

      it('uploads in parts, copies parts, lists and aborts', async () => {
        const data = crypto.randomBytes(1024 * 1024 + 17);
        const file = path.join(os.tmpdir(), `alcedo-e2e-mp-${process.pid}.bin`);
        fs.writeFileSync(file, data);
        try {
          const done = await c.multipartUpload('parts', file, { partSize: 256 * 1024, parallel: 3, meta: { m: 'p' } });
          assert.match(done.res.headers.etag || done.etag, /-5"?$/);
        } finally {
          fs.rmSync(file);
        }
        const got = await c.get('parts');
        assert.ok(got.content.equals(data));
        assert.equal(got.res.headers['x-oss-object-type'], 'Multipart');
        assert.equal(got.res.headers['x-oss-meta-m'], 'p');
        await c.multipartUploadCopy('parts-copy', { sourceKey: 'parts', sourceBucketName: bucket }, { partSize: 256 * 1024 });
        assert.ok((await c.get('parts-copy')).content.equals(data));

        const { uploadId } = await c.initMultipartUpload('left');
        assert.match(uploadId, /^[0-9A-F]{32}$/);
        const piece = Buffer.alloc(100 * 1024, 'x');
        const file2 = `${file}2`;
        fs.writeFileSync(file2, piece);
        try {
          await c.uploadPart('left', uploadId, 1, file2, 0, piece.length);
        } finally {
          fs.rmSync(file2);
        }
        const { parts } = await c.listParts('left', uploadId, {});
        const list = [].concat(parts);
        assert.equal(list.length, 1);
        assert.equal(list[0].Size, String(piece.length));
        assert.deepEqual((await c.listUploads({ prefix: 'left' })).uploads.map((u) => [u.name, u.uploadId]), [['left', uploadId]]);
        await c.abortMultipartUpload('left', uploadId);
        assert.equal(((await c.listUploads({ prefix: 'left' })).uploads || []).length, 0);
        await rejects(c.listParts('left', uploadId, {}), 'NoSuchUpload', 404);
      });

      it('lists in pages, with prefix and delimiter, in both versions', async () => {
        const keys = ['l/a', 'l/b/1', 'l/b/2', 'l/c', 'l/ü', 'l/z z'];
        for (const k of keys) await c.put(k, Buffer.from(k));
        const flat = await c.list({ prefix: 'l/', 'max-keys': 1000 });
        assert.deepEqual(flat.objects.map((o) => o.name), keys.slice().sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
        const folded = await c.list({ prefix: 'l/', delimiter: '/', 'max-keys': 1000 });
        assert.deepEqual(folded.prefixes, ['l/b/']);
        const seen = [];
        let marker;
        do {
          const page = await c.list({ prefix: 'l/', 'max-keys': 2, ...(marker ? { marker } : {}) });
          seen.push(...(page.objects || []).map((o) => o.name));
          marker = page.isTruncated ? page.nextMarker : null;
        } while (marker);
        assert.deepEqual(seen, flat.objects.map((o) => o.name));
        const seen2 = [];
        let token;
        do {
          const page = await c.listV2({ prefix: 'l/', 'max-keys': '4', ...(token ? { 'continuation-token': token } : {}) });
          seen2.push(...(page.objects || []).map((o) => o.name));
          token = page.nextContinuationToken;
        } while (token);
        assert.deepEqual(seen2, seen);
        const after = await c.listV2({ prefix: 'l/', 'start-after': 'l/c', 'max-keys': '10' });
        assert.deepEqual(after.objects.map((o) => o.name), ['l/z z', 'l/ü']);
      });

      it('deletes many at once', async () => {
        const keys = ['many/1', 'many/2 &<>', 'many/3'];
        for (const k of keys) await c.put(k, Buffer.from('x'));
        const { deleted } = await c.deleteMulti([...keys, 'many/none']);
        assert.deepEqual(deleted.map((d) => d.Key).sort(), [...keys, 'many/none'].sort());
        assert.equal(((await c.list({ prefix: 'many/' })).objects || []).length, 0);
        await c.put('many/quiet', Buffer.from('x'));
        assert.deepEqual((await c.deleteMulti(['many/quiet'], { quiet: true })).deleted || [], []);
      });

      it('sets and gets object ACLs', async () => {
        await c.put('acl', Buffer.from('x'));
        assert.equal((await c.getACL('acl')).acl, 'default');
        await c.putACL('acl', 'public-read');
        assert.equal((await c.getACL('acl')).acl, 'public-read');
      });

      it('honours signed addresses, and refuses anonymous, expired and altered ones', async () => {
        await c.put('signed', Buffer.from('by address'));
        const sign = async (method, key, expires) => (v4
          ? signer.signatureUrlV4(method, expires, {}, key)
          : signer.signatureUrl(key, { method, expires }));
        const url = await sign('GET', 'signed', 60);
        const got = await raw('GET', url);
        assert.equal(got.status, 200, got.body.toString());
        assert.equal(got.body.toString(), 'by address');
        const put = await raw('PUT', await sign('PUT', 'signed-put', 60), { body: 'uploaded', headers: { 'content-length': 8 } });
        assert.equal(put.status, 200, put.body.toString());
        assert.equal((await c.get('signed-put')).content.toString(), 'uploaded');
        const other = await raw('GET', url.replace('/signed?', '/signed-put?'));
        assert.equal(other.status, 403);
        assert.match(other.body.toString(), /<Code>SignatureDoesNotMatch<\/Code>/);
        const brief = await sign('GET', 'signed', 1);
        await until('the address to expire', async () => (await raw('GET', brief)).status === 403, { timeout: 5000, every: 100 });
        const plain = await raw('GET', url.split('?')[0]);
        assert.equal(plain.status, 403);
        assert.match(plain.body.toString(), /<Code>AccessDenied<\/Code>/);
      });

      it('processes a picture on the way out and into another object', async () => {
        const picture = fs.readFileSync(path.join(root, 'examples/kingfisher.png'));
        await c.put('pic.png', picture, { mime: 'image/png' });
        const small = await c.get('pic.png', { process: 'image/resize,w_64' });
        assert.deepEqual(png.size(small.content), [64, 48]);
        const info = JSON.parse((await c.get('pic.png', { process: 'image/info' })).content.toString());
        assert.equal(info.ImageWidth.value, '640');
        assert.equal(info.Format.value, 'png');
        const jpg = (await c.get('pic.png', { process: 'image/format,jpg/quality,q_60' }));
        assert.equal(jpg.content.subarray(0, 2).toString('hex'), 'ffd8');
        assert.equal(jpg.res.headers['content-type'], 'image/jpeg');
        await c.processObjectSave('pic.png', 'saved/pic.png', 'image/resize,m_fixed,w_128,h_128', bucket);
        assert.deepEqual(png.size((await c.get('saved/pic.png')).content), [128, 128]);
        const url = v4
          ? await signer.signatureUrlV4('GET', 60, { queries: { 'x-oss-process': 'image/resize,w_32' } }, 'pic.png')
          : signer.signatureUrl('pic.png', { process: 'image/resize,w_32', expires: 60 });
        assert.deepEqual(png.size((await raw('GET', url)).body), [32, 24]);
      });

      it('refuses a wrong key pair', async () => {
        const wrong = oss(server, { style, v4, bucket, credentials: { accessKeyId: server.accessKeyId, accessKeySecret: 'not-the-secret' } });
        await rejects(wrong.get('range'), 'SignatureDoesNotMatch', 403);
        const unknown = oss(server, { style, v4, bucket, credentials: { accessKeyId: 'LTAInobody', accessKeySecret: 'x' } });
        await rejects(unknown.get('range'), 'InvalidAccessKeyId', 403);
      });
    });
  }
}

describe('post form', () => {
  const bucket = 'e2e-form';
  let c;
  before(async () => {
    c = oss(server, { bucket });
    await c.putBucket(bucket);
  });

  function form(fields, file, fileName = 'f.txt') {
    const boundary = `----alcedo${crypto.randomBytes(8).toString('hex')}`;
    const parts = Object.entries(fields).map(([k, v]) => `--${boundary}\r\nContent-Disposition: form-data; name="${k}"\r\n\r\n${v}\r\n`);
    parts.push(`--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${fileName}"\r\nContent-Type: text/plain\r\n\r\n`);
    return {
      body: Buffer.concat([Buffer.from(parts.join('')), Buffer.from(file), Buffer.from(`\r\n--${boundary}--\r\n`)]),
      headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    };
  }
  const policy = (conditions, ms = 60000) => ({ expiration: new Date(Date.now() + ms).toISOString(), conditions });
  const send = (f) => raw('POST', `${server.oss}/${bucket}/`, { body: f.body, headers: { ...f.headers, 'content-length': f.body.length } });

  it('takes a file whose policy fits, through the bucket\'s own host too', async () => {
    const sig = c.calculatePostSignature(policy([{ bucket }, ['starts-with', '$key', 'form/'], ['content-length-range', 1, 100]]));
    const f = form({ key: 'form/${filename}', ...sig, success_action_status: '201', 'x-oss-meta-from': 'form' }, 'hello form');
    const res = await raw('POST', `http://${bucket}.localhost:${server.ports[0]}/`, { body: f.body, headers: { ...f.headers, 'content-length': f.body.length } });
    assert.equal(res.status, 201, res.body.toString());
    assert.match(res.body.toString(), /<Key>form\/f.txt<\/Key>/);
    const got = await c.get('form/f.txt');
    assert.equal(got.content.toString(), 'hello form');
    assert.equal(got.res.headers['x-oss-meta-from'], 'form');
  });

  it('answers 204 when no status is asked for', async () => {
    const sig = c.calculatePostSignature(policy([['starts-with', '$key', '']]));
    assert.equal((await send(form({ key: 'plain', ...sig }, 'x'))).status, 204);
  });

  it('refuses what the policy does not allow, and changes nothing', async () => {
    const tight = c.calculatePostSignature(policy([['starts-with', '$key', 'form/'], ['content-length-range', 1, 5]]));
    for (const [fields, file, code] of [
      [{ key: 'outside', ...tight }, 'ok', 'AccessDenied'],
      [{ key: 'form/long', ...tight }, 'longer than five', 'EntityTooLarge'],
      [{ key: 'form/late', ...c.calculatePostSignature(policy([['starts-with', '$key', '']], -60000)) }, 'x', 'AccessDenied'],
      [{ key: 'form/sig', ...tight, Signature: 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=' }, 'ok', 'SignatureDoesNotMatch'],
    ]) {
      const res = await send(form(fields, file));
      assert.ok(res.status >= 400, `${fields.key} was taken`);
      assert.match(res.body.toString(), new RegExp(`<Code>${code}</Code>`), fields.key);
      await rejects(c.head(fields.key), 'NoSuchKey');
    }
  });
});

describe('buckets', () => {
  it('refuses to delete a bucket that is not empty, and names that are not valid', async () => {
    const c = oss(server);
    await c.putBucket('e2e-full');
    c.useBucket('e2e-full');
    await c.put('x', Buffer.from('x'));
    await rejects(c.deleteBucket('e2e-full'), 'BucketNotEmpty', 409);
    await c.delete('x');
    await c.deleteBucket('e2e-full');
    await rejects(c.getBucketInfo('e2e-full'), 'NoSuchBucket', 404);
    const bad = await raw('PUT', `${server.oss}/Not_A-Bucket!/`, {});
    assert.ok([400, 403].includes(bad.status));
  });

  it('makes an anonymous reader welcome in a public-read bucket only', async () => {
    const c = oss(server);
    await c.putBucket('e2e-public', { acl: 'public-read' });
    c.useBucket('e2e-public');
    await c.put('x', Buffer.from('for all'));
    assert.equal((await raw('GET', `http://e2e-public.localhost:${server.ports[0]}/x`)).body.toString(), 'for all');
    assert.equal((await raw('GET', `${server.oss}/e2e-public/x`)).body.toString(), 'for all');
    assert.equal((await raw('PUT', `${server.oss}/e2e-public/y`, { body: 'no' })).status, 403);
  });
});
