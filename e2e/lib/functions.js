'use strict';

// Deploying and invoking functions through the FC SDK, as short as the tests want it.

const fs = require('node:fs');
const path = require('node:path');
const { zipSync, strToU8 } = require('fflate');
const { fc, roles, FC } = require('./clients');
const { root } = require('./server');

// zip makes a package from {name: text or bytes}.
function zip(files) {
  const entries = {};
  for (const [name, data] of Object.entries(files)) entries[name] = typeof data === 'string' ? strToU8(data) : new Uint8Array(data);
  return Buffer.from(zipSync(entries, { level: 6 }));
}

// files reads a directory of the repository into what zip takes.
function files(dir) {
  const at = path.resolve(root, dir);
  const names = fs.readdirSync(at, { withFileTypes: true }).filter((e) => e.isFile()).map((e) => e.name);
  return Object.fromEntries(names.map((name) => [name, fs.readFileSync(path.join(at, name))]));
}

// create deploys a function. code is {file: text}, or {zip: Buffer}, or {oss: [bucket, key]}.
async function create(server, name, code, options = {}) {
  const { runtime = 'nodejs20', handler = 'index.handler', role = roles.function(server), timeout = 30, memorySize = 512, cpu = 0.5, ...rest } = options;
  const client = fc(server);
  const body = new FC.CreateFunctionInput({
    functionName: name, runtime, handler, role, timeout, memorySize, cpu, diskSize: 512, internetAccess: false, ...rest, code: location(code),
  });
  return (await client.createFunction(new FC.CreateFunctionRequest({ body }))).body;
}

function location(code) {
  if (code.oss) return new FC.InputCodeLocation({ ossBucketName: code.oss[0], ossObjectName: code.oss[1] });
  return new FC.InputCodeLocation({ zipFile: (code.zip || zip(code)).toString('base64') });
}

// trigger binds a function to a bucket.
async function trigger(server, functionName, name, { bucket, prefix = '', suffix = '', events = ['oss:ObjectCreated:PutObject'], config, qualifier = 'LATEST', region = server.region, role = roles.trigger(server), account = server.account }) {
  const body = new FC.CreateTriggerInput({
    triggerName: name,
    triggerType: 'oss',
    qualifier,
    sourceArn: `acs:oss:${region}:${account}:${bucket}`,
    invocationRole: role,
    triggerConfig: config || JSON.stringify({ events, filter: { key: { prefix, suffix } } }),
  });
  return (await fc(server).createTrigger(functionName, new FC.CreateTriggerRequest({ body }))).body;
}

async function read(stream) {
  if (stream === undefined || stream === null) return Buffer.alloc(0);
  if (Buffer.isBuffer(stream)) return stream;
  const chunks = [];
  for await (const c of stream) chunks.push(Buffer.from(c));
  return Buffer.concat(chunks);
}

// invoke runs a function and gives status, headers, payload (text) and the decoded tail
// of its log.
async function invoke(server, name, event = '', { qualifier, type = 'Sync', log = 'Tail' } = {}) {
  const { Readable } = require('node:stream');
  const { RuntimeOptions } = require('@darabonba/typescript');
  const data = typeof event === 'string' || Buffer.isBuffer(event) ? event : JSON.stringify(event);
  const res = await fc(server).invokeFunctionWithOptions(
    name,
    new FC.InvokeFunctionRequest({ qualifier, ...(data.length ? { body: Readable.from([Buffer.from(data)]) } : {}) }),
    new FC.InvokeFunctionHeaders({ xFcInvocationType: type, xFcLogType: type === 'Sync' ? log : 'None' }),
    new RuntimeOptions({ readTimeout: 60000, connectTimeout: 10000 }),
  );
  const payload = (await read(res.body)).toString();
  const header = (n) => res.headers[n] || '';
  return {
    status: res.statusCode,
    headers: res.headers,
    payload,
    json: () => JSON.parse(payload),
    requestId: header('x-fc-request-id'),
    errorType: header('x-fc-error-type'),
    log: Buffer.from(header('x-fc-log-result'), 'base64').toString(),
  };
}

module.exports = { zip, files, create, location, trigger, invoke, read };
