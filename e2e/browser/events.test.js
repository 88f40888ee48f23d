'use strict';

// "I uploaded an object: what happened, and if nothing happened, why not?" — the pages of
// events and of lineage, over real functions.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const { Server, root } = require('../lib/server');
const { trigger } = require('../lib/functions');
const { until } = require('../lib/wait');
const { accessible, clean, close, newPage, settled, shot, signedIn } = require('./lib/browser');
const { bothThemes, bucket, eventOf, happenings, line, stream } = require('./lib/happenings');

const picture = fs.readFileSync(path.join(root, 'examples/kingfisher.png'));

describe('events', () => {
  let server;
  let c;
  before(async () => {
    server = await Server.start();
    c = await happenings(server, ['thumbnail', 'catalogue', 'checker']);
    await c.putBucket('nobody-listens');
  });
  after(async () => { await close(); if (server) await server.stop(); });

  it('shows an upload as it happens, opens it, and says what matched, what ran, and why nothing else did', async () => {
    const { context, page } = await signedIn(server, { at: '/events' });
    await line(page, 'nobody-listens').waitFor(); // buckets that are made are events
    await page.locator('.connection[data-state=live]').waitFor();
    await c.put('in/kingfisher.png', picture);
    const row = line(page, 'in/kingfisher.png');
    await row.waitFor(); // by itself
    await row.locator('.pill[data-state=Succeeded]', { hasText: 'thumbnail' }).waitFor();
    await row.locator('[data-outcome=Succeeded]').waitFor();
    await line(page, 'out/kingfisher.png').locator('.pill[data-state=Succeeded]', { hasText: 'catalogue' }).waitFor();
    await accessible(page, 'the stream');

    await row.getByTitle('ObjectCreated:PutObject').click();
    await page.waitForURL(/\/events\/[0-9a-f-]+$/);
    await page.getByRole('heading', { name: 'kingfisher.png', level: 1 }).waitFor();
    const card = page.getByRole('region', { name: /^thumbnail/ });
    await card.locator('.pill[data-state=Succeeded]').first().waitFor();
    await card.getByText(/Cold start [\d.]+ (ms|s) · Run [\d.]+ (ms|s|µs)/).waitFor(); // what the bars say, in words
    assert.ok((await card.locator('.waterfall-track .seg-run').boundingBox()).width > 1);
    // A part of the time is looked at closely, by keyboard and by pointer.
    const run = card.locator('.waterfall-track .seg-run');
    const width = async () => (await run.boundingBox()).width;
    const whole = await width();
    await card.getByRole('slider', { name: 'Shown from' }).focus();
    for (let i = 0; i < 5; i++) await page.keyboard.press('PageUp');
    await card.getByRole('button', { name: 'Show all the time' }).waitFor();
    assert.ok(await width() > 1.5 * whole, 'half of the time is drawn twice as wide');
    await accessible(page, 'a part of a waterfall');
    await page.keyboard.press('Escape');
    await card.getByRole('button', { name: 'Show all the time' }).waitFor({ state: 'detached' });
    assert.ok(Math.abs(await width() - whole) < 1);
    const track = await card.locator('.waterfall-track').boundingBox();
    await page.mouse.move(track.x + track.width * 0.6, track.y + 9);
    await page.mouse.down();
    await page.mouse.move(track.x + track.width, track.y + 9, { steps: 4 });
    await page.mouse.up();
    await card.getByRole('button', { name: 'Show all the time' }).waitFor();
    assert.ok(await width() > 1.5 * whole, 'what is drawn over the bars is shown');
    await card.getByRole('button', { name: 'Show all the time' }).click();
    await card.getByText('Log', { exact: true }).click();
    await card.getByRole('region', { name: /Log/ }).getByText('making a thumbnail of in/kingfisher.png').waitFor();
    await card.getByRole('link', { name: /out\/kingfisher\.png/ }).locator('img').evaluate((img) => img.complete || new Promise((resolve) => { img.onload = resolve; }));
    const why = page.getByRole('region', { name: 'Why nothing else' });
    await why.getByText('as they are configured now').waitFor();
    assert.match(await why.locator('[data-trigger=on-made]').innerText(), /prefix “out\/” at character 1: in\/kingfisher\.png\./);
    assert.match(await why.locator('[data-trigger=on-photo]').innerText(), /suffix “\.jpg”/);
    assert.equal(await why.locator('[data-trigger=on-upload]').count(), 0);
    assert.match(await card.getByRole('link', { name: 'Use as test event' }).getAttribute('href'), /\/functions\/thumbnail\/test\?event=/);
    await bothThemes(page, 'an event');

    // What it wrote is an event too, and says what caused it.
    await page.getByRole('link', { name: /out\/kingfisher\.png/ }).first().click();
    await page.getByRole('region', { name: /^catalogue/ }).waitFor();
    await page.getByText('Caused by').waitFor();
    await page.getByRole('link', { name: 'its run' }).click();
    await page.locator('.delivery.marked[data-function=thumbnail]').waitFor();
    await page.goBack();
    await page.goBack();
    await page.goBack();
    await line(page, 'in/kingfisher.png').and(page.locator('.current')).waitFor(); // the row that was opened is marked
    clean(page);
    await context.close();
  });

  it('opens a row in another tab with a middle click, and counts what comes meanwhile', async () => {
    const { context, page } = await signedIn(server, { at: '/events' });
    const row = line(page, 'in/kingfisher.png');
    const [tab] = await Promise.all([context.waitForEvent('page'), row.getByRole('link', { name: /kingfisher/ }).click({ button: 'middle' })]);
    assert.match(tab.url() === 'about:blank' ? (await tab.waitForURL(/events/), tab.url()) : tab.url(), /\/events\/[0-9a-f-]+$/);
    await tab.close();
    await page.bringToFront();
    // The pointer is over the rows: none of them moves.
    const first = stream(page).getByRole('row').nth(1);
    await first.hover();
    const before = await first.innerText();
    await c.put('notes/one.txt', Buffer.from('1'));
    await c.put('notes/two.txt', Buffer.from('2'));
    const button = page.getByRole('button', { name: '2 new events' });
    await button.waitFor();
    assert.equal((await first.innerText()).split('\n')[2], before.split('\n')[2]);
    await button.click();
    await line(page, 'notes/two.txt').waitFor();
    assert.equal(await stream(page).getByRole('row').filter({ hasText: 'notes/one.txt' }).count(), 1);
    clean(page);
    await context.close();
  });

  it('keeps the filters in the URL', async () => {
    const { context, page } = await signedIn(server, { at: '/events' });
    await stream(page).waitFor();
    await page.getByLabel('Object Prefix').fill('notes/');
    await page.waitForURL(/prefix=notes/);
    await line(page, 'in/').first().waitFor({ state: 'detached' });
    await line(page, 'notes/one.txt').waitFor();
    // A list that is shown again goes on where it ended, also with what came meanwhile and was not of the filter.
    await page.locator('.connection[data-state=live]').waitFor();
    await c.put('other/meanwhile.txt', Buffer.from('x'));
    await page.getByRole('button', { name: 'Clear filters' }).press('Enter'); // no pointer is over the rows
    await line(page, 'other/meanwhile.txt').waitFor();
    // What is typed while the address is about to change stays.
    await page.evaluate((label) => {
      const field = document.querySelector(`[aria-label="${label}"]`);
      const real = history.replaceState;
      history.replaceState = function replaceState(...args) {
        const done = real.apply(this, args);
        if (/prefix=no(&|$)/.test(location.search)) {
          Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, 'notes/');
          field.dispatchEvent(new Event('input', { bubbles: true }));
        }
        return done;
      };
    }, 'Object Prefix');
    await page.getByLabel('Object Prefix').fill('no');
    await page.waitForURL(/prefix=notes/);
    await line(page, 'other/').waitFor({ state: 'detached' });
    await page.getByRole('combobox', { name: 'Outcome' }).click();
    await page.getByTitle('No match').click();
    await page.waitForURL(/outcome=None/);
    await page.getByRole('combobox', { name: 'Time range' }).click();
    await page.getByText('Last hour').click();
    await page.waitForURL(/since=1h/);
    await accessible(page, 'filters in use');
    await page.reload();
    await line(page, 'notes/one.txt').waitFor();
    assert.equal(await page.getByLabel('Object Prefix').inputValue(), 'notes/');
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await line(page, 'in/kingfisher.png').waitFor();
    await page.getByRole('switch', { name: 'Failed only' }).click();
    await page.waitForURL(/outcome=Failed/);
    await page.getByText('No event matches the filters.').waitFor();
    clean(page);
    await context.close();
  });

  it('says why nothing happened', async () => {
    await c.put('In/upper.png', picture);
    c.useBucket('nobody-listens');
    await c.put('lonely.png', picture);
    c.useBucket(bucket);
    const { context, page } = await signedIn(server, { at: '/events' });
    await line(page, 'In/upper.png').locator('[data-outcome=None]').waitFor();
    await line(page, 'In/upper.png').getByTitle('ObjectCreated:PutObject').click();
    await page.getByText('No trigger matched this event').waitFor();
    const why = page.getByRole('region', { name: 'Why nothing happened' });
    assert.match(await why.locator('[data-trigger=on-upload]').innerText(), /prefix “in\/” at character 1: In\/upper\.png\./);
    assert.equal(await why.locator('[data-trigger=on-upload] mark').innerText(), 'I'); // where it differs
    // The same in Chinese, the server's reasons included; then an error, whose code stays.
    await page.evaluate(() => localStorage.setItem('alcedo.language', 'zh'));
    await page.reload();
    const chinese = page.getByRole('region', { name: '为什么什么都没有发生' });
    assert.match(await chinese.locator('[data-trigger=on-upload]').innerText(), /文件名从第 1 个字符起与前缀“in\/”不同：In\/upper\.png。/);
    assert.match(await chinese.locator('[data-trigger=on-photo]').innerText(), /与前缀“in\/”不同/);
    await page.goto('/events/0123456789abcdef0123456789abcdef');
    await page.getByRole('alert').getByText('参数无效').waitFor();
    await page.getByRole('alert').locator('code').getByText('InvalidArgument', { exact: true }).waitFor();
    await page.evaluate(() => localStorage.setItem('alcedo.language', 'en'));
    await page.goBack();
    await page.reload();
    await page.getByText('No trigger matched this event').waitFor();
    await bothThemes(page, 'an event that nothing matched');
    await page.goBack();
    await line(page, 'lonely.png').getByRole('link', { name: /lonely/ }).click();
    await page.getByText('No trigger listens to the bucket nobody-listens.').waitFor();
    await page.getByRole('link', { name: 'Events' }).first().waitFor(); // the way back, in the title

    // From the object: in its drawer in a sentence, and beside the graph of its lineage, each with a way on.
    await page.goto('/buckets/nobody-listens?object=lonely.png&view=happened');
    await page.getByText('Its latest event ran nothing: no trigger listens to this bucket.').waitFor();
    await accessible(page, 'what happened to an object');
    await page.getByRole('dialog').getByRole('link', { name: 'Lineage' }).click();
    await page.locator('.graph.lone .box.focus', { hasText: 'lonely.png' }).waitFor();
    await page.getByText('No trigger listens to the bucket nobody-listens.').waitFor();
    await page.getByRole('combobox', { name: 'Function' }).click();
    await page.getByTitle('catalogue').click();
    const make = page.getByRole('link', { name: 'Create Trigger' });
    assert.match(await make.getAttribute('href'), /\/functions\/catalogue\/triggers\?new=.*bucket=nobody-listens/);
    await page.getByRole('link', { name: 'Use as test event' }).waitFor();
    await bothThemes(page, 'a lineage of nothing');
    await page.goto('/trace?bucket=nobody-listens&key=never.png');
    await page.getByText('No event of this object is kept.').waitFor();
    await page.getByRole('link', { name: 'Begin a backfill for it' }).waitFor();

    // A trigger that is made later would match today, and can be given the event.
    await trigger(server, 'catalogue', 'on-capital', { bucket, prefix: 'In/' });
    const e = await eventOf(page, 'In/upper.png');
    await page.goto(`/events/${e.id}`);
    const later = page.locator('[data-trigger=on-capital]');
    await later.getByText('It would match this event today').waitFor();
    await later.getByRole('button', { name: 'Replay' }).click();
    const card = page.getByRole('region', { name: /^catalogue/ });
    await card.getByText('Replay', { exact: true }).first().waitFor();
    await card.locator('.pill[data-state=Succeeded]').first().waitFor();
    clean(page);
    await context.close();
  });

  it('draws the lineage as a graph, and tells the same as a list', async () => {
    const { context, page } = await signedIn(server, { at: `/trace?bucket=${bucket}&key=out/kingfisher.png` });
    const boxes = page.locator('.react-flow__node');
    await boxes.nth(3).waitFor();
    assert.equal(await boxes.count(), 4); // upload, run, what it wrote, the run that that started
    await page.locator('.box.focus', { hasText: 'kingfisher.png' }).waitFor();
    assert.equal(await page.locator('.box .pill[data-state=Succeeded]').count(), 2);
    await until('the thumbnails', () => page.locator('.box img').evaluateAll((all) => all.length === 2 && all.every((i) => i.complete && i.naturalWidth > 0)));
    await page.getByRole('button', { name: 'Zoom in' }).click();
    await page.getByRole('button', { name: 'Fit to the view' }).click();
    await accessible(page, 'the graph');
    await page.getByRole('link', { name: 'List' }).click();
    await page.waitForURL(/view=list/);
    const list = page.getByRole('list', { name: 'Lineage' });
    await list.locator('.face-name').nth(3).waitFor();
    assert.deepEqual(await list.locator('.face-name').allInnerTexts(), ['kingfisher.png', 'thumbnail', 'kingfisher.png', 'catalogue']);
    await bothThemes(page, 'the list of the lineage');
    await list.getByRole('link', { name: /catalogue/ }).click();
    await page.locator('.delivery.marked[data-function=catalogue]').waitFor();

    // What is typed is found; what is not understood is said at the field.
    await page.goto('/trace');
    await page.getByLabel('Trace an object').fill('what?');
    await page.keyboard.press('Enter');
    await page.getByText('Write it as bucket/key').waitFor();
    await page.getByLabel('Trace an object').fill(`${bucket}/in/kingfisher.png`);
    await page.keyboard.press('Enter');
    await boxes.nth(3).waitFor();
    clean(page);
    await context.close();

    const phone = await signedIn(server, { at: `/trace?bucket=${bucket}&key=in/kingfisher.png`, width: 390, height: 844, theme: 'dark' });
    await phone.page.getByRole('list', { name: 'Lineage' }).waitFor(); // a list, where a graph would be too small
    await accessible(phone.page, 'the lineage at 390 px');
    clean(phone.page);
    await phone.context.close();
  });

  it('shows in a bucket what comes into it, and moves no row under the pointer', async () => {
    const { context, page } = await signedIn(server, { at: `/buckets/${bucket}?prefix=out/` });
    const list = page.getByRole('table', { name: 'Objects' });
    await list.getByRole('link', { name: 'kingfisher.png' }).waitFor();
    await page.locator('.connection[data-state=live]').waitFor();
    await page.mouse.move(5, 5);
    await c.put('in/follows.png', picture); // a function makes out/follows.png of it
    await list.getByRole('link', { name: 'follows.png' }).waitFor();
    await list.getByRole('link', { name: 'kingfisher.png' }).hover();
    await c.put('out/another.png', picture);
    const behind = page.getByRole('button', { name: '1 change: read the list again' });
    await behind.waitFor();
    assert.equal(await list.getByRole('link', { name: 'another.png' }).count(), 0);
    await accessible(page, 'a list that is behind');
    await page.mouse.move(5, 5);
    await list.getByRole('link', { name: 'another.png' }).waitFor();
    await behind.waitFor({ state: 'detached' });
    clean(page);
    await context.close();
  });

  it('is usable at 390 px, in the dark and in Chinese', async () => {
    const name = 'a-trigger-with-a-name-of-a-hundred-letters'.padEnd(100, 'x');
    await trigger(server, 'checker', name, { bucket, prefix: 'long/' });
    const long = `long/${'invoice-'.repeat(30)}2026.txt`;
    await c.put(long, Buffer.from('x'));
    const { context, page } = await signedIn(server, { at: '/events', width: 390, height: 844, theme: 'dark', language: 'zh' });
    await page.getByRole('table', { name: '事件' }).locator('.narrow-line').first().waitFor();
    await page.getByRole('button', { name: '筛选' }).click();
    await page.getByLabel('文件前缀').fill('in/');
    await page.waitForURL(/prefix=in/);
    await page.getByRole('row').filter({ hasText: 'in/kingfisher.png' }).waitFor();
    await accessible(page, 'the stream at 390 px');
    await page.getByRole('link', { name: /in\/kingfisher\.png/ }).click();
    await page.getByRole('heading', { name: '发生了什么' }).waitFor();
    await accessible(page, 'an event at 390 px');
    const e = await eventOf(page, long);
    await page.goto(`/events/${e.id}`);
    await page.getByRole('region', { name: /^checker/ }).getByText(name).waitFor();
    assert.ok((await page.locator('h1').boundingBox()).height < 110, 'the title of a long name is short');
    for (const at of ['/events', page.url(), '/dead-letters', '/jobs', `/trace?bucket=${bucket}&key=in/kingfisher.png`]) {
      await page.goto(at);
      await page.locator('h1').waitFor();
      await settled(page);
      await accessible(page, `${at} at 390 px`);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth), false, `${at} is wider than the screen`);
    }
    clean(page);
    await context.close();
  });

  it('stays live in eight tabs: only the one in sight asks', async () => {
    const { context, page } = await signedIn(server, { at: '/events' });
    const tabs = [page];
    let polls = 0; // under way
    const count = (p) => {
      const open = new Set();
      const poll = (r) => /\/api\/events\?.*wait=/.test(r.url());
      p.on('request', (r) => { if (poll(r)) { open.add(r); polls++; } });
      for (const end of ['requestfinished', 'requestfailed']) p.on(end, (r) => { if (open.delete(r)) polls--; });
    };
    for (let i = 1; i < 8; i++) {
      const tab = await newPage(context);
      tabs.push(tab);
    }
    for (const tab of tabs) {
      // Headless Chromium shows every tab at once; visibility is what the test says.
      await tab.addInitScript(() => {
        let state = 'visible';
        Object.defineProperty(document, 'visibilityState', { get: () => state });
        Object.defineProperty(document, 'hidden', { get: () => state === 'hidden' });
        window.setVisibility = (s) => { state = s; document.dispatchEvent(new Event('visibilitychange')); };
      });
    }
    const hide = (tab) => tab.evaluate(() => window.setVisibility('hidden'));
    const show = (tab) => tab.evaluate(() => window.setVisibility('visible'));
    for (const tab of tabs) {
      count(tab);
      await tab.goto('/events');
      await stream(tab).getByRole('row').nth(1).waitFor();
      await tab.locator('.connection[data-state=live]').waitFor();
      await hide(tab);
      await tab.locator('.connection[data-state=paused]').waitFor();
    }
    await until('no tab to ask', () => polls === 0);
    for (const [i, tab] of tabs.entries()) {
      await tab.bringToFront();
      await show(tab);
      await tab.locator('.connection[data-state=live]').waitFor();
      const key = `notes/tab-${i}.txt`;
      await c.put(key, Buffer.from(String(i)));
      await until(`tab ${i} to tell of ${key}`, async () => {
        const button = tab.getByRole('button', { name: /new event/ });
        if (await button.count()) await button.click().catch(() => {});
        return (await line(tab, key).count()) === 1;
      }, { every: 100 });
      assert.ok(polls <= 1, `${polls} tabs ask at once`);
      await hide(tab);
    }
    // The last one catches up with all that it missed before, and every tab answers.
    for (let i = 0; i < 8; i++) assert.equal(await line(tabs[7], `notes/tab-${i}.txt`).count(), 1, `tab 7 knows of ${i}`);
    for (const tab of tabs) clean(tab);
    await shot(page, 'events-tabs');
    await context.close();
  });

  it('shows nothing that the key may not see, and says which permission is missing', async () => {
    const post = async (p, url, data) => {
      const r = await p.request.post(url, { data });
      assert.ok(r.ok(), `${url}: ${r.status()} ${await r.text()}`);
      return r.json();
    };
    const { context, page } = await signedIn(server, { at: '/events' });
    const policy = { Version: '1', Statement: [{ Effect: 'Allow', Action: ['oss:ListObjects', 'oss:GetObject', 'oss:ListBuckets'], Resource: '*' }] };
    await post(page, '/api/users', { name: 'looker', policies: [{ name: 'p', document: policy }] });
    const keys = await post(page, '/api/users/looker/keys', {});
    const e = await eventOf(page, 'in/kingfisher.png');
    await context.close();
    const other = await signedIn(server, { at: `/events/${e.id}`, keys });
    await other.page.getByText('1 more runs are of functions that you may not see (fc:GetFunction).').waitFor();
    assert.equal(await other.page.getByText('thumbnail').count(), 0);
    await other.page.goto('/dead-letters');
    await other.page.getByText(/AccessDenied/).waitFor();
    await other.page.getByText(/fc:GetFunction/).waitFor();
    await accessible(other.page, 'a page that may not be seen');
    clean(other.page);
    await other.context.close();

    // One who may see runs but start none is told so at the button.
    const admin = await signedIn(server);
    policy.Statement.push({ Effect: 'Allow', Action: ['fc:GetFunction', 'fc:ListTriggers', 'fc:ListFunctions'], Resource: '*' });
    await post(admin.page, '/api/users', { name: 'reader', policies: [{ name: 'p', document: policy }] });
    const reader = await signedIn(server, { at: `/events/${e.id}`, keys: await post(admin.page, '/api/users/reader/keys', {}) });
    await admin.context.close();
    const card = reader.page.getByRole('region', { name: /^thumbnail/ });
    await card.getByRole('group', { name: /fc:InvokeFunction/ }).waitFor();
    assert.equal(await card.getByRole('button', { name: 'Replay' }).isDisabled(), true);
    await accessible(reader.page, 'an event, of which nothing may be run');
    clean(reader.page);
    await reader.context.close();
  });
});
