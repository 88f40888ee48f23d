'use strict';

// Starts and stops the built server: `bin/alcedo serve` on free loopback ports, with a
// fresh data directory unless one is given.

const { spawn } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');

const root = path.resolve(__dirname, '../..');
const binary = process.env.ALCEDO_BIN || path.join(root, 'bin/alcedo');
const runtimes = process.env.ALCEDO_RUNTIME_DIR || path.join(root, '.alcedo/runtimes');

const region = 'cn-hangzhou';
const account = '1642039851470273';

const listen = (port) => new Promise((resolve, reject) => {
  const s = net.createServer();
  s.once('error', reject);
  s.listen(port, '127.0.0.1', () => resolve(s));
});

// freePorts gives ports below those that systems give to outgoing connections (from 32768
// or 49152): of those, any connection of any process could take one between here and the
// server, or while a server that was killed is not there.
async function freePorts(n) {
  const held = [];
  while (held.length < n) {
    try {
      held.push(await listen(crypto.randomInt(11000, 32000)));
    } catch (err) {
      if (err.code !== 'EADDRINUSE' && err.code !== 'EACCES') throw err;
    }
  }
  const ports = held.map((s) => s.address().port);
  await Promise.all(held.map((s) => new Promise((resolve) => s.close(resolve))));
  return ports;
}

function get(url) {
  return new Promise((resolve, reject) => {
    const req = http.get(url, (res) => {
      const chunks = [];
      res.on('data', (c) => chunks.push(c));
      res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(chunks) }));
      res.on('error', reject);
    });
    req.once('error', reject);
    req.setTimeout(10000, () => req.destroy(new Error(`no answer from ${url}`)));
  });
}

// within gives what a promise gives, or null after a time.
function within(ms, promise) {
  let timer;
  return Promise.race([promise, new Promise((resolve) => { timer = setTimeout(resolve, ms, null); })]).finally(() => clearTimeout(timer));
}

const running = new Set();
process.on('exit', () => {
  for (const s of running) {
    if (s.child && s.child.exitCode === null) s.child.kill('SIGKILL');
    if (s.fresh) fs.rmSync(s.dataDir, { recursive: true, force: true, maxRetries: 3 });
  }
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

class Server {
  // options: dataDir, ports [oss, fc, console], keys (false: let the server make them), args, env, logFile
  static async start(options = {}) {
    const s = new Server();
    s.region = region;
    s.account = account;
    s.fresh = !options.dataDir;
    s.dataDir = options.dataDir || fs.mkdtempSync(path.join(os.tmpdir(), 'alcedo-e2e-'));
    s.ports = options.ports || (await freePorts(3));
    s.options = options;
    if (options.keys !== false) {
      s.accessKeyId = (options.keys && options.keys.accessKeyId) || 'LTAIe2eRootKeyPair000001';
      s.accessKeySecret = (options.keys && options.keys.accessKeySecret) || crypto.randomBytes(20).toString('hex');
    }
    s.logFile = options.logFile || process.env.ALCEDO_E2E_LOG ||
      path.join(root, '.alcedo/e2e-logs', `${path.basename(require.main ? require.main.filename : 'x', '.test.js')}.server.log`);
    fs.mkdirSync(path.dirname(s.logFile), { recursive: true });
    await s.launch();
    return s;
  }

  // refused starts a server that is expected not to start, and returns what it said.
  static async refused(options) {
    const s = new Server();
    Object.assign(s, { region, account, options, dataDir: options.dataDir, ports: options.ports, accessKeyId: 'LTAIe2eRootKeyPair000001', accessKeySecret: 'not used' });
    s.logFile = process.env.ALCEDO_E2E_LOG || os.devNull;
    s.child = s.spawn();
    running.add(s);
    const how = await within(15000, s.child.exited);
    if (!how) await s.kill();
    running.delete(s);
    if (!how || how.code === 0) throw new Error(`alcedo serve was to be refused, and ${how ? 'ended well' : 'went on'}:\n${s.log}`);
    return s.log;
  }

  get address() { return this.ports.map((p) => `127.0.0.1:${p}`); }
  get oss() { return `http://127.0.0.1:${this.ports[0]}`; }
  get fc() { return `http://127.0.0.1:${this.ports[1]}`; }
  get console() { return `http://127.0.0.1:${this.ports[2]}`; }

  spawn() {
    const [oss, fc, web] = this.address;
    const env = { ...process.env, ALCEDO_RUNTIME_DIR: runtimes, ...this.options.env };
    delete env.ALCEDO_ACCESS_KEY_ID;
    delete env.ALCEDO_ACCESS_KEY_SECRET;
    if (this.accessKeyId) Object.assign(env, { ALCEDO_ACCESS_KEY_ID: this.accessKeyId, ALCEDO_ACCESS_KEY_SECRET: this.accessKeySecret });
    const args = ['serve', '--data', this.dataDir, '--oss', oss, '--fc', fc, '--console', web,
      '--region', region, '--account', account, ...(this.options.args || [])];
    this.log = '';
    const file = fs.createWriteStream(this.logFile, { flags: 'a' });
    file.on('error', () => {});
    const child = spawn(binary, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    // A test that failed before it stopped its server must end all the same; the exit
    // handler above kills what is left.
    for (const handle of [child, child.stdout, child.stderr]) handle.unref();
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        this.log = (this.log + chunk).slice(-1 << 20);
        file.write(chunk);
      });
    }
    child.exited = new Promise((resolve) => {
      child.once('error', (err) => { this.log += `\n${err.message}`; resolve({ code: null, signal: null, error: err }); });
      child.once('close', (code, signal) => { file.end(); resolve({ code, signal }); });
    });
    return child;
  }

  // launch starts the process and returns the milliseconds until every part is ready.
  async launch() {
    const begun = process.hrtime.bigint();
    this.child = this.spawn();
    running.add(this);
    let gone = null;
    this.child.exited.then((how) => { gone = how; running.delete(this); });
    const deadline = Date.now() + 30000;
    for (;;) {
      if (gone) throw new Error(`alcedo serve ended before it was ready (${JSON.stringify(gone)}):\n${this.log}`);
      try {
        if ((await get(`${this.console}/healthz`)).status === 200 && !gone) break;
      } catch (err) {
        if (err.code !== 'ECONNREFUSED' && err.code !== 'ECONNRESET') throw err;
      }
      if (Date.now() > deadline) throw new Error(`alcedo serve was not ready after 30 s:\n${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return Number(process.hrtime.bigint() - begun) / 1e6;
  }

  // signal sends one and waits for the end of the process.
  async signal(name) {
    if (!this.child) return null;
    this.child.kill(name);
    const how = await within(20000, this.child.exited);
    if (!how) {
      this.child.kill('SIGQUIT'); // a Go program answers with what it is doing
      if (!(await within(3000, this.child.exited))) this.child.kill('SIGKILL');
      await within(5000, this.child.exited);
      throw new Error(`alcedo serve was still there 20 s after ${name}:\n${this.log.slice(-4000)}`);
    }
    return how;
  }

  kill() { return this.signal('SIGKILL'); }

  // stop ends the server as a user would, and removes a data directory it made itself.
  async stop({ keep = false } = {}) {
    let how = null;
    try {
      if (this.child && this.child.exitCode === null && this.child.signalCode === null) how = await this.signal('SIGTERM');
    } finally {
      if (this.fresh && !keep) fs.rmSync(this.dataDir, { recursive: true, force: true });
    }
    return how;
  }
}

module.exports = { Server, get, freePorts, root, binary, runtimes, region, account };
