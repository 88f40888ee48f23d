'use strict';

// Uploads on a bucket's page: they say what they will start, go on after a reload, and
// arrive whole.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const { accessible, clean, held, settled } = require('./lib/browser');
const { drop, picture, start } = require('./lib/bucket');

describe('uploads', () => {
  let client;
  let dir;
  let at;
  let stop;
  before(async () => {
    ({ client, dir, at, stop } = await start());
    fs.mkdirSync(path.join(dir, 'album/inner'), { recursive: true });
    fs.writeFileSync(path.join(dir, 'album/a.png'), picture);
    fs.writeFileSync(path.join(dir, 'album/inner/b.txt'), 'inner');
    fs.writeFileSync(path.join(dir, 'album/inner/ü & <c>.txt'), 'odd');
    fs.writeFileSync(path.join(dir, 'one.png'), picture);
    fs.writeFileSync(path.join(dir, 'large.bin'), Buffer.alloc(20 << 20, 'large'));
  });
  after(() => stop());

  const choose = (page, files, what = 'Upload files') => page.locator(`input[type=file][aria-label="${what}"]`).setInputFiles(files);
  const begin = async (page) => {
    await page.getByRole('button', { name: /Upload [\d,]+ files?$/ }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  };
  const uploaded = (page, n) => page.getByRole('region', { name: 'Uploads' }).getByText(`${n} file${n === 1 ? '' : 's'} uploaded`).waitFor({ timeout: 60000 });

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
    // Cancelled while it looks which names are free, it uploads nothing.
    await choose(page, [{ name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('x') }]);
    await page.getByText('1 name exists already.').waitFor();
    await page.getByRole('radio', { name: 'Keep both' }).check();
    const look = await held(page, 'GET', /prefix=clash%2Fa[^&]*1/);
    await page.getByRole('button', { name: /Upload 1 file$/ }).click();
    await look.asked;
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    look.go();
    await settled(page);
    assert.equal((await client.listV2({ prefix: 'clash/a' })).keyCount, 3);
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
});
