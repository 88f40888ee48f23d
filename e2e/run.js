'use strict';

// Runs the end-to-end suites against bin/alcedo and prints one summary; the last line is
// "N passed, N failed, N skipped".
//
//   node e2e/run.js            everything
//   node e2e/run.js oss php    the suites whose name contains one of these
//
// Two suites run at a time (ALCEDO_E2E_JOBS), and each prints when it has ended; those that
// measure times run by themselves, afterwards.
//
// A skip has a reason (a registry that could not be reached) and is a failure under
// CI=true.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { nodePackages, pythonPackages, run, unreachable, venv } = require('./lib/install');

const root = path.resolve(__dirname, '..');
const state = path.join(root, '.alcedo');
const logs = path.join(state, 'e2e-logs');
const runtimes = process.env.ALCEDO_RUNTIME_DIR || path.join(state, 'runtimes');
const ci = process.env.CI === 'true';
const wanted = process.argv.slice(2);
const phpSDK = 'aliyuncs/oss-sdk-php';
const limit = 5 * 60 * 1000; // of one suite

const jobs = Number(process.env.ALCEDO_E2E_JOBS || Math.min(2, os.availableParallelism()));
if (!(Number.isInteger(jobs) && jobs > 0)) throw new Error(`ALCEDO_E2E_JOBS=${process.env.ALCEDO_E2E_JOBS} is no number of suites`);

const note = (...args) => console.log(...args);

// Report is what one suite has to say: at once if it runs by itself, else when it has ended.
class Report {
  results = []; // {suite, name, status: pass | fail | skip, reason, ms}
  #held = [];

  constructor(suite, live) {
    Object.assign(this, { suite, live, begun: Date.now() });
    this.note(`\n${suite}`);
  }

  note(text) {
    if (this.live) note(text); else this.#held.push(text);
  }

  record(what, status, { reason = '', ms = 0 } = {}) {
    const [name, ...more] = String(what).trim().split('\n');
    this.results.push({ suite: this.suite, name, status, reason, ms });
    const mark = { pass: '  ✓', fail: '  ✗', skip: '  - SKIPPED' }[status];
    this.note(`${mark} ${name}${ms >= 1000 ? ` (${(ms / 1000).toFixed(1)} s)` : ''}${reason ? `: ${reason}` : ''}`);
    if (more.length) this.note(more.map((l) => `      ${l}`).join('\n'));
  }

  end() {
    this.seconds = (Date.now() - this.begun) / 1000;
    if (this.#held.length) note(this.#held.join('\n'));
    this.#held = [];
  }
}

// --- running a suite --------------------------------------------------------------------

const children = new Set();
process.on('exit', () => { for (const c of children) { try { process.kill(-c.pid, 'SIGKILL'); } catch { /* gone */ } } });
for (const s of ['SIGINT', 'SIGTERM']) process.once(s, () => process.exit(130));

// lines runs a command in a process group of its own and hands over its output line by
// line; it returns the exit code, or null after the time limit.
function lines(command, args, options, onLine) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, detached: true, stdio: ['ignore', 'pipe', 'pipe'], ...options });
    children.add(child);
    let rest = '';
    const take = (chunk) => {
      rest += chunk;
      const all = rest.split('\n');
      rest = all.pop();
      all.forEach(onLine);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    const timer = setTimeout(() => { try { process.kill(-child.pid, 'SIGKILL'); } catch { /* gone */ } }, limit);
    child.once('error', (err) => { onLine(err.message); clearTimeout(timer); children.delete(child); resolve(null); });
    child.once('close', (code) => { if (rest) onLine(rest); clearTimeout(timer); children.delete(child); resolve(code); });
  });
}

// tap counts what a suite printed in TAP, with node:test's nesting and YAML blocks.
async function tap(report, command, args, options = {}) {
  const log = [];
  let planned = 0;
  let failures = 0;
  let pending = null; // a test line whose YAML may say that it is a suite
  let yaml = [];
  let inYaml = false;
  const settle = () => {
    if (!pending) return;
    const isSuite = yaml.some((l) => /^\s*type: 'suite'/.test(l));
    const ms = Number((/duration_ms: ([\d.]+)/.exec(yaml.join('\n')) || [0, 0])[1]);
    // node --test wraps each file in a test of the file's own name.
    const isFile = /\.test\.js$/.test(pending.name);
    // A suite fails for its children, which count themselves; one that failed by a hook counts.
    const byHook = !pending.ok && isSuite && /failureType: 'hookFailed'/.test(yaml.join('\n'));
    if ((!isSuite && !isFile) || byHook) {
      planned++;
      const status = pending.skip !== undefined ? 'skip' : pending.ok ? 'pass' : 'fail';
      if (status === 'fail') failures++;
      report.record(pending.name, status, { ms, reason: status === 'skip' ? pending.skip : '' });
      if (status === 'fail') report.note(yaml.map((l) => `      ${l.trimEnd()}`).filter((l) => !/duration_ms|^\s*---|^\s*\.\.\.|type: 'test'/.test(l)).slice(0, 40).join('\n'));
    }
    pending = null;
    yaml = [];
  };
  const code = await lines(command, args, options, (line) => {
    log.push(line);
    if (inYaml) {
      if (/^\s*\.\.\.\s*$/.test(line)) { inYaml = false; settle(); } else yaml.push(line);
      return;
    }
    if (pending && /^\s*---\s*$/.test(line)) { inYaml = true; return; }
    const m = /^\s*(not )?ok (?:\d+ )?- (.*?)(?: # SKIP ?(.*))?$/.exec(line);
    if (m) {
      settle();
      pending = { ok: !m[1], name: m[2].replace(/\\#/g, '#'), skip: m[3] === undefined ? undefined : m[3].replace(/\\(.)/g, '$1') };
      return;
    }
    if (pending && /^ {2}\S/.test(line)) { yaml.push(line); return; }
    if (/^# crash: /.test(line.trim())) report.note(`  ${line.trim()}`);
  });
  settle();
  fs.writeFileSync(path.join(logs, `${report.suite}.out`), log.join('\n'));
  if (code !== 0 && !failures) {
    report.record(`${report.suite}: ${code === null ? `was still running after ${limit / 1000} s` : `ended with ${code}`}`, 'fail');
    report.note(log.slice(-40).map((l) => `      ${l}`).join('\n'));
  } else if (!planned) {
    report.record(`${report.suite}: no test ran`, 'fail');
    report.note(log.slice(-40).map((l) => `      ${l}`).join('\n'));
  }
}

// goTests counts the leaves of go test -json.
async function goTests(report, dir, env) {
  const output = new Map();
  const done = [];
  const other = [];
  const code = await lines('go', ['test', '-json', '-count=1', './...'], { cwd: dir, env: { ...process.env, ...env } }, (line) => {
    let e;
    try { e = JSON.parse(line); } catch { other.push(line); return; }
    if (!e.Test) { if (e.Output) other.push(e.Output.trimEnd()); return; }
    if (e.Action === 'output') output.set(e.Test, (output.get(e.Test) || '') + e.Output);
    if (['pass', 'fail', 'skip'].includes(e.Action)) done.push(e);
  });
  fs.writeFileSync(path.join(logs, `${report.suite}.out`), other.concat([...output.values()]).join('\n'));
  const leaves = done.filter((e) => !done.some((o) => o.Test.startsWith(`${e.Test}/`)));
  for (const e of leaves) {
    report.record(e.Test, e.Action, { ms: e.Elapsed * 1000 });
    if (e.Action === 'fail') report.note((output.get(e.Test) || '').replace(/^/gm, '      '));
  }
  if (code !== 0 && !leaves.some((e) => e.Action === 'fail')) {
    report.record(`${report.suite}: go test ended with ${code}`, 'fail');
    report.note(other.slice(-30).map((l) => `      ${l}`).join('\n'));
  }
}

const logOf = (suite) => path.join(logs, `${suite}.server.log`);

// Tests of these hold something to a time that is near to what it takes, or fill the machine.
const alone = ['console-large', 'disk', 'explained', 'loops', 'server'];

const suites = []; // [name, run(report)]
for (const [dir, prefix] of [['suites', ''], ['browser', 'console-']]) {
  for (const file of fs.readdirSync(path.join(__dirname, dir)).filter((f) => f.endsWith('.test.js')).sort()) {
    const name = prefix + file.replace('.test.js', '');
    suites.push([name, (report) => tap(report, process.execPath, ['--test', '--test-reporter=tap', path.join(__dirname, dir, file)], {
      env: { ...process.env, ALCEDO_E2E_LOG: logOf(name) },
    })]);
  }
}

// withServer runs a suite of another language against a server that this process starts.
async function withServer(report, body) {
  const { Server } = require('./lib/server');
  let server;
  try {
    server = await Server.start({ logFile: logOf(report.suite) });
  } catch (err) {
    report.record(`${report.suite}: the server did not start: ${err.message}`, 'fail');
    return;
  }
  try {
    await body({
      ALCEDO_E2E_ROOT: root,
      ALCEDO_E2E_OSS_PORT: String(server.ports[0]),
      ALCEDO_E2E_FC_PORT: String(server.ports[1]),
      ALCEDO_E2E_CONSOLE_PORT: String(server.ports[2]),
      ALCEDO_E2E_REGION: server.region,
      ALCEDO_E2E_ACCOUNT: server.account,
      ALCEDO_ACCESS_KEY_ID: server.accessKeyId,
      ALCEDO_ACCESS_KEY_SECRET: server.accessKeySecret,
    });
  } finally {
    await server.stop();
  }
}

suites.push(['python-sdks', async (report) => {
  const failure = pythonPackages();
  if (failure && unreachable(failure)) return report.record('oss2 and alibabacloud-oss-v2', 'skip', { reason: 'PyPI could not be reached' });
  if (failure) return report.record(`installing oss2 and alibabacloud-oss-v2: ${failure}`, 'fail');
  return withServer(report, (env) => tap(report, path.join(venv, 'bin/python'), ['-W', 'ignore', path.join(__dirname, 'python/suite.py')], { env: { ...process.env, ...env, PYTHONDONTWRITEBYTECODE: '1' } }));
}]);

suites.push(['go-sdk', async (report) => {
  const failure = run('go', ['mod', 'download'], { cwd: path.join(__dirname, 'gosdk') });
  if (failure && unreachable(failure)) return report.record('alibabacloud-oss-go-sdk-v2', 'skip', { reason: 'the Go module proxy could not be reached' });
  if (failure) return report.record(`fetching the Go SDK: ${failure}`, 'fail');
  return withServer(report, (env) => goTests(report, path.join(__dirname, 'gosdk'), env));
}]);

suites.push(['php-sdk', async (report) => {
  const why = path.join(runtimes, 'php/UNREACHABLE');
  const autoload = path.join(runtimes, 'php/vendor/autoload.php');
  if (!fs.existsSync(autoload)) {
    return report.record(phpSDK, 'skip', { reason: fs.existsSync(why) ? fs.readFileSync(why, 'utf8').trim() : 'it is not installed; run scripts/setup' });
  }
  return withServer(report, (env) => tap(report, 'php', [path.join(__dirname, 'php/suite.php')], { env: { ...process.env, ...env, ALCEDO_E2E_PHP_AUTOLOAD: autoload } }));
}]);

async function one([name, body], live) {
  const report = new Report(name, live);
  await body(report);
  if (report.results.some((r) => r.status === 'fail') && fs.existsSync(logOf(name))) {
    report.note(`      the server's last lines (all: ${path.relative(root, logOf(name))}):`);
    report.note(fs.readFileSync(logOf(name), 'utf8').trimEnd().split('\n').slice(-25).map((l) => `      | ${l.slice(0, 400)}`).join('\n'));
  }
  report.end();
  return report;
}

// all runs suites and gives their reports, in the suites' order.
async function all(chosen) {
  const reports = new Map();
  const together = jobs > 1 && chosen.length > 1 ? chosen.filter(([name]) => !alone.includes(name)) : [];
  // The browser's are the longest: begun last, one of them would end by itself.
  const queue = [...together.filter(([name]) => name.startsWith('console-')), ...together.filter(([name]) => !name.startsWith('console-'))];
  await Promise.all(Array.from({ length: jobs }, async () => {
    for (let next; (next = queue.shift());) reports.set(next[0], await one(next, false));
  }));
  for (const suite of chosen) if (!reports.has(suite[0])) reports.set(suite[0], await one(suite, true));
  return chosen.map(([name]) => reports.get(name));
}

(async () => {
  const binary = process.env.ALCEDO_BIN || path.join(root, 'bin/alcedo');
  if (!fs.existsSync(binary)) {
    console.error(`e2e: ${binary} is not there; run make build`);
    process.exit(1);
  }
  fs.rmSync(logs, { recursive: true, force: true });
  fs.mkdirSync(logs, { recursive: true });
  nodePackages();
  const begun = Date.now();
  const reports = await all(suites.filter(([name]) => !wanted.length || wanted.some((w) => name.includes(w))));
  const results = reports.flatMap((r) => r.results);

  // Where Composer's registry cannot be reached, the PHP runtime is tested with a handler
  // that signs its own request; if that passed, the SDK's absence is told, not counted.
  if (results.some((r) => r.name === 'selfsigned-php' && r.status === 'pass')) {
    for (const r of results) if (r.status === 'skip' && ['resize-php', phpSDK].includes(r.name)) r.status = 'replaced';
  }

  const of = (s) => results.filter((r) => r.status === s);
  note(`\n${'─'.repeat(72)}`);
  for (const { suite: name, results: mine, seconds } of reports) {
    const n = (s) => mine.filter((r) => r.status === s).length;
    note(`${n('fail') ? '✗' : n('skip') + n('replaced') ? '-' : '✓'} ${name.padEnd(17)} ${String(n('pass')).padStart(4)} passed${n('fail') ? `, ${n('fail')} FAILED` : ''}${n('skip') ? `, ${n('skip')} skipped` : ''}${n('replaced') ? `, ${n('replaced')} not run` : ''}, ${seconds.toFixed(1)} s`);
  }
  for (const r of of('fail')) note(`FAILED  ${r.suite}: ${r.name}`);
  for (const r of of('replaced')) note(`NOT RUN ${r.suite}: ${r.name}: ${r.reason} In its place: selfsigned-php.`);
  for (const r of of('skip')) note(`SKIPPED ${r.suite}: ${r.name}: ${r.reason}`);
  if (ci && of('skip').length) note('Under CI=true nothing may be skipped: the skips above count as failures.');
  note(`e2e took ${((Date.now() - begun) / 1000).toFixed(0)} s on ${os.cpus().length} cores, ${jobs} at a time`);
  const bad = of('fail').length + (ci ? of('skip').length : 0) + (results.length ? 0 : 1);
  process.exitCode = bad ? 1 : 0;
  const line = `${of('pass').length} passed, ${of('fail').length} failed, ${of('skip').length} skipped`;
  fs.writeFileSync(path.join(state, 'e2e-result'), `${line}\n`);
  note(line);
})().catch((err) => {
  console.error(err);
  process.exit(1);
});
