'use strict';

// A bucket's page: uploads that say what they will start, go on after a reload, and arrive
// whole; what can be seen and made of an object; lists of any length.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const { unzipSync } = require('fflate');
const { Server, root } = require('../lib/server');
const clients = require('../lib/clients');
const functions = require('../lib/functions');
const { accessible, clean, close, open, shot, signedIn } = require('./lib/browser');

const picture = fs.readFileSync(path.join(root, 'examples/kingfisher.png'));

describe('a bucket', () => {
  let server;
  let client;
  let dir;
  before(async () => {
    server = await Server.start();
    client = clients.oss(server);
    await client.putBucket('pictures');
    client.useBucket('pictures');
    for (const [name, event, suffix] of [['thumbs', 'PostObject', '.png'], ['index', 'CompleteMultipartUpload', '.bin']]) {
      await functions.create(server, name, { 'index.js': 'exports.handler = async () => "ok"' });
      await functions.trigger(server, name, `on-${name}`, { bucket: 'pictures', prefix: 'in/', suffix, events: [`oss:ObjectCreated:${event}`] });
    }
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'alcedo-buckets-'));
    fs.mkdirSync(path.join(dir, 'album/inner'), { recursive: true });
    fs.writeFileSync(path.join(dir, 'album/a.png'), picture);
    fs.writeFileSync(path.join(dir, 'album/inner/b.txt'), 'inner');
    fs.writeFileSync(path.join(dir, 'album/inner/ü & <c>.txt'), 'odd');
    fs.writeFileSync(path.join(dir, 'one.png'), picture);
    fs.writeFileSync(path.join(dir, 'note.txt'), 'note');
    fs.writeFileSync(path.join(dir, 'large.bin'), Buffer.alloc(20 << 20, 'large'));
  });
  after(async () => {
    await close();
    await server.stop();
    fs.rmSync(dir, { recursive: true, force: true });
  });

  const at = async (where, options) => signedIn(server, { at: `/buckets/${where}`, ...options });
  const choose = (page, files, what = 'Upload files') => page.locator(`input[type=file][aria-label="${what}"]`).setInputFiles(files);
  const begin = async (page) => {
    await page.getByRole('button', { name: /Upload [\d,]+ files?$/ }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  };
  const uploaded = (page, n) => page.getByRole('region', { name: 'Uploads' }).getByText(`${n} file${n === 1 ? '' : 's'} uploaded`).waitFor({ timeout: 60000 });
  const still = (page) => page.mouse.move(2, 400);
  // drop drops files of the disk, folders too, as the desktop would.
  const drop = async (page, paths) => {
    const cdp = await page.context().newCDPSession(page);
    const data = { items: [], files: paths, dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop']) await cdp.send('Input.dispatchDragEvent', { type, x: 640, y: 420, data });
  };

  it('says before an upload what it will start, and shows after it what did', async () => {
    const { context, page } = await at('pictures?prefix=in/');
    await page.getByText('This folder is empty').waitFor();
    await choose(page, ['one.png', 'large.bin', 'note.txt'].map((f) => path.join(dir, f)));
    await page.locator('[data-trigger="on-thumbs"]').getByText('in/one.png').waitFor();
    await page.locator('[data-trigger="on-index"]').getByText('in/large.bin').waitFor();
    await page.getByText('1 file starts nothing.').waitFor();
    await page.getByText('None of these names exists yet.').waitFor();
    await accessible(page, 'what an upload will start');
    await begin(page);
    await uploaded(page, 3);
    await page.getByRole('link', { name: 'note.txt' }).waitFor(); // the list has changed by itself
    await accessible(page, 'the queue');
    assert.equal((await client.head('in/large.bin')).res.headers['x-oss-object-type'], 'Multipart');
    assert.deepEqual((await client.get('in/one.png')).content, picture);
    await page.locator('[data-key="in/large.bin"]').getByRole('link', { name: 'What happened' }).click();
    await page.waitForURL(/\/trace\?/);
    await page.getByText('index').first().waitFor();
    await page.getByRole('region', { name: 'Uploads' }).waitFor(); // whatever page is shown
    await page.goto('/buckets/pictures?object=in/one.png&view=happened');
    await page.getByRole('link', { name: 'ObjectCreated:PostObject' }).waitFor();
    await page.locator('[data-state="Succeeded"]').getByText('thumbs').waitFor();
    clean(page);
    await context.close();
  });

  it('says why an upload starts nothing', async () => {
    const { context, page } = await at('pictures?prefix=elsewhere/');
    await page.getByText('This folder is empty').waitFor();
    await choose(page, [{ name: 'one.png', mimeType: 'image/png', buffer: picture }]);
    await page.getByText('It starts no function. This is why:').waitFor();
    assert.match(await page.locator('.quiet', { hasText: 'on-thumbs' }).textContent(), /prefix/);
    // To where it goes decides: it is judged again.
    await page.getByLabel('Upload to').fill('in');
    await page.getByLabel('Upload to').press('Enter');
    await page.locator('[data-trigger="on-thumbs"]').waitFor();
    await page.getByLabel('Upload to').fill('/in');
    await page.getByLabel('Upload to').press('Enter');
    await page.getByText('A name cannot start with a slash').waitFor();
    assert.equal(await page.getByRole('button', { name: /Upload \d+ files?$/ }).isDisabled(), true);
    clean(page);
    await context.close();
  });

  it('takes folders, dropped or chosen', async () => {
    const { context, page } = await at('pictures');
    await page.getByRole('button', { name: 'Upload folder' }).waitFor();
    await drop(page, [path.join(dir, 'album')]);
    await page.getByText('3 files').first().waitFor();
    await begin(page);
    await uploaded(page, 3);
    assert.equal((await client.get('album/inner/ü & <c>.txt')).content.toString(), 'odd');
    await page.getByRole('link', { name: 'album/' }).click();
    await page.getByRole('link', { name: 'inner/' }).click();
    await page.getByRole('link', { name: 'ü & <c>.txt' }).waitFor();
    await page.getByRole('navigation', { name: 'Path' }).getByRole('link', { name: 'album' }).click();
    await page.getByRole('link', { name: 'a.png' }).waitFor();
    await page.goto('/buckets/pictures?prefix=chosen/');
    await page.getByRole('button', { name: 'Upload folder' }).waitFor();
    await choose(page, path.join(dir, 'album'), 'Upload folder');
    await page.getByText('3 files').first().waitFor();
    await begin(page);
    await uploaded(page, 3);
    assert.equal((await client.get('chosen/album/inner/b.txt')).content.toString(), 'inner');
    clean(page);
    await context.close();
  });

  it('overwrites, skips or keeps both, as is chosen', async () => {
    await client.put('clash/a.txt', Buffer.from('old'));
    await client.put('clash/a (1).txt', Buffer.from('old one'));
    const { context, page } = await at('pictures?prefix=clash/');
    await page.getByRole('link', { name: 'a.txt', exact: true }).waitFor();
    const read = async (key) => (await client.get(key)).content.toString();
    for (const [choice, n] of [['Skip them', 1], ['Keep both', 2], ['Overwrite them', 2]]) {
      await choose(page, [{ name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from(choice) }, { name: `${n}${choice}.txt`, mimeType: 'text/plain', buffer: Buffer.from('x') }]);
      await page.getByText('1 name exists already.').waitFor();
      await page.getByRole('radio', { name: choice }).check();
      await begin(page);
      await uploaded(page, n);
      await page.getByRole('region', { name: 'Uploads' }).getByRole('button', { name: 'Close' }).click();
      assert.equal(await read('clash/a.txt'), choice === 'Overwrite them' ? choice : 'old');
    }
    assert.equal(await read('clash/a (1).txt'), 'old one');
    assert.equal(await read('clash/a (2).txt'), 'Keep both');
    clean(page);
    await context.close();
  });

  it('goes on with 300 MB after a pause and a reload', async () => {
    const file = path.join(dir, 'huge.bin');
    const size = 300 << 20;
    fs.writeFileSync(file, 'begin');
    fs.truncateSync(file, size);
    const fd = fs.openSync(file, 'r+');
    for (let i = 1; i < 30; i++) fs.writeSync(fd, `part ${i}`, i * 10 * (1 << 20) + 17);
    fs.closeSync(fd);
    const { context, page } = await at('pictures?prefix=huge/');
    await page.getByText('This folder is empty').waitFor();
    // Slow enough to be paused half-way.
    const cdp = await context.newCDPSession(page);
    const speed = (uploadThroughput) => cdp.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput });
    await cdp.send('Network.enable');
    await speed(24 << 20);
    await choose(page, file);
    await begin(page);
    const line = page.locator('[data-key="huge/huge.bin"]');
    await page.waitForFunction(() => Number(document.querySelector('[data-key="huge/huge.bin"] [role=progressbar]')?.getAttribute('aria-valuenow')) >= 12, null, { timeout: 60000 });
    await page.getByRole('button', { name: 'Pause huge.bin' }).click();
    await line.getByText('Paused').waitFor();
    await accessible(page, 'a paused upload');
    await page.getByRole('button', { name: 'Go on with huge.bin' }).click();
    await line.getByText(/^Uploading/).waitFor();
    await page.waitForFunction(() => Number(document.querySelector('[data-key="huge/huge.bin"] [role=progressbar]')?.getAttribute('aria-valuenow')) >= 30, null, { timeout: 60000 });
    let asked = '';
    page.on('dialog', (d) => { asked = d.type(); d.accept(); });
    await page.reload();
    assert.equal(asked, 'beforeunload');
    await line.getByText('Choose the same file again to go on.').waitFor();
    await page.goto('/buckets/pictures/fragments');
    await page.getByText('uploading here').waitFor();
    await page.getByText(/\d+ MB/).first().waitFor();
    await speed(-1);
    const sent = [];
    page.on('request', (r) => { const n = /partNumber=(\d+)/.exec(r.url()); if (n) sent.push(Number(n[1])); });
    await choose(page, file, 'Choose huge.bin again');
    await uploaded(page, 1);
    assert.ok(sent.length > 0 && sent.length < 33, `${sent.length} parts were sent again of 38`);
    const head = (await client.head('huge/huge.bin')).res.headers;
    assert.equal(Number(head['content-length']), size);
    const same = await client.putStream('huge/reference.bin', fs.createReadStream(file), { contentLength: size });
    assert.equal(head['x-oss-hash-crc64ecma'], same.res.headers['x-oss-hash-crc64ecma']);
    clean(page);
    await context.close();
  });

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
    const deadline = Date.now() + 60000;
    while (!(await end.isVisible())) {
      assert.ok(Date.now() < deadline, 'the end of the list came not in sight');
      await page.locator('.rows').evaluate((e) => e.scrollTo(0, e.scrollHeight));
      await page.waitForTimeout(50);
    }
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
    for (const loaded of ['100+', '250+', '400+', '550+', '700+', '850+', '1,000']) {
      await page.getByText(`${loaded} entries`).waitFor();
      await page.locator('.rows').evaluate((e) => e.scrollTo(0, e.scrollHeight));
    }
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
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('.selection').getByRole('button', { name: 'Download as ZIP' }).click()]);
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

  it('takes a folder of two thousand files, and says of each that failed why', async () => {
    const many = path.join(dir, 'thousands');
    fs.mkdirSync(many);
    for (let i = 0; i < 2000; i++) fs.writeFileSync(path.join(many, `f${String(i).padStart(4, '0')}.txt`), `file ${i}`);
    const { context, page } = await at('pictures?prefix=many/');
    await page.getByText('This folder is empty').waitFor();
    // Five of them arrive without a name, which the server refuses.
    await page.evaluate(() => {
      window.spoil = true;
      const { send } = XMLHttpRequest.prototype;
      XMLHttpRequest.prototype.send = function (body) {
        if (window.spoil && body instanceof FormData && /f00[0-4]0\.txt$/.test(body.get('key'))) body.set('key', '');
        return send.call(this, body);
      };
    });
    await drop(page, [many]);
    await page.getByText('2,000 files').first().waitFor();
    await begin(page);
    const panel = page.getByRole('region', { name: 'Uploads' });
    await panel.getByText('5 failed').waitFor({ timeout: 30000 });
    assert.equal(await panel.locator('.upload').first().getAttribute('data-state'), 'failed'); // before those that wait
    assert.notEqual(await panel.locator('.upload .bad').first().textContent(), '');
    assert.ok((await panel.locator('.upload').count()) < 40, 'only what is in sight is drawn');
    await panel.getByText('5 uploads failed').waitFor({ timeout: 60000 });
    await panel.getByText(/and 1,895 files before/).waitFor();
    await page.evaluate(() => { window.spoil = false; });
    await accessible(page, 'failed uploads');
    await panel.getByRole('button', { name: 'Try all failed again' }).click();
    await uploaded(page, '2,000');
    assert.equal((await client.get('many/thousands/f0040.txt')).content.toString(), 'file 40');
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

// limited makes a user with a policy and gives its key.
async function limited(server, name, statements) {
  const { context } = await open(server);
  await context.request.post('/api/session', { data: { accessKeyId: server.accessKeyId, accessKeySecret: server.accessKeySecret } });
  const headers = { 'Sec-Fetch-Site': 'same-origin' };
  const made = await context.request.post('/api/users', { headers, data: { name, policies: [{ name: 'p', document: { Version: '1', Statement: statements } }] } });
  assert.equal(made.status(), 200, await made.text());
  const key = await context.request.post(`/api/users/${name}/keys`, { headers, data: {} });
  assert.equal(key.status(), 200, await key.text());
  const out = await key.json();
  await context.close();
  return out;
}
