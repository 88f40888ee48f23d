import { strFromU8, unzipSync } from 'fflate';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Item } from '../../../shared/oss';
import { targetOf, transfer, wayProblem, type Chosen } from './transfer';
import { mostObjects, namesIn, TooMuch, inside, zipped } from './zip';

const item = (key: string, size = 1): Item => ({ key, size, modified: Date.UTC(2026, 0, 1), etag: 'E', type: 'Normal' });

afterEach(() => vi.unstubAllGlobals());

describe('a ZIP', () => {
  it('has paths that stay where it is unpacked, each once', () => {
    expect(namesIn(['a/b.txt', 'a//b.txt', 'a/../c', 'a/é/', '../x', 'a/\\y'], 'a/')).toEqual(['b.txt', 'b (1).txt', 'c', 'é/', 'x', 'y']);
  });
  it('holds what was read, and tells of what was not', async () => {
    vi.stubGlobal('fetch', (path: string) =>
      Promise.resolve(path.endsWith('no') ? new Response('<Error><Code>AccessDenied</Code><Message>no</Message></Error>', { status: 403 }) : new Response(decodeURIComponent(path))),
    );
    let last = { files: 0, failed: [] as { key: string }[] };
    const blob = await zipped('b', [item('in/a'), item('in/no'), item('in/中 文')], 'in/', (p) => (last = p), new AbortController().signal);
    const files = unzipSync(new Uint8Array(await blob.arrayBuffer()));
    expect(Object.fromEntries(Object.entries(files).map(([k, v]) => [k, strFromU8(v)]))).toEqual({ a: '/oss/b/in/a', '中 文': '/oss/b/in/中 文' });
    expect([last.files, last.failed.map((f) => f.key)]).toEqual([3, ['in/no']]);
  });
  it('refuses more than it may hold', async () => {
    const many = Array.from({ length: mostObjects + 1 }, (_, i) => ({ key: String(i), item: item(String(i)) }));
    await expect(inside('b', many, new AbortController().signal)).rejects.toBeInstanceOf(TooMuch);
    expect(await inside('b', many.slice(1), new AbortController().signal)).toHaveLength(mostObjects);
    await expect(inside('b', [{ key: 'x', item: item('x', 2 ** 31) }], new AbortController().signal)).rejects.toBeInstanceOf(TooMuch);
  });
});

describe('copying and moving', () => {
  const file: Chosen = { key: 'a/b.txt', item: item('a/b.txt') };
  const folder: Chosen = { key: 'a/f/' };
  it('names what it makes', () => {
    expect(targetOf('a/b.txt', file, true, 'x/c.txt')).toBe('x/c.txt');
    expect(targetOf('a/b.txt', file, false, 'x')).toBe('x/b.txt');
    expect(targetOf('a/f/g/h', folder, false, '')).toBe('f/g/h');
    expect(targetOf('a/f/g/h', folder, true, 'a/e')).toBe('a/e/g/h');
  });
  it.each([
    [[file], 'a/b.txt', 'b', 'same'], [[file], 'a/b.txt', 'other', undefined], [[file], '', 'b', 'empty'], [[file], '/x', 'b', 'slash'], [[file, folder], 'a/', 'b', 'same'],
    [[folder], 'a/f/g/', 'b', 'inside'], [[file, folder], 'a/f/', 'b', 'inside'], [[file, folder], '', 'b', undefined], [[file, folder], 'x'.repeat(1020), 'b', 'long'],
  ] as const)('%j to %s of %s: %s', (chosen, target, to, why) => expect(wayProblem(chosen, { bucket: 'b', to, target })).toBe(why));
  it('counts what became of each, and stops when it is told to', async () => {
    const chosen = ['a', 'b', 'c', 'd', 'e'].map((key) => ({ key, item: item(key) }));
    const stop = new AbortController();
    const seen: string[] = [];
    const w = { bucket: 'b', to: 'b', target: 'x/', move: true, overwrite: false };
    const p = await transfer(chosen, w, () => {}, stop.signal, undefined, (_, s) => {
      seen.push(s.to);
      return s.from === 'b' ? Promise.reject(new Error('no')) : Promise.resolve(s.from !== 'c');
    });
    expect(seen.sort()).toEqual(['x/a', 'x/b', 'x/c', 'x/d', 'x/e']);
    expect(p).toEqual({ found: 5, done: 3, skipped: 1, failures: 1, failed: [{ key: 'b', why: 'no' }], over: true });
    stop.abort();
    expect((await transfer(chosen, w, () => {}, stop.signal, undefined, () => Promise.resolve(true))).done).toBe(0);
  });
});
