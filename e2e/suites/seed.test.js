'use strict';

// The listings of the documentation, unchanged, in the setting that it describes; and
// the example functions of this repository in the same one.

const assert = require('node:assert/strict');
const { after, before, describe, it } = require('node:test');
const fs = require('node:fs');
const path = require('node:path');
const { Server, root, runtimes } = require('../lib/server');
const { oss, fc } = require('../lib/clients');
const { create, files, invoke, trigger } = require('../lib/functions');
const { until } = require('../lib/wait');
const png = require('../lib/png');

const events = ['oss:ObjectCreated:PutObject', 'oss:ObjectCreated:PostObject', 'oss:ObjectCreated:CompleteMultipartUpload', 'oss:ObjectCreated:PutSymlink'];
const picture = fs.readFileSync(path.join(root, 'examples/kingfisher.png'));
const modules = (language) => {
  const note = path.join(runtimes, language, 'UNREACHABLE');
  return fs.existsSync(note) ? fs.readFileSync(note, 'utf8').trim() : '';
};

let server;
let c;
before(async () => {
  server = await Server.start();
  c = oss(server, { bucket: 'testbucket' });
  await c.putBucket('testbucket');
});
after(async () => { if (server) await server.stop(); });

async function resizes(name, code, runtime) {
  await create(server, name, code, { runtime, handler: 'index.handler', timeout: 60 });
  await trigger(server, name, 'oss-trigger', { bucket: 'testbucket', prefix: 'source', suffix: 'png', events });
  try {
    await c.put('source/a.png', picture);
    const got = await until('processed/a.png', async () => (await c.get('processed/a.png')).content, { timeout: 30000 })
      .catch((err) => { throw new Error(`${err.message}\n${server.log.slice(-3000)}`); });
    assert.deepEqual(png.size(got), [128, 128]);
  } finally {
    await fc(server).deleteTrigger(name, 'oss-trigger');
    await c.delete('source/a.png');
    await c.delete('processed/a.png');
  }
}

const listing = (name) => ({ [name]: fs.readFileSync(path.join(__dirname, '../seed', name)) });

describe('the listings of the documentation', () => {
  it('Node.js, as printed', () => resizes('seed-node', listing('index.js'), 'nodejs20'));

  it('Node.js 18, as printed', () => resizes('seed-node18', listing('index.js'), 'nodejs18'));

  it('Python, as printed', { skip: modules('python') || false }, () => resizes('seed-python', listing('index.py'), 'python3.10'));

  it('PHP, as printed: refused or failing with a diagnosis that names the syntax and what to do', async () => {
    let said;
    try {
      await create(server, 'seed-php', listing('index.php'), { runtime: 'php7.2' });
      said = (await invoke(server, 'seed-php', '{}')).payload;
    } catch (err) {
      said = err.message;
    }
    assert.match(said, /index\.php/);
    assert.match(said, /curly|\{0\}/i);
    assert.match(said, /PHP 8|\[0\]|\[\]|square/i);
  });
});

describe('the examples', () => {
  it('resize-nodejs', () => resizes('resize-nodejs', files('examples/resize-nodejs'), 'nodejs20'));

  it('resize-nodejs fails, to be run again, when the service refuses', async () => {
    await create(server, 'refused', files('examples/resize-nodejs'));
    await c.put('source/text.png', Buffer.from('no picture'));
    for (const [key, status] of [['source/none.png', 404], ['source/text.png', 400]]) {
      const res = await invoke(server, 'refused', { events: [{ region: server.region, oss: { bucket: { name: 'testbucket' }, object: { key } } }] });
      assert.ok(res.errorType, res.payload);
      assert.match(res.json().errorMessage, new RegExp(`processed/\\w+\\.png failed with status ${status}: .*<Code>`, 's'));
    }
  });

  it('resize-python', { skip: modules('python') || false }, () => resizes('resize-python', files('examples/resize-python'), 'python3.10'));

  it('resize-php', { skip: modules('php') || false }, () => resizes('resize-php', files('examples/resize-php'), 'php8.2'));

  it('selfsigned-php', () => resizes('selfsigned-php', files('examples/selfsigned-php'), 'php8.2'));
});
