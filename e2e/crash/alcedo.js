'use strict';

// Alcedo as a target: the built server, its SDK, and a function that writes down every
// event that it is given.

const fs = require('node:fs');
const { Server } = require('../lib/server');
const { oss } = require('../lib/clients');
const { create, trigger } = require('../lib/functions');

// The mark's name tells the event, and its end tells one run from another.
const code = `
  const crypto = require('node:crypto');
  const OSS = require('ali-oss');
  exports.handler = async (event, context) => {
    const { accessKeyId, accessKeySecret, securityToken } = context.credentials;
    const c = new OSS({ region: 'oss-' + context.region, endpoint: 'https://oss-' + context.region + '-internal.aliyuncs.com', accessKeyId, accessKeySecret, stsToken: securityToken, bucket: 'crash-marks' });
    const { eventName, oss } = JSON.parse(event).events[0];
    const what = eventName.startsWith('ObjectRemoved') ? 'removed' : 'created';
    const name = [what, oss.object.eTag, oss.object.size, crypto.randomUUID(), oss.object.key].join('/');
    await c.put(name, Buffer.from(eventName));
  };`;

// stat reads a process's parent and start time, which with its id names it for good.
function stat(pid) {
  try {
    const s = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    const f = s.slice(s.lastIndexOf(')') + 2).split(' ');
    return { pid, state: f[0], parent: Number(f[1]), start: f[19] };
  } catch {
    return null;
  }
}

function descendants(pid) {
  const all = fs.readdirSync('/proc').filter((n) => /^\d+$/.test(n)).map((n) => stat(Number(n))).filter(Boolean);
  const found = [];
  for (let parents = [pid]; parents.length;) {
    const children = all.filter((p) => parents.includes(p.parent));
    found.push(...children);
    parents = children.map((p) => p.pid);
  }
  return found;
}

class Alcedo {
  name = 'alcedo';
  watched = 'watched/';
  can = { append: true };
  quietMs = 60000;
  seen = new Map(); // processes that the server had, as pid start

  async start() {
    this.server = await Server.start();
    this.client = oss(this.server, { bucket: 'crash', timeout: 5000 });
    this.marks = oss(this.server, { bucket: 'crash-marks', timeout: 20000 });
    await this.client.putBucket('crash');
    await this.marks.putBucket('crash-marks');
    await create(this.server, 'mark', { 'index.js': code }, { timeout: 20, cpu: 0.5, memorySize: 512 });
    await trigger(this.server, 'mark', 'mark', {
      bucket: 'crash', prefix: this.watched,
      events: ['oss:ObjectCreated:PutObject', 'oss:ObjectCreated:AppendObject', 'oss:ObjectCreated:CompleteMultipartUpload', 'oss:ObjectRemoved:DeleteObject'],
    });
  }

  // kill ends the server alone, or all of its processes together, as a lost power does.
  async kill(rnd) {
    const pid = this.server.child.pid;
    const below = descendants(pid);
    for (const p of below) this.seen.set(`${p.pid} ${p.start}`, p.pid);
    this.server.child.kill('SIGKILL');
    if (rnd() < 0.5) {
      for (const p of below) {
        const now = stat(p.pid);
        if (now && now.start === p.start) try { process.kill(p.pid, 'SIGKILL'); } catch { /* gone with the server */ }
      }
    }
    await this.server.child.exited;
  }

  restart() { return this.server.launch(); }
  async put(key, data) { return (await this.client.put(key, data)).res.headers.etag; }
  async append(key, position, data) { return (await this.client.append(key, data, { position: String(position) })).res.headers.etag; }
  async multipart(key, data) { return (await this.client.multipartUpload(key, data, { partSize: 102400, parallel: 1 })).etag; }
  async remove(key) { await this.client.delete(key); }

  async get(key) {
    try {
      return (await this.client.get(key)).content;
    } catch (err) {
      if (err.code === 'NoSuchKey') return null;
      throw err;
    }
  }

  async events() {
    const events = [];
    for (let marker; ;) {
      const page = await this.marks.list({ 'max-keys': 1000, ...(marker ? { marker } : {}) });
      for (const o of page.objects || []) {
        const [what, etag, size, , ...key] = o.name.split('/');
        events.push({ what, etag, size: Number(size), key: key.join('/') });
      }
      if (!page.isTruncated) return events;
      marker = page.nextMarker;
    }
  }

  async stop() {
    for (const p of descendants(this.server.child.pid)) this.seen.set(`${p.pid} ${p.start}`, p.pid);
    await this.server.stop();
  }

  // leaked gives the processes of any of the servers that are still there a while after
  // the last one has ended.
  async leaked() {
    let left;
    for (let i = 0; i < 50; i++) {
      left = [...this.seen].filter(([name, pid]) => { const s = stat(pid); return s && s.state !== 'Z' && `${pid} ${s.start}` === name; });
      if (!left.length) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return left.map(([, pid]) => `process ${pid}`);
  }
}

module.exports = { Alcedo };
