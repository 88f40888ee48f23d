'use strict';

// make demo: a bucket, a function per language, a picture uploaded to each, and what
// came of it. Exits 0 only if every language whose SDK could be installed passed.
//
//   KEEP=1 make demo     leave the server running until Ctrl-C

require('../lib/install').nodePackages();

const fs = require('node:fs');
const path = require('node:path');
const { Server, root, runtimes } = require('../lib/server');
const { consoleGet, oss, runs } = require('../lib/clients');
const { create, files, trigger } = require('../lib/functions');
const { until } = require('../lib/wait');
const png = require('../lib/png');

const bucket = 'testbucket';
const home = path.join(root, '.alcedo/demo');
const picture = fs.readFileSync(path.join(root, 'examples/kingfisher.png'));
const events = ['oss:ObjectCreated:PutObject', 'oss:ObjectCreated:PostObject', 'oss:ObjectCreated:CompleteMultipartUpload', 'oss:ObjectCreated:PutSymlink'];
const keys = { accessKeyId: 'LTAIalcedoDemoKeyPair001', accessKeySecret: 'demo-only-and-only-on-this-machine' };

const languages = [
  { name: 'Node.js', sdk: 'ali-oss', example: 'resize-nodejs', runtime: 'nodejs20', modules: 'nodejs', needed: true },
  { name: 'Python', sdk: 'oss2', example: 'resize-python', runtime: 'python3.10', modules: 'python' },
  { name: 'PHP', sdk: 'OSS\\OssClient', example: 'resize-php', runtime: 'php8.2', modules: 'php' },
];

const color = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code) => (text) => (color ? `\x1b[${code}m${text}\x1b[0m` : text);
const [bold, dim, green, red, yellow] = [1, 2, 32, 31, 33].map(paint);
const say = (text) => console.log(`${dim('demo:')} ${text}`);
const now = () => performance.timeOrigin + performance.now(); // ms of the unix clock, with its fractions

// reason says why a language's SDK could not be installed, or ''.
function reason(language) {
  const note = path.join(runtimes, language.modules, 'UNREACHABLE');
  return fs.existsSync(note) ? fs.readFileSync(note, 'utf8').trim() : '';
}

// story tells what a function's last run said, for when there is no result.
async function story(server, name) {
  const [last] = await runs(server, name).catch(() => []);
  if (!last) return 'No run is on record.';
  const attempts = await consoleGet(server, `/api/runs/${last.requestId}`).catch(() => []);
  return attempts.map((a) => `Run ${a.requestId}: ${a.errorType || a.fault || 'ok'} ${a.message || ''}\n${a.log}${a.payload || ''}`).slice(-1).join('\n');
}

// upload puts the picture and follows it to the saved result.
async function upload(server, c, language, file) {
  const source = `source/${language.modules}/${file}`;
  const target = `processed/${language.modules}/${file}`;
  const known = new Set((await runs(server, language.example)).map((r) => r.requestId));
  await c.put(source, picture, { mime: 'image/png' });
  const answered = now();
  let saved;
  const data = await until(target, async () => {
    const { content } = await c.get(target);
    saved = now();
    return content;
  }, { timeout: 30000, every: 2 }).catch(async (err) => { throw new Error(`${err.message}\n${await story(server, language.example)}`); });
  const size = png.size(data);
  if (size[0] !== 128 || size[1] !== 128) throw new Error(`${target} is ${size.join('×')}, not 128×128`);
  const run = await until(`the run of ${language.example} in the console's list`, async () => (await runs(server, language.example)).find((r) => !known.has(r.requestId)), { timeout: 10000 });
  return { language, cold: run.cold, first: run.start - answered, saved: saved - answered, target, bytes: data.length };
}

function table(rows) {
  const width = rows[0].map((_, i) => Math.max(...rows.map((r) => [...(r[i] || '')].length)));
  const line = (r) => r.map((cell, i) => (i < 2 ? cell.padEnd(width[i]) : cell.padStart(width[i]))).join('   ');
  console.log(`\n  ${bold(line(rows[0]))}\n  ${dim(width.map((w) => '─'.repeat(w)).join('   '))}`);
  for (const r of rows.slice(1)) console.log(`  ${line(r)}`);
}

const ms = (n) => (n < 0 ? '≤ 0 ms*' : n < 10 ? `${n.toFixed(1)} ms` : `${n.toFixed(0)} ms`);

(async () => {
  fs.rmSync(home, { recursive: true, force: true });
  fs.mkdirSync(home, { recursive: true });
  process.env.ALCEDO_E2E_LOG = path.join(home, 'server.log');
  const server = await Server.start({ dataDir: path.join(home, 'data'), keys });
  const done = [];
  const skipped = [];
  const failed = [];
  try {
    say(`bin/alcedo serves OSS on ${server.address[0]}, Function Compute on ${server.address[1]}, the console on ${server.address[2]}`);
    const c = oss(server);
    await c.putBucket(bucket);
    c.useBucket(bucket);
    say(`bucket ${bucket} created in ${server.region}`);

    for (const language of languages) {
      const why = reason(language);
      if (why && !language.needed) {
        skipped.push({ language, why });
        say(yellow(`${language.name} is SKIPPED: ${why}`));
        continue;
      }
      try {
        await create(server, language.example, files(`examples/${language.example}`), { runtime: language.runtime, handler: 'index.handler', timeout: 60 });
        await trigger(server, language.example, 'oss-trigger', { bucket, prefix: `source/${language.modules}/`, suffix: '.png', events });
        say(`function ${language.example} deployed, with a trigger on ${bucket}/source/${language.modules}/*.png; uploading a picture, twice`);
        for (const file of ['kingfisher.png', 'again.png']) done.push(await upload(server, c, language, file));
      } catch (err) {
        failed.push({ language, err });
        say(red(`${language.name} FAILED: ${err.message}`));
      }
    }

    table([
      ['language', 'instance', 'answer → first line', 'answer → saved result', 'result'],
      ...done.map((r) => [`${r.language.name} (${r.language.sdk})`, r.cold ? 'cold' : 'warm', ms(r.first), ms(r.saved), `128×128, ${r.bytes} B`]),
      ...skipped.map((s) => [`${s.language.name} (${s.language.sdk})`, 'skipped', '–', '–', '–']),
      ...failed.map((f) => [`${f.language.name} (${f.language.sdk})`, 'FAILED', '–', '–', '–']),
    ]);
    if (done.some((r) => r.first < 0)) console.log(dim('  * the handler was already running when the upload\'s answer reached the uploader'));
    for (const s of skipped) console.log(yellow(`\n  SKIPPED ${s.language.name}: ${s.why}`));
    for (const f of failed) {
      console.log(red(`\n  FAILED ${f.language.name}: ${f.err.message}`));
      console.log(server.log.split('\n').slice(-30).map((l) => `  | ${l}`).join('\n'));
    }

    if (done.length) {
      const copy = path.join(home, 'kingfisher-128.png');
      const shown = done[0].target;
      fs.writeFileSync(copy, (await c.get(shown)).content);
      const [a, b, d] = server.address;
      const again = path.join(home, 'serve');
      fs.writeFileSync(again, `#!/bin/sh\n# Serves what the demo left behind, on the same addresses.\nALCEDO_ACCESS_KEY_ID=${keys.accessKeyId} ALCEDO_ACCESS_KEY_SECRET=${keys.accessKeySecret} ALCEDO_RUNTIME_DIR='${runtimes}' \\\n  exec '${path.join(root, 'bin/alcedo')}' serve --data '${server.dataDir}' --oss ${a} --fc ${b} --console ${d} --region ${server.region} --account ${server.account}\n`, { mode: 0o755 });
      console.log(`
  The picture   ${oss(server, { bucket, style: 'local' }).signatureUrl(shown, { expires: 7 * 24 * 3600 })}
                (its bytes: ${path.relative(root, copy)})
  The console   ${server.console}
  The data      ${path.relative(root, server.dataDir)}

  ${process.env.KEEP ? 'Serving until Ctrl-C.' : `The server has stopped. ${bold(path.relative(root, again))} serves the same again, with these
  addresses; ${bold('make run')} serves an empty one of your own on the default ports.`}
`);
    }
    if (process.env.KEEP) {
      await new Promise((resolve) => { process.removeAllListeners('SIGINT'); process.once('SIGINT', resolve); server.child.exited.then(resolve); });
    }
  } finally {
    await server.stop();
  }
  const ok = !failed.length && done.length > 0;
  console.log(ok ? green(`  ${done.length / 2} of ${languages.length} languages passed${skipped.length ? `, ${skipped.length} skipped` : ''}.`) : red('  The demo failed.'));
  process.exitCode = ok ? 0 : 1;
})().catch((err) => {
  console.error(red(`demo: ${err.stack}`));
  process.exitCode = 1;
});
