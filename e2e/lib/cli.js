'use strict';

// Runs the built binary's commands against a server, with the server's own keys.

const { spawn } = require('node:child_process');
const { binary, root } = require('./server');

// cli gives {code, out, err} when the command is over.
function cli(server, ...args) {
  const [, fc, web] = server.address;
  const child = spawn(binary, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      ALCEDO_FC: fc, ALCEDO_CONSOLE: web, ALCEDO_REGION: server.region, ALCEDO_ACCOUNT: server.account, ALCEDO_DATA: server.dataDir,
      ALCEDO_ACCESS_KEY_ID: server.accessKeyId, ALCEDO_ACCESS_KEY_SECRET: server.accessKeySecret,
    },
  });
  const r = { code: null, out: '', err: '' };
  child.stdout.on('data', (d) => { r.out += d; });
  child.stderr.on('data', (d) => { r.err += d; });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ ...r, code }));
  });
}

// json runs a command that is to succeed and gives what it answers scripts.
async function json(server, ...args) {
  const r = await cli(server, ...args, '--output', 'json');
  if (r.code !== 0) throw new Error(`alcedo ${args.join(' ')} ended with ${r.code}:\n${r.out}${r.err}`);
  return JSON.parse(r.out);
}

module.exports = { cli, json };
