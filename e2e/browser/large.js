'use strict';

// How long the console takes from an interaction to its response, with very much in the
// store. Prints the p95 of each interaction; exits 1 if any is over 100 ms.
//
//   node e2e/browser/large.js --data DIR      a directory that make fill has filled
//   node e2e/browser/large.js --small         20,000 objects, 1,000 functions, filled first
//   … --only TEXT                             interactions whose name has the text
//   … --profile FILE                          writes what ran meanwhile, for Chromium's DevTools
//
// An interaction ends when the page shows what it asked for. What is timed is timed in the
// page, from the click or key that starts it to the frame that shows the result.

require('../lib/install').nodePackages();

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Server, account, root } = require('../lib/server');
const { close, signedIn } = require('./lib/browser');

const limit = Number(process.env.LIMIT_MS || 100);
const rounds = Number(process.env.ROUNDS || 12);

// timed runs do, in the page, and gives the milliseconds until ready, in the page, is true
// in a frame.
async function timed(page, act, ready) {
  await page.evaluate((source) => {
    const done = new Function(`return (${source})()`);
    window.measured = new Promise((resolve, reject) => {
      let begun = 0;
      const start = (e) => { if (!begun) begun = e.timeStamp; };
      for (const type of ['pointerdown', 'keydown']) window.addEventListener(type, start, { capture: true, once: true });
      const deadline = performance.now() + 20000;
      const look = () => {
        if (begun && done()) resolve(performance.now() - begun);
        else if (performance.now() > deadline) reject(new Error(`not there after 20 s: ${source}`));
        else requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    });
    window.measured.catch(() => {});
  }, ready);
  await act();
  return page.evaluate(() => window.measured);
}

const rows = (label) => `() => [...document.querySelectorAll('[role=table]')].some((t) => t.querySelectorAll('.row-line:not(:has(.ant-spin))').length > ${label})`;

// interactions are what people do all day; each leaves the page so that it can be done again.
function interactions(page) {
  // goto goes there without loading the page anew, as its links do.
  const goto = (to) => page.evaluate((x) => history.pushState({}, '', x), to);
  const nav = (name) => page.locator(`nav a[href^="/${name}"]`).first();
  const table = () => page.locator('[role=table]').first();
  const focusFirst = async (name) => {
    const list = page.getByRole('table', { name }).locator('.row-line');
    await list.nth(10).waitFor();
    await list.first().focus();
  };
  const type = async (label, text) => { const f = page.getByLabel(label).first(); await f.click(); await f.fill(''); await page.keyboard.insertText(text.slice(0, -1)); return () => page.keyboard.press(text.slice(-1)); };
  return [
    ['open the list of functions', async () => { await goto('/access'); await page.locator('h1', { hasText: 'Access' }).waitFor(); return timed(page, () => nav('functions').click(), rows(5)); }],
    ['filter functions', async () => {
      await goto('/functions');
      await table().locator('.row-line').nth(5).waitFor();
      await (await type(/Names that|name/i, 'scan-0001'))();
      return timed(page, () => page.keyboard.press('Enter'), `() => /\\/functions\\?q=/.test(location.href) && [...document.querySelectorAll('.row-line a')].length > 0 && [...document.querySelectorAll('.row-line a')].every((a) => a.textContent.startsWith('scan-'))`);
    }],
    ['open a function', async () => {
      await goto('/functions');
      const first = table().locator('.row-line a').first();
      await first.waitFor();
      return timed(page, () => first.click(), `() => /\\/functions\\/[a-z]+-\\d+/.test(location.pathname) && document.querySelector('h1')?.textContent.includes('-') && document.querySelector('[role=tab]')`);
    }],
    ['open the list of buckets', async () => { await goto('/access'); await page.locator('h1', { hasText: 'Access' }).waitFor(); return timed(page, () => nav('buckets').click(), rows(5)); }],
    ['open a bucket of many objects', async () => {
      await goto('/buckets?q=fill-l');
      const link = page.getByRole('link', { name: 'fill-large', exact: true });
      await link.waitFor();
      return timed(page, () => link.click(), `() => location.pathname.startsWith('/buckets/fill-large') && document.querySelectorAll('.row-line:not(:has(.ant-spin))').length > 1`);
    }],
    ['open a folder of 1,000', async () => {
      await goto('/buckets/fill-large?prefix=photos/');
      const row = table().locator('.row-line').nth(3);
      await row.waitFor();
      return timed(page, () => row.locator('a, button').first().click(), `() => /prefix=photos(%2F|\\/)\\d+/.test(location.search) && [...document.querySelectorAll('.row-line')].some((r) => r.textContent.includes('.jpg'))`);
    }],
    ['page through a flat folder', async () => {
      await goto('/buckets/fill-large?prefix=flat/');
      await focusFirst('Objects');
      const before = await page.evaluate(() => document.querySelector('.rows-body').offsetHeight);
      return timed(page, () => page.keyboard.press('End'), `() => document.querySelector('.rows-body').offsetHeight > ${before} + 1000`);
    }],
    ['open the stream of events', async () => { await goto('/access'); await page.locator('h1', { hasText: 'Access' }).waitFor(); return timed(page, () => nav('events').click(), rows(5)); }],
    ['page through events', async () => {
      await goto('/events');
      await focusFirst('Events');
      const before = await page.evaluate(() => document.querySelector('.rows-body').offsetHeight);
      return timed(page, () => page.keyboard.press('End'), `() => document.querySelector('.rows-body').offsetHeight > ${before} + 1000`);
    }],
    ['filter events by key', async () => {
      await goto('/events');
      await table().locator('.row-line').nth(5).waitFor();
      const field = page.getByLabel('Key starts with').or(page.getByPlaceholder(/prefix|starts with/i)).first();
      await field.fill('photos/0002/');
      return timed(page, () => field.press('Enter'), `() => location.search.includes('prefix=') && [...document.querySelectorAll('.row-line')].length > 0 && [...document.querySelectorAll('.row-line')].every((r) => r.textContent.includes('photos/0002/'))`);
    }],
    ['open an event', async () => {
      await goto('/events');
      const row = table().locator('.row-line').nth(2);
      await row.waitFor();
      return timed(page, () => row.locator('[role=cell]').first().click(), `() => /^\\/events\\/./.test(location.pathname) && document.querySelector('h1') && !document.querySelector('main .ant-spin')`);
    }],
    ['open the dead letters', async () => {
      await goto('/events');
      await table().locator('.row-line').nth(2).waitFor();
      return timed(page, () => page.locator('main a[href^="/dead-letters"]').first().click(), `() => location.pathname === '/dead-letters' && document.querySelectorAll('.row-line:not(:has(.ant-spin))').length > 5`);
    }],
  ];
}

async function main() {
  const args = process.argv.slice(2);
  const option = (name) => (args.includes(name) ? args[args.indexOf(name) + 1] : null);
  let dir = option('--data');
  const temporary = !dir;
  if (!dir) {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'alcedo-large-'));
    const small = args.includes('--small') ? ['-functions', '1000', '-objects', '20000', '-runs', '2000', '-dead', '200'] : [];
    const fill = process.env.ALCEDO_FILL ? [process.env.ALCEDO_FILL] : ['go', 'run', './e2e/fill'];
    execFileSync(fill[0], [...fill.slice(1), '-data', dir, '-account', account, ...small], { cwd: root, stdio: 'inherit' });
  }
  const server = await Server.start({ dataDir: path.resolve(dir) });
  const slow = [];
  try {
    const { page } = await signedIn(server, { reducedMotion: 'no-preference' });
    await page.locator('h1').waitFor();
    console.log(`${'interaction'.padEnd(34)}  median     p95  of ${rounds}; load ${os.loadavg()[0].toFixed(1)} on ${os.cpus().length} processors`);
    const chosen = interactions(page).filter(([name]) => name.includes(option('--only') ?? ''));
    const devtools = option('--profile') ? await page.context().newCDPSession(page) : null;
    await devtools?.send('Profiler.enable');
    await devtools?.send('Profiler.setSamplingInterval', { interval: 200 });
    for (const [name, f] of chosen) {
      const times = [];
      try {
        await f(); // the first loads the page's code
        await devtools?.send('Profiler.start');
        for (let i = 0; i < rounds; i++) times.push(await f());
      } catch (err) {
        slow.push(name);
        console.log(`${name.padEnd(34)}  ${err.message.split('\n')[0]}`);
        continue;
      }
      if (devtools) fs.writeFileSync(option('--profile'), JSON.stringify((await devtools.send('Profiler.stop')).profile));
      times.sort((a, b) => a - b);
      const p95 = times[Math.min(times.length - 1, Math.ceil(times.length * 0.95) - 1)];
      if (p95 > limit) slow.push(name);
      console.log(`${name.padEnd(34)} ${times[times.length >> 1].toFixed(0).padStart(4)} ms ${p95.toFixed(0).padStart(4)} ms${p95 > limit ? '  over the limit' : ''}`);
    }
  } finally {
    await close();
    await server.stop({ keep: !temporary });
    if (temporary) fs.rmSync(dir, { recursive: true, force: true });
  }
  process.exit(slow.length ? 1 : 0);
}

main().catch((err) => {
  console.error(err);
  process.exit(1);
});
