'use strict';

const assert = require('node:assert/strict');
const { after, before, describe, it } = require('node:test');
const { Server } = require('../lib/server');
const { accessible, clean, close, newPage, open, signedIn } = require('./lib/browser');

describe('signing in', () => {
  let server;
  before(async () => { server = await Server.start(); });
  after(async () => { await close(); await server.stop(); });

  for (const [language, title, id, secret, button, home] of [
    ['en', 'Sign in to Alcedo', 'AccessKey ID', 'AccessKey Secret', 'Sign in', 'Overview'],
    ['zh', '登录 Alcedo', 'AccessKey ID', 'AccessKey Secret', '登录', '概览'],
  ]) {
    it(`says what is wrong at its field, loses nothing, and lets in (${language})`, async () => {
      const { context, page } = await open(server, { language });
      await page.goto('/');
      await page.getByRole('heading', { name: title }).waitFor();
      await accessible(page);
      await page.getByRole('button', { name: new RegExp(`^${[...button].join('\\s?')}$`) }).click(); // antd spaces two Chinese letters
      await page.locator('.ant-form-item-explain-error').nth(1).waitFor();
      await page.getByLabel(id).fill(server.accessKeyId);
      await page.getByLabel(secret, { exact: true }).fill('wrong');
      await page.keyboard.press('Enter');
      await page.getByText(server.accessKeyId, { exact: false }).waitFor();
      assert.equal(await page.getByLabel(id).inputValue(), server.accessKeyId);
      await page.getByLabel(secret, { exact: true }).fill(server.accessKeySecret);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: home, level: 1 }).waitFor();
      clean(page);
      await context.close();
    });
  }

  it('gives scripts no way to the session, and signs out', async () => {
    const { context, page } = await signedIn(server);
    assert.equal(await page.evaluate(() => document.cookie), '');
    const [cookie] = await context.cookies();
    assert.equal(cookie.httpOnly, true);
    assert.equal(cookie.sameSite, 'Strict');
    await page.getByRole('button', { name: /^Account/ }).click();
    await page.getByText('Sign out').click();
    await page.getByRole('heading', { name: 'Sign in to Alcedo' }).waitFor();
    assert.equal((await context.request.get('/oss/')).status(), 401);
    clean(page);
    await context.close();
  });

  it('signs in again over a page whose session ended, and keeps the page', async () => {
    const { context, page } = await signedIn(server, { at: '/buckets?new=1' });
    await page.getByLabel('Bucket Name').fill('kept-as-it-is');
    await context.clearCookies();
    await page.keyboard.press('Enter');
    await page.getByText('Your session has ended').waitFor();
    await page.getByLabel('AccessKey ID').fill(server.accessKeyId);
    await page.getByLabel('AccessKey Secret', { exact: true }).fill(server.accessKeySecret);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByText('Your session has ended').waitFor({ state: 'detached' });
    assert.equal(await page.getByLabel('Bucket Name').inputValue(), 'kept-as-it-is');
    clean(page);
    await context.close();
  });

  it('goes on when the server comes back', async () => {
    const { context, page } = await signedIn(server, { at: '/buckets' });
    await page.getByRole('heading', { name: 'Buckets' }).waitFor();
    await server.kill();
    await page.getByLabel('Names that start with…').fill('x');
    await page.keyboard.press('Enter');
    await page.getByText(/Reconnecting since/).waitFor();
    await server.launch();
    await page.getByText(/Reconnecting since/).waitFor({ state: 'detached' }); // by itself
    await page.getByText(/No bucket's name starts with/).waitFor();
    page.problems = page.problems.filter((p) => !/ERR_CONNECTION_REFUSED/.test(p));
    clean(page);
    await context.close();
  });

  it('opens the palette and the sheet of shortcuts from the keyboard', async () => {
    const { context, page } = await signedIn(server);
    await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'Search and go' }).fill('buck');
    await accessible(page, 'the palette');
    await page.getByRole('option', { name: /Buckets/ }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Buckets', level: 1 }).waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await accessible(page, 'the sheet');
    clean(page);
    await context.close();
  });

  it('makes and deletes a bucket', async () => {
    const { context, page } = await signedIn(server, { at: '/buckets' });
    await page.getByRole('button', { name: 'Create Bucket' }).first().click();
    await page.getByLabel('Bucket Name').fill('No');
    await page.keyboard.press('Enter');
    await page.locator('.ant-form-item-explain-error').waitFor();
    await page.getByLabel('Bucket Name').fill('made-here');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/buckets\/made-here/);
    await page.goto('/buckets');
    const tab = await newPage(context);
    await tab.goto('/buckets'); // a second tab has the same session
    await tab.getByRole('link', { name: 'made-here' }).waitFor();
    await page.getByRole('button', { name: 'Delete bucket made-here' }).click();
    await accessible(page, 'the delete dialog');
    await page.getByLabel(/Type “made-here”/).fill('made-here');
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByText('There are no buckets yet.').waitFor();
    clean(page);
    clean(tab);
    await context.close();
  });
});
