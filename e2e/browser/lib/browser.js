'use strict';

// Drives the console in Chromium. A page that this makes collects whatever went wrong in
// it: errors in its console, exceptions, violations of its policy; `clean` fails on any.
//
// ALCEDO_SLOW="400" holds each answer to a page's script back by up to 400 ms, differently each
// time, and ALCEDO_SLOW="400,4" slows its processor down four times as well: a test that
// asserts what it has not waited for, or presses what is not there yet, fails then and not
// in somebody's CI. ALCEDO_SEED repeats a run's delays.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { chromium } = require('playwright-core');

const axeSource = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const shots = path.resolve(__dirname, '../../../.alcedo/e2e-logs');

const executable = [process.env.ALCEDO_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((p) => p && fs.existsSync(p));

// The last --disable-features counts, so Playwright's own are repeated here. The first line
// is the browser's own interface, which is never seen, yet costs each context a process that
// loads pages of its own, and each process a spare one.
const without = [
  'SpareRendererForSitePerProcess', 'WebUIOmniboxPopup', 'WebUIOmniboxAimPopup', 'PreloadTopChromeWebUI',
  'AimEnabled', 'AvoidCorsURLLoaderRestartOnRedirect', 'AvoidUnnecessaryBeforeUnloadCheckSync', 'DestroyProfileOnBrowserClose', 'HttpsFirstBalancedModeAutoEnable', 'HttpsUpgrades',
  'LensOverlay', 'MediaRouter', 'NetworkTimeServiceQuerying', 'OptimizationHints', 'PaintHolding', 'PreconnectToSearch', 'ThirdPartyStoragePartitioning',
];

let shared;

// browser starts Chromium once for a test file.
function browser() {
  if (!executable) throw new Error('no Chromium: run scripts/setup, or set ALCEDO_CHROMIUM to one');
  shared ||= chromium.launch({
    executablePath: executable,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', `--disable-features=${without}`],
  });
  return shared;
}

async function close() {
  if (shared) await (await shared).close();
  shared = undefined;
}

// open makes a context with a page on a server's console: a browser of its own, as it were.
// options: width, height, language ('en' or 'zh'), theme ('light' or 'dark'), and what Playwright's newContext takes.
// Nothing moves, so that nothing has to be waited for; the seed's walk is with motion.
async function open(server, { width = 1280, height = 800, language = 'en', theme = 'light', reducedMotion = 'reduce', ...more } = {}) {
  const context = await (await browser()).newContext({ viewport: { width, height }, baseURL: server.console, reducedMotion, ...more });
  await context.addInitScript(([l, t]) => {
    localStorage.setItem('alcedo.language', localStorage.getItem('alcedo.language') || l);
    localStorage.setItem('alcedo.theme', localStorage.getItem('alcedo.theme') || t);
  }, [language, theme]);
  const page = await newPage(context);
  return { context, page };
}

const [jitter, slowdown] = (process.env.ALCEDO_SLOW || '').split(',').map(Number);
const seed = Number(process.env.ALCEDO_SEED || Date.now() % 1000000);
let state = seed;
const random = () => (state = (state * 48271 + 11) % 2147483647) / 2147483647;
if (jitter) console.error(`slow pages: ALCEDO_SLOW=${process.env.ALCEDO_SLOW} ALCEDO_SEED=${seed}`);

async function slowly(context, page) {
  await page.route('**', async (route) => {
    if (['fetch', 'xhr'].includes(route.request().resourceType())) await new Promise((resolve) => setTimeout(resolve, random() * jitter));
    await route.fallback().catch(() => {}); // the page may be gone by now
  });
  if (slowdown) await (await context.newCDPSession(page)).send('Emulation.setCPUThrottlingRate', { rate: slowdown });
}

// newPage opens a further tab.
async function newPage(context) {
  const page = await context.newPage();
  page.setDefaultTimeout(jitter ? 40000 : 15000);
  if (jitter) await slowly(context, page);
  page.problems = [];
  page.on('console', (m) => {
    // Chromium reports every refused request as an error; those that a test provokes are
    // answered by the page, and looked at there.
    if (m.type() === 'error' && !/^Failed to load resource/.test(m.text())) page.problems.push(`console: ${m.text()}`);
    if (/^CSP: /.test(m.text())) page.problems.push(m.text());
  });
  page.underWay = new Set(); // requests, but for long polls, which a live page always has
  page.on('request', (r) => { if (!/[?&]wait=/.test(r.url())) page.underWay.add(r); });
  for (const end of ['requestfinished', 'requestfailed']) page.on(end, (r) => page.underWay.delete(r));
  page.on('pageerror', (e) => page.problems.push(`exception: ${e.stack || e.message}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (e) => console.log(`CSP: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber} ${e.sample}`));
  });
  return page;
}

// signedIn opens the console and signs in as the server's own account, or with keys.
async function signedIn(server, options = {}) {
  const { context, page } = await open(server, options);
  const keys = options.keys || { accessKeyId: server.accessKeyId, accessKeySecret: server.accessKeySecret };
  const answer = await context.request.post('/api/session', { data: keys });
  assert.equal(answer.status(), 200, await answer.text());
  await page.goto(options.at || '/');
  return { context, page };
}

// clean fails if anything went wrong in a page so far.
function clean(page) {
  assert.deepEqual(page.problems, [], 'the page had problems');
}

// settled waits until a page has asked for nothing for a while, though for no longer than 3 s.
async function settled(page) {
  const end = Date.now() + 3000;
  for (let since = Date.now(); Date.now() - since < 250 && Date.now() < end;) {
    if (page.underWay.size) since = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// held holds back the next thing that a page asks by a method and an address: `asked` is when it has asked, `go` lets it on.
// What somebody does before a slow answer is tested so, however fast the machine is.
async function held(page, method, url) {
  let go;
  let ask;
  const gate = new Promise((resolve) => { go = resolve; });
  const asked = new Promise((resolve) => { ask = resolve; });
  let over = false;
  await page.route(url, async (route) => {
    if (over || route.request().method() !== method) return route.fallback();
    over = true;
    ask();
    await gate;
    await route.fallback().catch(() => {}); // it may have been given up
  });
  return { asked, go };
}

// accessible runs axe over what is shown now; serious and critical findings fail.
async function accessible(page, what = page.url()) {
  // Colours of something that fades in are no one's. The wave around a button that was
  // clicked has no text, and takes two seconds to end.
  await page.evaluate(() => Promise.allSettled(document.getAnimations()
    .filter((a) => a.effect?.getComputedTiming().iterations !== Infinity && !a.effect.target?.closest('.ant-wave'))
    .map((a) => a.finished)));
  if (!(await page.evaluate(() => Boolean(window.axe)))) await page.evaluate(axeSource); // once in a document
  // A button that waits for an answer is inactive, and pale for that.
  const { violations } = await page.evaluate(() => window.axe.run({ exclude: ['.ant-btn-loading'] }, { resultTypes: ['violations'] }));
  const bad = violations
    .filter((v) => v.impact === 'serious' || v.impact === 'critical')
    .map((v) => `${v.id} (${v.impact}): ${v.nodes.slice(0, 4).map((n) => `${n.target.join(' ')} — ${n.failureSummary.split('\n').slice(1).join('; ')}`).join(' | ')}`);
  assert.deepEqual(bad, [], `axe on ${what}`);
}

// shot keeps a picture of a page beside the logs, for who looks into a failure.
async function shot(page, name) {
  fs.mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: path.join(shots, `${name}.png`) }).catch(() => {});
}

module.exports = { accessible, browser, clean, close, held, newPage, open, settled, shot, signedIn };
