'use strict';

// make screenshots: a server with a small lively world, and every page of its console, in
// both themes and at both widths, as docs/screenshots/NAME-THEME-WIDTH.webp with an index.
//
//   node e2e/browser/screenshots.js [--out DIR] [NAME…]     only pages whose name holds one of NAME
//
// A page that does not open is told and left out; the exit code is then 1. So it is when a
// page had errors in its console, or violated its policy.

require('../lib/install').nodePackages();

const fs = require('node:fs');
const path = require('node:path');
const { Server, root } = require('../lib/server');
const { consoleGet, fc, oss, runs, FC } = require('../lib/clients');
const { create, files, invoke, trigger } = require('../lib/functions');
const { until } = require('../lib/wait');
const { browser, close, signedIn } = require('./lib/browser');

const args = process.argv.slice(2);
const at = args.indexOf('--out');
const out = path.resolve(at >= 0 ? args.splice(at, 2)[1] : path.join(root, 'docs/screenshots'));
const most = 120 * 1024; // bytes of one picture

const picture = fs.readFileSync(path.join(root, 'examples/kingfisher.png'));
const created = ['oss:ObjectCreated:PutObject', 'oss:ObjectCreated:PostObject', 'oss:ObjectCreated:CompleteMultipartUpload'];

// world fills a server with what a few days leave: functions, triggers, runs of several
// kinds, failures, dead letters, a loop that was stopped, pictures.
async function world(server) {
  const service = oss(server);
  for (const b of ['pictures', 'invoices', 'backup-2026', 'website']) await service.putBucket(b);
  const pictures = oss(server, { bucket: 'pictures' });
  const invoices = oss(server, { bucket: 'invoices' });

  const shrink = fs.existsSync(path.join(root, 'examples/resize-nodejs')) && (await create(server, 'resize', files('examples/resize-nodejs'), { description: 'Makes pictures small' }));
  if (shrink) await trigger(server, 'resize', 'oss-trigger', { bucket: 'pictures', prefix: 'source/', suffix: '.png', events: created });
  await create(server, 'read-invoice', {
    'index.js': `exports.handler = async (event, context) => {
  const [{ oss: { object } }] = JSON.parse(event).events;
  console.log('reading', object.key, object.size, 'bytes');
  if (object.key.includes('damaged')) {
    console.error('the total does not match its lines');
    throw new Error(\`\${object.key}: the total does not match its lines\`);
  }
  await new Promise((done) => setTimeout(done, 40 + object.size % 90));
  console.log('done');
  return { key: object.key, total: object.size };
};
`,
  }, { description: 'Reads the totals of invoices', timeout: 10 });
  await trigger(server, 'read-invoice', 'invoices', { bucket: 'invoices', prefix: 'in/', suffix: '.pdf', events: created });
  await trigger(server, 'read-invoice', 'drafts', { bucket: 'invoices', prefix: 'drafts/', suffix: '.pdf', events: created });
  const client = fc(server);
  await client.putAsyncInvokeConfig('read-invoice', new FC.PutAsyncInvokeConfigRequest({ body: new FC.PutAsyncInvokeConfigInput({ maxAsyncRetryAttempts: 0, maxAsyncEventAgeInSeconds: 3600 }) }));
  // It writes what starts it again: the server stops that.
  await create(server, 'watermark', {
    'index.js': `const OSS = require('ali-oss');
exports.handler = async (event, context) => {
  const [{ oss: { bucket, object } }] = JSON.parse(event).events;
  const { accessKeyId, accessKeySecret, securityToken } = context.credentials;
  const c = new OSS({ region: 'oss-' + context.region, accessKeyId, accessKeySecret, stsToken: securityToken, bucket: bucket.name, internal: true });
  await c.put(object.key.replace(/(-\\d+)?(\\.\\w+)$/, (_, n, e) => '-' + (Number((n || '-0').slice(1)) + 1) + e), Buffer.from('marked'));
};
`,
  }, { description: 'Puts a mark on pictures' }).catch(() => {});
  await trigger(server, 'watermark', 'loops', { bucket: 'backup-2026', prefix: 'marked/', events: ['oss:ObjectCreated:*'] }).catch(() => {});
  for (const [name, runtime, text] of [['thumbnail', 'python3.10', 'def handler(event, context):\n    print("hello")\n    return "ok"\n'], ['sign-links', 'php8.2', "<?php\nfunction handler($event, $context) {\n    return 'ok';\n}\n"]]) {
    await create(server, name, { [runtime.startsWith('p') && runtime[1] === 'y' ? 'index.py' : 'index.php']: text }, { runtime, description: `${runtime}, started by hand` }).catch(() => {});
  }
  const version = await client.publishFunctionVersion('read-invoice', new FC.PublishFunctionVersionRequest({ body: new FC.PublishVersionInput({ description: 'first' }) })).catch(() => null);
  if (version) await client.createAlias('read-invoice', new FC.CreateAliasRequest({ body: new FC.CreateAliasInput({ aliasName: 'prod', versionId: version.body.versionId }) })).catch(() => {});

  await pictures.put('site/logo.png', picture);
  await pictures.put('other/unmatched.jpg', picture);
  for (const n of ['a', 'kingfisher', 'sommer-am-see']) await pictures.put(`source/${n}.png`, picture, { mime: 'image/png' });
  for (let i = 1; i <= 24; i++) await invoices.put(`in/2026-${String(i).padStart(4, '0')}${i % 6 === 0 ? '-damaged' : ''}.pdf`, Buffer.alloc(1000 + 137 * i, 'x'));
  await invoices.put('notes/read me.txt', Buffer.from('Totals are without tax.\n'));
  await oss(server, { bucket: 'backup-2026' }).put('marked/bird.png', Buffer.from('x'));
  await invoke(server, 'read-invoice', { events: [{ oss: { object: { key: 'in/by-hand.pdf', size: 10 } } }] }).catch(() => {});
  await until('the runs', async () => ((await runs(server, 'read-invoice', 100)).length >= 25 ? true : undefined), { timeout: 60000 }).catch((e) => console.error(e.message));
  await until('dead letters', async () => {
    const page = await consoleGet(server, '/api/dead', { limit: 1 });
    return page.dead.length > 0 ? true : undefined;
  }, { timeout: 20000 }).catch((e) => console.error(e.message));
  await until('the resized pictures', async () => ((await pictures.listV2({ prefix: 'processed/' })).keyCount >= 3 ? true : undefined), { timeout: 60000 }).catch((e) => console.error(e.message));
}

// people are made over the console's own API.
async function people(context) {
  const allow = (Action, Resource) => ({ Version: '1', Statement: [{ Effect: 'Allow', Action, Resource }] });
  const ask = (url, data) => context.request.post(url, { data });
  await ask('/api/users', { name: 'ci-uploader', policies: [{ name: 'Uploads', document: allow('oss:PutObject', 'acs:oss:*:*:pictures/source/*') }] });
  await ask('/api/users', { name: 'dashboard', policies: [{ name: 'OSSReadOnly', document: allow(['oss:Get*', 'oss:List*'], '*') }] });
  await ask('/api/users/ci-uploader/keys');
}

// pages are the pages, with what must be there before the picture.
async function pages(context) {
  const get = async (url) => { const r = await context.request.get(url); return r.ok() ? r.json() : null; };
  const events = (await get('/api/events?limit=100')) || {};
  const list = events.events || [];
  const one = list.find((e) => /in\/2026-0005/.test(e.key || '')) || list[0];
  const resized = list.find((e) => /source\/kingfisher/.test(e.key || '')) || one;
  const dead = (await get('/api/dead?limit=1')) || {};
  const letter = (dead.dead || [])[0];
  const fn = (tab, more = '') => `/functions/read-invoice${tab ? `/${tab}` : ''}${more}`;
  return [
    ['overview', 'Overview', '/'],
    ['functions', 'Functions', '/functions'],
    ['functions-create', 'Create a function', '/functions?new=1'],
    ['function-code', 'Function details: Code', fn('code')],
    ['function-trigger', 'Function details: Trigger', fn('triggers')],
    ['function-trigger-create', 'Create Trigger', fn('triggers', '?new=1')],
    ['function-configuration', 'Function details: Configuration', fn('configuration')],
    ['function-versions', 'Function details: Versions and aliases', fn('versions')],
    ['function-test', 'Function details: Test', fn('test')],
    ['function-logs', 'Function details: Logs', fn('logs')],
    ['function-monitoring', 'Function details: Monitoring', fn('monitoring')],
    ['buckets', 'Buckets', '/buckets'],
    ['bucket-objects', 'A bucket: its objects', '/buckets/pictures'],
    ['bucket-object', 'An object', '/buckets/pictures?prefix=source/&object=source/kingfisher.png'],
    ['bucket-fragments', 'A bucket: unfinished uploads', '/buckets/pictures/fragments'],
    ['bucket-triggers', 'A bucket: its triggers', '/buckets/invoices/triggers'],
    ['bucket-settings', 'A bucket: settings', '/buckets/pictures/settings'],
    ['events', 'Events', '/events'],
    one && ['event', 'One event, and what came of it', `/events/${encodeURIComponent(one.id)}`],
    resized && ['trace', 'Lineage', `/trace?event=${encodeURIComponent(resized.id)}`],
    ['dead-letters', 'Dead letters', '/dead-letters'],
    letter && ['dead-letter', 'A dead letter', `/dead-letters?id=${encodeURIComponent(letter.id)}`],
    ['jobs', 'Replay and backfill', '/jobs'],
    ['jobs-new', 'A new replay', '/jobs?new=1'],
    ['access-users', 'Access: users and keys', '/access'],
    ['access-user', 'Access: a user', '/access?name=ci-uploader'],
    ['access-roles', 'Access: roles', '/access/roles'],
    ['access-role', 'Access: a role', '/access/roles?name=AliyunFCDefaultRole'],
    ['access-check', 'Access: may somebody, and why', '/access/check?kind=user&who=ci-uploader&action=oss:PutObject&resource=acs:oss:cn-hangzhou:1642039851470273:pictures/source/a.png'],
  ].filter(Boolean).filter(([name]) => args.length === 0 || args.some((a) => name.includes(a)));
}

// smaller makes a WebP of a screenshot, of the best quality that keeps it small.
async function smaller(press, png) {
  for (const quality of [0.9, 0.8, 0.65, 0.5]) {
    const data = await press.evaluate(async ([source, q]) => {
      const img = new Image();
      img.src = 'data:image/png;base64,' + source;
      await img.decode();
      const c = document.createElement('canvas');
      c.width = img.naturalWidth;
      c.height = img.naturalHeight;
      c.getContext('2d').drawImage(img, 0, 0);
      return c.toDataURL('image/webp', q).split(',')[1];
    }, [png.toString('base64'), quality]);
    const bytes = Buffer.from(data, 'base64');
    if (bytes.length <= most || quality === 0.5) return bytes;
  }
}

async function settled(page) {
  await page.locator('main h1, main [role=alert]').first().waitFor();
  await page.waitForLoadState('networkidle', { timeout: 3000 }).catch(() => {}); // a long poll never ends
  await page.waitForFunction(() => !document.querySelector('.ant-spin-spinning, .ant-skeleton-active'), null, { timeout: 5000 }).catch(() => {});
  await page.evaluate(() => document.fonts.ready);
  await new Promise((done) => setTimeout(done, 350)); // what slides in has arrived
}

async function main() {
  fs.mkdirSync(out, { recursive: true });
  const server = await Server.start();
  let bad = 0;
  const taken = [];
  try {
    await world(server);
    const press = await (await (await browser()).newContext()).newPage();
    let first = true;
    for (const theme of ['light', 'dark']) {
      for (const [width, height] of [[1280, 800], [390, 844]]) {
        const { context, page } = await signedIn(server, { theme, width, height });
        if (first) await people(context);
        first = false;
        for (const [name, title, url] of await pages(context)) {
          const file = `${name}-${theme}-${width}.webp`;
          try {
            page.problems.length = 0;
            await page.goto(url);
            await settled(page);
            fs.writeFileSync(path.join(out, file), await smaller(press, await page.screenshot()));
            taken.push({ name, title, file });
            if (page.problems.length) throw new Error(page.problems.join('\n'));
            const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
            if (wide > 0) console.log(`${file}: it scrolls sideways, by ${wide} pixels`);
          } catch (err) {
            bad++;
            console.error(`${file}: ${err.message.split('\n').slice(0, 3).join(' | ')}`);
          }
        }
        await context.close();
      }
    }
  } finally {
    await close();
    await server.stop();
  }
  if (args.length === 0) index(taken);
  console.log(`${taken.length} pictures in ${path.relative(process.cwd(), out) || '.'}${bad ? `, ${bad} pages with problems` : ''}`);
  process.exit(bad ? 1 : 0);
}

function index(taken) {
  const titles = new Map(taken.map((s) => [s.name, s.title]));
  const has = (name, theme, width) => taken.some((s) => s.file === `${name}-${theme}-${width}.webp`);
  const lines = ['# The console\n', 'Every page, light and dark, at 1280 and 390 pixels. `make screenshots` writes them.\n'];
  for (const [name, title] of titles) {
    lines.push(`## ${title}\n`);
    if (has(name, 'light', 1280)) lines.push(`![${title}](${name}-light-1280.webp)\n`);
    const more = [['dark', 1280, 'dark'], ['light', 390, 'narrow'], ['dark', 390, 'narrow and dark']].filter(([t, w]) => has(name, t, w)).map(([t, w, what]) => `[${what}](${name}-${t}-${w}.webp)`);
    if (more.length) lines.push(`Also ${more.join(', ')}.\n`);
  }
  fs.writeFileSync(path.join(out, 'README.md'), lines.join('\n'));
}

main().catch((err) => {
  console.error(err);
  process.exit(1);
});
