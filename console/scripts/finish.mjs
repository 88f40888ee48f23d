// Ends a build: compresses every asset, and holds each route's first load against its
// budget (gzip, KB: shell 260, any route 420). Exits 1 if one is over.
import { readFileSync, writeFileSync, readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const manifest = JSON.parse(readFileSync(dist + '.vite/manifest.json', 'utf8'));
rmSync(dist + '.vite', { recursive: true });

const size = new Map();
for (const name of readdirSync(dist + 'assets')) {
  const file = dist + 'assets/' + name;
  const data = readFileSync(file);
  size.set('assets/' + name, gzipSync(data, { level: 9 }).length / 1000);
  if (/\.(js|css|svg|json)$/.test(name)) {
    writeFileSync(file + '.br', brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: data.length } }));
  }
}

// files are all that a chunk needs before it can run.
function files(key, seen = new Set()) {
  const chunk = manifest[key];
  for (const f of [chunk.file, ...(chunk.css ?? [])]) seen.add(f);
  for (const k of chunk.imports ?? []) if (!seen.has(manifest[k].file)) files(k, seen);
  return seen;
}
const sum = (set) => [...set].reduce((n, f) => n + (size.get(f) ?? 0), 0);

const shell = files('index.html');
const rows = [['shell', sum(shell), 260]];
for (const [key, chunk] of Object.entries(manifest)) {
  if (!chunk.isDynamicEntry || !key.startsWith('src/features/') || !/(page|tab)\.tsx$/.test(key)) continue;
  // A tab stands in a page of its feature.
  const page = key.endsWith('tab.tsx') ? Object.keys(manifest).filter((k) => manifest[k].isDynamicEntry && k.endsWith('page.tsx') && manifest[k].dynamicImports?.includes(key)) : [];
  rows.push([key.replace('src/features/', ''), sum(new Set([...shell, ...page.flatMap((k) => [...files(k)]), ...files(key)])), 420]);
}
let over = false;
for (const [name, kb, budget] of rows) {
  if (kb > budget) over = true;
  console.log(`${kb > budget ? '✗' : '✓'} ${name.padEnd(40)} ${kb.toFixed(0).padStart(4)} KB of ${budget}`);
}
if (over) {
  console.error('A first load is over its budget: load what it does not need at once with lazy(), or leave it out.');
  process.exit(1);
}
