'use strict';

// Installs what the end-to-end programs need, at pinned versions, once per version.

const { spawnSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const e2e = path.resolve(__dirname, '..');
const root = path.resolve(e2e, '..');
const venv = path.join(root, '.alcedo/e2e-venv');

// stamped runs install unless the stamp says that the same inputs were installed before;
// both give a description of what failed, or ''.
function stamped(stampFile, inputs, install) {
  const want = crypto.createHash('sha256').update(inputs.map((f) => (fs.existsSync(f) ? fs.readFileSync(f) : f)).join('\0')).digest('hex');
  if (fs.existsSync(stampFile) && fs.readFileSync(stampFile, 'utf8') === want) return '';
  const failure = install();
  if (!failure) {
    fs.mkdirSync(path.dirname(stampFile), { recursive: true });
    fs.writeFileSync(stampFile, want);
  }
  return failure || '';
}

function run(command, args, options = {}) {
  const r = spawnSync(command, args, { encoding: 'utf8', cwd: root, ...options });
  if (r.status === 0) return '';
  return `${r.error ? r.error.message : ''}${(r.stdout || '').slice(-2000)}${(r.stderr || '').slice(-4000)}`.trim() || `exit ${r.status}`;
}

// unreachable says whether a package manager failed for want of its registry.
const unreachable = (text) => /NewConnectionError|NameResolutionError|ConnectTimeout|Max retries exceeded|EAI_AGAIN|ENOTFOUND|ETIMEDOUT|ECONNREFUSED|no such host|i\/o timeout|connection refused/i.test(text);

function nodePackages() {
  const failure = stamped(path.join(e2e, 'node_modules/.stamp'), [path.join(e2e, 'package-lock.json'), process.version], () => {
    console.log('e2e: installing the Node.js SDKs from npm');
    return run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: e2e });
  });
  if (failure) {
    console.error(`e2e: npm ci failed, and nothing works without the Node.js SDKs:\n${failure}`);
    process.exit(1);
  }
}

function pythonPackages() {
  return stamped(path.join(venv, '.stamp'), [path.join(e2e, 'requirements.txt')], () => {
    console.log('e2e: installing the Python SDKs from PyPI');
    fs.rmSync(venv, { recursive: true, force: true });
    return run('/usr/bin/python3', ['-m', 'venv', venv]) ||
      run(path.join(venv, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', '--require-hashes', '--no-deps', '--use-pep517', '-r', path.join(e2e, 'requirements.txt')]);
  });
}

module.exports = { nodePackages, pythonPackages, run, unreachable, venv };
