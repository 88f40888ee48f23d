'use strict';

// kill -9 under load: after each restart every acknowledged object is there, and every
// acknowledged object has had its run.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { Server } = require('../lib/server');
const { oss } = require('../lib/clients');
const { create, trigger } = require('../lib/functions');
const { until } = require('../lib/wait');

const rounds = Number(process.env.ALCEDO_CRASH_ROUNDS || 4);
const seed = Number(process.env.ALCEDO_CRASH_SEED || (Date.now() % 2 ** 31));

// random is mulberry32: the same seed gives the same sizes and moments of the kill.
function random(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

it(`loses no acknowledged object and owes no run over ${rounds} kill -9 (seed ${seed})`, async (t) => {
  const rnd = random(seed);
  const server = await Server.start();
  const c = oss(server, { bucket: 'crash', timeout: 5000 });
  const marks = oss(server, { bucket: 'crash-marks' });
  let restarts = 0;
  try {
    await c.putBucket('crash');
    await marks.putBucket('crash-marks');
    await create(server, 'mark', { 'index.js': `
      const OSS = require('ali-oss');
      exports.handler = async (event, context) => {
        const { accessKeyId, accessKeySecret, securityToken } = context.credentials;
        const c = new OSS({ region: 'oss-' + context.region, endpoint: 'https://oss-' + context.region + '-internal.aliyuncs.com', accessKeyId, accessKeySecret, stsToken: securityToken, bucket: 'crash-marks' });
        await c.put(JSON.parse(event).events[0].oss.object.key, Buffer.from('ran'));
      };` }, { timeout: 20 });
    await trigger(server, 'mark', 'mark', { bucket: 'crash', prefix: 'k/' });

    const acknowledged = new Map(); // key → size
    let n = 0;
    for (let round = 0; round < rounds; round++) {
      let down = false;
      const worker = async () => {
        while (!down) {
          const key = `k/${String(n++).padStart(6, '0')}`;
          const size = rnd() < 0.15 ? 40000 + Math.floor(rnd() * 100000) : Math.floor(rnd() * 5000);
          try {
            await c.put(key, Buffer.alloc(size, key));
            acknowledged.set(key, size);
          } catch (err) {
            if (!down) throw err;
          }
        }
      };
      const load = Promise.all(Array.from({ length: 16 }, worker));
      const moment = 300 + Math.floor(rnd() * 700);
      await Promise.race([load, new Promise((resolve) => setTimeout(resolve, moment))]);
      down = true;
      await server.kill();
      await load;
      await server.launch();
      restarts++;
    }

    for (const [key, size] of acknowledged) {
      const { content } = await c.get(key);
      assert.equal(content.length, size, key);
      if (size) assert.ok(content.equals(Buffer.alloc(size, key)), key);
    }
    const ran = async () => {
      const seen = new Set();
      let marker;
      do {
        const page = await marks.list({ 'max-keys': 1000, ...(marker ? { marker } : {}) });
        for (const o of page.objects || []) seen.add(o.name);
        marker = page.isTruncated ? page.nextMarker : null;
      } while (marker);
      return seen;
    };
    let seen;
    await until('a run for every acknowledged object', async () => {
      seen = await ran();
      return [...acknowledged.keys()].every((k) => seen.has(k));
    }, { timeout: 90000, every: 250 }).catch(async (err) => {
      const missing = [...acknowledged.keys()].filter((k) => !seen.has(k));
      throw new Error(`${err.message}: ${missing.length} of ${acknowledged.size} have none, the first ${missing[0]} (seed ${seed})`);
    });
    t.diagnostic(`seed ${seed}: ${restarts} kills, ${acknowledged.size} acknowledged objects, ${seen.size} of them and of unacknowledged ones ran`);
    console.log(`# crash: seed ${seed}, ${restarts} kills, ${acknowledged.size} acknowledged, 0 lost, 0 without a run`);
  } finally {
    await server.stop();
  }
});
