'use strict';

// The official SDKs, pointed at a server.

const http = require('node:http');
const dns = require('node:dns');
const OSS = require('ali-oss');
const FC = require('@alicloud/fc20230330');
const STS = require('@alicloud/sts20150401');
const { $OpenApiUtil } = require('@alicloud/openapi-core');
const { RuntimeOptions } = require('@darabonba/typescript');

// Names under .localhost are loopback by definition (RFC 6761), but not every system's
// resolver knows: plain glibc does not, systemd-resolved and macOS do. This lookup does
// for the SDK what such a resolver does for everyone.
function lookup(host, options, callback) {
  if (host !== 'localhost' && !host.endsWith('.localhost')) return dns.lookup(host, options, callback);
  if (options && options.all) return callback(null, [{ address: '127.0.0.1', family: 4 }]);
  return callback(null, '127.0.0.1', 4);
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 128, lookup });

// style "path" is sldEnable with an address; "local" the same with the name localhost,
// since the SDK signs no URLs for addresses; "host" is the SDK's default: the bucket as a
// subdomain of the endpoint.
function oss(server, { bucket, style = 'path', v4 = false, credentials, ...rest } = {}) {
  const c = credentials || server;
  return new OSS({
    endpoint: style === 'path' ? server.oss : `http://localhost:${server.ports[0]}`,
    region: `oss-${server.region}`,
    accessKeyId: c.accessKeyId,
    accessKeySecret: c.accessKeySecret,
    stsToken: c.securityToken,
    ...(c.securityToken ? { refreshSTSToken: async () => c, refreshSTSTokenInterval: 1e9 } : {}),
    authorizationV4: v4,
    sldEnable: style !== 'host',
    agent,
    bucket,
    ...rest,
  });
}

function fc(server, credentials) {
  const c = credentials || server;
  return new FC.default({
    endpoint: `127.0.0.1:${server.ports[1]}`,
    protocol: 'HTTP',
    regionId: server.region,
    accessKeyId: c.accessKeyId,
    accessKeySecret: c.accessKeySecret,
    securityToken: c.securityToken,
  });
}

function sts(server, credentials) {
  const c = credentials || server;
  return new STS.default({
    endpoint: `127.0.0.1:${server.ports[1]}`,
    protocol: 'HTTP',
    regionId: server.region,
    accessKeyId: c.accessKeyId,
    accessKeySecret: c.accessKeySecret,
    securityToken: c.securityToken,
  });
}

// consoleGet asks the console's API, which takes the same signature as FC's: so the FC
// SDK's own client signs.
async function consoleGet(server, pathname, query = {}) {
  const client = new FC.default({
    endpoint: `127.0.0.1:${server.ports[2]}`, protocol: 'HTTP', regionId: server.region, accessKeyId: server.accessKeyId, accessKeySecret: server.accessKeySecret,
  });
  const params = new $OpenApiUtil.Params({
    action: 'Get', version: '2023-03-30', protocol: 'HTTP', pathname, method: 'GET', authType: 'AK', style: 'ROA', reqBodyType: 'json', bodyType: 'json',
  });
  const request = new $OpenApiUtil.OpenApiRequest({ query: Object.fromEntries(Object.entries(query).map(([k, v]) => [k, String(v)])) });
  return (await client.callApi(params, request, new RuntimeOptions({}))).body;
}

// runs lists a function's latest runs, the latest first; start is the moment, in ms of
// the unix clock, when the event was handed to the handler.
async function runs(server, name, limit = 20) {
  const list = await consoleGet(server, '/api/runs', { function: name, limit });
  return list.map((r) => ({ ...r, start: r.startedAtUnixMicro / 1000 + (r.queuedNanos + r.initNanos) / 1e6 }));
}

const roles = {
  function: (server) => `acs:ram::${server.account}:role/aliyunfcdefaultrole`,
  trigger: (server) => `acs:ram::${server.account}:role/aliyunosseventnotificationrole`,
};

module.exports = { oss, fc, sts, consoleGet, runs, roles, agent, lookup, OSS, FC, STS };
