'use strict';

// Many deliveries at once: dead letters that are dealt with, loops that were stopped, and
// jobs, which run triggers over what was there before.

const assert = require('node:assert/strict');
const { after, before, describe, it } = require('node:test');
const { Server } = require('../lib/server');
const { fc, FC } = require('../lib/clients');
const { location, trigger } = require('../lib/functions');
const { until } = require('../lib/wait');
const { accessible, clean, close, signedIn } = require('./lib/browser');
const { bothThemes, bucket, happenings, line, stream } = require('./lib/happenings');

describe('dead letters and jobs', () => {
  let server;
  let c;
  before(async () => {
    server = await Server.start();
    c = await happenings(server, ['catalogue', 'checker', 'echo']);
    await c.putBucket('going-round');
  });
  after(async () => { await close(); if (server) await server.stop(); });

  it('deals with dead letters in bulk: failing, mended, redriven, succeeded', async () => {
    for (const n of ['a', 'b', 'c']) await c.put(`in/${n}.jpg`, Buffer.from('not a picture'));
    const { context, page } = await signedIn(server, { at: '/events?function=checker' });
    for (const n of ['a', 'b', 'c']) await line(page, `in/${n}.jpg`).locator('[data-outcome=Failed]').waitFor();
    await line(page, 'in/c.jpg').getByTitle('ObjectCreated:PutObject').click();
    const card = page.getByRole('region', { name: /^checker/ });
    await card.getByText('Every attempt failed').waitFor();
    await card.getByText('there is no licence note').first().waitFor();
    await card.getByText('Attempt 2', { exact: true }).waitFor();
    await card.getByText(/Until the next attempt [\d.]+ m?s/).waitFor();
    await card.getByRole('region', { name: 'Log of attempt 2' }).getByText('looking').waitFor(); // of the last attempt, open already
    await bothThemes(page, 'an event that failed');
    await card.getByRole('link', { name: 'See its dead letter' }).click();
    const dead = page.getByRole('table', { name: 'Dead letters' });
    await dead.getByText('in/c.jpg').waitFor();
    assert.equal(await dead.getByRole('row').count(), 2); // with the head: only this one
    await dead.getByRole('link', { name: /in\/c\.jpg/ }).click();
    const drawer = page.getByRole('dialog', { name: 'Dead letter' });
    await drawer.getByText('there is no licence note').first().waitFor();
    await drawer.getByRole('region', { name: 'Event as the function gets it' }).getByText('"in/c.jpg"').waitFor();
    await bothThemes(page, 'a dead letter'); // its id is in the URL
    await drawer.waitFor();
    await page.waitForFunction(() => document.activeElement?.closest('.ant-drawer')); // keys are its own
    await page.keyboard.press('Escape');
    await drawer.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await dead.getByText('in/a.jpg').waitFor();

    const body = new FC.UpdateFunctionInput({ code: location({ 'index.js': 'exports.handler = async () => "mended";' }) });
    await fc(server).updateFunction('checker', new FC.UpdateFunctionRequest({ body }));
    await dead.getByRole('row').filter({ hasText: 'in/a.jpg' }).getByRole('checkbox').check();
    await dead.getByRole('row').filter({ hasText: 'in/b.jpg' }).getByRole('checkbox').check();
    await accessible(page, 'dead letters, some selected');
    // Aborted, it ends with what is under way, and says how far it came.
    const held = [];
    await page.route('**/api/dead/redrive', (route) => void held.push(route));
    await page.getByRole('button', { name: 'Redrive (2)' }).click();
    await until('the order', () => held.length > 0);
    await page.getByRole('button', { name: 'Abort' }).click();
    await held[0].continue();
    await page.unroute('**/api/dead/redrive');
    await page.getByText('Aborted: 2 redriven.').waitFor();
    // The rows stay, and say what became of them.
    for (const n of ['a', 'b']) await dead.getByRole('row').filter({ hasText: `in/${n}.jpg` }).locator('.pill[data-state=Succeeded]').waitFor();
    assert.equal(await dead.getByRole('row').filter({ hasText: 'in/a.jpg' }).getByRole('checkbox').count(), 0);
    // Until there is a newer list, the rows say what became of them.
    held.length = 0;
    await page.route('**/api/dead?*', (route) => void held.push(route));
    await page.getByRole('button', { name: 'Refresh' }).click();
    await until('the list to be asked for', () => held.length > 0);
    assert.equal(await dead.locator('.pill[data-state=Succeeded]').count(), 2);
    await Promise.all(held.map((route) => route.continue()));
    await page.unroute('**/api/dead?*');
    await dead.getByRole('row').filter({ hasText: 'in/a.jpg' }).waitFor({ state: 'detached' });
    // The rest by the filter.
    await page.getByLabel('Object Prefix').fill('in/');
    await page.waitForURL(/prefix=in/);
    await page.getByRole('checkbox', { name: 'All that match the filters' }).check();
    await page.getByRole('button', { name: 'Redrive all' }).click();
    await page.getByText('1 redriven.').waitFor();
    await dead.getByRole('row').filter({ hasText: 'in/c.jpg' }).locator('.pill[data-state=Succeeded]').waitFor();
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByText('No dead letter matches the filters.').waitFor();
    clean(page);
    await context.close();
  });

  it('shows the whole chain of a loop that was stopped', async () => {
    await trigger(server, 'echo', 'on-any', { bucket: 'going-round' });
    c.useBucket('going-round');
    await c.put('first.txt', Buffer.from('x'));
    c.useBucket(bucket);
    const { context, page } = await signedIn(server, { at: '/dead-letters?function=echo' });
    const row = page.getByRole('table', { name: 'Dead letters' }).getByRole('row').filter({ hasText: 'Loop stopped' });
    await until('the loop to be stopped', async () => {
      if (await row.count()) return true;
      await page.getByRole('button', { name: 'Refresh' }).click();
      return false;
    }, { every: 300 });
    await row.getByRole('link').click();
    const drawer = page.getByRole('dialog', { name: 'Dead letter' });
    await drawer.getByText('stopped here').waitFor();
    assert.equal(await drawer.locator('.chain li').count(), 17);
    await drawer.locator('.chain li').first().getByText('going-round/first.txt').waitFor();
    await drawer.getByRole('link', { name: 'Lineage' }).click();
    await page.locator('.box.looped', { hasText: 'echo' }).waitFor();
    assert.equal(await page.locator('.box').count(), 34); // 17 events and their runs
    await page.goto('/events');
    await page.getByRole('combobox', { name: 'Outcome' }).click();
    await page.locator('.ant-select-item-option[title="Loop stopped"]').click();
    await page.waitForURL(/outcome=LoopStopped/);
    await stream(page).locator('[data-outcome=Succeeded]').first().waitFor({ state: 'detached' });
    await stream(page).locator('[data-outcome=LoopStopped]').waitFor();
    assert.equal(await stream(page).getByRole('row').count(), 2); // with the head
    clean(page);
    await context.close();
  });

  it('backfills from the page, after a dry run', async () => {
    await c.put('old/1.txt', Buffer.from('1'));
    await c.put('old/2.txt', Buffer.from('2'));
    await trigger(server, 'catalogue', 'on-old', { bucket, prefix: 'old/' });
    const { context, page } = await signedIn(server, { at: '/jobs' });
    await page.getByRole('button', { name: 'New job' }).first().click();
    const drawer = page.getByRole('dialog', { name: 'New job' });
    await drawer.getByRole('button', { name: 'Begin replay' }).click();
    await drawer.getByText('Choose a function.').waitFor();
    await drawer.getByText('Backfill', { exact: true }).click();
    await drawer.getByRole('combobox', { name: 'Function' }).click();
    await page.getByTitle('catalogue').click();
    await drawer.getByRole('combobox', { name: 'Trigger' }).click();
    await accessible(page, 'a new job, a select open');
    await page.getByTitle('on-old').click();
    await drawer.getByLabel('Object Prefix').fill('new/');
    await drawer.getByRole('button', { name: 'Dry run' }).click();
    await drawer.locator('.ant-form-item-explain-error', { hasText: 'wants keys that begin with' }).waitFor(); // at its field
    await drawer.getByLabel('Object Prefix').fill('old/');
    await drawer.getByRole('button', { name: 'Dry run' }).click();
    await drawer.getByText('2 would run').waitFor();
    await drawer.getByText('old/1.txt').waitFor();
    // What would run with values that were changed meanwhile is not said of those that stand there now.
    const held = [];
    await page.route('**/api/jobs', (route) => (route.request().method() === 'POST' ? void held.push(route) : route.fallback()));
    await drawer.getByRole('button', { name: 'Dry run' }).click();
    await until('the dry run to be asked for', () => held.length > 0);
    await drawer.getByLabel('Object Prefix').fill('old/1');
    const late = page.waitForResponse((r) => r.url().endsWith('/api/jobs') && r.request().method() === 'POST');
    await held[0].continue();
    await page.unroute('**/api/jobs');
    await (await late).finished();
    await drawer.locator('.ant-btn-loading').first().waitFor({ state: 'detached' });
    assert.equal(await drawer.getByText(/would run/).count(), 0);
    await bothThemes(page, 'the form of a job');
    await drawer.waitFor();
    await drawer.getByText('Backfill', { exact: true }).click();
    await drawer.getByRole('combobox', { name: 'Function' }).click();
    await page.getByTitle('catalogue').click();
    await drawer.getByRole('combobox', { name: 'Trigger' }).click();
    await page.getByTitle('on-old').click();
    // It is begun once, however late the list is that shows it.
    await page.route('**/api/jobs', (route) => (route.request().method() === 'GET' ? void held.push(route) : route.fallback()));
    held.length = 0;
    await drawer.getByRole('button', { name: 'Begin backfill' }).click();
    await until('the list to be asked for', () => held.length > 0);
    assert.equal(await drawer.getByRole('button', { name: 'Begin backfill' }).isDisabled(), true);
    await Promise.all(held.map((route) => route.continue()));
    await page.unroute('**/api/jobs');
    await drawer.waitFor({ state: 'detached' });
    const job = page.locator('.job.marked');
    await job.locator('.pill[data-state=Done]').waitFor();
    await job.getByText('2 of 2 enqueued').waitFor();
    await job.getByText('on-old').waitFor();

    // A slow one is paused, resumed, and canceled.
    const { id } = await (await page.request.post('/api/jobs', { data: { kind: 'backfill', function: 'catalogue', trigger: 'on-old', rate: 0.01 } })).json();
    await page.goto(`/jobs?job=${id}`);
    await job.getByRole('button', { name: 'Pause' }).click();
    await job.locator('.pill[data-state=Paused]').waitFor();
    await accessible(page, 'jobs');
    await job.getByRole('button', { name: 'Resume' }).click();
    await job.locator('.pill[data-state=Running]').waitFor();
    await job.getByRole('button', { name: 'Cancel job' }).click();
    await job.locator('.pill[data-state=Canceled]').waitFor();
    await bothThemes(page, 'jobs that are over');
    clean(page);
    await context.close();
  });
});
