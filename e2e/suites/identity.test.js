'use strict';

// STS tokens: AssumeRole through the official STS SDK and through ali-oss's own client,
// and what such tokens may do.

const assert = require('node:assert/strict');
const { after, before, it } = require('node:test');
const { Server } = require('../lib/server');
const { oss, sts, fc, roles, OSS, STS, FC, agent } = require('../lib/clients');

let server;
before(async () => {
  server = await Server.start();
  await oss(server).putBucket('sts-bucket');
});
after(async () => { if (server) await server.stop(); });

async function assume(options = {}) {
  const { body } = await sts(server).assumeRole(new STS.AssumeRoleRequest({ roleArn: roles.function(server), roleSessionName: 'e2e', durationSeconds: 900, ...options }));
  return body;
}

it('gives temporary credentials that work with V1, V4 and in addresses', async () => {
  const { credentials, assumedRoleUser } = await assume();
  assert.match(credentials.accessKeyId, /^STS\./);
  assert.match(assumedRoleUser.arn, /role\/aliyunfcdefaultrole\/e2e$/i);
  const left = Date.parse(credentials.expiration) - Date.now();
  assert.ok(left > 800e3 && left < 1000e3, credentials.expiration);
  for (const v4 of [false, true]) {
    const c = oss(server, { bucket: 'sts-bucket', v4, credentials });
    await c.put(`by-token-${v4}`, Buffer.from('x'));
    const signer = oss(server, { bucket: 'sts-bucket', v4, credentials, style: 'local' });
    const url = v4 ? await signer.signatureUrlV4('GET', 60, {}, `by-token-${v4}`) : signer.signatureUrl(`by-token-${v4}`, { expires: 60 });
    assert.equal(await (await fetch(url)).text(), 'x');
  }
});

it('answers ali-oss\'s own STS client', async () => {
  const client = new OSS.STS({ accessKeyId: server.accessKeyId, accessKeySecret: server.accessKeySecret, endpoint: `${server.fc}/`, agent });
  const { credentials } = await client.assumeRole(roles.function(server), '', 900, 'own-client');
  const c = oss(server, { bucket: 'sts-bucket', credentials: { accessKeyId: credentials.AccessKeyId, accessKeySecret: credentials.AccessKeySecret, securityToken: credentials.SecurityToken } });
  await c.put('own-client', Buffer.from('x'));
});

it('narrows by a session policy, deny first', async () => {
  const policy = JSON.stringify({
    Version: '1',
    Statement: [
      { Effect: 'Allow', Action: ['oss:GetObject', 'oss:PutObject'], Resource: ['acs:oss:*:*:sts-bucket/allowed/*'] },
      { Effect: 'Deny', Action: 'oss:PutObject', Resource: 'acs:oss:*:*:sts-bucket/allowed/not/*' },
    ],
  });
  const { credentials } = await assume({ policy });
  const c = oss(server, { bucket: 'sts-bucket', credentials });
  await c.put('allowed/a', Buffer.from('x'));
  const denied = (promise) => assert.rejects(promise, { code: 'AccessDenied', status: 403 });
  await denied(c.put('elsewhere', Buffer.from('x')));
  await denied(c.put('allowed/not/a', Buffer.from('x')));
  await denied(c.delete('allowed/a'));
  await denied(c.list({ 'max-keys': 1 }));
  await assert.rejects(fc(server, credentials).listFunctions(new FC.ListFunctionsRequest({})), (err) => err.statusCode === 403);
});

it('refuses roles that may not be assumed, wrong durations, broken and borrowed tokens', async () => {
  await assert.rejects(assume({ roleArn: `acs:ram::${server.account}:role/nobody` }), (err) => /EntityNotExist|NoPermission/.test(err.code) && err.statusCode >= 400);
  await assert.rejects(assume({ durationSeconds: 10 }), (err) => /Duration/.test(err.message));
  const { credentials } = await assume();
  const bad = (over, code) => assert.rejects(oss(server, { bucket: 'sts-bucket', credentials: { ...credentials, ...over } }).get('by-token-true'), (err) => {
    assert.equal(err.code, code, err.message);
    return true;
  });
  await bad({ securityToken: `${credentials.securityToken.slice(0, -4)}AAAA` }, 'InvalidSecurityToken');
  await bad({ accessKeySecret: 'wrong' }, 'SignatureDoesNotMatch');
  await assert.rejects(oss(server, { bucket: 'sts-bucket', credentials: { accessKeyId: credentials.accessKeyId, accessKeySecret: credentials.accessKeySecret } }).get('by-token-true'), (err) => err.status === 403);
  const wrong = sts(server, { accessKeyId: server.accessKeyId, accessKeySecret: 'wrong' });
  await assert.rejects(wrong.assumeRole(new STS.AssumeRoleRequest({ roleArn: roles.function(server), roleSessionName: 'e2e' })), (err) => /Signature/.test(err.code));
});
