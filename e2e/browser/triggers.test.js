'use strict';

// Triggers, configuration, versions and aliases of a function, as people meet them.

const assert = require('node:assert/strict');
const { after, before, describe, it } = require('node:test');
const { Server } = require('../lib/server');
const { fc, oss, consoleGet, FC } = require('../lib/clients');
const { create, trigger, location } = require('../lib/functions');
const { accessible, clean, close, signedIn } = require('./lib/browser');

const role = 'AliyunOSSEventNotificationRole';
const four = ['oss:ObjectCreated:PutObject', 'oss:ObjectCreated:PostObject', 'oss:ObjectCreated:CompleteMultipartUpload', 'oss:ObjectCreated:PutSymlink'];
const words = {
  en: {
    functions: 'Functions', tab: 'Trigger', create: 'Create Trigger', type: 'Trigger Type', name: 'Name', qualifier: 'Version or Alias', bucket: 'Bucket Name', prefix: 'Object Prefix',
    suffix: 'Object Suffix', event: 'Trigger Event', role: 'Role Name', authorize: 'Authorize Now', ok: 'OK', configuration: 'Configuration',
  },
  zh: {
    functions: '函数', tab: '触发器', create: '创建触发器', type: '触发器类型', name: '名称', qualifier: '版本或别名', bucket: 'Bucket 名称', prefix: '文件前缀',
    suffix: '文件后缀', event: '触发事件', role: '角色名称', authorize: '立即授权', ok: '确定', configuration: '配置',
  },
};

// antd puts a space between two Chinese letters of a button.
const named = (text) => new RegExp(`^${[...text].join('\\s?')}$`);
const panel = (page) => page.locator('.trigger-panel');
const error = (page, label) => page.locator('.ant-form-item', { has: page.getByLabel(label, { exact: true }) }).locator('.ant-form-item-explain-error');

// choose opens a select by its label and takes an option.
async function choose(page, within, label, option) {
  await within.getByLabel(label, { exact: true }).click();
  const list = page.locator('.ant-select-dropdown:not(.ant-select-dropdown-hidden)');
  await list.locator('.ant-select-item-option', { hasText: option }).first().click();
}

// write puts a text into an editor: Chromium marks what it puts over coloured text with
// styles of its own, so the old text goes first.
async function write(page, editor, text) {
  await editor.click();
  await page.keyboard.press('Control+a');
  await page.keyboard.press('Delete');
  await page.keyboard.insertText(text);
}

// refused waits until the server has refused the trigger that an act sends.
async function refused(page, act) {
  const answer = page.waitForResponse((r) => /\/triggers$/.test(r.url()) && r.request().method() === 'POST');
  await act();
  assert.ok((await answer).status() >= 400);
}

const listed = (server, name) => consoleGet(server, '/api/triggers', { function: name });
const runsOf = async (server, name) => consoleGet(server, '/api/runs', { function: name, limit: 20 });

async function until(what, f, ms = 20000) {
  for (const end = Date.now() + ms; ;) {
    const got = await f();
    if (got) return got;
    if (Date.now() > end) throw new Error(`waited ${ms} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe('triggers, configuration and versions', () => {
  let server;
  let bucket;
  before(async () => {
    server = await Server.start();
    for (const name of ['testbucket', 'other-bucket']) await oss(server).putBucket(name);
    bucket = oss(server, { bucket: 'testbucket' });
    const code = { 'index.js': 'exports.handler = async (e) => e;\n' };
    for (const name of ['resize', 'resize-zh', 'second', 'ruled', 'versioned']) await create(server, name, code);
    for (const key of ['source/a.png', 'source/b.png', 'source/c.txt']) await bucket.put(key, Buffer.from('x'));
  });
  after(async () => { await close(); await server.stop(); });

  for (const [language, fn, deleted] of [['en', 'resize', false], ['zh', 'resize-zh', true]]) {
    it(`creates the seed's trigger, word for word${deleted ? ', after authorizing' : ''} (${language})`, async () => {
      const w = words[language];
      const { context, page } = await signedIn(server, { language, at: `/functions/${fn}` });
      if (deleted) {
        await fc(server).deleteTrigger('resize', 'oss-trigger'); // of the test before, which is in the way
        assert.equal((await context.request.delete(`/api/roles/${role}`)).status(), 204);
      }
      await page.getByRole('tab', { name: w.tab, exact: true }).click();
      await page.getByRole('button', { name: w.create }).click();
      const p = panel(page);
      await p.getByText(w.create).first().waitFor();
      await p.getByText('OSS', { exact: true }).waitFor(); // Trigger Type
      await p.getByLabel(w.type, { exact: true }).waitFor();
      await p.getByText('LATEST', { exact: true }).waitFor(); // Version or Alias
      await p.getByLabel(w.name, { exact: true }).fill('oss-trigger');
      await choose(page, p, w.bucket, 'testbucket');
      await p.getByLabel(w.prefix, { exact: true }).fill('source');
      await p.getByLabel(w.suffix, { exact: true }).fill('png');
      for (const e of four) await p.getByText(e, { exact: true }).waitFor();
      await p.getByText(role, { exact: true }).waitFor();
      await p.locator('.signs').getByText(language === 'en' ? '2 objects match now' : '当前有 3 个对象匹配').waitFor(); // the other test put one
      await p.getByRole('link', { name: 'source/a.png' }).waitFor();
      await accessible(page, 'the panel');
      await p.getByRole('button', { name: named(w.ok) }).click();
      if (deleted) {
        await page.getByRole('button', { name: named(w.authorize) }).waitFor();
        await accessible(page, 'the dialog');
        await page.getByRole('button', { name: named(w.authorize) }).click();
      }
      await p.waitFor({ state: 'detached' });
      await page.getByRole('heading', { name: 'oss-trigger' }).waitFor();
      const [t] = await listed(server, fn);
      assert.deepEqual(JSON.parse(t.triggerConfig), { events: four, filter: { key: { prefix: 'source', suffix: 'png' } } });
      assert.equal(t.sourceArn, `acs:oss:${server.region}:${server.account}:testbucket`);
      assert.equal(t.invocationRole.toLowerCase(), `acs:ram::${server.account}:role/${role.toLowerCase()}`);

      await bucket.put('source/new.png', Buffer.from('x'));
      await until('the run', async () => (await runsOf(server, fn)).length > 0);
      if (language === 'zh') { // what the server warns of is in Chinese, too
        assert.equal((await context.request.post(`/api/triggers/${fn}/oss-trigger/pause`, { data: { detail: '维护中' } })).status(), 200);
        await page.reload();
        await page.getByRole('alert').getByText(/^触发器 oss-trigger 自 [\d: -]+ 起已暂停（人工操作：维护中），其匹配的事件将成为死信。$/).waitFor();
        assert.equal((await context.request.post(`/api/triggers/${fn}/oss-trigger/resume`)).status(), 200);
      }
      // Configuration > Trigger: the Bucket Name leads to the bucket.
      await page.getByRole('tab', { name: w.configuration, exact: true }).click();
      await page.locator('.sections').getByText(w.tab, { exact: true }).click();
      await page.getByRole('link', { name: 'testbucket' }).click();
      await page.waitForURL(/\/buckets\/testbucket/);
      clean(page);
      await context.close();
    });
  }

  it('says at the field what would be refused, and loses nothing', async () => {
    const { context, page } = await signedIn(server, { at: '/functions/second/triggers?new=1' });
    const p = panel(page);
    await p.getByRole('button', { name: 'OK' }).click();
    await error(page, 'Name').waitFor();
    await error(page, 'Bucket Name').waitFor();
    await p.getByLabel('Name', { exact: true }).fill('1st');
    await p.getByText(/does not start with a digit/).waitFor();
    await p.getByLabel('Name', { exact: true }).fill('late');
    await choose(page, p, 'Bucket Name', 'testbucket');
    await p.getByLabel('Object Prefix', { exact: true }).fill('/source/x');
    await error(page, 'Object Prefix').getByText(/forward slash/).waitFor();
    await p.getByRole('button', { name: 'OK' }).click();
    assert.deepEqual(await listed(server, 'second'), []);
    await p.getByRole('button', { name: 'Remove the slash' }).click();
    assert.equal(await p.getByLabel('Object Prefix', { exact: true }).inputValue(), 'source/x');
    await error(page, 'Object Prefix').getByText(/Overlapping/).waitFor();
    const link = error(page, 'Object Prefix').getByRole('link');
    assert.match(await link.getAttribute('href'), /\/functions\/resize-zh\/triggers/);
    await accessible(page, 'a conflict');
    await refused(page, () => p.getByRole('button', { name: 'OK' }).click()); // the server says so too
    await p.locator('.ant-btn-loading').waitFor({ state: 'detached' });
    assert.equal(await p.getByLabel('Name', { exact: true }).inputValue(), 'late');
    await p.getByLabel('Object Suffix', { exact: true }).fill('*.jpg');
    await error(page, 'Object Suffix').getByText(/wildcard/).waitFor();
    await p.getByLabel('Object Suffix', { exact: true }).fill('.jpg');
    await p.getByText('No other trigger of the bucket is in the way').waitFor();
    await p.getByText(/1 of 10 native triggers of testbucket used/).waitFor();
    await p.getByLabel('Trigger Event', { exact: true }).click();
    await accessible(page, 'the events');
    await p.getByLabel('Object Suffix', { exact: true }).click();
    await p.getByRole('button', { name: 'OK' }).click();
    await page.getByRole('heading', { name: 'late' }).waitFor();

    await page.getByRole('button', { name: 'Edit Trigger late' }).click();
    await p.getByLabel('Object Suffix', { exact: true }).fill('.jpeg');
    await p.getByRole('button', { name: 'OK' }).click();
    await p.waitFor({ state: 'detached' });
    await page.locator('.trigger-card').getByText('.jpeg').waitFor();
    assert.match((await listed(server, 'second'))[0].triggerConfig, /"\.jpeg"/);

    await page.getByRole('button', { name: 'Pause late' }).click();
    await page.getByLabel('Why (optional)').fill('too many');
    await accessible(page, 'pausing');
    await page.getByRole('button', { name: 'Pause', exact: true }).last().click();
    await page.getByText(/by a person: too many/).waitFor();
    assert.equal((await listed(server, 'second'))[0].state, 'paused');
    // What the page reads again after one action is late, and leaves the next one's dialog alone.
    const held = [];
    await page.route('**/trigger-warnings', (route) => void held.push(route));
    await page.getByRole('button', { name: 'Resume late' }).click();
    await page.getByText('Enabled', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'More for late' }).click();
    const replay = page.getByRole('menuitem', { name: 'Replay and backfill' }).getByRole('link');
    assert.match(await replay.getAttribute('href'), /\/jobs\?.*function=second.*trigger=late/);
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByText(/already owed are still made/).waitFor();
    assert.notEqual(held.length, 0);
    await Promise.all(held.map((route) => route.continue()));
    await page.unroute('**/trigger-warnings');
    await page.locator('.trigger-actions .ant-btn-loading').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByText('This function has no triggers yet', { exact: false }).waitFor();
    clean(page);
    await context.close();
  });

  it('builds a rule of two prefixes, tries it, and it fires', async () => {
    const { context, page } = await signedIn(server, { at: '/functions/ruled/triggers?new=1', theme: 'dark' });
    const p = panel(page);
    await choose(page, p, 'Trigger Type', 'EventBridge');
    await p.getByLabel('Name', { exact: true }).fill('rule');
    await choose(page, p, 'Bucket Name', 'testbucket');
    await page.keyboard.press('Tab');
    for (const prefix of ['in/', 'raw/']) {
      await p.getByLabel('Object Prefix', { exact: true }).fill(prefix);
      await page.keyboard.press('Enter');
    }
    const verdict = p.locator('.verdict');
    await verdict.getByText('The event matches.').waitFor();
    await accessible(page, 'a rule');
    // An event that happened: it is elsewhere, and the tester says where it differs.
    await p.getByLabel('A recent event').click();
    await page.locator('.ant-select-dropdown:not(.ant-select-dropdown-hidden) .ant-select-item-option', { hasText: 'testbucket/source/' }).first().click();
    await verdict.getByText(/does not match: subject/).waitFor();
    // What is typed stays when the event that was picked comes late.
    const held = [];
    await page.route('**/api/events/*/native', (route) => void held.push(route));
    await p.getByLabel('A recent event').click();
    await page.locator('.ant-select-dropdown:not(.ant-select-dropdown-hidden) .ant-select-item-option', { hasText: 'testbucket/source/' }).nth(1).click();
    await until('the event to be asked for', () => held.length > 0);
    const editor = p.getByRole('textbox', { name: 'Event', exact: true });
    await write(page, editor, '{"a":');
    await verdict.getByText(/not JSON/).waitFor();
    const typed = await editor.textContent();
    const late = page.waitForResponse(/\/native$/);
    await held[0].continue();
    await page.unroute('**/api/events/*/native');
    await (await late).finished();
    await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
    assert.equal(await editor.textContent(), typed);
    // The same by hand, and what is wrong with it.
    await p.getByText('JSON', { exact: true }).click();
    const text = p.getByRole('textbox', { name: 'Event pattern as JSON' });
    await write(page, text, '{"source":"acs.oss"}');
    await p.locator('.ant-form-item-explain-error').getByText(/not an array/).waitFor();
    await write(page, text, JSON.stringify({ source: ['acs.oss'], subject: ['in/', 'raw/'].map((x) => ({ prefix: `acs:oss:${server.region}:${server.account}:testbucket/${x}` })) }));
    await p.locator('.ant-form-item-explain-error').first().waitFor({ state: 'detached' }); // the text was empty for a moment: that message may be there still
    await p.getByText('Builder', { exact: true }).click();
    await p.getByText('raw/', { exact: true }).waitFor();
    await p.getByRole('button', { name: 'OK' }).click();
    await page.getByRole('heading', { name: 'rule', exact: true }).waitFor();
    await bucket.put('raw/x.bin', Buffer.from('x'));
    await until('the run', async () => (await runsOf(server, 'ruled')).length > 0);

    await page.getByRole('button', { name: 'More for rule' }).click();
    await page.getByRole('menuitem', { name: 'Disable' }).click();
    await page.getByText('Disabled', { exact: true }).waitFor();
    assert.equal((await listed(server, 'ruled'))[0].state, 'disabled');
    await page.getByRole('button', { name: 'More for rule' }).click();
    await page.getByRole('menuitem', { name: 'Enable' }).click();
    await page.getByText('Enabled', { exact: true }).waitFor();
    await accessible(page, 'the list');
    clean(page);
    await context.close();
  });

  it('is refused, repaired and warned of where its reader looks', async () => {
    await oss(server).putBucket('fullbucket');
    for (let i = 0; i < 9; i++) await trigger(server, 'second', `full${i}`, { bucket: 'fullbucket', prefix: `full${i}/` });
    // A function that writes where its trigger is going to listen.
    await create(server, 'writer', {
      'index.js': 'const OSS = require("ali-oss");\nexports.handler = async (event, { region, credentials: c }) => new OSS({ region: "oss-" + region, bucket: "fullbucket", accessKeyId: c.accessKeyId, accessKeySecret: c.accessKeySecret, stsToken: c.securityToken }).put("loop/x", Buffer.from("x"));\n',
    });
    await fc(server).invokeFunction('writer', new FC.InvokeFunctionRequest({}));
    const { context, page } = await signedIn(server, { at: '/functions/writer/triggers?new=1' });
    const trust = { Version: '1', Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: ['ecs.aliyuncs.com'] } }] };
    assert.equal((await context.request.put(`/api/roles/${role}`, { data: { trust } })).status(), 200);
    const p = panel(page);
    await p.getByLabel('Name', { exact: true }).fill('tenth');
    await choose(page, p, 'Bucket Name', 'fullbucket');
    await p.getByLabel('Object Prefix', { exact: true }).fill('loop/');
    await p.getByText(/9 of 10 native triggers of fullbucket used/).waitFor();
    await p.getByRole('button', { name: 'OK' }).click();
    // The role is there, but does not trust OSS: it is mended, and trusts whom it trusted.
    await page.getByRole('button', { name: 'Authorize Now' }).click();
    await page.getByRole('heading', { name: 'tenth' }).waitFor();
    const mended = JSON.stringify((await (await context.request.get(`/api/roles/${role}`)).json()).trust);
    assert.match(mended, /ecs\.aliyuncs\.com.*oss\.aliyuncs\.com/);
    await page.locator('.trigger-warning').getByText(/loop\/x/).waitFor(); // as X-Alcedo-Warning says it
    await accessible(page, 'a warning');

    await page.getByRole('button', { name: 'Create Trigger' }).click();
    await p.getByLabel('Name', { exact: true }).fill('eleventh');
    await choose(page, p, 'Bucket Name', 'fullbucket');
    await p.getByLabel('Object Prefix', { exact: true }).fill('eleven/');
    await error(page, 'Bucket Name').getByText(/10/).waitFor();
    await accessible(page, 'a full bucket');
    await refused(page, () => p.getByRole('button', { name: 'OK' }).click()); // the server says so, too
    await p.locator('.ant-btn-loading').waitFor({ state: 'detached' });
    await error(page, 'Bucket Name').getByText(/10/).waitFor();
    assert.equal(await p.getByLabel('Object Prefix', { exact: true }).inputValue(), 'eleven/');
    // A rule is not counted; where its dead letters go is offered by name.
    await choose(page, p, 'Trigger Type', 'EventBridge');
    const dead = p.getByRole('combobox', { name: 'Dead-letter destination' });
    await dead.fill('seco');
    await page.locator('.ant-select-item-option', { hasText: /^second$/ }).click();
    assert.equal(await dead.inputValue(), `acs:fc:${server.region}:${server.account}:functions/second`);
    await dead.fill('http://127.0.0.1:9/dead');
    await accessible(page, 'a rule with a dead-letter destination');
    clean(page);

    // Who may only look is offered nothing else, and told which permission is missing.
    const policy = { Version: '1', Statement: [{ Effect: 'Allow', Action: ['fc:Get*', 'fc:List*'], Resource: '*' }] };
    assert.equal((await context.request.post('/api/users', { data: { name: 'looker', policies: [{ name: 'look', document: policy }] } })).status(), 200);
    const keys = await (await context.request.post('/api/users/looker/keys', { data: {} })).json();
    await context.close();
    const looker = await signedIn(server, { at: '/functions/writer/triggers', keys: { accessKeyId: keys.accessKeyId, accessKeySecret: keys.accessKeySecret } });
    for (const [button, action] of [['Create Trigger', 'fc:CreateTrigger'], ['Edit Trigger tenth', 'fc:UpdateTrigger'], ['Pause tenth', 'fc:UpdateTrigger']]) {
      await looker.page.locator('.may-not', { has: looker.page.getByRole('button', { name: button }) }).waitFor();
      assert.equal(await looker.page.getByRole('button', { name: button }).isDisabled(), true);
      assert.match(await looker.page.locator('.may-not', { has: looker.page.getByRole('button', { name: button }) }).getAttribute('aria-label'), new RegExp(action));
    }
    await accessible(looker.page, 'the list, for who may only look');
    clean(looker.page);
    await looker.context.close();
  });

  it('changes the configuration, and says what is wrong at its field', async () => {
    const { context, page } = await signedIn(server, { at: '/functions/versioned/configuration' });
    const save = page.getByRole('button', { name: 'Save' });
    const box = (label) => page.locator('.section').getByLabel(label, { exact: true });
    for (const [label, wrong, text, right] of [
      ['Memory', '500', /in steps of 64/, '1024'], ['vCPU', '2', /do not fit/, '0.5'], ['Timeout', '0', /1 to 86,400/, '77'], ['Handler', 'index', /names the file/, 'index.handler'],
      ['Concurrency per instance', '201', /1 to 200/, '3'], ['Reserved concurrency', '10001', /0 to 10,000/, '5'],
    ]) {
      await box(label).fill(wrong);
      await page.keyboard.press('Tab');
      await error(page, label).getByText(text).waitFor();
      await box(label).fill(right);
      await page.keyboard.press('Tab');
      await error(page, label).waitFor({ state: 'detached' });
    }
    await save.click();
    await page.getByText('Saved', { exact: true }).waitFor();
    const now = (await fc(server).getFunction('versioned', new FC.GetFunctionRequest({}))).body;
    assert.deepEqual([now.memorySize, now.cpu, now.timeout, now.instanceConcurrency], [1024, 0.5, 77, 3]);
    assert.equal((await fc(server).getConcurrencyConfig('versioned')).body.reservedConcurrency, 5);
    await accessible(page, 'basic settings');

    await page.getByRole('link', { name: 'Environment variables' }).click();
    await page.getByRole('button', { name: 'Add a variable' }).click();
    const name = page.locator('.env').getByLabel('Name', { exact: true });
    await name.fill('FC_X');
    await page.getByText(/reserved/).waitFor();
    assert.equal(await save.isDisabled(), true);
    await name.fill('TARGET');
    await page.getByLabel('Value of TARGET', { exact: true }).fill('processed/');
    await page.getByRole('button', { name: 'Import' }).click();
    const text = page.getByRole('textbox', { name: 'Import' });
    await text.fill('{"A":');
    await page.getByRole('button', { name: 'OK' }).click();
    await page.getByText(/neither a JSON object/).waitFor();
    await text.fill('{"TOKEN":"hidden"}');
    await page.getByRole('button', { name: 'OK' }).click();
    await save.click();
    await page.getByText('Saved', { exact: true }).waitFor();
    assert.deepEqual((await fc(server).getFunction('versioned', new FC.GetFunctionRequest({}))).body.environmentVariables, { TARGET: 'processed/', TOKEN: 'hidden' });
    await page.reload();
    assert.equal(await page.getByLabel('Value of TOKEN', { exact: true }).getAttribute('type'), 'password');
    await accessible(page, 'variables');

    await page.getByRole('link', { name: 'Asynchronous invocation' }).click();
    await box('Retries').fill('9');
    await error(page, 'Retries').getByText(/0 to 8/).waitFor();
    await box('Retries').fill('8');
    await page.getByLabel('Destination on failure: Kind').click();
    await page.locator('.ant-select-dropdown:not(.ant-select-dropdown-hidden) .ant-select-item-option', { hasText: 'Bucket' }).click();
    await page.getByLabel('Destination on failure: Bucket Name').click();
    await page.locator('.ant-select-dropdown:not(.ant-select-dropdown-hidden) .ant-select-item-option', { hasText: 'other-bucket' }).click();
    await page.getByLabel('Destination on failure: Object Prefix').fill('failed/');
    await save.click();
    await page.getByText('Saved', { exact: true }).waitFor();
    const async = (await fc(server).getAsyncInvokeConfig('versioned', new FC.GetAsyncInvokeConfigRequest({}))).body;
    assert.equal(async.maxAsyncRetryAttempts, 8);
    assert.equal(async.destinationConfig.onFailure.destination, `acs:oss:${server.region}:${server.account}:other-bucket/failed/`);
    await accessible(page, 'asynchronous invocation');
    await page.getByRole('button', { name: 'Back to the defaults' }).click();
    await page.getByText('Nothing is set: the defaults hold.').waitFor();

    await page.getByRole('link', { name: 'Loop limit' }).click();
    await page.getByLabel('A limit of its own', { exact: true }).first().check();
    await page.getByRole('spinbutton', { name: 'A limit of its own' }).fill('1001');
    await page.getByText('A number from 1 to 1,000.').waitFor();
    await page.getByRole('spinbutton', { name: 'A limit of its own' }).fill('7');
    await save.click();
    await until('the limit', async () => (await consoleGet(server, '/api/functions/versioned/loop-limit')).limit === '7');

    await page.locator('.sections').getByText('Invocation', { exact: true }).click();
    await page.getByRole('button', { name: 'Disable invocation' }).click();
    await page.getByRole('button', { name: 'Enable invocation' }).click();
    await page.getByRole('button', { name: 'Disable invocation' }).waitFor();
    clean(page);
    await context.close();
  });

  it('publishes, releases a part, compares and rolls back', async () => {
    const { context, page } = await signedIn(server, { at: '/functions/versioned/versions' });
    const publish = async (description) => {
      await page.getByRole('button', { name: 'Publish version' }).last().click();
      await page.getByLabel('Description', { exact: true }).fill(description);
      await page.getByRole('button', { name: 'OK' }).click();
    };
    await publish('the first');
    await page.getByText('the first').waitFor();
    await fc(server).updateFunction('versioned', new FC.UpdateFunctionRequest({ body: new FC.UpdateFunctionInput({ timeout: 99, code: location({ 'index.js': 'exports.handler = async () => "second";\n' }) }) }));
    await publish('the second');
    await page.getByText('the second').waitFor();

    await page.getByRole('button', { name: 'Create alias' }).click();
    await page.getByLabel('Alias', { exact: true }).fill('1bad');
    await page.getByText(/does not start with a digit/).waitFor();
    await page.getByLabel('Alias', { exact: true }).fill('prod');
    await page.getByRole('button', { name: 'Add a version' }).click();
    await page.getByRole('button', { name: 'OK' }).click();
    await page.getByText('Select a version for each share.').waitFor();
    await page.getByLabel('Other version').click();
    await page.locator('.ant-select-dropdown:not(.ant-select-dropdown-hidden) .ant-select-item-option', { hasText: 'the first' }).click();
    await page.getByRole('spinbutton', { name: 'Share of version 1 in percent' }).fill('25');
    await page.getByText('75 %').first().waitFor();
    await accessible(page, 'the alias');
    await page.getByRole('button', { name: 'OK' }).click();
    await page.getByRole('link', { name: 'prod' }).waitFor();
    const alias = async () => (await fc(server).getAlias('versioned', 'prod')).body;
    assert.deepEqual([(await alias()).versionId, (await alias()).additionalVersionWeight], ['2', { 1: 0.25 }]);

    await page.getByRole('button', { name: 'More for 1', exact: true }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByText('Alias prod names it.').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Delete', exact: true }).isDisabled(), true);
    await page.getByRole('button', { name: 'Cancel' }).click();

    await page.getByRole('button', { name: 'Roll back prod' }).click();
    await page.getByText(/names version 2 now/).waitFor();
    await page.getByRole('button', { name: 'OK' }).click();
    await until('the alias', async () => (await alias()).versionId === '1' && Object.keys((await alias()).additionalVersionWeight).length === 0);

    await page.getByRole('button', { name: 'Compare version 1 with LATEST' }).click();
    await page.locator('.version-diff').getByText(/second/).waitFor();
    await accessible(page, 'two versions');
    await page.getByText(/^Configuration \(1\)$/).click();
    await page.getByRole('row', { name: /Timeout/ }).getByText('99').waitFor();
    await page.getByRole('button', { name: 'Close' }).click();

    await page.getByRole('button', { name: 'More for 1', exact: true }).click();
    await page.getByRole('menuitem', { name: 'Roll LATEST back to this' }).click();
    await accessible(page, 'rolling back');
    await page.getByRole('button', { name: 'Roll back', exact: true }).last().click();
    await until('LATEST', async () => (await fc(server).getFunction('versioned', new FC.GetFunctionRequest({}))).body.timeout === 77);
    const [latest, first] = await Promise.all(['LATEST', '1'].map(async (qualifier) => (await fc(server).getFunction('versioned', new FC.GetFunctionRequest({ qualifier }))).body.codeChecksum));
    assert.equal(latest, first);

    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'More for prod', exact: true }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByText('There are no aliases.').waitFor();
    assert.deepEqual((await fc(server).listAliases('versioned', new FC.ListAliasesRequest({}))).body.aliases ?? [], []);
    clean(page);
    await context.close();
  });

  it('fits a phone, in both themes', async () => {
    await trigger(server, 'versioned', 'a-trigger-with-a-very-long-name-that-goes-on-and-on', { bucket: 'other-bucket', prefix: 'a/very/long/prefix/that/does/not/end/soon/', suffix: '.png' });
    for (const theme of ['light', 'dark']) {
      const { context, page } = await signedIn(server, { at: '/functions/versioned/triggers', theme, width: 390, height: 844 });
      const fits = async (what) => {
        await accessible(page, `${what}, ${theme}, 390`);
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 390, `${what} is too wide`);
      };
      await page.getByRole('heading', { name: /a-trigger-with/ }).waitFor();
      await fits('the list');
      await page.getByRole('button', { name: /^Edit Trigger/ }).click();
      await panel(page).getByText('No other trigger of the bucket is in the way').waitFor();
      await fits('the panel');
      for (const section of ['', 'environment', 'trigger', 'async', 'loop', 'invocation']) {
        await page.goto(`/functions/versioned/configuration?section=${section}`);
        await page.locator('.section h2').waitFor();
        await fits(`configuration, ${section}`);
      }
      await page.goto('/functions/versioned/versions');
      await page.getByText('the second').waitFor();
      await fits('versions');
      clean(page);
      await context.close();
    }
  });
});
