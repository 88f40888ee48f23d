'use strict';

// Tokens of the security token service, as functions get them, AssumeRole through the
// official STS SDK and through ali-oss's own client, and the roles, users and keys that the
// command line makes.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, it } = require('node:test');
const { Server } = require('../lib/server');
const { oss, sts, fc, roles, OSS, STS, FC, agent } = require('../lib/clients');
const { create, invoke } = require('../lib/functions');
const { cli, json } = require('../lib/cli');

let server;
let credentials; // of a run that acts as AliyunFCDefaultRole
before(async () => {
  server = await Server.start();
  await oss(server).putBucket('sts-bucket');
  await create(server, 'whoami', { 'index.js': 'exports.handler = async (e, c) => c.credentials;' });
  credentials = (await invoke(server, 'whoami')).json();
});
after(async () => { if (server) await server.stop(); });

// policy allows actions on the objects of a bucket, as somebody would write it.
const policy = (bucket, ...actions) => JSON.stringify({ Version: '1', Statement: [{ Effect: 'Allow', Action: actions, Resource: `acs:oss:*:*:${bucket}/*` }] });

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

const token = (answer) => ({ accessKeyId: answer.accessKeyId, accessKeySecret: answer.accessKeySecret, securityToken: answer.securityToken });

// limited says that credentials may read the objects of sts-bucket, and nothing else.
async function limited(who) {
  await oss(server, { bucket: 'sts-bucket' }).put('shared', Buffer.from('read me'));
  await oss(server).putBucket('sts-other');
  await oss(server, { bucket: 'sts-other' }).put('shared', Buffer.from('not me'));
  const refused = (promise) => assert.rejects(promise, { code: 'AccessDenied', status: 403 });
  for (const v4 of [false, true]) {
    const c = oss(server, { bucket: 'sts-bucket', v4, credentials: who });
    assert.equal((await c.get('shared')).content.toString(), 'read me');
    await refused(c.put('shared', Buffer.from('changed')));
    await refused(c.delete('shared'));
    await refused(c.list());
    await refused(oss(server, { bucket: 'sts-other', v4, credentials: who }).get('shared'));
    await refused(oss(server, { v4, credentials: who }).putBucket('sts-mine'));
  }
  assert.equal((await oss(server, { bucket: 'sts-bucket' }).get('shared')).content.toString(), 'read me');
  await denied(fc(server, who).deleteFunction('whoami'));
}

it('AssumeRole gives a token of a role that trusts the account, and it may do what the role may', async () => {
  const role = await json(server, 'role', 'create', 'reader', '--trust-account', '--policy', policy('sts-bucket', 'oss:GetObject'), '--description', 'reads');
  assert.equal(role.arn, `acs:ram::${server.account}:role/reader`);
  const { body } = await sts(server).assumeRole(new STS.AssumeRoleRequest({ roleArn: role.arn, roleSessionName: 'e2e', durationSeconds: 900 }));
  assert.match(body.credentials.accessKeyId, /^STS\./);
  assert.equal(body.assumedRoleUser.arn, `${role.arn}/e2e`);
  assert.equal(body.assumedRoleUser.assumedRoleId, `${role.id}:e2e`);
  const left = Date.parse(body.credentials.expiration) - Date.now();
  assert.ok(left > 880e3 && left <= 901e3, `expires in ${left} ms`);
  const who = token(body.credentials);
  await limited(who);

  const identity = (await sts(server, who).getCallerIdentity()).body;
  assert.equal(identity.accountId, server.account);
  assert.equal(identity.roleId, role.id);

  // A changed token is no token, wherever it was changed.
  for (const at of [8, who.securityToken.length >> 1, who.securityToken.length - 1]) {
    const other = who.securityToken[at] === 'A' ? 'B' : 'A';
    const tampered = who.securityToken.slice(0, at) + other + who.securityToken.slice(at + 1);
    await assert.rejects(oss(server, { bucket: 'sts-bucket', credentials: { ...who, securityToken: tampered } }).get('shared'), { code: 'InvalidSecurityToken', status: 403 });
  }

  // ali-oss's own client gets the like, narrowed by a policy of its own.
  const client = new OSS.STS({ accessKeyId: server.accessKeyId, accessKeySecret: server.accessKeySecret, endpoint: `${server.fc}/`, agent });
  const own = await client.assumeRole(role.arn, policy('sts-other', 'oss:*'), 900, 'own-client');
  const narrowed = { accessKeyId: own.credentials.AccessKeyId, accessKeySecret: own.credentials.AccessKeySecret, securityToken: own.credentials.SecurityToken };
  await denied(oss(server, { bucket: 'sts-bucket', credentials: narrowed }).get('shared'));
  await denied(oss(server, { bucket: 'sts-other', credentials: narrowed }).get('shared'));

  // Sessions obey what the role may now; without the role they are nothing.
  await json(server, 'role', 'update', 'reader', '--no-policies');
  await denied(oss(server, { bucket: 'sts-bucket', credentials: who }).get('shared'));
  await json(server, 'role', 'update', 'READER', '--policy', policy('sts-bucket', 'oss:GetObject'));
  assert.equal((await oss(server, { bucket: 'sts-bucket', credentials: who }).get('shared')).content.toString(), 'read me');
  await json(server, 'role', 'delete', 'reader');
  await denied(oss(server, { bucket: 'sts-bucket', credentials: who }).get('shared'));
});

it('users have keys of their own, limited to their policies', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'alcedo-policy-'));
  try {
    fs.writeFileSync(path.join(dir, 'read it.json'), policy('sts-bucket', 'oss:GetObject'));
    const user = await json(server, 'user', 'create', 'ann', '--policy', path.join(dir, 'read it.json'));
    assert.deepEqual(user.policies.map((p) => p.name), ['read-it']);
  } finally {
    fs.rmSync(dir, { recursive: true });
  }
  const key = await json(server, 'key', 'create', 'ann');
  const who = { accessKeyId: key.accessKeyId, accessKeySecret: key.accessKeySecret };
  await limited(who);
  assert.equal((await sts(server, who).getCallerIdentity()).body.identityType, 'RAMUser');

  // To assume a role she needs the right to, besides its trust.
  const role = await json(server, 'role', 'create', 'writer', '--trust-account', '--policy', policy('sts-bucket', 'oss:GetObject', 'oss:PutObject'));
  const assume = () => sts(server, who).assumeRole(new STS.AssumeRoleRequest({ roleArn: role.arn, roleSessionName: 'ann', durationSeconds: 900 }));
  await assert.rejects(assume(), { code: 'NoPermission' });
  const may = JSON.stringify({ Version: '1', Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: role.arn }] });
  await json(server, 'user', 'update', 'ann', '--policy', policy('sts-bucket', 'oss:GetObject'), '--policy', may);
  const session = token((await assume()).body.credentials);
  await oss(server, { bucket: 'sts-bucket', credentials: session }).put('by-ann', Buffer.from('x'));

  // She cannot give herself more, nor see who else there is.
  const ann = Object.assign(Object.create(server), who);
  for (const args of [['user', 'update', 'ann', '--policy', policy('*', 'oss:*')], ['key', 'create', 'ann'], ['role', 'list'], ['user', 'list']]) {
    const r = await cli(ann, ...args);
    assert.notEqual(r.code, 0, args.join(' '));
    assert.match(r.err, /AccessDenied.*ram:/);
  }

  await json(server, 'key', 'delete', 'ann', key.accessKeyId);
  await assert.rejects(oss(server, { bucket: 'sts-bucket', credentials: who }).get('shared'), { code: 'InvalidAccessKeyId', status: 403 });
  await json(server, 'user', 'delete', 'ann');
  await json(server, 'role', 'delete', 'writer');
});

it('a function acts as a role of one\'s own', async () => {
  await json(server, 'role', 'create', 'Thumbs', '--trust-service', 'fc.aliyuncs.com', '--policy', policy('sts-bucket', 'oss:GetObject'));
  await create(server, 'reads-only', { 'index.js': 'exports.handler = async (e, c) => c.credentials;' }, { role: `acs:ram::${server.account}:role/thumbs` });
  await limited((await invoke(server, 'reads-only')).json());
});

it('roles, users and keys outlive a restart; a secret is shown once', async () => {
  await json(server, 'user', 'create', 'bob', '--policy', policy('sts-bucket', 'oss:GetObject'));
  const shown = await cli(server, 'key', 'create', 'bob');
  const [, id] = /access key id\s+(LTAI\w+)/.exec(shown.out);
  const [, secret] = /access key secret\s+(\S+)/.exec(shown.out);
  await oss(server, { bucket: 'sts-bucket' }).put('shared', Buffer.from('read me'));
  await server.signal('SIGTERM');
  await server.launch();
  const list = await cli(server, 'key', 'list', 'bob');
  assert.match(list.out, new RegExp(id));
  assert.ok(!list.out.includes(secret) && !server.log.includes(secret));
  assert.match((await cli(server, 'role', 'list')).out, /Thumbs\s+fc\.aliyuncs\.com\s+inline/);
  const show = await cli(server, 'role', 'show', 'thumbs');
  for (const text of [/acs:ram::\d+:role\/Thumbs/, /"oss:GetObject"/, /trusts\s+fc\.aliyuncs\.com/]) assert.match(show.out, text);
  assert.match((await cli(server, 'user', 'list')).out, /bob\s+inline/);
  assert.match((await cli(server, 'user', 'show', 'bob')).out, /"oss:GetObject"/);
  const c = oss(server, { bucket: 'sts-bucket', credentials: { accessKeyId: id, accessKeySecret: secret } });
  assert.equal((await c.get('shared')).content.toString(), 'read me');
});

it('says what is wrong with a role or a policy', async () => {
  const refused = async (text, ...args) => {
    const r = await cli(server, ...args);
    assert.notEqual(r.code, 0, `${args.join(' ')}: ${r.out}`);
    assert.match(r.err, text);
  };
  const own = policy('b', 'oss:GetObject');
  await refused(/trust-account.*trust-service/, 'role', 'create', 'x');
  await refused(/already exists/, 'role', 'create', 'aliyunfcdefaultrole', '--trust-account');
  await refused(/nowhere\.json/, 'role', 'create', 'x', '--trust-account', '--policy', 'nowhere.json');
  await refused(/not JSON/, 'role', 'create', 'x', '--trust-account', '--policy', '{"Version":');
  await refused(/MalformedPolicy.*fly/, 'role', 'create', 'x', '--trust-account', '--policy', own.replace('oss:GetObject', 'fly'));
  await refused(/MalformedPolicy.*not a service/, 'role', 'create', 'x', '--trust-service', 'fc');
  await refused(/3600 to 43200/, 'role', 'create', 'x', '--trust-account', '--max-session', '15m');
  await refused(/policy.*no-policies/, 'user', 'update', 'bob');
  await refused(/EntityNotExist\.Role.*ghost/, 'role', 'show', 'ghost');
  await refused(/EntityNotExist\.User.*ghost/, 'key', 'create', 'ghost');
  await refused(/no access key/, 'key', 'delete', 'bob', 'LTAInobody');
  assert.doesNotMatch((await cli(server, 'role', 'list')).out, /^x /m);
});
