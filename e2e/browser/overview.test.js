'use strict';

const assert = require('node:assert/strict');
const { after, before, describe, it } = require('node:test');
const { Server } = require('../lib/server');
const { create, invoke } = require('../lib/functions');
const { until } = require('../lib/wait');
const { accessible, clean, close, open, shot, signedIn } = require('./lib/browser');

const code = {
  'index.js': `
exports.handler = async (event, context) => {
  const e = JSON.parse(event.toString() || '{}');
  if (e.lines) for (let i = 0; i < e.lines; i++) console.log('line ' + i + ' of many');
  if (e.say) console.log(e.say);
  if (e.log) context.logger[e.log]('a ' + e.log + ' from the logger');
  if (e.colour) console.log('\\u001b[31mred\\u001b[0m and \\u001b[1;32mgreen\\u001b[0m, see https://example.com/page.');
  if (e.object) console.dir({ first: 1, second: { needle: 'deep inside', more: [1, 2, 3] }, third: 'x'.repeat(70) }, { compact: false });
  if (e.fail) throw new Error('as it was told');
  return 'done';
};`,
};

// both looks at a page in both themes, wide and narrow.
async function both(page, what) {
  for (const theme of ['light', 'dark']) {
    await page.evaluate((t) => localStorage.setItem('alcedo.theme', t), theme);
    await page.reload();
    await page.locator('h1').waitFor();
    for (const [width, height] of [[1280, 800], [390, 844]]) {
      await page.setViewportSize({ width, height });
      await what.ready(page);
      await accessible(page, `${what.name}, ${theme}, ${width}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(wide <= 0, `${what.name} is ${wide} px too wide at ${width}`);
      await shot(page, `overview-${what.name}-${theme}-${width}`);
    }
    await page.setViewportSize({ width: 1280, height: 800 });
  }
}

const tile = (page, name) => page.getByTestId(name).locator('.tile-value');

describe('the tour', () => {
  let server;
  before(async () => { server = await Server.start(); });
  after(async () => { await close(); await server.stop(); });

  it('leads from an empty server to a processed picture', async () => {
    const { context, page } = await signedIn(server);
    await page.getByRole('heading', { name: /in three steps/ }).waitFor();
    await both(page, { name: 'tour', ready: (p) => p.getByRole('button', { name: 'Create both' }).waitFor() });
    await page.getByRole('button', { name: 'Create both' }).click();
    await page.getByRole('link', { name: /^testbucket-/ }).waitFor();
    await page.reload(); // it goes on where it was
    await page.getByRole('button', { name: 'Create the trigger' }).click();
    await page.getByRole('link', { name: 'oss-trigger' }).waitFor();
    await page.getByRole('button', { name: 'Upload a sample picture' }).click();
    const made = page.getByRole('img', { name: 'The picture that the function made' });
    await made.waitFor({ timeout: 40000 });
    await page.waitForFunction((img) => img.complete && img.naturalWidth > 0, await made.elementHandle());
    assert.deepEqual(await made.evaluate((img) => [img.naturalWidth, img.naturalHeight]), [128, 128]);
    const source = page.getByRole('img', { name: 'The picture as it was uploaded' });
    await page.waitForFunction((img) => img.complete && img.naturalWidth > 0, await source.elementHandle());
    assert.deepEqual(await source.evaluate((img) => [img.naturalWidth, img.naturalHeight]), [640, 400]);
    await accessible(page, 'the end of the tour');
    await shot(page, 'overview-tour-end');
    // What was done is in the numbers, and in the list of runs.
    await page.locator('.row-line', { hasText: 'oss-trigger' }).first().waitFor();
    await page.waitForFunction(() => Number(document.querySelector('[data-testid=runs] .tile-value').textContent) >= 1);
    await page.getByTestId('storage').getByText(/2 objects/).waitFor(); // as of now
    const object = page.locator('.row-line').getByRole('link', { name: /^testbucket-.*\/source\/kingfisher-.*\.png$/ });
    assert.match(await object.getAttribute('href'), /^\/events\/.+\?run=/);
    // Its end stays until it is closed.
    await page.reload();
    await made.waitFor();
    await page.getByRole('link', { name: 'See how it came to be' }).click();
    await page.waitForURL(/\/trace\?/);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.goto('/');
    await page.getByRole('button', { name: 'Close the tour' }).click();
    await page.reload();
    await page.locator('.row-line').first().waitFor();
    assert.equal(await page.getByRole('heading', { name: /in three steps/ }).count(), 0);
    // The numbers lead to what they count.
    await page.getByText('15 min').click();
    await page.getByTestId('events').locator('a[href*="since=15m"]').click();
    await page.waitForURL(/\/events\?since=15m/);
    await page.locator('.row-line').nth(1).waitFor();
    clean(page);
    await context.close();
  });

  it('can be skipped, and taken again', async () => {
    const other = await Server.start();
    try {
      const { context, page } = await signedIn(other, { language: 'zh' });
      await page.getByRole('heading', { name: '三步完成图片自动处理' }).waitFor();
      await page.getByRole('button', { name: '跳过导览' }).click();
      await page.getByText('还没有任何执行。').waitFor();
      // Who asks for it need not wait until it is known what the key may do.
      const held = [];
      await page.route('**/api/may', (route) => void held.push(route));
      await page.reload();
      await page.getByText('还没有任何执行。').waitFor();
      assert.equal(await page.getByRole('heading', { name: '三步完成图片自动处理' }).count(), 0);
      await page.keyboard.press('t');
      await page.getByRole('heading', { name: '三步完成图片自动处理' }).waitFor();
      assert.notEqual(held.length, 0);
      await Promise.all(held.map((route) => route.continue()));
      await page.unroute('**/api/may');
      clean(page);
      await context.close();
    } finally {
      await other.stop();
    }
  });
});

describe('logs and monitoring', () => {
  let server;
  const run = (event) => invoke(server, 'talker', JSON.stringify(event));
  before(async () => {
    server = await Server.start();
    await create(server, 'talker', code, { description: 'It says what it is told to say, '.repeat(8) });
  });
  after(async () => { await close(); await server.stop(); });

  it('arrive in an open tab, and do not jump under who reads', async () => {
    const { context, page } = await signedIn(server, { at: '/functions/talker/logs' });
    await page.getByText('Nothing has been printed yet').waitFor();
    await run({ say: 'the first line' });
    await page.getByText('the first line').waitFor();
    for (let i = 0; i < 6; i++) await run({ lines: 20, say: `filler ${i}` });
    await page.getByText('filler 5').waitFor();
    const box = page.getByRole('region', { name: 'Logs of talker' });
    await box.evaluate((e) => e.scrollTo({ top: 400 }));
    await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); })); // its lines are drawn
    const top = await page.locator('.log-line').nth(10).textContent();
    await run({ say: 'the second line' });
    await page.getByRole('button', { name: '1 new run' }).waitFor();
    assert.equal(await page.locator('.log-line').nth(10).textContent(), top);
    await page.getByRole('button', { name: '1 new run' }).click();
    await page.getByText('the second line').waitFor();
    // Oldest first, it follows at the end.
    await page.getByRole('button', { name: 'Newest first' }).click();
    await page.waitForURL(/order=oldest/);
    await page.getByText('the second line').waitFor();
    await until('the end to be in sight', () => box.evaluate((e) => e.scrollTop > 0 && e.scrollHeight - e.scrollTop - e.clientHeight < 24));
    await run({ say: 'the third line' });
    await page.getByText('the third line').waitFor();
    // Selected text stays where it is.
    await page.getByText('the third line').selectText();
    await run({ say: 'the fourth line' });
    await page.getByRole('button', { name: '1 new run' }).waitFor();
    clean(page);
    await context.close();
  });

  it('are searched, filtered, opened and copied', async () => {
    await run({ object: true });
    await run({ log: 'warn' });
    await run({ colour: true });
    await assert.doesNotReject(run({ fail: true }));
    const { context, page } = await signedIn(server, { at: '/functions/talker/logs', permissions: ['clipboard-read', 'clipboard-write'] });
    await page.getByText('red').first().waitFor();
    assert.equal(await page.locator('.fg-1').first().textContent(), 'red');
    assert.equal(await page.getByRole('link', { name: 'https://example.com/page' }).getAttribute('href'), 'https://example.com/page');
    const thing = page.locator('.log-entry', { hasText: '{' }).filter({ has: page.getByRole('button', { name: /^Show all \d+ lines$/ }) }).last();
    await thing.getByRole('button', { name: /^Show all/ }).click();
    await page.getByText('deep inside').waitFor();
    const object = page.locator('.log-entry', { hasText: 'deep inside' });
    await object.hover();
    await object.getByRole('button', { name: 'Copy this entry' }).click();
    const copied = await until('the copy', () => page.evaluate(() => navigator.clipboard.readText()));
    assert.match(copied, /^\{\n  first: 1,\n[^]*deep inside[^]*\n\}$/);
    await object.getByRole('button', { name: 'Show the first line only' }).click();

    await page.getByLabel('Search in the logs').fill('NEEDLE');
    await page.keyboard.press('Enter');
    await page.getByText(/^1 match/).waitFor();
    assert.equal(await page.locator('.logs mark').textContent(), 'needle'); // in an entry that the search opened
    await page.getByLabel('Search in the logs').fill('of many');
    await page.keyboard.press('Enter');
    await page.getByText(/^120 matches · line 1 of 120 · runs: 6/).waitFor();
    await page.getByRole('button', { name: 'Next match' }).click();
    await page.getByText(/line 2 of 120/).waitFor();
    await page.getByRole('button', { name: 'Previous match' }).click();
    await page.getByLabel('Search in the logs').fill('');
    await page.keyboard.press('Enter');

    await page.getByRole('combobox', { name: 'Level' }).click();
    await page.getByTitle('WARN and worse').waitFor();
    await accessible(page, 'the choice of levels');
    await page.getByTitle('WARN and worse').click();
    await page.getByText('the first line').first().waitFor({ state: 'detached' });
    await page.getByText('a warn from the logger').waitFor();
    await page.getByText('as it was told').first().waitFor();
    await page.goto('/functions/talker/logs');
    await page.getByRole('switch', { name: 'Errors only' }).click();
    await page.waitForURL(/outcome=failed/);
    await page.waitForFunction(() => document.querySelectorAll('.log-head').length === 1);
    assert.equal(await page.locator('.log-head').getAttribute('data-outcome'), 'failed');
    const request = await page.locator('.log-head').getAttribute('data-request');
    await page.getByRole('link', { name: 'Only this run' }).click();
    await page.waitForURL((u) => u.searchParams.get('request') === request);
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download what is shown' }).click()]);
    assert.equal(file.suggestedFilename(), 'talker-logs.txt');
    const text = await (await file.createReadStream()).setEncoding('utf8').toArray().then((c) => c.join(''));
    assert.match(text, new RegExp(`^=== .*${request}.*\\n[^]*as it was told`));
    await page.locator('.log-head').getByRole('link', { name: request }).click();
    await page.waitForURL(/\/trace\?/);
    await page.goto('/functions/talker/logs');
    await both(page, { name: 'logs', ready: (p) => p.locator('.log-head').first().waitFor() });
    clean(page);
    await context.close();
  });

  it('do not freeze when they are large', async () => {
    for (let i = 0; i < 12; i++) await run({ lines: 1500 });
    const { context, page } = await signedIn(server, { at: '/functions/talker/logs' });
    await page.getByText('line 5 of many').first().waitFor();
    assert.ok((await page.locator('.log-line').count()) < 150, 'only what is in sight is drawn');
    const begun = Date.now();
    await page.getByLabel('Search in the logs').fill('line 7');
    await page.keyboard.press('Enter');
    await page.getByText(/matches · line 1/).waitFor();
    assert.ok(Date.now() - begun < 10000, `${Date.now() - begun} ms`);
    // What is older than all that is loaded is found by the server, and how far it looked is said.
    await Promise.all(Array.from({ length: 50 }, () => run({ say: 'filler' })));
    await page.reload();
    const asked = page.waitForResponse((r) => r.url().includes('q=NEEDLE'));
    await page.getByLabel('Search in the logs').fill('NEEDLE');
    await page.keyboard.press('Enter');
    assert.equal((await (await asked).json()).runs.length, 1);
    await page.getByText(/^1 match/).waitFor();
    await page.getByText('Everything that is kept was searched.').waitFor();
    await accessible(page, 'a search');
    await page.getByLabel('Search in the logs').fill('is nowhere');
    await page.keyboard.press('Enter');
    await page.getByText('Nothing was found in all that is kept.').waitFor();
    clean(page);
    await context.close();
  });

  it('have charts with what ran, which say the same as tables', async () => {
    const { context, page } = await signedIn(server, { at: '/functions/talker/monitoring' });
    const chart = (name) => page.getByRole('region', { name, exact: true });
    await page.waitForFunction(() => document.querySelectorAll('.chart-plot canvas').length === 6);
    for (const name of ['Runs', 'Errors', 'Duration', 'Memory', 'Cold starts']) {
      assert.ok(Number(await chart(name).locator('.chart-plot').getAttribute('data-points')) > 0, `${name} has no points`);
    }
    await chart('Runs').getByRole('button', { name: 'Runs as a table' }).click();
    await chart('Runs').locator('td').first().waitFor();
    const cells = await chart('Runs').locator('td').allTextContents();
    assert.ok(cells.reduce((n, c) => n + Number(c), 0) >= 20, cells.join(' '));
    // What runs now comes by itself.
    await page.getByText('Live', { exact: true }).waitFor();
    const total = () => page.locator('.monitor-bar [role=status]').textContent().then((s) => Number(/^[\d,]+/.exec(s)[0].replace(',', '')));
    const before = await total();
    await run({ say: 'one more' });
    await page.waitForFunction((n) => Number(/^[\d,]+/.exec(document.querySelector('.monitor-bar [role=status]').textContent)[0].replace(',', '')) > n, before);
    await page.getByText('15 min').click();
    await page.waitForURL(/range=15m/);
    await page.waitForFunction(() => document.querySelectorAll('.chart-plot canvas').length === 5);
    const failed = page.getByRole('table', { name: 'Last failed runs' });
    await failed.getByText('UnhandledInvocationError').waitFor();
    await failed.getByRole('link', { name: 'Log' }).click();
    await page.waitForURL(/request=/);
    await page.getByText('as it was told').first().waitFor();
    await page.goto('/functions/talker/monitoring');
    await both(page, { name: 'monitoring', ready: (p) => p.waitForFunction(() => document.querySelectorAll('.chart-plot canvas').length === 6) });
    clean(page);
    await context.close();
  });

  it('go on when the server is restarted under the overview', async () => {
    const { context, page } = await signedIn(server);
    await page.locator('.row-line', { hasText: 'talker' }).first().waitFor();
    const before = Number((await tile(page, 'runs').textContent()).replace(/\D/g, ''));
    assert.ok(before >= 20, String(before));
    assert.ok(Number(await page.getByRole('region', { name: 'Runs and errors' }).locator('.chart-plot').getAttribute('data-points')) > 0);
    await server.kill();
    await page.getByText(/Reconnecting since/).waitFor();
    await server.launch();
    await page.getByText(/Reconnecting since/).waitFor({ state: 'detached', timeout: 20000 });
    // What ran before the restart is read back, and what runs now is added.
    await run({ say: 'after the restart' });
    await page.waitForFunction((n) => Number(document.querySelector('[data-testid=runs] .tile-value').textContent.replace(/\D/g, '')) > n, before, { timeout: 20000 });
    await both(page, { name: 'page', ready: (p) => p.waitForFunction(() => document.querySelectorAll('.chart-plot canvas').length === 4) });
    page.problems = page.problems.filter((p) => !/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/.test(p));
    clean(page);
    await context.close();
  });

  it('are not there for who may not see them', async () => {
    const { context, page } = await open(server);
    await page.goto('/');
    const role = await context.request.post('/api/session', { data: { accessKeyId: server.accessKeyId, accessKeySecret: server.accessKeySecret } });
    assert.equal(role.status(), 200);
    const keysOf = async (name, ...policies) => {
      assert.equal((await context.request.post('/api/users', { data: { name, policies } })).status(), 200);
      const { accessKeyId, accessKeySecret } = await (await context.request.post(`/api/users/${name}/keys`, { data: {} })).json();
      return { accessKeyId, accessKeySecret };
    };
    const keys = await keysOf('blind');
    const reads = { Effect: 'Allow', Action: ['oss:Get*', 'oss:List*', 'fc:Get*', 'fc:List*'], Resource: '*' };
    const reader = await keysOf('reader', { name: 'reads', document: { Version: '1', Statement: [reads] } });
    assert.equal((await context.request.put('/oss/seen')).status(), 200);
    assert.equal((await context.request.put('/oss/seen/object', { data: 'x' })).status(), 200);
    await context.close();
    const blind = await signedIn(server, { keys });
    await blind.page.getByText('your key may see').waitFor();
    assert.equal(await tile(blind.page, 'runs').textContent(), '0');
    assert.equal(await blind.page.locator('.row-line').count(), 0);
    assert.equal(await blind.page.getByRole('heading', { name: /three steps/ }).count(), 0);
    clean(blind.page);
    await blind.context.close();
    await mayOnlyRead(reader);
  });

  // What a key may not do is not offered, with the reason; what it sees is counted.
  async function mayOnlyRead(keys) {
    const { context, page } = await signedIn(server, { keys });
    const not = (action) => page.locator('.may-not', { has: page.locator(':disabled') }).and(page.getByRole('group', { name: new RegExp(`lacks ${action}`) }));
    const { events } = await (await context.request.get('/api/events')).json();
    assert.ok(events.length > 0, 'events to see');
    await page.getByTestId('events').getByText(`${events.length} in 1 h`).waitFor();
    await not('oss:PutBucket').first().waitFor(); // the tour's first step
    await page.goto('/functions');
    await not('fc:CreateFunction').waitFor();
    const remove = page.getByRole('button', { name: 'Delete function talker' });
    await remove.and(page.locator('[aria-disabled=true]')).focus();
    await page.getByRole('tooltip').getByText(/fc:DeleteFunction on .*functions\/talker/).waitFor();
    await remove.press('Enter');
    assert.equal(await page.getByRole('dialog').count(), 0);
    await accessible(page, 'functions that may only be read');
    await page.setViewportSize({ width: 390, height: 844 });
    await page.locator('.row-line').getByText('Active').waitFor();
    await page.locator('.row-line .second-line', { hasText: 'nodejs20' }).waitFor();
    await page.getByRole('link', { name: 'talker' }).click();
    const about = page.getByRole('button', { name: /^It says what it is told/ });
    assert.ok((await about.boundingBox()).height < 30, 'a description is one line');
    await about.click();
    assert.ok((await about.boundingBox()).height > 60, 'which opens');
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.goto('/functions?new=1');
    await page.getByRole('dialog').locator('.may-not', { has: page.getByRole('button', { name: 'Create' }) }).waitFor();
    await page.goto('/jobs');
    await not('fc:InvokeFunction').first().waitFor();
    clean(page);
    await context.close();
  }
});
