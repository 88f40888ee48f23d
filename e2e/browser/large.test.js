'use strict';

// The measurement of large.js, over 20,000 objects and with a limit that a busy machine
// keeps too: it shows that nothing loads everything, and that large.js itself still works.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { it } = require('node:test');

it('answers soon with 20,000 objects and their events', () => {
  const done = spawnSync(process.execPath, [path.join(__dirname, 'large.js'), '--small'], {
    encoding: 'utf8', timeout: 120000, env: { LIMIT_MS: '1500', ROUNDS: '2', ...process.env },
  });
  console.log(done.stdout.split('\n').filter((l) => / ms|interaction|Timeout|not there/.test(l)).join('\n'));
  assert.equal(done.status, 0, done.stdout.slice(-3000) + done.stderr.slice(-2000));
});
