'use strict';

const assert = require('node:assert/strict');
const { after, before, describe, it } = require('node:test');
const { Server } = require('../lib/server');
const { accessible, clean, close, held, newPage, open, settled, signedIn } = require('./lib/browser');

describe('signing in', () => {
  let server;
  before(async () => { server = await Server.start(); });
  after(async () => { await close(); await server.stop(); });

  for (const [language, title, id, secret, button, home, wrong] of [
    ['en', 'Sign in to Alcedo', 'AccessKey ID', 'AccessKey Secret', 'Sign in', 'Overview', 'does not belong to the AccessKey ID'],
    ['zh', '登录 Alcedo', 'AccessKey ID', 'AccessKey Secret', '登录', '概览', '不匹配。请检查是否缺少字符'],
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
      await page.getByText(wrong).filter({ hasText: server.accessKeyId }).waitFor();
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
    // Who signs in after that is not shown what the one before was: neither in the same tab nor in one that stayed open.
    const root = await signedIn(server, { at: '/buckets' });
    assert.equal((await root.context.request.put('/oss/not-for-everybody')).status(), 200);
    assert.equal((await root.context.request.post('/api/users', { data: { name: 'nobody' } })).status(), 200);
    const key = await (await root.context.request.post('/api/users/nobody/keys')).json();
    const signIn = async () => {
      await root.page.getByLabel('AccessKey ID').fill(key.accessKeyId);
      await root.page.getByLabel('AccessKey Secret', { exact: true }).fill(key.accessKeySecret);
      await root.page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await root.page.getByText('oss:ListBuckets', { exact: false }).first().waitFor();
      assert.equal(await root.page.getByText('not-for-everybody').count(), 0);
    };
    for (const stays of [false, true]) {
      await root.page.goto('/buckets');
      await root.page.getByRole('link', { name: 'not-for-everybody' }).waitFor();
      if (stays) {
        await root.context.clearCookies();
        await root.page.getByRole('button', { name: 'Create Bucket' }).click();
        await root.page.getByLabel('Bucket Name').fill('after-the-end');
        await root.page.keyboard.press('Enter');
        await root.page.getByText('Your session has ended. What is on the page').waitFor();
        await signIn();
      } else {
        await root.page.getByRole('button', { name: /^Account/ }).click();
        await root.page.getByText('Sign out').click();
        await signIn();
      }
      assert.equal((await root.context.request.post('/api/session', { data: { accessKeyId: server.accessKeyId, accessKeySecret: server.accessKeySecret } })).status(), 200);
    }
    assert.equal((await root.context.request.delete('/oss/not-for-everybody')).status(), 204);
    clean(root.page);
    await root.context.close();
    clean(page);
    await context.close();
  });

  it('signs in again over a page whose session ended, and keeps the page', async () => {
    const { context, page } = await signedIn(server, { at: '/buckets?new=1' });
    await page.getByLabel('Bucket Name').fill('kept-as-it-is');
    await context.clearCookies();
    await page.keyboard.press('Enter');
    await page.getByText('Your session has ended. What is on the page').waitFor();
    await page.getByLabel('AccessKey ID').fill(server.accessKeyId);
    await page.getByLabel('AccessKey Secret', { exact: true }).fill(server.accessKeySecret);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByText('Your session has ended. What is on the page').waitFor({ state: 'detached' });
    assert.equal(await page.getByLabel('Bucket Name').inputValue(), 'kept-as-it-is');
    clean(page);
    await context.close();
  });

  it('goes on when the server comes back', async () => {
    const { context, page } = await signedIn(server, { at: '/buckets' });
    assert.equal((await context.request.put('/oss/while-away')).status(), 200);
    const [functions, objects] = [await newPage(context), await newPage(context)];
    await functions.goto('/functions');
    await objects.goto('/buckets/while-away');
    const reconnecting = (tab) => tab.getByText(/Reconnecting since/);
    const unreachable = (tab) => tab.getByRole('alert').filter({ hasText: 'The server does not answer' });
    await page.getByRole('heading', { name: 'Buckets' }).waitFor();
    await functions.getByText('There are no functions yet').waitFor();
    await objects.getByRole('button', { name: 'Upload files' }).first().waitFor();
    await server.kill();
    await page.getByLabel('Names that start with…').fill('x');
    await page.keyboard.press('Enter');
    await reconnecting(page).waitFor();
    // A file is chosen whose sheet has not been loaded yet; so is a drawer.
    await objects.locator('input[type=file][aria-label="Upload files"]').setInputFiles({ name: 'chosen.txt', mimeType: 'text/plain', buffer: Buffer.from('kept') });
    await reconnecting(functions).waitFor(); // nothing was asked of that page
    await functions.getByRole('button', { name: 'Create Function' }).first().click();
    await unreachable(functions).waitFor();
    await accessible(functions, 'a page whose server is away');
    await functions.getByRole('link', { name: 'Access' }).click(); // its code is not here either
    await unreachable(functions).waitFor();
    await unreachable(objects).waitFor();
    await server.launch();
    for (const tab of [page, functions, objects]) await reconnecting(tab).waitFor({ state: 'detached' }); // by itself
    await page.getByText(/No bucket's name starts with/).waitFor();
    await functions.getByRole('heading', { name: 'Access', level: 1 }).waitFor();
    await functions.goBack();
    await functions.getByRole('dialog', { name: 'Create Function' }).waitFor();
    await objects.getByText('chosen.txt').waitFor();
    for (const tab of [page, functions, objects]) {
      tab.problems = tab.problems.filter((p) => !/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/.test(p));
      clean(tab);
    }
    await context.request.delete('/oss/while-away');
    await context.close();
  });

  it('opens the palette and the sheet of shortcuts from the keyboard', async () => {
    const { context, page } = await signedIn(server);
    assert.equal((await context.request.put('/oss/my-papers')).status(), 200);
    for (const name of ['a', 'b', 'c']) await context.request.put(`/oss/my-papers/in/${name}.txt`, { data: name });
    const upload = await context.request.put('/oss/my-papers/in/d.txt', { data: 'd' });
    await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
    const find = async (word) => {
      await page.keyboard.press('Control+k');
      await page.getByRole('combobox', { name: 'Search and go' }).fill(word);
    };
    await find(upload.headers()['x-oss-request-id']);
    await page.getByRole('option', { name: 'my-papers/in/d.txt' }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /d\.txt/, level: 1 }).waitFor();
    await find('paper'); // no name begins so
    await page.getByRole('option', { name: 'my-papers Bucket' }).waitFor();
    await find('buck');
    await accessible(page, 'the palette');
    await page.getByRole('option', { name: /Buckets/ }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Buckets', level: 1 }).waitFor();

    // A list is one stop of the Tab key, and moved in from anywhere within it.
    await page.goto('/events?bucket=my-papers&prefix=in/');
    const list = page.getByRole('table', { name: 'Events' });
    await list.getByText('in/a.txt').waitFor();
    assert.equal(await list.locator('.row-line[tabindex="0"]').count(), 1);
    const focused = () => page.evaluate(() => document.activeElement.closest('.row-line')?.innerText.match(/in\/(\w)\.txt/)?.[1] ?? document.activeElement.tagName);
    const keys = [];
    for (const key of ['j', 'j', 'ArrowDown', 'k', 'ArrowRight', 'ArrowDown', 'Home', 'End', 'ArrowUp', 'PageUp']) {
      await page.keyboard.press(key);
      keys.push(await focused());
    }
    assert.deepEqual(keys.join(''), 'dcbcc' + 'bdabd');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).getByText('Next row').waitFor();
    await accessible(page, 'the sheet');
    await page.keyboard.press('Escape');
    await page.goto('/functions/gone-long-ago');
    await page.getByRole('link', { name: 'To the list of functions' }).click();
    await page.getByRole('heading', { name: 'Functions', level: 1 }).waitFor();
    clean(page);
    for (const name of ['a', 'b', 'c', 'd']) await context.request.delete(`/oss/my-papers/in/${name}.txt`);
    await context.request.delete('/oss/my-papers');
    await context.close();
  });

  it('makes and deletes a bucket', async () => {
    const { context, page } = await signedIn(server, { at: '/buckets' });
    await page.getByRole('button', { name: 'Create Bucket' }).first().click();
    await page.getByLabel('Bucket Name').fill('No');
    await page.keyboard.press('Enter');
    await page.locator('.ant-form-item-explain-error').waitFor();
    // Who has gone on to another page before the answer stays there.
    const put = await held(page, 'PUT', /\/oss\/made-late/);
    await page.getByLabel('Bucket Name').fill('made-late');
    await page.keyboard.press('Enter');
    await put.asked;
    await page.goBack();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByRole('navigation').getByRole('link', { name: 'Functions' }).click();
    await page.getByText('There are no functions yet').waitFor();
    const made = page.waitForResponse(/\/oss\/made-late/);
    put.go();
    await made;
    await settled(page);
    assert.match(page.url(), /\/functions$/);
    assert.equal((await context.request.delete('/oss/made-late')).status(), 204);
    await page.goto('/buckets?new=1');
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
