'use strict';

// A real disk that is full: the server's data directory is a small tmpfs, in a mount
// namespace of the server's own, which the test fills from outside. Writes are refused with
// a clear error, reads go on, deletes work while there is a reserve, and writes go on when
// there is room, without a restart. Nothing acknowledged is lost.

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { after, describe, it } = require('node:test');

// The server's binary becomes a script that starts it with a small disk in place of its
// data directory, whose name follows "serve --data".
const real = process.env.ALCEDO_BIN || path.resolve(__dirname, '../../bin/alcedo');
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'alcedo-disk-'));
const script = path.join(scratch, 'alcedo');
fs.writeFileSync(script, `#!/bin/sh
exec bwrap --die-with-parent --dev-bind / / --size "$DISK_SIZE" --tmpfs "$3" -- '${real}' "$@"
`, { mode: 0o700 });
process.env.ALCEDO_BIN = script;

const { Server, get } = require('../lib/server');
const { oss } = require('../lib/clients');
const { until } = require('../lib/wait');

const MiB = 1 << 20;
const namespaces = spawnSync('bwrap', ['--dev-bind', '/', '/', '--size', '1048576', '--tmpfs', scratch, 'true']);
const skip = namespaces.status === 0 ? false : `bwrap cannot mount here: ${namespaces.stderr || namespaces.error}`;

after(() => fs.rmSync(scratch, { recursive: true, force: true }));

class Disk {
  static async start(size, minFree) {
    const d = new Disk();
    d.server = await Server.start({ env: { DISK_SIZE: String(size) }, args: ['--min-free', minFree] });
    const pid = d.server.child.pid;
    const inner = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim() || String(pid);
    d.pid = Number(inner.split(' ')[0]);
    d.dir = `/proc/${d.pid}/root${d.server.dataDir}`;
    d.client = oss(d.server);
    await d.client.putBucket('full');
    d.client.useBucket('full');
    d.acked = new Map();
    return d;
  }

  free() { const s = fs.statfsSync(this.dir); return s.bavail * s.bsize; }

  // fill leaves about this much free, on top of what it filled before.
  fill(leave) {
    const f = fs.openSync(path.join(this.dir, 'filler'), 'a');
    try {
      for (let chunk = MiB; chunk >= 4096; chunk /= 16) {
        const b = Buffer.alloc(chunk);
        while (this.free() >= leave + chunk) fs.writeSync(f, b);
      }
    } catch (err) {
      if (err.code !== 'ENOSPC') throw err;
    } finally {
      fs.closeSync(f);
    }
  }

  empty() { fs.rmSync(path.join(this.dir, 'filler')); }

  async put(key, size) {
    const body = crypto.randomBytes(size);
    await this.client.put(key, body);
    this.acked.set(key, crypto.createHash('md5').update(body).digest('hex'));
  }

  async refusal(promise) {
    const err = await promise.then(() => null, (e) => e);
    assert.ok(err, 'a write was taken on a full disk');
    return err;
  }

  // whole checks every acknowledged object.
  async whole() {
    for (const [key, md5] of this.acked) {
      const { content } = await this.client.get(key);
      assert.equal(crypto.createHash('md5').update(content).digest('hex'), md5, `${key} is not what was acknowledged`);
    }
  }

  health() { return get(`${this.server.console}/healthz`); }

  // tells waits until /healthz says so.
  async tells(state) {
    await until(`/healthz to tell ${state}`, async () => (await this.health()).headers['x-alcedo-state'] === state);
  }

  async stop() {
    // To the server itself: bwrap would end without it.
    if (this.server.child.exitCode === null) process.kill(this.pid, 'SIGTERM');
    const limit = setTimeout(() => this.server.child.kill('SIGKILL'), 20000);
    const how = await this.server.child.exited;
    clearTimeout(limit);
    await this.server.stop();
    return how;
  }
}

describe('a full disk', { skip, timeout: 120000 }, () => {
  it('is told before it is full: growth is refused, reads and deletes go on', async () => {
    const d = await Disk.start(160 * MiB, '16MiB');
    try {
      await d.put('small', 1000);
      await d.put('blob', 3 * MiB);
      await d.put('victim', 2 * MiB);
      assert.equal((await d.health()).body.toString(), 'ok\n');

      d.fill(12 * MiB);
      await d.tells('read-only');
      for (const [key, size] of [['more', 1000], ['more-blob', MiB]]) {
        const err = await d.refusal(d.client.put(key, Buffer.alloc(size)));
        assert.equal(err.status, 507);
        assert.equal(err.code, 'InsufficientStorage');
        assert.match(err.message, /disk is full: \d+ MiB are free.*16 MiB are kept/s);
      }
      const part = await d.refusal(d.client.initMultipartUpload('parts'));
      assert.equal(part.code, 'InsufficientStorage');
      assert.equal((await d.refusal(d.client.append('log', Buffer.from('line')))).code, 'InsufficientStorage');
      const health = await d.health();
      assert.equal(health.status, 200); // nobody is to restart it
      assert.match(health.body.toString(), /^read-only: .*disk is full/);

      await d.whole();
      await d.client.delete('victim');
      d.acked.delete('victim');
      await assert.rejects(d.client.get('victim'), { code: 'NoSuchKey' });
      await assert.rejects(d.client.get('more'), { code: 'NoSuchKey' });

      d.empty();
      await d.tells('ok');
      await d.put('more', 1000);
      await d.put('more-blob', MiB);
      await d.whole();
      const storms = d.server.log.split('\n').filter((l) => /disk/.test(l));
      assert.ok(storms.length <= 6, `the log tells it too often:\n${storms.join('\n')}`);
    } finally {
      const how = await d.stop();
      assert.equal(how.signal, null, d.server.log);
    }
  });

  it('without a reserve: the log itself has no room, and goes on when it has', async () => {
    const d = await Disk.start(96 * MiB, '0');
    try {
      await d.put('first', 1000);
      await d.put('blob', 2 * MiB);
      d.fill(0);
      const err = await d.refusal(d.client.put('too-large', Buffer.alloc(4 * MiB)));
      assert.equal(err.status, 507);
      assert.match(err.message, /No space is left/);

      // Small objects go into the log, of which some was reserved.
      const refused = [];
      for (let i = 0; i < 6000 && !refused.length;) {
        await Promise.all(Array.from({ length: 16 }, () => `small/${i++}`).map(async (key) => {
          await d.put(key, 30000).catch((e) => refused.push([key, e]));
        }));
        if (d.free() > 0) d.fill(0);
      }
      assert.ok(refused.length, 'no write was refused on a full disk');
      for (const [, e] of refused) {
        assert.equal(e.status, 507, e.message);
        assert.equal(e.code, 'InsufficientStorage');
      }
      await d.tells('read-only');
      const begun = Date.now();
      assert.equal((await d.refusal(d.client.put('small/late', Buffer.alloc(100)))).code, 'InsufficientStorage');
      assert.ok(Date.now() - begun < 2000, 'a refusal takes long');
      await d.whole();

      d.empty();
      await d.tells('ok');
      await d.put('after', 1000);
      await d.put('after-blob', MiB);
      await d.whole();
      // What was refused is there whole, or not at all.
      for (const [key] of refused) {
        const got = await d.client.get(key).catch((e) => e);
        assert.ok(got.code === 'NoSuchKey' || got.content?.length === 30000, `${key}: ${got.code || got.content?.length}`);
      }
      console.log(`# disk: ${d.acked.size} objects, ${refused.length} refused`);
    } finally {
      const how = await d.stop();
      assert.equal(how.signal, null, d.server.log);
    }
  });
});
