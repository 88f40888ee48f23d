'use strict';

// The load, the kills and the comparison; what is killed is a target (alcedo.js, s3.js):
//
//   start()            starts it the first time and makes what the load needs
//   restart()          starts it again after kill(), with the same data
//   kill()             SIGKILL; false if it was not there to be killed
//   put(key, data), multipart(key, data), append(key, position, data)   give the ETag
//   remove(key), get(key)                                               get gives null where there is nothing
//   watched            the prefix of the keys whose changes cause events
//   can                {append: true, …}
//   events()           every event that arrived: {what: created | removed, key, etag, size}
//   stop(), leaked()   leaked gives what is left of its processes

const crypto = require('node:crypto');

// random is mulberry32: the same seed gives the same operations, sizes and moments.
function random(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const pool = crypto.createHash('shake256', { outputLength: 1 << 20 }).update('alcedo').digest();
const bare = (etag) => String(etag || '').replace(/"/g, '').toUpperCase();
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Worker changes keys of its own, one after the other, so that at every moment it knows
// what each key must hold, except the one that it was just changing.
class Worker {
  constructor(target, n, rnd) {
    Object.assign(this, { target, n, rnd, next: 0, keys: new Map(), gone: new Set(), changes: [], open: null });
    this.counts = { put: 0, blob: 0, overwrite: 0, multipart: 0, append: 0, delete: 0 };
  }

  data(least, most) {
    const size = least + Math.floor(this.rnd() * (most - least));
    const at = Math.floor(this.rnd() * (pool.length - size));
    const d = Buffer.from(pool.subarray(at, at + size));
    if (size > 12) d.writeUInt32LE(this.n, 0), d.writeUInt32LE(this.changes.length, 4); // no two alike
    return d;
  }

  fresh() {
    return `${this.rnd() < 0.4 ? this.target.watched : 'quiet/'}${this.n}-${String(this.next++).padStart(5, '0')}`;
  }

  some(filter = () => true) {
    const all = [...this.keys].filter(([, v]) => filter(v)).map(([k]) => k);
    return all.length ? all[Math.floor(this.rnd() * all.length)] : null;
  }

  // step makes one change. Between its begin and its answer the change is open: it may or
  // may not have been made.
  async step() {
    const p = this.rnd();
    let [what, key, after] = ['put', null, null];
    let run;
    if (p < 0.12 && (key = this.some())) {
      what = 'delete';
      run = () => this.target.remove(key);
    } else if (p < 0.32 && this.target.can.append) {
      what = 'append';
      key = (this.rnd() < 0.8 && this.some((v) => v.appendable && v.data.length < 40000)) || this.fresh();
      const old = this.keys.get(key);
      const more = this.data(1, 3000);
      after = { data: old ? Buffer.concat([old.data, more]) : more, appendable: true };
      run = () => this.target.append(key, old ? old.data.length : 0, more);
    } else if (p < 0.38) {
      what = 'multipart';
      key = this.fresh();
      after = { data: this.data(110000, 220000) };
      run = () => this.target.multipart(key, after.data);
    } else {
      if (p < 0.52) key = this.some((v) => !v.appendable);
      what = key ? 'overwrite' : this.rnd() < 0.15 ? 'blob' : 'put';
      key = key || this.fresh();
      after = { data: what === 'blob' ? this.data(40000, 150000) : this.data(0, 5000) };
      run = () => this.target.put(key, after.data);
    }
    this.open = { key, after };
    const etag = await run();
    this.open = null;
    this.counts[what]++;
    this.become(key, after, bare(etag));
  }

  become(key, after, etag) {
    const watched = key.startsWith(this.target.watched);
    if (after) {
      this.keys.set(key, after);
      if (watched) this.changes.push({ what: 'created', key, etag, size: after.data.length, append: after.appendable });
    } else {
      this.keys.delete(key);
      this.gone.add(key); // never used again
      if (watched) this.changes.push({ what: 'removed', key });
    }
  }

  // settle looks what became of the change that was open when the power went. It is the
  // old state or the new one, never a third.
  async settle() {
    if (!this.open) return null;
    const { key, after } = this.open;
    this.open = null;
    const got = await this.target.get(key);
    const old = this.keys.get(key);
    const same = (v) => (v ? got !== null && got.equals(v.data) : got === null);
    if (same(after)) {
      // It was not acknowledged: nobody may count on its event.
      if (after) this.keys.set(key, after);
      else { this.keys.delete(key); this.gone.add(key); }
      return null;
    }
    if (same(old)) return null;
    return `${key} is neither what it was nor what it was to become: ${got === null ? 'it is not there' : `${got.length} bytes`}`;
  }

  // verify compares every key.
  async verify() {
    const problems = { lost: [], undone: [] };
    for (const [key, want] of this.keys) {
      const got = await this.target.get(key);
      if (got === null || !got.equals(want.data)) problems.lost.push(`${key}: ${got === null ? 'not there' : `${got.length} bytes, or other ones`}, want ${want.data.length} bytes`);
    }
    for (const key of this.gone) {
      if ((await this.target.get(key)) !== null) problems.undone.push(key);
    }
    return problems;
  }
}

// busy waits until n more events have arrived, or ms are over.
async function busy(target, n, ms) {
  const until = Date.now() + ms;
  for (const before = (await target.events()).length; Date.now() < until && (await target.events()).length < before + n;) await pause(50);
}

// torture kills a target in each of many rounds, and gives what it counted.
async function torture(target, { rounds = 50, seed = Date.now() % 2 ** 31, workers = 8, shortest = 150, longest = 550, drain = 90, say = () => {} } = {}) {
  const rnd = random(seed);
  const begun = Date.now();
  const result = {
    target: target.name, seed, rounds: 0, operations: {}, acknowledged: 0, objects: 0, deletes: 0,
    lost: 0, undone: 0, torn: 0, owed: 0, lostEvents: 0, arrived: 0, early: 0, duplicates: 0, leaked: 0, slowestRestartMs: 0, seconds: 0, first: [],
  };
  const tell = (kind, list) => { result[kind] += list.length; for (const p of list.slice(0, 5)) result.first.push(`${kind}: ${p}`); };
  const alive = setInterval(() => {}, 1 << 30); // nothing else keeps this process while a dead one is awaited
  await target.start().catch((err) => { clearInterval(alive); throw err; });
  const all = Array.from({ length: workers }, (_, n) => new Worker(target, n, random((seed ^ Math.imul(n + 1, 0x9e3779b1)) | 0)));
  try {
    for (let round = 0; round < rounds; round++) {
      let down = false;
      const load = Promise.all(all.map(async (w) => {
        while (!down) {
          try {
            await w.step();
          } catch (err) {
            if (!down) throw err;
          }
        }
      }));
      const moment = shortest + rnd() * (longest - shortest);
      // Every fifth round lasts until functions have started and run among the writers.
      await Promise.race([load, round % 5 === 4 ? busy(target, 30, 4000).then(() => pause(moment / 4)) : pause(moment)]);
      down = true;
      await target.kill(rnd);
      await load;
      result.slowestRestartMs = Math.max(result.slowestRestartMs, Math.round(await target.restart()));
      result.rounds++;
      tell('torn', (await Promise.all(all.map((w) => w.settle()))).filter(Boolean));
      if ((round + 1) % 10 === 0) say(`${round + 1} kills, ${all.reduce((n, w) => n + Object.values(w.counts).reduce((a, b) => a + b, 0), 0)} changes acknowledged`);
    }

    result.early = (await target.events()).length;
    for (const p of await Promise.all(all.map((w) => w.verify()))) { tell('lost', p.lost); tell('undone', p.undone); }
    for (const w of all) {
      for (const [k, n] of Object.entries(w.counts)) { result.operations[k] = (result.operations[k] || 0) + n; result.acknowledged += n; }
      result.objects += w.keys.size;
      result.deletes += w.gone.size;
    }

    // Of appends the size tells one from the next, of all else the ETag.
    const id = (e) => (e.what === 'removed' ? `removed ${e.key}` : e.append ? `created ${e.key} ${e.size} bytes` : `created ${e.key} ${bare(e.etag)}`);
    const owed = all.flatMap((w) => w.changes);
    result.owed = owed.length;
    const deadline = Date.now() + drain * 1000;
    let missing;
    for (let before = -1, since = Date.now(); ;) {
      const events = await target.events();
      const times = new Map();
      for (const e of events) for (const name of new Set([id(e), id({ ...e, append: true })])) times.set(name, (times.get(name) || 0) + 1);
      missing = owed.filter((e) => !times.has(id(e)));
      result.arrived = events.length;
      const distinct = new Set(events.map((e) => `${e.what} ${e.key} ${bare(e.etag)} ${e.what === 'removed' ? '' : e.size}`));
      result.duplicates = events.length - distinct.size;
      if (events.length !== before) { before = events.length; since = Date.now(); }
      // Nothing more for a while: nothing more will come.
      if (!missing.length || Date.now() > deadline || Date.now() - since > (target.quietMs || 20000)) break;
      await pause(200);
    }
    tell('lostEvents', missing.map(id));
  } finally {
    await target.stop();
    const left = await target.leaked();
    tell('leaked', left);
    clearInterval(alive);
    result.seconds = Math.round((Date.now() - begun) / 100) / 10;
  }
  result.ok = !result.lost && !result.undone && !result.torn && !result.lostEvents && !result.leaked;
  return result;
}

// report is a result for people.
function report(r) {
  const ops = Object.entries(r.operations).map(([k, n]) => `${n} ${k}`).join(', ');
  return [
    `${r.target}: ${r.rounds} kill -9 in ${r.seconds} s (seed ${r.seed}), restarted in at most ${r.slowestRestartMs} ms`,
    `  acknowledged changes   ${String(r.acknowledged).padStart(7)}   (${ops})`,
    `  lost objects           ${String(r.lost).padStart(7)}   of ${r.objects}`,
    `  deletes undone         ${String(r.undone).padStart(7)}   of ${r.deletes}`,
    `  torn changes           ${String(r.torn).padStart(7)}`,
    `  lost events            ${String(r.lostEvents).padStart(7)}   of ${r.owed} owed`,
    `  duplicate events       ${String(r.duplicates).padStart(7)}   of ${r.arrived} that arrived, ${r.early} of them between the kills`,
    `  processes left behind  ${String(r.leaked).padStart(7)}`,
    ...r.first.map((p) => `  ! ${p}`),
  ].join('\n');
}

module.exports = { torture, report, random };
