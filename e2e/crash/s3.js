'use strict';

// Any S3 endpoint with bucket notifications by webhook as a target, to be measured beside
// Alcedo. It is started and killed by a command line; its events come to a server here,
// which is never killed.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const { AwsClient } = require('aws4fetch');

class S3 {
  watched = 'watched/';
  can = { append: false };

  // options: endpoint, start (a command line), port (of the webhook), accessKey, secretKey,
  // region, arn (of the webhook, for PutBucketNotification; none: it is sent all events),
  // quietMs, log (file)
  constructor(options) {
    Object.assign(this, { name: 's3', quietMs: 20000, region: 'us-east-1', ...options });
    this.aws = new AwsClient({ accessKeyId: this.accessKey, secretAccessKey: this.secretKey, service: 's3', region: this.region, retries: 0 });
    this.got = [];
  }

  async request(method, path, { body, query = '', headers = {}, missing } = {}) {
    const url = `${this.endpoint}/crash${path ? `/${path.split('/').map(encodeURIComponent).join('/')}` : ''}${query}`;
    const res = await this.aws.fetch(url, { method, body, headers, signal: AbortSignal.timeout(10000) });
    const data = Buffer.from(await res.arrayBuffer());
    if (missing && res.status === 404) return null;
    if (res.status >= 300) throw new Error(`${method} ${url}: ${res.status} ${data.toString().slice(0, 300)}`);
    return { headers: res.headers, data };
  }

  async start() {
    this.hook = http.createServer((req, res) => {
      const chunks = [];
      req.on('data', (c) => chunks.push(c));
      req.on('end', () => {
        try { this.take(JSON.parse(Buffer.concat(chunks))); } catch { /* not an event: a greeting, or cut off */ }
        res.end();
      });
    });
    await new Promise((resolve, reject) => this.hook.once('error', reject).listen(this.port, '127.0.0.1', resolve));
    await this.restart();
    await this.request('PUT', '');
    if (this.arn) {
      await this.request('PUT', '', {
        query: '?notification=',
        body: `<NotificationConfiguration><QueueConfiguration><Id>crash</Id><Queue>${this.arn}</Queue><Event>s3:ObjectCreated:*</Event><Event>s3:ObjectRemoved:*</Event>` +
          `<Filter><S3Key><FilterRule><Name>prefix</Name><Value>${this.watched}</Value></FilterRule></S3Key></Filter></QueueConfiguration></NotificationConfiguration>`,
      });
    }
  }

  take(message) {
    for (const r of message.Records || []) {
      const key = decodeURIComponent(r.s3.object.key.replace(/\+/g, ' '));
      if (!key.startsWith(this.watched)) continue;
      const what = /ObjectRemoved/.test(r.eventName) ? 'removed' : 'created';
      this.got.push({ what, key, etag: what === 'removed' ? '' : r.s3.object.eTag, size: r.s3.object.size || 0 });
    }
  }

  async restart() {
    const begun = Date.now();
    const log = fs.openSync(this.log || '/dev/null', 'a');
    this.child = spawn('/bin/sh', ['-c', `exec ${this.command}`], { detached: true, stdio: ['ignore', log, log] });
    fs.closeSync(log);
    this.exited = new Promise((resolve) => this.child.once('exit', resolve));
    for (;;) {
      if (this.child.exitCode !== null) throw new Error(`${this.command} ended with ${this.child.exitCode}`);
      try {
        const res = await this.aws.fetch(`${this.endpoint}/`, { signal: AbortSignal.timeout(2000) });
        await res.arrayBuffer();
        if (res.status < 300) return Date.now() - begun;
      } catch { /* not there yet */ }
      if (Date.now() - begun > 60000) throw new Error(`${this.endpoint} does not answer 60 s after the start`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async kill() {
    process.kill(-this.child.pid, 'SIGKILL');
    await this.exited;
  }

  async put(key, data) { return (await this.request('PUT', key, { body: data })).headers.get('etag'); }
  async remove(key) { await this.request('DELETE', key); }
  async get(key) { const r = await this.request('GET', key, { missing: true }); return r && r.data; }

  async multipart(key, data) {
    const id = /<UploadId>([^<]+)/.exec((await this.request('POST', key, { query: '?uploads=' })).data)[1];
    const query = `?uploadId=${encodeURIComponent(id)}`;
    const part = (await this.request('PUT', key, { query: `${query}&partNumber=1`, body: data })).headers.get('etag');
    const done = await this.request('POST', key, {
      query, body: `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${part}</ETag></Part></CompleteMultipartUpload>`,
    });
    return /<ETag>([^<]+)/.exec(done.data)[1].replace(/&#34;|&quot;/g, '');
  }

  async events() { return [...this.got]; }

  async stop() {
    if (this.child && this.child.exitCode === null && this.child.signalCode === null) await this.kill();
    this.hook.closeAllConnections();
    await new Promise((resolve) => this.hook.close(resolve));
  }

  async leaked() { return []; }
}

module.exports = { S3 };
