'use strict';

// What the tests of events have in common: functions that make something of what is
// uploaded, and how their pages are read.

const { oss, fc, FC } = require('../../lib/clients');
const { create, trigger } = require('../../lib/functions');
const { until } = require('../../lib/wait');
const { accessible, settled } = require('./browser');

const bucket = 'happenings';
const client = `
  const OSS = require('ali-oss');
  const at = (context, e) => new OSS({ region: 'oss-' + context.region, endpoint: 'https://oss-' + context.region + '-internal.aliyuncs.com', bucket: e.oss.bucket.name,
    accessKeyId: context.credentials.accessKeyId, accessKeySecret: context.credentials.accessKeySecret, stsToken: context.credentials.securityToken });`;

const functions = {
  thumbnail: `${client}
      exports.handler = async (event, context) => {
        const e = JSON.parse(event).events[0];
        const key = e.oss.object.key;
        console.log('making a thumbnail of ' + key);
        const { content } = await at(context, e).get(key);
        await at(context, e).put(key.replace('in/', 'out/'), content);
        return 'done';
      };`,
  catalogue: 'exports.handler = async () => "listed";',
  checker: 'exports.handler = async () => { console.log("looking"); throw new Error("there is no licence note"); };',
  echo: `${client}
      exports.handler = async (event, context) => { const e = JSON.parse(event).events[0]; await at(context, e).put('again-' + process.hrtime.bigint() + '.txt', Buffer.from('x')); return 'ok'; };`,
};

const triggers = {
  thumbnail: ['on-upload', { bucket, prefix: 'in/', suffix: '.png' }],
  catalogue: ['on-made', { bucket, prefix: 'out/', suffix: '.png' }],
  checker: ['on-photo', { bucket, prefix: 'in/', suffix: '.jpg' }],
};

// happenings makes the bucket and some of the functions above, with their triggers; it gives a client of the bucket.
async function happenings(server, names) {
  const c = oss(server, { bucket });
  await c.putBucket(bucket);
  for (const name of names) await create(server, name, { 'index.js': functions[name] });
  if (names.includes('checker')) {
    await fc(server).putAsyncInvokeConfig('checker', new FC.PutAsyncInvokeConfigRequest({ body: new FC.PutAsyncInvokeConfigInput({ maxAsyncRetryAttempts: 1 }) }));
  }
  for (const name of names) if (triggers[name]) await trigger(server, name, ...triggers[name]);
  return c;
}

const stream = (page) => page.getByRole('table', { name: 'Events' });
const line = (page, key) => stream(page).getByRole('row').filter({ hasText: key });

// eventOf is the latest event of an object.
const eventOf = (page, key) => until(`an event of ${key}`, async () => {
  const { events } = await (await page.request.get(`/api/events?bucket=${bucket}&key=${encodeURIComponent(key)}&limit=1`)).json();
  return events?.[0];
});

// bothThemes looks at a page in both themes, as the reader would switch.
async function bothThemes(page, what) {
  await accessible(page, `${what}, light`);
  await page.evaluate(() => localStorage.setItem('alcedo.theme', 'dark'));
  await page.reload();
  await page.locator('h1').waitFor();
  await settled(page);
  await accessible(page, `${what}, dark`);
  await page.evaluate(() => localStorage.setItem('alcedo.theme', 'light'));
  await page.reload();
  await page.locator('h1').waitFor();
}

module.exports = { bothThemes, bucket, eventOf, happenings, line, stream };
