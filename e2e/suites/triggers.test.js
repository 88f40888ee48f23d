'use strict';

// Native OSS triggers: the overlap table of the documentation, and every other refusal.

const assert = require('node:assert/strict');
const { after, before, describe, it } = require('node:test');
const { Server } = require('../lib/server');
const { oss, fc, roles, FC } = require('../lib/clients');
const { create, trigger } = require('../lib/functions');
const { until } = require('../lib/wait');

let server;
let client;
before(async () => {
  server = await Server.start();
  client = fc(server);
  await create(server, 'fn', { 'index.js': 'exports.handler = async (e) => { console.log(JSON.parse(e).events[0].oss.object.key); return "ok"; };' });
  await create(server, 'fn2', { 'index.js': 'exports.handler = async () => "ok";' });
});
after(async () => { if (server) await server.stop(); });

const overlap = 'Cannot specify overlapping prefix and suffix with same event type.';
const PUT = 'oss:ObjectCreated:PutObject';
const POST = 'oss:ObjectCreated:PostObject';
const ALL = 'oss:ObjectCreated:*';

describe('the overlap rule', () => {
  const table = [
    [ALL, 'source', 'zip', false],
    [ALL, 'source1', 'zip1', true],
    [PUT, 'source', 'zip', false],
    [PUT, 'source', '1zip', false],
    [PUT, 'source1', 'zip', false],
    [PUT, 'source', '', false],
    [PUT, '', 'zip', false],
    [PUT, 'source1', 'zip1', true],
    [PUT, '1source', '1zip', true],
    [POST, 'source', 'zip', true],
  ];
  table.forEach(([event, prefix, suffix, ok], i) => {
    it(`(${event}, ${prefix || '–'}, ${suffix || '–'}) beside (PutObject, source, zip): ${ok ? 'fits' : 'is refused'}`, async () => {
      const bucket = `overlap-${i}`;
      await oss(server).putBucket(bucket);
      await trigger(server, 'fn', `existing-${i}`, { bucket, prefix: 'source', suffix: 'zip', events: [PUT] });
      const attempt = trigger(server, 'fn2', `new-${i}`, { bucket, prefix, suffix, events: [event] });
      if (ok) {
        assert.equal((await attempt).triggerName, `new-${i}`);
        return;
      }
      await assert.rejects(attempt, (err) => {
        assert.ok(err.message.includes(overlap), err.message);
        assert.ok(err.message.includes(`existing-${i}`), `the trigger in the way is not named: ${err.message}`);
        assert.equal(err.code, 'OSSInvalidRequest');
        assert.equal(err.statusCode, 400);
        return true;
      });
      await assert.rejects(client.getTrigger('fn2', `new-${i}`), { code: 'TriggerNotFound' });
    });
  });
});

describe('triggers', () => {
  const bucket = 'trig';
  before(() => oss(server).putBucket(bucket));

  it('are created, read back to the byte, listed, updated and deleted', async () => {
    const config = '{"events":["oss:ObjectCreated:PutObject"],  "filter":{"key":{"prefix":"source/","suffix":".png"}}}';
    const made = await trigger(server, 'fn', 'crud', { bucket, config });
    assert.equal(made.triggerConfig, config);
    assert.equal(made.triggerType, 'oss');
    assert.ok(made.triggerId);
    assert.equal(made.targetArn, `acs:fc:${server.region}:${server.account}:functions/fn`);
    const got = (await client.getTrigger('fn', 'crud')).body;
    assert.equal(got.triggerConfig, config);
    assert.equal(got.sourceArn, `acs:oss:${server.region}:${server.account}:${bucket}`);
    assert.equal(got.qualifier, 'LATEST');
    assert.ok((await client.listTriggers('fn', new FC.ListTriggersRequest({}))).body.triggers.some((t) => t.triggerName === 'crud'));
    await assert.rejects(trigger(server, 'fn', 'crud', { bucket, config: config.replace('source/', 'other/') }), { code: 'TriggerAlreadyExists', statusCode: 409 });
    const changed = config.replace('.png', '.jpg');
    await client.updateTrigger('fn', 'crud', new FC.UpdateTriggerRequest({ body: new FC.UpdateTriggerInput({ triggerConfig: changed }) }));
    assert.equal((await client.getTrigger('fn', 'crud')).body.triggerConfig, changed);
    await client.deleteTrigger('fn', 'crud');
    await assert.rejects(client.getTrigger('fn', 'crud'), { code: 'TriggerNotFound', statusCode: 404 });
  });

  it('number ten on a bucket, and no more', async () => {
    const b = 'ten';
    await oss(server).putBucket(b);
    for (let i = 0; i < 10; i++) await trigger(server, 'fn', `ten-${i}`, { bucket: b, prefix: `p${i}/` });
    await assert.rejects(trigger(server, 'fn', 'ten-10', { bucket: b, prefix: 'q/' }), (err) => err.statusCode === 400 && /10/.test(err.message));
    await client.deleteTrigger('fn', 'ten-3');
    await trigger(server, 'fn', 'ten-10', { bucket: b, prefix: 'q/' });
  });

  const refused = (what, options, text) => it(`refuse ${what}`, () => assert.rejects(trigger(server, 'fn', 'refused', { bucket, ...options }), (err) => {
    assert.ok(err.statusCode >= 400 && err.statusCode < 500, `${err.statusCode} ${err.message}`);
    assert.match(err.message, text);
    return true;
  }));
  refused('a bucket of another region', { region: 'cn-beijing', prefix: 'r/' }, /region|cn-beijing/i);
  refused('a bucket that is not there', { bucket: 'nowhere', prefix: 'r/' }, /bucket|nowhere/i);
  refused('a role that is not there', { prefix: 'r/', role: 'acs:ram::1642039851470273:role/missing' }, /missing/);
  refused('a role that OSS may not assume', { prefix: 'r/', role: 'acs:ram::1642039851470273:role/aliyunfcdefaultrole' }, /assume/i);
  refused('a role that is no ARN', { prefix: 'r/', role: 'some-role' }, /role arn/i);
  refused('a configuration that is no JSON', { config: '{"events":' }, /invalid OSS trigger config|not valid JSON/i);
  refused('a configuration without events', { config: '{"events":[],"filter":{"key":{"prefix":"r/","suffix":""}}}' }, /event/i);
  refused('an event that does not exist', { prefix: 'r/', events: ['oss:ObjectCreated:Upload'] }, /Upload/);
  refused('a qualifier that does not exist', { prefix: 'r/', qualifier: 'nobody' }, /nobody/);

  it('refuse a function that is not there', () => assert.rejects(trigger(server, 'ghost', 't', { bucket, prefix: 'g/' }), { code: 'FunctionNotFound' }));

  it('take or refuse a prefix that starts with a slash, and say that it never matches', async () => {
    let said;
    try {
      said = JSON.stringify(await trigger(server, 'fn', 'slash', { bucket, prefix: '/slash', suffix: '.s' }));
      await client.deleteTrigger('fn', 'slash');
      return; // accepted: the warning is the server's to log
    } catch (err) {
      said = err.message;
    }
    assert.match(said, /\//);
  });

  it('bound to a version or an alias run that code', async () => {
    const b = 'qualified';
    const c = oss(server, { bucket: b });
    await c.putBucket(b);
    const code = (text) => ({ 'index.js': `
      const OSS = require('ali-oss');
      exports.handler = async (event, context) => {
        const { accessKeyId, accessKeySecret, securityToken } = context.credentials;
        const c = new OSS({ region: 'oss-' + context.region, endpoint: 'https://oss-' + context.region + '-internal.aliyuncs.com', accessKeyId, accessKeySecret, stsToken: securityToken, bucket: '${b}' });
        await c.put('out/' + JSON.parse(event).events[0].oss.object.key, Buffer.from('${text}'));
      };` });
    await create(server, 'q', code('version one'));
    await client.publishFunctionVersion('q', new FC.PublishFunctionVersionRequest({ body: new FC.PublishVersionInput({}) }));
    await client.createAlias('q', new FC.CreateAliasRequest({ body: new FC.CreateAliasInput({ aliasName: 'prod', versionId: '1' }) }));
    const { location } = require('../lib/functions');
    await client.updateFunction('q', new FC.UpdateFunctionRequest({ body: new FC.UpdateFunctionInput({ code: location(code('latest')) }) }));
    await trigger(server, 'q', 'by-alias', { bucket: b, prefix: 'alias/', qualifier: 'prod' });
    await trigger(server, 'q', 'by-version', { bucket: b, prefix: 'version/', qualifier: '1' });
    await trigger(server, 'q', 'by-latest', { bucket: b, prefix: 'latest/' });
    for (const k of ['alias/a', 'version/a', 'latest/a']) await c.put(k, Buffer.from('x'));
    for (const [k, text] of [['alias/a', 'version one'], ['version/a', 'version one'], ['latest/a', 'latest']]) {
      const got = await until(`out/${k}`, async () => (await c.get(`out/${k}`)).content.toString());
      assert.equal(got, text);
    }
  });
});
