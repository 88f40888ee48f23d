#!/usr/bin/env node
'use strict';

const { parseArgs } = require('node:util');
const { torture, report } = require('./harness');

const help = `Kills a server with SIGKILL again and again under load, and counts what is lost.

  node e2e/crash/run.js                       Alcedo, bin/alcedo (or $ALCEDO_BIN)
  node e2e/crash/run.js --peer s3 …           an S3 endpoint whose events come by webhook

  --rounds N         kills; default 50
  --seed N           of operations, sizes and moments; default another one each time
  --workers N        clients at once; default 8
  --shortest MS      least time between two kills; default 150
  --longest MS       most time between two kills; default 550; every fifth waits for events
  --output FORMAT    table (default) or json

With --peer s3:
  --endpoint URL     http://127.0.0.1:9000
  --start COMMAND    starts the peer, in the foreground; it is started again after each kill
  --webhook-port N   where its events are received, on 127.0.0.1
  --arn ARN          of the webhook, for PutBucketNotification; without it the peer is
                     taken to send every event
  --access-key, --secret-key, --region
  --quiet-ms MS      no event for so long: no more will come; default 20000
  --log FILE         what the peer prints

Exits 1 if anything acknowledged was lost. See README.md here for two peers.`;

async function main() {
  const { values: o } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h' }, peer: { type: 'string' }, rounds: { type: 'string' }, seed: { type: 'string' }, workers: { type: 'string' },
      shortest: { type: 'string' }, longest: { type: 'string' }, output: { type: 'string', default: 'table' }, endpoint: { type: 'string' }, start: { type: 'string' },
      'webhook-port': { type: 'string' }, arn: { type: 'string' }, 'access-key': { type: 'string' }, 'secret-key': { type: 'string' }, region: { type: 'string' },
      'quiet-ms': { type: 'string' }, log: { type: 'string' },
    },
  });
  if (o.help) return console.log(help);
  const numbers = Object.fromEntries(['rounds', 'seed', 'workers', 'shortest', 'longest'].filter((k) => o[k] !== undefined).map((k) => {
    if (!/^\d+$/.test(o[k])) throw new Error(`--${k} ${o[k]} is no number; see --help`);
    return [k, Number(o[k])];
  }));
  let target;
  if (o.peer === undefined) {
    target = new (require('./alcedo').Alcedo)();
  } else if (o.peer === 's3') {
    for (const k of ['endpoint', 'start', 'webhook-port', 'access-key', 'secret-key']) if (!o[k]) throw new Error(`--peer s3 needs --${k}; see --help`);
    const given = { region: o.region, quietMs: o['quiet-ms'] && Number(o['quiet-ms']), arn: o.arn, log: o.log };
    target = new (require('./s3').S3)({
      endpoint: o.endpoint.replace(/\/$/, ''), command: o.start, port: Number(o['webhook-port']), accessKey: o['access-key'], secretKey: o['secret-key'],
      ...Object.fromEntries(Object.entries(given).filter(([, v]) => v !== undefined)),
    });
  } else {
    throw new Error(`--peer ${o.peer} is unknown; known is s3`);
  }
  const r = await torture(target, { ...numbers, say: (line) => { if (o.output === 'table') console.log(line); } });
  console.log(o.output === 'json' ? JSON.stringify(r, null, 2) : report(r));
  process.exit(r.ok ? 0 : 1);
}

main().catch((err) => {
  console.error(err.message || err);
  process.exit(2);
});
