'use strict';

// A bucket's page: what can be seen and made of an object; lists of any length, and what is
// done with a selection; what else there is to a bucket.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const { unzipSync } = require('fflate');
const clients = require('../lib/clients');
const functions = require('../lib/functions');
const { until } = require('../lib/wait');
const { accessible, clean, held, settled, shot } = require('./lib/browser');
const { drop, limited, picture, start } = require('./lib/bucket');

describe('a bucket', () => {
  let server;
  let client;
  let dir;
  let at;
  let stop;
  before(async () => { ({ server, client, dir, at, stop } = await start()); });
  after(() => stop());

  const still = (page) => page.mouse.move(2, 400);

  it('previews, processes and saves an image', async () => {
    await client.put('source/kingfisher.png', picture);
    await client.put('source/page.html', Buffer.from('<script>document.title = "broken out"</script><h1>hello</h1>'), { mime: 'text/html' });
    for (const theme of ['light', 'dark']) {
      const { context, page } = await at('pictures?prefix=source/', { theme });
      await page.getByRole('link', { name: 'kingfisher.png' }).click();
      await page.waitForFunction(() => document.querySelector('.preview img')?.naturalWidth === 640);
      await accessible(page, `an object, ${theme}`);
      await page.getByRole('tab', { name: 'Image processing' }).click();
      await page.getByText(/^300 × 225/).waitFor();
      await page.getByLabel('Mode', { exact: true }).click();
      await page.getByText('fixed · exact size').waitFor();
      await accessible(page, `a select in the playground, ${theme}`);
      await page.getByText('fixed · exact size').click();
      await page.getByLabel('Height').first().fill('40');
      await page.getByText(/^300 × 40/).waitFor();
      assert.equal(await page.getByLabel('x-oss-process', { exact: true }).inputValue(), 'image/resize,m_fixed,w_300,h_40');
      await page.getByLabel('x-oss-process', { exact: true }).fill('image/teleport,1');
      await page.locator('.side-error').getByText(/teleport/).waitFor();
      await page.getByLabel('x-oss-process', { exact: true }).fill('image/rotate,90/format,webp');
      await page.getByText(/^480 × 640.*WEBP/).waitFor();
      await page.getByLabel('Save the result as').fill(`processed/${theme}.webp`);
      await page.locator('.save').getByRole('button', { name: /Save$/ }).click();
      await page.getByText('Saved as').waitFor();
      assert.equal((await client.head(`processed/${theme}.webp`)).res.headers['content-type'], 'image/webp');
      await page.getByText('Node.js', { exact: true }).click();
      await page.getByText("process: 'image/rotate,90/format,webp'").waitFor();
      await page.goto('/buckets/pictures?prefix=source/&object=source/page.html');
      await page.locator('.preview pre').getByText('<h1>hello</h1>').waitFor();
      assert.notEqual(await page.title(), 'broken out');
      clean(page);
      await context.close();
    }
  });

  it('edits metadata, and makes links that need no session', async () => {
    await client.put('meta/a.txt', Buffer.from('hello'), { meta: { by: 'sdk' } });
    const { context, page } = await at('pictures?prefix=meta/&object=meta/a.txt&view=metadata');
    await page.getByRole('button', { name: 'Edit metadata' }).click();
    await page.getByLabel('Cache-Control').fill('typed');
    // Somebody else writes the object: what is typed stays, and does not go to theirs.
    const seen = page.waitForResponse((r) => r.request().method() === 'HEAD' && /meta\/a\.txt/.test(r.url()));
    await client.put('meta/a.txt', Buffer.from('hello!'), { meta: { by: 'other' } });
    await seen;
    await settled(page);
    assert.equal(await page.getByLabel('Cache-Control').inputValue(), 'typed');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByText('The object was changed meanwhile.').waitFor();
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('cell', { name: 'other' }).waitFor();
    await client.put('meta/a.txt', Buffer.from('hello'), { meta: { by: 'sdk' } });
    await page.getByRole('cell', { name: 'sdk' }).waitFor();
    await page.getByRole('button', { name: 'Edit metadata' }).click();
    assert.equal(await page.getByLabel('Cache-Control').inputValue(), '');
    await page.getByLabel('Cache-Control').fill('no-store');
    await page.getByRole('button', { name: /^plus Add$/ }).click();
    await page.getByLabel('Name', { exact: true }).nth(1).fill('no good');
    await page.getByLabel('Value', { exact: true }).nth(1).fill('yes');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByText('Letters, digits and hyphens only.').waitFor();
    assert.equal(await page.getByLabel('Cache-Control').inputValue(), 'no-store');
    await page.getByLabel('Name', { exact: true }).nth(1).fill('good');
    await still(page);
    await accessible(page, 'the metadata form');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByRole('cell', { name: 'no-store' }).waitFor();
    const head = (await client.head('meta/a.txt')).res.headers;
    assert.deepEqual([head['cache-control'], head['x-oss-meta-by'], head['x-oss-meta-good'], head['content-type']], ['no-store', 'sdk', 'yes', 'text/plain']);

    await page.getByRole('tab', { name: 'Link and access' }).click();
    await page.getByRole('button', { name: 'Create link' }).click();
    const url = await page.locator('.signed-link a').getAttribute('href');
    const got = await fetch(url);
    assert.deepEqual([got.status, await got.text()], [200, 'hello']);
    assert.equal((await fetch(url.replace('a.txt', 'b.txt'))).status, 403);
    assert.equal((await fetch(url.split('?')[0])).status, 403);
    await still(page);
    await accessible(page, 'a signed link');
    await page.getByLabel('Access without a signature (ACL)').click();
    await page.getByText('public-read: anybody may read', { exact: true }).click();
    await page.getByText('Anybody who reaches this server can read it.').waitFor();
    assert.equal((await fetch(url.split('?')[0])).status, 200);
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download' }).click()]);
    assert.equal(fs.readFileSync(await download.path(), 'utf8'), 'hello');
    clean(page);
    await context.close();
  });

  it('aborts what was never completed, and shows triggers and settings', async () => {
    for (const key of ['frag/1', 'frag/2', 'frag/3']) await client.initMultipartUpload(key);
    for (const theme of ['light', 'dark']) {
      const { context, page } = await at('pictures/fragments', { theme });
      if (theme === 'light') {
        await page.getByText('frag/3').waitFor();
        await accessible(page, 'fragments');
        await page.getByRole('button', { name: 'Abort the upload of frag/2' }).click();
        await page.getByRole('button', { name: 'Abort', exact: true }).click();
        await page.getByText('frag/2').waitFor({ state: 'detached' });
        await page.getByRole('button', { name: 'Abort all' }).click();
        await accessible(page, 'aborting all');
        await page.getByRole('dialog').getByRole('button', { name: 'Abort all' }).click();
      }
      await page.getByText('There are no unfinished uploads.').waitFor();
      assert.equal((await client.listUploads({ 'max-uploads': 10 })).uploads.length, 0);
      await page.getByRole('tab', { name: 'Triggers' }).click();
      await page.getByText('2 of 10 used.').waitFor();
      await page.getByRole('link', { name: 'thumbs', exact: true }).first().waitFor();
      if (theme === 'light') {
        const pattern = (name) => JSON.stringify({ source: ['acs.oss'], data: { oss: { bucket: { name: [name] }, object: { key: [{ prefix: 'rule/' }] } } } });
        for (const [name, of] of [['by-rule', 'pictures'], ['elsewhere', 'other']]) {
          const made = await page.request.post('/fc/2023-03-30/functions/thumbs/triggers', {
            headers: { 'Sec-Fetch-Site': 'same-origin' }, data: { triggerName: name, triggerType: 'eventbridge', triggerConfig: JSON.stringify({ eventRuleFilterPattern: pattern(of) }) },
          });
          assert.equal(made.status(), 200, await made.text());
        }
        await page.reload();
      }
      const rule = page.getByRole('row', { name: /by-rule/ });
      await rule.getByText('EventBridge').waitFor();
      await rule.getByText('rule/', { exact: true }).waitFor();
      assert.equal(await page.getByText('elsewhere').count(), 0); // it names another bucket
      await accessible(page, `a bucket's triggers, ${theme}`);
      await page.getByRole('button', { name: 'Create Trigger' }).click();
      await page.getByRole('button', { name: 'Go on' }).click();
      await page.getByText('Choose a function.', { exact: true }).waitFor();
      await page.getByLabel('Function', { exact: true }).click();
      await page.getByTitle('thumbs').click();
      await accessible(page, `choosing a function, ${theme}`);
      await page.getByRole('button', { name: 'Go on' }).click();
      await page.getByRole('dialog', { name: 'Create Trigger' }).getByText('pictures', { exact: true }).waitFor(); // filled in
      await page.goto('/buckets/pictures/triggers');
      await page.getByRole('tab', { name: 'Settings' }).click();
      await page.getByText('acs:oss:cn-hangzhou').waitFor();
      await page.getByLabel('Access without a signature (ACL)').click();
      await accessible(page, `settings, ${theme}`);
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'Delete bucket pictures' }).click();
      await page.getByLabel(/Type “pictures”/).fill('pictures');
      await page.getByRole('button', { name: 'Delete', exact: true }).click();
      await page.getByRole('alert').waitFor(); // and what stands in the way
      clean(page);
      await context.close();
    }
  });

  it('lists and deletes more than ten thousand objects', async () => {
    await client.putBucket('many');
    const many = clients.oss(server, { bucket: 'many' });
    const n = 10200;
    let next = 0;
    const name = (i) => `row-${String(i).padStart(6, '0')}.txt`;
    await Promise.all(Array.from({ length: 24 }, async () => { while (next < n) await many.put(name(next++), Buffer.from('x')); }));
    const { context, page } = await at('many');
    await page.getByText('100+ entries').waitFor();
    await page.getByRole('link', { name: name(0) }).waitFor();
    assert.ok((await page.locator('.row-line').count()) < 80, 'only what is in sight is drawn');
    const end = page.getByRole('link', { name: name(n - 1) });
    const scrollTo = (what) => until('what is further down in the list', async () => {
      if (await what.isVisible()) return true;
      await page.locator('.rows').evaluate((e) => e.scrollTo(0, e.scrollHeight));
    }, { timeout: 150000, every: 50 });
    await scrollTo(end);
    await page.getByText('10,200 entries').waitFor();
    // Who comes back finds the list where it was left; another list begins at its top, also one that is there at once.
    const top = () => page.locator('.rows').evaluate((e) => e.scrollTop);
    const left = await top();
    await page.getByRole('navigation').getByRole('link', { name: 'Events' }).click();
    const events = page.getByRole('table', { name: 'Events' });
    for (const again of [false, true]) {
      await events.getByRole('row', { name: name(n - 1) }).waitFor();
      assert.equal(await top(), 0);
      if (again) await events.evaluate((e) => new Promise((done) => { e.addEventListener('scroll', done, { once: true }); e.scrollTo(0, 2000); }));
      await page.getByLabel('Object Prefix').fill('row-009');
      await events.getByRole('row', { name: name(9999) }).waitFor();
      assert.equal(await top(), 0);
      await page.getByRole('button', { name: 'Clear filters' }).click();
    }
    await page.goBack();
    await end.waitFor();
    assert.equal(await top(), left);
    await page.getByLabel('Names in this folder that start with…').fill('row-00512');
    await page.keyboard.press('Enter');
    await page.getByText('10 entries').waitFor();
    assert.match(page.url(), /q=row-00512/);
    await page.getByLabel('Select all').check();
    await page.getByText('10 selected').waitFor();
    await accessible(page, 'a selection');
    await page.locator('.selection').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('Delete 10 objects?').waitFor();
    await accessible(page, 'the question before deleting');
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('Nothing in this folder starts with').waitFor();
    assert.equal((await many.listV2({ prefix: 'row-00512' })).keyCount, 0);
    await page.goto('/buckets/many?q=row-000');
    await page.getByText('100+ entries').waitFor();
    await scrollTo(page.getByText('1,000 entries'));
    await page.getByLabel('Select all').check();
    await page.getByText(/^\d[\d,]* selected$/).waitFor();
    await page.locator('.selection').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('Nothing in this folder starts with').waitFor({ timeout: 30000 });
    assert.equal((await many.listV2({ prefix: 'row-000' })).keyCount, 0);
    clean(page);
    await context.close();
  });

  it('says of each object why it could not be deleted', async () => {
    const { accessKeyId, accessKeySecret } = await limited(server, 'half', [
      { Effect: 'Allow', Action: ['oss:List*', 'oss:Get*'], Resource: '*' },
      { Effect: 'Allow', Action: 'oss:DeleteObject', Resource: `acs:oss:*:*:pictures/del/may-*` },
    ]);
    for (const k of ['may-1', 'may-2', 'not-1']) await client.put(`del/${k}`, Buffer.from('x'));
    const { context, page } = await at('pictures?prefix=del/', { keys: { accessKeyId, accessKeySecret } });
    await page.getByRole('link', { name: 'not-1' }).waitFor();
    await page.getByLabel('Select all').check();
    await page.getByText(/^\d[\d,]* selected$/).waitFor();
    await page.locator('.selection').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('1 object could not be deleted.').waitFor();
    await page.locator('.key-list').getByText('del/not-1').waitFor();
    await accessible(page, 'what could not be deleted');
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click();
    await page.getByRole('link', { name: 'not-1' }).waitFor();
    await page.getByRole('link', { name: 'may-1' }).waitFor({ state: 'detached' });
    clean(page);
    await context.close();
  });

  it('copies, moves and zips a selection, and says what that starts', async () => {
    await functions.trigger(server, 'thumbs', 'on-copies', { bucket: 'pictures', prefix: 'copied/', suffix: '', events: ['oss:ObjectCreated:CopyObject'] });
    for (const [k, v] of [['way/a.txt', 'a'], ['way/sub/中 文.txt', 'c'], ['way/sub//d.txt', 'd'], ['copied/a.txt', 'old']]) await client.put(k, Buffer.from(v));
    const read = async (key) => (await client.get(key)).content.toString();
    const { context, page } = await at('pictures?prefix=way/');
    await page.getByRole('link', { name: 'a.txt' }).waitFor();
    await page.getByLabel('Select all').check();
    const zip = page.locator('.selection').getByRole('button', { name: 'Download as ZIP' });
    // One that is stopped half-way saves nothing.
    let saved = 0;
    page.on('download', () => { saved++; });
    const second = await held(page, 'GET', /\/way\/sub\//);
    await zip.click();
    await second.asked;
    await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    second.go();
    await settled(page);
    assert.equal(saved, 0);
    const [download] = await Promise.all([page.waitForEvent('download'), zip.click()]);
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    assert.equal(download.suggestedFilename(), 'pictures.zip');
    const zipped = unzipSync(fs.readFileSync(await download.path()));
    assert.deepEqual(Object.fromEntries(Object.entries(zipped).map(([k, v]) => [k, Buffer.from(v).toString()])), { 'a.txt': 'a', 'sub/中 文.txt': 'c', 'sub/d.txt': 'd' });

    await page.locator('.selection').getByRole('button', { name: 'Copy or move' }).click();
    await page.getByText('It is there already.').waitFor(); // where it is
    await page.getByLabel('Into folder').fill('/copied');
    await page.getByText('A name cannot start with a slash').waitFor();
    await page.getByLabel('Into folder').fill('way/sub/x');
    await page.getByText('A folder cannot go into itself.').waitFor();
    await page.getByLabel('Into folder').fill('copied');
    await page.locator('[data-trigger="on-copies"]').getByText('3 runs').waitFor();
    await page.getByText('1 name exists already.').waitFor();
    await accessible(page, 'before copying');
    await page.getByRole('button', { name: 'Copy', exact: true }).click();
    await page.getByText('2 of 3 found so far are copied.').waitFor();
    await page.getByText('1 skipped: the name exists.').waitFor();
    assert.deepEqual([await read('copied/a.txt'), await read('copied/sub/中 文.txt'), await read('way/a.txt')], ['old', 'c', 'a']);
    await page.locator('.ant-drawer-footer').getByRole('button', { name: 'Close' }).click();

    // And one, by its menu: under another name.
    await page.getByRole('button', { name: 'Actions for a.txt' }).click();
    await page.getByRole('menuitem', { name: 'Copy or move' }).click();
    await page.getByRole('radio', { name: /^Move or rename/ }).check();
    await page.getByLabel('As object').fill('way/b.txt');
    await page.getByText('Deleting what was moved is a DeleteObject event.').waitFor();
    await page.getByText('None of these names exists yet.').waitFor();
    await page.getByRole('button', { name: 'Move', exact: true }).click();
    await page.getByRole('link', { name: 'b.txt' }).waitFor();
    await page.getByRole('link', { name: 'a.txt' }).waitFor({ state: 'detached' });
    assert.equal(await read('way/b.txt'), 'a');
    clean(page);
    await context.close();
  });

  it('offers what the key may do, and says what it may not', async () => {
    const keys = await limited(server, 'reader', [{ Effect: 'Allow', Action: ['oss:List*', 'oss:Get*', 'fc:List*', 'fc:Get*'], Resource: '*' }]);
    await client.put('may/a.txt', Buffer.from('x'));
    const { context, page } = await at('pictures?prefix=may/', { keys });
    await page.getByRole('link', { name: 'a.txt' }).waitFor();
    const refused = (name, action) => page.getByRole('group', { name: new RegExp(action) }).getByRole('button', { name, exact: false, disabled: true }).first().waitFor();
    for (const name of ['Upload files', 'Upload folder', 'Create folder']) await refused(name, 'oss:PutObject');
    await accessible(page, 'objects, to a reader');
    await drop(page, [path.join(dir, 'note.txt')]);
    await page.getByText(/Your key may not upload here.*oss:PutObject/).waitFor();
    await page.getByLabel('Select all').check();
    await refused('Delete', 'oss:DeleteObject');
    assert.equal(await page.locator('.selection').getByRole('button', { name: 'Download as ZIP' }).isEnabled(), true);
    await page.getByRole('link', { name: 'a.txt' }).click();
    await page.getByRole('dialog').getByRole('link', { name: 'Download' }).waitFor();
    await refused('Delete', 'oss:DeleteObject');
    await page.getByRole('tab', { name: 'Metadata' }).click();
    await refused('Edit metadata', 'oss:PutObject');
    await page.getByRole('tab', { name: 'Link and access' }).click();
    await page.getByRole('group', { name: /oss:PutObjectAcl/ }).waitFor();
    await accessible(page, 'an object, to a reader');
    await page.goto('/buckets/pictures/settings');
    await refused('Delete bucket pictures', 'oss:DeleteBucket');
    await page.getByRole('group', { name: /oss:PutBucketAcl/ }).waitFor();
    await page.goto('/buckets/pictures/triggers');
    await refused('Create Trigger', 'fc:CreateTrigger');
    await page.goto('/buckets');
    await refused('Create Bucket', 'oss:PutBucket');
    await page.getByRole('link', { name: 'pictures' }).waitFor();
    await page.getByRole('button', { name: 'Delete bucket pictures' }).waitFor({ state: 'detached' });
    await accessible(page, 'buckets, to a reader');
    clean(page);
    await context.close();
  });

  it('is usable at 390 pixels', async () => {
    await client.put('source/kingfisher.png', picture);
    for (const theme of ['light', 'dark']) {
      const { context, page } = await at('pictures', { width: 390, height: 844, theme, hasTouch: true });
      await page.getByRole('link', { name: 'source/' }).click();
      await page.getByRole('link', { name: 'kingfisher.png' }).waitFor();
      await accessible(page, `objects at 390, ${theme}`);
      await page.getByRole('button', { name: 'Actions for kingfisher.png' }).click();
      await page.getByRole('menuitem', { name: 'Open' }).click();
      await page.locator('.preview img').waitFor();
      await accessible(page, `an object at 390, ${theme}`);
      await page.getByLabel('View', { exact: true }).click();
      await page.getByTitle('Image processing').click();
      await page.getByText(/^300 × 225/).waitFor();
      await accessible(page, `the playground at 390, ${theme}`);
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 390, 'nothing is wider than the screen');
      await shot(page, `bucket-390-${theme}`);
      clean(page);
      await context.close();
    }
  });
});
