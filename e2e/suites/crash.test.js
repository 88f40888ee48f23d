'use strict';

// kill -9 under load, 50 times: no acknowledged change is lost, none is undone, every
// event that an acknowledged change owes has had its run, and no process is left behind.
// The harness, which can be pointed at other systems too, is in ../crash.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { torture, report } = require('../crash/harness');
const { Alcedo } = require('../crash/alcedo');

const rounds = Number(process.env.ALCEDO_CRASH_ROUNDS || 50);
const seed = Number(process.env.ALCEDO_CRASH_SEED || (Date.now() % 2 ** 31));

it(`loses nothing over ${rounds} kill -9 (ALCEDO_CRASH_SEED=${seed})`, async (t) => {
  const r = await torture(new Alcedo(), { rounds, seed });
  console.log(`crash: seed ${seed}, ${r.rounds} kills, ${r.acknowledged} changes acknowledged, ${r.lost} objects lost, ${r.undone} deletes undone, ${r.lostEvents} of ${r.owed} events lost, ${r.duplicates} duplicates`);
  t.diagnostic(report(r));
  assert.equal(r.rounds, rounds);
  assert.ok(r.acknowledged > rounds && r.owed > rounds, `too little happened to tell anything:\n${report(r)}`);
  assert.ok(r.ok, report(r));
});
