'use strict';

// The document that the product follows, walked in a browser step by step, in both
// languages: from the function to the trigger, the test event, the code, the upload, the log
// and the picture. The labels are the console's own texts, which a unit test holds to the
// document's terms.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const { Server, root } = require('../lib/server');
const { oss } = require('../lib/clients');
const png = require('../lib/png');
const { until } = require('../lib/wait');
const { clean, close, shot, signedIn } = require('./lib/browser');

const picture = path.join(root, 'examples/kingfisher.png');
const listing = fs.readFileSync(path.join(__dirname, '../seed/index.js'), 'utf8');
const four = ['oss:ObjectCreated:PutObject', 'oss:ObjectCreated:PostObject', 'oss:ObjectCreated:CompleteMultipartUpload', 'oss:ObjectCreated:PutSymlink'];

// texts gives a language's texts: t('functions', 'test.configure').
function texts(language) {
  const files = {};
  return (ns, key) => {
    files[ns] ||= JSON.parse(fs.readFileSync(path.join(root, 'console/src/locales', language, `${ns}.json`), 'utf8'));
    const found = key.split('.').reduce((o, k) => o && o[k], files[ns]);
    assert.equal(typeof found, 'string', `${language}/${ns}.json has no ${key}`);
    return found;
  };
}

// antd puts a space between the two letters of a Chinese button.
const named = (text) => new RegExp(`${[...text].map((c) => c.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('\\s?')}$`);

async function editor(page, locator, text) {
  await locator.click();
  await page.keyboard.press('Control+a');
  await page.keyboard.press('Delete');
  await page.keyboard.insertText(text);
}

describe('the document, step by step', () => {
  let server;
  before(async () => { server = await Server.start(); });
  after(async () => { await close(); await server.stop(); });

  for (const language of ['en', 'zh']) {
    it(`from Create Trigger to processed/a.png (${language})`, async () => {
      const t = texts(language);
      const bucket = language === 'en' ? 'testbucket' : 'testbucket-zh';
      const c = oss(server, { bucket });
      await c.putBucket(bucket);
      const { context, page } = await signedIn(server, { language, reducedMotion: 'no-preference' });
      page.setDefaultTimeout(30000);
      try {
        // Prerequisites: a function.
        await page.getByRole('link', { name: t('common', 'nav.functions') }).first().click();
        await page.getByRole('button', { name: named(t('functions', 'create.title')) }).first().click();
        await page.getByLabel(t('functions', 'create.name')).fill(`resize-${language}`);
        await page.getByRole('button', { name: named(t('functions', 'create.button')) }).last().click();
        await page.waitForURL(new RegExp(`/functions/resize-${language}`));

        // Step 1: Create an OSS trigger.
        await page.getByRole('link', { name: t('common', 'nav.functions') }).first().click();
        await page.getByRole('link', { name: `resize-${language}`, exact: true }).click();
        await page.getByRole('tab', { name: t('functions', 'tab.triggers'), exact: true }).click();
        await page.getByRole('button', { name: t('triggers', 'create') }).click();
        const panel = page.locator('.trigger-panel');
        await panel.getByLabel(t('triggers', 'name'), { exact: true }).fill('oss-trigger');
        await panel.getByLabel(t('triggers', 'bucketName'), { exact: true }).click();
        await page.locator('.ant-select-dropdown:not(.ant-select-dropdown-hidden) .ant-select-item-option').filter({ hasText: new RegExp(`^${bucket}$`) }).click();
        await panel.getByLabel(t('triggers', 'objectPrefix'), { exact: true }).fill('source');
        await panel.getByLabel(t('triggers', 'objectSuffix'), { exact: true }).fill('png');
        for (const e of four) await panel.getByText(e, { exact: true }).waitFor();
        await panel.getByText('AliyunOSSEventNotificationRole', { exact: true }).waitFor();
        await panel.getByRole('button', { name: named(t('common', 'ok')) }).click();
        await page.getByRole('heading', { name: 'oss-trigger' }).waitFor(); // displayed on the tab

        // Step 2: Configure function input parameters.
        await page.getByRole('tab', { name: t('functions', 'tab.code'), exact: true }).click();
        await page.getByRole('button', { name: t('functions', 'test.more'), exact: true }).click();
        await page.getByRole('menuitem', { name: t('functions', 'test.configure') }).click();
        const params = page.getByRole('dialog', { name: t('functions', 'test.configure') });
        await params.getByText(t('functions', 'test.createNew')).first().click();
        await params.getByLabel(t('functions', 'test.eventName')).fill('upload');
        const event = {
          events: [{
            eventName: 'ObjectCreated:PutObject', eventSource: 'acs:oss', eventTime: '2022-08-13T06:45:43.000Z', eventVersion: '1.0',
            oss: {
              bucket: { arn: `acs:oss:cn-hangzhou:${server.account}:${bucket}`, name: bucket, ownerIdentity: server.account },
              object: { deltaSize: 122539, eTag: '688A7BF4F233DC9C88A80BF985AB7329', key: 'source/a.png', objectMeta: { mimeType: 'image/png' }, size: 122539 },
              ossSchemaVersion: '1.0', ruleId: '9adac8e253828f4f7c0466d941fa3db81161a5c2',
            },
            region: 'cn-hangzhou', requestParameters: { sourceIPAddress: '140.205.0.1' }, responseElements: { requestId: '58F9FF2D3DF792092E12044C' }, userIdentity: { principalId: server.account },
          }],
        };
        await editor(page, params.getByRole('textbox', { name: t('functions', 'test.content') }), JSON.stringify(event, null, 2));
        await params.getByRole('button', { name: named(t('common', 'ok')) }).click();
        await params.waitFor({ state: 'detached' });

        // Step 3: Write and test function code.
        await editor(page, page.locator('.pane .cm-content'), listing);
        await page.getByRole('button', { name: named(t('functions', 'code.deploy')) }).click();
        await page.getByText(t('functions', 'code.unsaved_one').replace('{{count}}', '1')).waitFor({ state: 'detached' });

        // Method 1: click Test Function. The object must exist, as the document says.
        await c.put('source/a.png', picture);
        await until('processed/a.png of the upload', async () => (await c.get('processed/a.png')).content, { timeout: 30000 });
        await c.delete('processed/a.png');
        await page.getByRole('button', { name: named(t('functions', 'test.function')) }).click();
        await page.getByText(t('functions', 'test.succeeded')).first().waitFor();
        await page.getByTestId('value').getByText('done').waitFor();
        await page.getByTestId('log').getByText('The content in event entity is:').waitFor();
        assert.deepEqual(png.size((await c.get('processed/a.png')).content), [128, 128]);
        await c.delete('processed/a.png');
        await c.delete('source/a.png');

        // Method 2: Configuration > Trigger, the Bucket Name, an upload.
        await page.getByRole('tab', { name: t('functions', 'tab.configuration'), exact: true }).click();
        await page.locator('.sections').getByText(t('functions', 'tab.triggers'), { exact: true }).click();
        await page.getByRole('link', { name: bucket, exact: true }).click();
        await page.waitForURL(new RegExp(`/buckets/${bucket}`));
        await page.goto(`/buckets/${bucket}?prefix=source/`);
        await page.getByLabel(t('buckets', 'upload.files'), { exact: true }).setInputFiles({ name: 'b.png', mimeType: 'image/png', buffer: fs.readFileSync(picture) });
        await page.getByText('oss-trigger').first().waitFor(); // what the upload will start
        await page.getByRole('button', { name: new RegExp(t('buckets', 'preflight.start_one').replace('{{n}}', '1')) }).click();
        await until('processed/b.png', async () => (await c.get('processed/b.png')).content, { timeout: 30000 });
        assert.deepEqual(png.size((await c.get('processed/b.png')).content), [128, 128]);

        // The execution logs on the Logs tab, and the result in the destination folder.
        await page.goto(`/functions/resize-${language}/logs`);
        await page.getByText('The content in event entity is:').first().waitFor();
        await page.goto(`/buckets/${bucket}?prefix=processed/`);
        await page.getByText('b.png').first().waitFor();
        clean(page);
      } catch (err) {
        await shot(page, `seed-${language}`);
        throw err;
      }
      await context.close();
    });
  }
});
