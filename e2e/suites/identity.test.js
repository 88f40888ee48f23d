'use strict';

// Tokens of the security token service, as functions get them, and AssumeRole through the
// official STS SDK and through ali-oss's own client.

const assert = require('node:assert/strict');
const { after, before, it } = require('node:test');
const { Server } = require('../lib/server');
const { oss, sts, fc, roles, OSS, STS, FC, agent } = require('../lib/clients');
const { create, invoke } = require('../lib/functions');

let server;
let credentials; // of a run that acts as AliyunFCDefaultRole
before(async () => {
  server = await Server.start();
  await oss(server).putBucket('sts-bucket');
  await create(server, 'whoami', { 'index.js': 'exports.handler = async (e, c) => c.credentials;' });
  credentials = (await invoke(server, 'whoami')).json();
});
after(async () => { if (server) await server.stop(); });

const denied = (promise, status = 403) => assert.rejects(promise, (err) => {
  assert.equal(err.status || err.statusCode, status, err.message);
  return true;
});

it('tokens work with V1, V4 and in addresses', async () => {
  assert.match(credentials.accessKeyId, /^STS\./);
  for (const v4 of [false, true]) {
    const c = oss(server, { bucket: 'sts-bucket', v4, credentials });
    await c.put(`by-token-${v4}`, Buffer.from('x'));
    const signer = oss(server, { bucket: 'sts-bucket', v4, credentials, style: 'local' });
    const url = v4 ? await signer.signatureUrlV4('GET', 60, {}, `by-token-${v4}`) : signer.signatureUrl(`by-token-${v4}`, { expires: 60 });
    const res = await fetch(url);
    assert.equal(await res.text(), 'x');
  }
});

it('tokens may do what their role may, and no more', async () => {
  await denied(fc(server, credentials).deleteFunction('whoami'));
  await denied(fc(server, credentials).updateFunction('whoami', new FC.UpdateFunctionRequest({ body: new FC.UpdateFunctionInput({ description: 'x' }) })));
});

it('broken, borrowed and missing tokens are refused', async () => {
  const refused = (over, code) => assert.rejects(oss(server, { bucket: 'sts-bucket', credentials: { ...credentials, ...over } }).get('by-token-true'), (err) => {
    assert.equal(err.code, code, err.message);
    assert.equal(err.status, 403);
    return true;
  });
  await refused({ securityToken: `${credentials.securityToken.slice(0, -4)}AAAA` }, 'InvalidSecurityToken');
  await refused({ accessKeySecret: 'wrong' }, 'SignatureDoesNotMatch');
  const other = (await invoke(server, 'whoami')).json();
  if (other.accessKeyId !== credentials.accessKeyId) await refused({ securityToken: other.securityToken }, 'InvalidSecurityToken');
  await denied(oss(server, { bucket: 'sts-bucket', credentials: { accessKeyId: credentials.accessKeyId, accessKeySecret: credentials.accessKeySecret } }).get('by-token-true'));
});

it('AssumeRole refuses roles whose trust policy does not name the caller, and says so', async () => {
  const assume = (options, who) => sts(server, who).assumeRole(new STS.AssumeRoleRequest({ roleArn: roles.function(server), roleSessionName: 'e2e', durationSeconds: 900, ...options }));
  const refused = (promise, code, text) => assert.rejects(promise, (err) => {
    assert.match(err.code, code, err.message);
    assert.match(err.message, text);
    return true;
  });
  // Both roles that exist from the start trust a service, as the cloud's do, not the account.
  await refused(assume(), /^NoPermission$/, /trust policy/);
  await refused(assume({}, credentials), /^NoPermission$/, /trust policy|not authorized/);
  await refused(assume({ roleArn: `acs:ram::${server.account}:role/nobody` }), /EntityNotExist|NoPermission/, /nobody|role/i);
  await refused(assume({ roleArn: 'nonsense' }), /InvalidParameter/, /RoleArn|role/i);
  await refused(assume({}, { accessKeyId: server.accessKeyId, accessKeySecret: 'wrong' }), /Signature/, /./);
  await refused(assume({}, { accessKeyId: 'LTAInobody', accessKeySecret: 'wrong' }), /AccessKey/, /./);
});

it('AssumeRole answers ali-oss\'s own STS client in the same way', async () => {
  const client = new OSS.STS({ accessKeyId: server.accessKeyId, accessKeySecret: server.accessKeySecret, endpoint: `${server.fc}/`, agent });
  await assert.rejects(client.assumeRole(roles.function(server), '', 900, 'own-client'), { code: 'NoPermission', status: 403 });
});
