// The Node.js side of an instance. It speaks the protocol of package frames on file
// descriptor 3, loads the function's code when it is assigned, and runs its handler.
'use strict';

const fs = require('fs');
const net = require('net');
const path = require('path');
const { Writable } = require('stream');
const util = require('util');

// Taken before user code can replace them.
const writeSync = fs.writeSync;
const exit = process.exit.bind(process);

const FD = 3;
const ASSIGN = 0x41, HOOK = 0x48, INVOKE = 0x56;
const BOOTED = 0x42, LOADED = 0x4c, HOOKED = 0x44, RESULT = 0x52, OUTPUT = 0x4f;
const OK = 0, UNHANDLED = 1, HANDLED = 2, FATAL = 3;
const DIRECT = 64 * 1024; // writes up to this size are tried without the stream

let config = null; // what Assign said
let handler = null;
let userModule = null;
let hook = null; // how the hook that runs now is answered
const active = new Map(); // call → state
let scope = null; // AsyncLocalStorage, only with several calls at once

// ---- output ----

// Node.js would make the output pipe non-blocking, for child processes too, and write
// what does not fit some time later: after the result, where it belongs to no request.
class Output extends Writable {
  constructor(fd) {
    super({ decodeStrings: true });
    this.fd = fd;
    this._type = 'fs';
  }

  _write(chunk, encoding, done) {
    for (let at = 0; at < chunk.length;) {
      try {
        at += writeSync(this.fd, chunk, at, chunk.length - at);
      } catch (e) {
        if (e.code !== 'EAGAIN') return done(e);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1); // a child made it non-blocking
      }
    }
    done();
  }

  _destroy(err, done) { done(err); } // stays open, as the real ones do
}

for (const [name, fd] of [['stdout', 1], ['stderr', 2]]) {
  const stream = new Output(fd);
  Object.defineProperty(process, name, { configurable: true, enumerable: true, get: () => stream });
}

// ---- sending ----

const sock = new net.Socket({ fd: FD, readable: true, writable: true, onread: { buffer: Buffer.allocUnsafe(64 * 1024), callback: onRead } });
sock.on('error', () => exit(1));
sock.on('close', () => exit(1)); // the server is gone
sock.on('end', () => exit(1));

function transmit(buf) {
  let at = 0;
  // One system call instead of a trip through the stream; not while the stream still
  // holds something older.
  if (buf.length <= DIRECT && sock.writableLength === 0) {
    try {
      at = writeSync(FD, buf, 0, buf.length);
    } catch (e) {
      if (e.code !== 'EAGAIN') throw e;
    }
    if (at === buf.length) return;
  }
  sock.write(at === 0 ? buf : buf.subarray(at));
}

function frame(type, fixed, payload) {
  const isString = typeof payload === 'string';
  const n = isString ? Buffer.byteLength(payload) : payload.length;
  const buf = Buffer.allocUnsafe(5 + fixed + n);
  buf.writeUInt32BE(1 + fixed + n, 0);
  buf[4] = type;
  if (isString) buf.utf8Write(payload, 5 + fixed, n);
  else buf.set(payload, 5 + fixed);
  return buf;
}

function sendStatus(type, status, payload) {
  const buf = frame(type, 1, payload);
  buf[5] = status;
  transmit(buf);
}

function finish(state, status, payload) {
  if (state.done) return;
  state.done = true;
  active.delete(state.call);
  const buf = frame(RESULT, 5, payload);
  buf.writeUInt32BE(state.call, 5);
  buf[9] = status;
  transmit(buf);
}

function errorPayload(e) {
  if (e !== null && typeof e === 'object' && typeof e.message === 'string') {
    const stack = typeof e.stack === 'string' ? e.stack.split('\n').filter((l) => !l.includes(__filename)) : [];
    const message = e.message.split('\n').filter((l) => !l.includes(__filename)).join('\n'); // "Require stack" names us
    return JSON.stringify({ errorMessage: message, errorType: e.name || 'Error', stackTrace: stack });
  }
  let text = e;
  if (typeof e !== 'string') {
    try { text = JSON.stringify(e); } catch (_) { text = undefined; }
    if (text === undefined) text = String(e);
  }
  return JSON.stringify({ errorMessage: text });
}

function succeed(state, value) {
  if (state.done) return;
  let payload;
  try {
    if (value === undefined) payload = '';
    else if (typeof value === 'string') payload = value;
    else if (value instanceof Uint8Array) payload = value; // Buffer is one
    else if (value instanceof ArrayBuffer) payload = new Uint8Array(value);
    else if (typeof value === 'object') payload = JSON.stringify(value);
    else payload = String(value);
    if (payload === undefined) payload = '';
  } catch (e) { // circular, BigInt inside, a toJSON that throws
    finish(state, UNHANDLED, errorPayload(e));
    return;
  }
  if (payload.length > config.maxPayload) {
    finish(state, UNHANDLED, JSON.stringify({ errorMessage: `The result has ${payload.length} bytes, more than the ${config.maxPayload} that a response may have. Write it to OSS and return its name.`, errorType: 'EntityTooLarge', stackTrace: [] }));
    return;
  }
  finish(state, OK, payload);
}

// ---- context ----

function logLine(id, level, args) {
  process.stdout.write(`${new Date().toISOString()} ${id} [${level}] ${util.format(...args)}\n`);
}

class Context {
  constructor(head) {
    this.requestId = head.requestId;
    this.credentials = { accessKeyId: head.accessKeyId, accessKeySecret: head.accessKeySecret, securityToken: head.securityToken };
    this.function = { ...config.function };
    this.service = { ...config.service };
    this.region = config.region;
    this.accountId = config.accountId;
    this.retryCount = head.retryCount;
    this.tracing = { openTracingSpanContext: '', openTracingSpanBaggages: {}, jaegerEndpoint: '' };
  }
}

const loggers = new WeakMap();
Object.defineProperty(Context.prototype, 'logger', {
  enumerable: true,
  get() {
    let l = loggers.get(this);
    if (l === undefined) {
      const id = this.requestId;
      l = {
        debug: (...a) => logLine(id, 'DEBUG', a),
        info: (...a) => logLine(id, 'INFO', a),
        log: (...a) => logLine(id, 'INFO', a),
        warn: (...a) => logLine(id, 'WARN', a),
        error: (...a) => logLine(id, 'ERROR', a),
      };
      loggers.set(this, l);
    }
    return l;
  },
});

const shown = { accessKeyId: undefined, accessKeySecret: undefined, securityToken: undefined };
const names = { accessKeyId: 'ALIBABA_CLOUD_ACCESS_KEY_ID', accessKeySecret: 'ALIBABA_CLOUD_ACCESS_KEY_SECRET', securityToken: 'ALIBABA_CLOUD_SECURITY_TOKEN' };

function setCredentials(head) {
  for (const k in names) {
    if (shown[k] === head[k]) continue;
    shown[k] = head[k];
    if (head[k] === '') delete process.env[names[k]];
    else process.env[names[k]] = head[k];
  }
}

// ---- calls ----

function run(state, event, ctx) {
  const callback = (err, data) => {
    if (err !== undefined && err !== null && err !== false) finish(state, HANDLED, errorPayload(err));
    else succeed(state, data);
  };
  let r;
  try {
    r = handler.call(userModule, event, ctx, callback);
  } catch (e) {
    finish(state, UNHANDLED, errorPayload(e));
    return;
  }
  // The first to settle wins: the callback, or the promise.
  if (r !== null && typeof r === 'object' && typeof r.then === 'function') {
    r.then((v) => succeed(state, v), (e) => finish(state, UNHANDLED, errorPayload(e)));
  } else if (!state.done && handler.length < 3) {
    succeed(state, r); // it asked for no callback, so it will not call one
  }
}

function invoke(call, head, event) {
  setCredentials(head);
  const state = { call, done: false, id: head.requestId };
  active.set(call, state);
  const ctx = new Context(head);
  if (scope !== null) scope.run(state, run, state, event, ctx);
  else run(state, event, ctx);
}

function runHook(which, head) {
  setCredentials(head);
  const spec = which === 0 ? config.initializer : config.preStop;
  const settle = (status, e) => {
    if (hook !== settle) return;
    hook = null;
    sendStatus(HOOKED, status, status === OK ? '' : errorPayload(e));
  };
  hook = settle;
  let fn, r;
  try {
    fn = find(spec); // hooks live in the handler's file
    r = fn.call(userModule, new Context(head), (err) => (err ? settle(HANDLED, err) : settle(OK)));
  } catch (e) {
    settle(UNHANDLED, e);
    return;
  }
  if (r !== null && typeof r === 'object' && typeof r.then === 'function') r.then(() => settle(OK), (e) => settle(UNHANDLED, e));
  else if (fn.length < 2) settle(OK);
}

// ---- loading ----

class LoadError extends Error {}

function split(spec) {
  const dot = spec.lastIndexOf('.');
  if (dot <= 0 || dot === spec.length - 1) throw new LoadError(`Handler '${spec}' is not of the form file.function, for example index.handler`);
  return [spec.slice(0, dot), spec.slice(dot + 1)];
}

function isModule(file) {
  if (file.endsWith('.mjs')) return true;
  if (!file.endsWith('.js')) return false;
  // The nearest package.json decides, as everywhere in Node.js.
  for (let dir = path.dirname(file); ; dir = path.dirname(dir)) {
    try {
      return JSON.parse(fs.readFileSync(path.join(dir, 'package.json'), 'utf8')).type === 'module';
    } catch (e) {
      if (e.code !== 'ENOENT') return false;
    }
    if (dir === config.code || dir === path.dirname(dir)) return false;
  }
}

async function load(spec) {
  const [name] = split(spec);
  const base = path.resolve(config.code, name);
  const file = ['.js', '.mjs', '.cjs'].map((x) => base + x).find((f) => fs.existsSync(f));
  if (file === undefined) {
    throw new LoadError(`Cannot find module '${base}.js'. The handler '${spec}' means the file ${name}.js (or .mjs, .cjs) at the root of the code package; check the handler, and that the zip holds the file itself and not a directory around it.`);
  }
  if (isModule(file)) return import(require('url').pathToFileURL(file).href);
  try {
    return require(file);
  } catch (e) {
    if (e && (e.code === 'ERR_REQUIRE_ESM' || e.code === 'ERR_REQUIRE_ASYNC_MODULE')) return import(require('url').pathToFileURL(file).href);
    throw e;
  }
}

function member(mod, name) {
  if (mod === null || mod === undefined) return undefined;
  if (typeof mod[name] === 'function') return mod[name];
  if (mod.default && typeof mod.default[name] === 'function') return mod.default[name];
  return undefined;
}

function find(spec) {
  const [file, name] = split(spec);
  const fn = member(userModule, name);
  if (fn === undefined) {
    const has = Object.keys(userModule || {}).filter((k) => typeof userModule[k] === 'function');
    throw new LoadError(`Handler '${name}' missing on module '${file}'. ${has.length ? `It exports: ${has.join(', ')}.` : 'It exports no function.'} Export it, for example: exports.${name} = async (event, context) => {…}`);
  }
  return fn;
}

async function assign(body) {
  config = JSON.parse(body.toString());
  Object.assign(process.env, config.env);
  try {
    process.chdir(config.code);
    if (config.concurrency > 1) attribute();
    userModule = await load(config.handler);
    handler = find(config.handler);
  } catch (e) {
    const p = e instanceof LoadError ? JSON.stringify({ errorMessage: e.message, errorType: 'Error', stackTrace: [] }) : errorPayload(e);
    sendStatus(LOADED, UNHANDLED, p);
    return;
  }
  sendStatus(LOADED, OK, '');
}

// With several calls at once, what is written belongs to the call that wrote it.
function attribute() {
  const { AsyncLocalStorage } = require('async_hooks');
  scope = new AsyncLocalStorage();
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream);
    stream.write = (chunk, encoding, cb) => {
      const state = scope.getStore();
      if (state === undefined || state.done) return write(chunk, encoding, cb);
      if (typeof encoding === 'function') { cb = encoding; encoding = undefined; }
      const data = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
      const buf = frame(OUTPUT, 4, data);
      buf.writeUInt32BE(state.call, 5);
      transmit(buf);
      if (typeof cb === 'function') process.nextTick(cb);
      return true;
    };
  }
}

// console.error and console.warn say when, for whom and how grave, as in the cloud
// (help.aliyun.com/document_detail/2512968.html: "2024-03-04 07:01:16.927 <id> [info] text").
// console.log stays as it is written, and so does all that no request caused.
for (const [method, level] of [['error', 'error'], ['warn', 'warn']]) {
  const print = console[method];
  console[method] = (...args) => {
    const state = scope !== null ? scope.getStore() : active.size === 1 ? active.values().next().value : undefined;
    if (state === undefined || state.done) return print(...args);
    const head = `${new Date().toISOString().slice(0, -1).replace('T', ' ')} ${state.id} [${level}]`;
    if (typeof args[0] === 'string') return print(`${head} ${args[0]}`, ...args.slice(1)); // it may be a format
    return print(head, ...args);
  };
}

// ---- failures outside of any handler's stack ----

process.on('uncaughtException', (err) => {
  if (process.listenerCount('uncaughtException') > 1) return; // the function has its own way
  const payload = errorPayload(err);
  if (active.size === 0 && hook === null) {
    process.stderr.write(util.format(err) + '\n');
    exit(1);
  }
  for (const state of [...active.values()]) finish(state, FATAL, payload);
  if (hook !== null) hook(FATAL, err);
  if (sock.writableLength === 0) exit(1);
  sock.end(() => exit(1));
});

// ---- receiving ----

let pending = null; // a frame that has not arrived whole
let filled = 0;
let headFilled = 0;
const headBytes = Buffer.allocUnsafe(4);

function onRead(n, buf) {
  let at = 0;
  while (at < n) {
    if (pending !== null) {
      const take = Math.min(n - at, pending.length - filled);
      pending.set(buf.subarray(at, at + take), filled);
      filled += take;
      at += take;
      if (filled < pending.length) break;
      const whole = pending;
      pending = null;
      dispatch(whole, 0, whole.length, true);
      continue;
    }
    if (headFilled === 0 && n - at >= 4) {
      const len = buf.readUInt32BE(at);
      at += 4;
      if (n - at >= len) { // the usual case: nothing is copied but the event
        dispatch(buf, at, at + len, false);
        at += len;
        continue;
      }
      pending = Buffer.allocUnsafeSlow(len);
      filled = 0;
      continue;
    }
    headBytes[headFilled++] = buf[at++];
    if (headFilled === 4) {
      headFilled = 0;
      pending = Buffer.allocUnsafeSlow(headBytes.readUInt32BE(0));
      filled = 0;
    }
  }
  return true;
}

let cursor = 0;
function str(buf) {
  const n = buf.readUInt16BE(cursor);
  const s = n === 0 ? '' : buf.latin1Slice(cursor + 2, cursor + 2 + n);
  cursor += 2 + n;
  return s;
}

function head(buf) {
  return { requestId: str(buf), accessKeyId: str(buf), accessKeySecret: str(buf), securityToken: str(buf), retryCount: Number(str(buf)) };
}

function dispatch(buf, at, end, mine) {
  switch (buf[at]) {
    case INVOKE: {
      const call = buf.readUInt32BE(at + 1);
      cursor = at + 5;
      const h = head(buf);
      const event = mine ? buf.subarray(cursor, end) : Buffer.from(buf.subarray(cursor, end));
      invoke(call, h, event);
      return;
    }
    case HOOK:
      cursor = at + 2;
      runHook(buf[at + 1], head(buf));
      return;
    case ASSIGN:
      assign(mine ? buf.subarray(at + 1, end) : Buffer.from(buf.subarray(at + 1, end)));
  }
}

transmit(frame(BOOTED, 0, ''));
