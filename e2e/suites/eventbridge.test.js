'use strict';

// Triggers that are rules on the default event bus: made as Serverless Devs and Terraform
// make them, and what they hand to functions.

const assert = require('node:assert/strict');
const { after, before, describe, it } = require('node:test');
const { Server } = require('../lib/server');
const { oss, fc, consoleGet, runs, FC } = require('../lib/clients');
const { create, trigger } = require('../lib/functions');
const { cli, json } = require('../lib/cli');
const { until } = require('../lib/wait');

const sink = 'eb-sink';
let server;
let client;
let out;
let arn; // of buckets, without their name

before(async () => {
  server = await Server.start();
  client = fc(server);
  arn = `acs:oss:${server.region}:${server.account}:`;
  out = oss(server, { bucket: sink });
  await out.putBucket(sink);
});
after(async () => { if (server) await server.stop(); });

// capture deploys a function that keeps each event it gets, under its own name.
async function capture(name) {
  await create(server, name, { 'index.js': `
    const OSS = require('ali-oss');
    exports.handler = async (event, context) => {
      const { accessKeyId, accessKeySecret, securityToken } = context.credentials;
      const c = new OSS({ region: 'oss-' + context.region, endpoint: 'https://oss-' + context.region + '-internal.aliyuncs.com', accessKeyId, accessKeySecret, stsToken: securityToken, bucket: '${sink}' });
      const e = JSON.parse(event);
      const what = e.events ? e.events[0].eventName + ' ' + e.events[0].oss.object.key : e.type + ' ' + e.subject;
      await c.put('${name}/' + encodeURIComponent(what), event);
    };` });
}

// captured waits for an event that a function got; what is the type and the key (native)
// or the subject.
const captured = (name, what) => until(`${name} to get ${what}`, async () => JSON.parse((await out.get(`${name}/${encodeURIComponent(what)}`)).content));

// all lists what a function got.
async function all(name) {
  const { objects } = await out.list({ prefix: `${name}/`, 'max-keys': 1000 });
  return (objects || []).map((o) => decodeURIComponent(o.name.slice(name.length + 1))).sort();
}

// rule makes an EventBridge trigger; more is the rest of its triggerConfig.
async function rule(functionName, triggerName, pattern, more = {}, input = {}) {
  const triggerConfig = typeof pattern === 'string' ? pattern : JSON.stringify({ triggerEnable: true, asyncInvocationType: false, eventRuleFilterPattern: JSON.stringify(pattern), eventSourceConfig: { eventSourceType: 'Default' }, ...more });
  const body = new FC.CreateTriggerInput({ triggerName, triggerType: 'eventbridge', triggerConfig, qualifier: 'LATEST', ...input });
  return (await client.createTrigger(functionName, new FC.CreateTriggerRequest({ body }))).body;
}

const update = (fn, name, input) => client.updateTrigger(fn, name, new FC.UpdateTriggerRequest({ body: new FC.UpdateTriggerInput(input) }));
const PUT = 'oss:ObjectCreated:PutObject';
const uploads = (bucket, ...prefixes) => ({ source: ['acs.oss'], type: [PUT], subject: prefixes.map((p) => ({ prefix: `${arn}${bucket}/${p}` })) });

describe('a rule', () => {
  before(() => create(server, 'crud', { 'index.js': 'exports.handler = async () => "ok";' }));

  it('is made, shown, listed, changed and deleted, as Serverless Devs does it', async () => {
    const pattern = '{"source":["acs.oss"],"type":["oss:BucketCreated:PutBucket"]}';
    // The order and the spaces are the client's, and stay.
    const config = JSON.stringify({
      triggerEnable: true,
      asyncInvocationType: false,
      eventRuleFilterPattern: pattern,
      eventSinkConfig: { deliveryOption: { eventSchema: 'CloudEvents' } },
      eventSourceConfig: { eventSourceType: 'Default' },
      runOptions: { mode: 'event-driven', errorsTolerance: 'ALL', retryStrategy: { PushRetryStrategy: 'BACKOFF_RETRY' }, deadLetterQueue: {} },
    }, null, 2);
    const made = await rule('crud', 'eb', config, {}, { description: 'made by a test' });
    assert.equal(made.triggerConfig, config);
    assert.equal(made.triggerType, 'eventbridge');
    assert.equal(made.qualifier, 'LATEST');
    assert.equal(made.targetArn, `acs:fc:${server.region}:${server.account}:functions/crud`);
    assert.ok(made.triggerId);
    assert.equal(made.status, 'OK');
    const got = (await client.getTrigger('crud', 'eb')).body;
    assert.deepEqual({ ...got }, { ...made });
    const { triggers } = (await client.listTriggers('crud', new FC.ListTriggersRequest({}))).body;
    assert.deepEqual(triggers.map((t) => [t.triggerName, t.triggerType]), [['eb', 'eventbridge']]);
    await assert.rejects(rule('crud', 'eb', config), { code: 'TriggerAlreadyExists', statusCode: 409 });

    const changed = JSON.stringify({ ...JSON.parse(config), triggerEnable: false, asyncInvocationType: true, runOptions: undefined });
    const after = (await update('crud', 'eb', { triggerConfig: changed, description: 'changed', qualifier: 'LATEST' })).body;
    assert.equal(after.triggerConfig, changed);
    assert.equal(after.description, 'changed');
    assert.equal(after.triggerId, made.triggerId);
    await assert.rejects(client.deleteFunction('crud'), { statusCode: 409 });
    await client.deleteTrigger('crud', 'eb');
    await assert.rejects(client.getTrigger('crud', 'eb'), { code: 'TriggerNotFound', statusCode: 404 });
  });

  it('is made as Terraform does it, with the bus as its source', async () => {
    const sourceArn = `acs:eventbridge:${server.region}:${server.account}:eventbus/default`;
    const made = await rule('crud', 'tf', { source: ['acs.oss'], type: ['oss:BucketCreated:PutBucket'] }, { triggerEnable: false }, { sourceArn });
    assert.equal(made.sourceArn, sourceArn);
    assert.equal(made.invocationRole || '', '');
    assert.ok(made.triggerId);
    await client.deleteTrigger('crud', 'tf');
  });

  const ok = { source: ['acs.oss'] };
  const refused = (what, status, code, text, pattern, more, input) => it(`is refused with ${what}`, () => assert.rejects(rule('crud', 'refused', pattern, more, input), (err) => {
    assert.equal(err.statusCode, status, err.message);
    assert.equal(err.code, code, err.message);
    assert.match(err.message, text);
    return true;
  }));
  refused('a field that does not exist', 400, 'InvalidArgument', /retries/, ok, { runOptions: { retries: 1 } });
  refused('no pattern', 400, 'InvalidArgument', /eventRuleFilterPattern/, '{"triggerEnable":true}');
  refused('a pattern that is no array', 400, 'InvalidArgument', /source/, { source: 'acs.oss' });
  refused('a matcher that does not exist', 400, 'InvalidArgument', /wildcard/, { subject: [{ wildcard: '*' }] });
  refused('more than five expressions in a field', 400, 'InvalidArgument', /5/, { subject: ['1', '2', '3', '4', '5', '6'] });
  refused('a queue as its source', 501, 'NotImplemented', /RocketMQ/, ok, { eventSourceConfig: { eventSourceType: 'RocketMQ' } });
  refused('streaming', 501, 'NotImplemented', /event-streaming/, ok, { runOptions: { mode: 'event-streaming' } });
  refused('batches', 501, 'NotImplemented', /batchWindow/, ok, { runOptions: { batchWindow: { CountBasedWindow: 10, TimeBasedWindow: 1 } } });
  refused('a message queue for dead letters', 501, 'NotImplemented', /MNS/, ok, { runOptions: { deadLetterQueue: { Arn: 'acs:mns:cn-hangzhou:1642039851470273:/queues/q/messages' } } });
  refused('a bucket as its source', 400, 'InvalidArgument', /event bus/, ok, {}, { sourceArn: 'acs:oss:cn-hangzhou:1642039851470273:b' });
  refused('a qualifier that is not there', 404, 'AliasNotFound', /nobody/, ok, {}, { qualifier: 'nobody' });
});

describe('events', () => {
  const bucket = 'eb-src';
  let c;
  before(async () => {
    c = oss(server, { bucket });
    await c.putBucket(bucket);
    await Promise.all(['native', 'rule-1', 'rule-2', 'many', 'buckets', 'toggled', 'paused'].map(capture));
  });

  it('one upload starts three functions', async () => {
    await trigger(server, 'native', 't', { bucket, prefix: 'fan/', suffix: '.txt' });
    await rule('rule-1', 't', uploads(bucket, 'fan/'));
    await rule('rule-2', 't', uploads(bucket, 'fan/'), { asyncInvocationType: true });
    const { res } = await c.put('fan/ü &.txt', Buffer.from('fan out'), { mime: 'text/plain', meta: { a: 'b' } });
    const [n, one, two] = await Promise.all([
      captured('native', 'ObjectCreated:PutObject fan/ü &.txt'),
      captured('rule-1', `${PUT} ${arn}${bucket}/fan/ü &.txt`),
      captured('rule-2', `${PUT} ${arn}${bucket}/fan/ü &.txt`),
    ]);
    assert.deepEqual(one, two);
    // A CloudEvent, whose data is what the native trigger hands over, without a rule.
    const { ruleId, ...native } = n.events[0].oss;
    assert.match(ruleId, /^[0-9a-f]{40}$/);
    const { data, ...envelope } = one;
    assert.deepEqual(data, { ...n.events[0], oss: { ...native, bucket: { ...native.bucket, virtualBucket: '' } } });
    assert.equal(data.responseElements.requestId, res.headers['x-oss-request-id']);
    assert.match(envelope.aliyunpublishtime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.match(envelope.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/);
    delete envelope.aliyunpublishtime;
    delete envelope.time;
    assert.deepEqual(envelope, {
      datacontenttype: 'application/json;charset=utf-8', aliyunaccountid: server.account, subject: `${arn}${bucket}/fan/ü &.txt`,
      aliyunoriginalaccountid: server.account, source: 'acs.oss', type: PUT, specversion: '1.0', aliyuneventbusname: 'default',
      id: res.headers['x-oss-request-id'], aliyunregionid: server.region,
    });
  });

  it('several prefixes and suffixes are one rule, made with the command line', async () => {
    const made = await json(server, 'trigger', 'create', 'many', '--type', 'eventbridge', '--name', 'pairs', '--bucket', bucket,
      '--prefix', 'in/', '--prefix', 'inbox/', '--suffix', '.pdf', '--suffix', '.txt', '--event', 'ObjectCreated:PutObject', '--retry', 'decay', '--max-attempts', '2');
    assert.deepEqual(JSON.parse(JSON.parse(made.triggerConfig).eventRuleFilterPattern), {
      ...uploads(bucket, 'in/', 'inbox/'), data: { oss: { object: { key: [{ suffix: '.pdf' }, { suffix: '.txt' }] } } },
    });
    const wanted = ['in/a.pdf', 'in/b.txt', 'inbox/a.pdf', 'inbox/b.txt'];
    for (const k of ['in/a.png', 'other/a.pdf', 'a.txt', 'in', ...wanted]) await c.put(k, Buffer.from('x'));
    await Promise.all(wanted.map((k) => captured('many', `${PUT} ${arn}${bucket}/${k}`)));
    assert.deepEqual(await all('many'), wanted.map((k) => `${PUT} ${arn}${bucket}/${k}`).sort());

    // Both types are judged.
    const match = async (...args) => Object.fromEntries((await json(server, 'trigger', 'match', '--bucket', bucket, ...args)).map((m) => [`${m.function}/${m.trigger}`, m]));
    let m = await match('--key', 'in/a.png');
    assert.equal(m['many/pairs'].fires, false);
    assert.match(m['many/pairs'].reason, /key/);
    assert.equal(m['many/pairs'].type, 'eventbridge');
    assert.equal(m['native/t'].type, 'oss');
    m = await match('--key', 'fan/a.txt');
    for (const t of ['native/t', 'rule-1/t', 'rule-2/t']) assert.equal(m[t].fires, true, t);
  });

  it('of buckets reach functions', async () => {
    await rule('buckets', 't', { source: ['acs.oss'], type: ['oss:BucketCreated:PutBucket', 'oss:BucketRemoved:DeleteBucket'], subject: [{ prefix: `${arn}eb-new-` }] });
    const b = oss(server);
    await b.putBucket('eb-elsewhere');
    await b.putBucket('eb-new-one');
    const made = await captured('buckets', `oss:BucketCreated:PutBucket ${arn}eb-new-one`);
    await b.deleteBucket('eb-new-one'); // a rule about it is not in its way
    const gone = await captured('buckets', `oss:BucketRemoved:DeleteBucket ${arn}eb-new-one`);
    for (const [e, name] of [[made, 'BucketCreated:PutBucket'], [gone, 'BucketRemoved:DeleteBucket']]) {
      assert.equal(e.source, 'acs.oss');
      assert.equal(e.subject, `${arn}eb-new-one`);
      assert.equal(e.data.eventName, name);
      assert.deepEqual(e.data.oss.bucket, { name: 'eb-new-one', arn: `${arn}eb-new-one`, virtualBucket: '', ownerIdentity: server.account });
      assert.equal(e.data.oss.object, undefined);
    }
    assert.equal((await all('buckets')).length, 2);
  });

  it('do not reach a disabled rule', async () => {
    const pattern = uploads(bucket, 'toggled/');
    const made = await rule('toggled', 't', pattern, { triggerEnable: false });
    await c.put('toggled/1', Buffer.from('x'));
    await update('toggled', 't', { triggerConfig: made.triggerConfig.replace('"triggerEnable":false', '"triggerEnable":true') });
    await c.put('toggled/2', Buffer.from('x'));
    await captured('toggled', `${PUT} ${arn}${bucket}/toggled/2`);
    await update('toggled', 't', { triggerConfig: made.triggerConfig });
    await c.put('toggled/3', Buffer.from('x'));
    assert.match((await cli(server, 'trigger', 'list', 'toggled')).out, /^t\s+eventbridge\s+disabled\s/m);
    await update('toggled', 't', { triggerConfig: JSON.stringify({ eventRuleFilterPattern: JSON.stringify(pattern) }) }); // enabled unless it says otherwise
    await c.put('toggled/4', Buffer.from('x'));
    await captured('toggled', `${PUT} ${arn}${bucket}/toggled/4`);
    assert.deepEqual(await all('toggled'), [2, 4].map((n) => `${PUT} ${arn}${bucket}/toggled/${n}`));
  });

  it('start nothing while a trigger of either type is paused', async () => {
    await trigger(server, 'paused', 'native', { bucket, prefix: 'paused/' });
    await rule('paused', 'rule', uploads(bucket, 'paused/'));
    const before = (await client.listTriggers('paused', new FC.ListTriggersRequest({}))).body.triggers.map((t) => ({ ...t }));
    for (const t of ['native', 'rule']) {
      const shown = await json(server, 'trigger', 'pause', 'paused', t, '--detail', 'not now');
      assert.equal(shown.state, 'paused');
      assert.equal(shown.paused.reason, 'Manual');
      assert.equal(shown.paused.detail, 'not now');
    }
    // FC's clients see no difference.
    assert.deepEqual((await client.listTriggers('paused', new FC.ListTriggersRequest({}))).body.triggers.map((t) => ({ ...t })), before);
    assert.match((await cli(server, 'trigger', 'show', 'paused', 'rule')).out, /state:\s+paused since \d.*\(Manual: not now\)/);
    const why = (await json(server, 'trigger', 'match', '--bucket', bucket, '--key', 'paused/x')).filter((m) => m.function === 'paused');
    assert.deepEqual(why.map((m) => [m.trigger, m.state, m.fires]), [['native', 'paused', false], ['rule', 'paused', false]]);
    assert.match(why[0].reason, /not now.*dead letter/);
    await c.put('paused/1', Buffer.from('x'));
    for (const t of ['native', 'rule']) assert.equal((await json(server, 'trigger', 'resume', 'paused', t)).state, 'enabled');
    await c.put('paused/2', Buffer.from('x'));
    await captured('paused', 'ObjectCreated:PutObject paused/2');
    await captured('paused', `${PUT} ${arn}${bucket}/paused/2`);
    assert.deepEqual(await all('paused'), ['ObjectCreated:PutObject paused/2', `${PUT} ${arn}${bucket}/paused/2`]);
    await until('both runs in the history', async () => (await runs(server, 'paused')).length === 2);
  });
});

describe('a trigger that its function would start', () => {
  it('is made, and pointed out', async () => {
    const bucket = 'eb-loop';
    const c = oss(server, { bucket });
    await c.putBucket(bucket);
    await create(server, 'writer', { 'index.js': `
      const OSS = require('ali-oss');
      exports.handler = async (event, context) => {
        const { accessKeyId, accessKeySecret, securityToken } = context.credentials;
        const c = new OSS({ region: 'oss-' + context.region, endpoint: 'https://oss-' + context.region + '-internal.aliyuncs.com', accessKeyId, accessKeySecret, stsToken: securityToken, bucket: '${bucket}' });
        await c.put('written/' + JSON.parse(event).events[0].oss.object.key, Buffer.from('x'));
      };` });
    await trigger(server, 'writer', 'first', { bucket, prefix: 'in/' });
    await c.put('in/1', Buffer.from('x'));
    await until('its output', () => c.head('written/in/1'));

    const check = (query) => consoleGet(server, '/api/triggers/check', { function: 'writer', ...query });
    assert.equal((await check({ bucket, prefix: 'else/', event: PUT })).warning, undefined);
    const asked = await check({ bucket, prefix: 'writ', event: PUT });
    assert.match(asked.warning, /likely to start itself.*eb-loop\/written\/in\/1/);
    assert.deepEqual([asked.used, asked.limit, asked.functionUsed, asked.conflicts], [1, 10, 1, []]);

    const made = await cli(server, 'trigger', 'create', 'writer', '--name', 'loop', '--type', 'eventbridge', '--bucket', bucket, '--prefix', 'written/');
    assert.equal(made.code, 0, made.err);
    assert.match(made.err, /warning: .*'loop' is likely to start itself/);
    assert.match(made.out, /created loop/);
    await client.deleteTrigger('writer', 'loop');
    const fine = await cli(server, 'trigger', 'create', 'writer', '--name', 'fine', '--type', 'eventbridge', '--bucket', bucket, '--prefix', 'else/');
    assert.equal(fine.code, 0, fine.err);
    assert.equal(fine.err, '');
    await client.deleteTrigger('writer', 'fine');
  });
});

describe('the limit', () => {
  it('is 50 rules, and none of a native trigger', async () => {
    const small = { 'index.js': 'exports.handler = async () => "ok";' };
    await create(server, 'limit-1', small);
    await create(server, 'limit-2', small);
    const pattern = { source: ['acs.oss'], subject: ['none'] };
    let made = 0;
    let refusal;
    for (let i = 0; i < 51 && !refusal; i++) {
      try {
        await rule(`limit-${1 + (i % 2)}`, `r${i}`, pattern);
        made++;
      } catch (err) {
        refusal = err;
      }
    }
    assert.ok(refusal, `${made} rules were made`);
    assert.equal(refusal.statusCode, 400);
    assert.match(refusal.message, /50 rules/);
    // Those of the tests above count.
    let others = 0;
    for (const f of ['rule-1', 'rule-2', 'many', 'buckets', 'toggled', 'paused']) others += (await client.listTriggers(f, new FC.ListTriggersRequest({}))).body.triggers.filter((t) => t.triggerType === 'eventbridge').length;
    assert.equal(made + others, 50);
    await oss(server).putBucket('eb-limit');
    await trigger(server, 'limit-1', 'native', { bucket: 'eb-limit', prefix: 'x/' });
    await client.deleteTrigger('limit-1', 'r0');
    await rule('limit-2', 'again', pattern);
  });
});
