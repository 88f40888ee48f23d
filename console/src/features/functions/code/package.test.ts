import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { applied, difference, edited, rebased, type Changes } from './changes';
import { badPath, bytesOf, byPath, isLink, pack, same, textOf, unpack, type Files } from './package';

const files = (o: Record<string, string>): Files => new Map(Object.entries(o).map(([p, t]) => [p, { data: bytesOf(t), mode: 0 }]));
const texts = (f: Files) => Object.fromEntries([...f].map(([p, e]) => [p, new TextDecoder().decode(e.data)]));

describe('packages', () => {
  it('come back from the zip as they went in, modes and links too', () => {
    const zip = zipSync({ 'bin/run': [bytesOf('#!'), { os: 3, attrs: 0o100755 << 16 }], 'bin/a': [bytesOf('run'), { os: 3, attrs: 0o120777 << 16 }], 'empty/': new Uint8Array(), 'a.js': bytesOf('1') });
    const f = unpack(zip);
    expect([...f.keys()]).toEqual(['bin/a', 'bin/run', 'empty/', 'a.js']);
    expect(f.get('bin/run')!.mode).toBe(0o100755);
    expect(isLink(f.get('bin/a')!)).toBe(true);
    const again = unpack(pack(f));
    expect(difference(f, again)).toEqual([]);
    expect(again.get('bin/run')!.mode).toBe(0o100755);
  });
  it('are the same bytes for the same files, in any order', () => {
    expect(same(pack(files({ a: '1', b: '2' })), pack(files({ b: '2', a: '1' })))).toBe(true);
  });
  it('keep a folder that a zip names besides its files only if it is empty', () => {
    expect([...unpack(zipSync({ 'x/': new Uint8Array(), 'x/y': bytesOf('1') })).keys()]).toEqual(['x/y']);
  });
  it('open what is text', () => {
    expect(textOf(bytesOf('grün'))).toBe('grün');
    expect(textOf(new Uint8Array([0x89, 0x50, 0]))).toBe(null);
    expect(textOf(new Uint8Array([0xff, 0xfe]))).toBe(null);
    expect(textOf(new Uint8Array((1 << 20) + 1).fill(65))).toBe(null);
  });
});

describe('paths', () => {
  it('stand in the order of a tree', () => {
    expect(['b.js', 'a/z.js', 'a.js', 'a/b/c.js'].sort(byPath)).toEqual(['a/b/c.js', 'a/z.js', 'a.js', 'b.js']);
  });
  it.each([
    ['', 'needed'], ['/a', 'path'], ['a/', 'path'], ['a/../b', 'path'], ['a//b', 'path'], ['a\\b', 'path'],
    ['index.js', 'taken'], ['lib', 'folder'], ['index.js/x', 'folder'], ['lib/b.js', ''], ['übung.js', ''],
  ])('%s: %s', (path, why) => expect(badPath(path, ['index.js', 'lib/a.js'])).toBe(why));
});

describe('changes', () => {
  const base = files({ a: '1', b: '2', c: '3' });
  const edit = (c: Changes, path: string, text: string | null) => edited(base, c, path, text === null ? null : bytesOf(text));
  it('are none when a file is again what it was', () => {
    const c = edit(new Map(), 'a', 'x');
    expect(c.size).toBe(1);
    expect(edit(c, 'a', '1').size).toBe(0);
    expect(edit(edit(new Map(), 'new', 'x'), 'new', null).size).toBe(0);
  });
  it('apply: edited, added, deleted', () => {
    const c = edit(edit(edit(new Map(), 'a', 'x'), 'd', '4'), 'b', null);
    expect(texts(applied(base, c))).toEqual({ a: 'x', c: '3', d: '4' });
  });
  it('meet those of others without losing any', () => {
    let c = edit(new Map(), 'a', 'mine');
    c = edit(c, 'b', 'both');
    c = edit(c, 'c', 'me');
    c = edit(c, 'd', 'new');
    const theirs = files({ a: '1', b: 'both', c: 'them', e: 'theirs' });
    const r = rebased(c, theirs);
    expect(r.conflicts.map((x) => [x.path, new TextDecoder().decode(x.base!), new TextDecoder().decode(x.theirs!)])).toEqual([['c', '3', 'them']]);
    expect(texts(applied(theirs, r.changes))).toEqual({ a: 'mine', b: 'both', c: 'me', d: 'new', e: 'theirs' });
  });
  it('are in conflict when one deletes what the other edits', () => {
    expect(rebased(edit(new Map(), 'a', 'x'), files({ b: '2' })).conflicts).toHaveLength(1);
    expect(rebased(edit(new Map(), 'a', null), files({ a: 'y' })).conflicts).toHaveLength(1);
    expect(rebased(edit(new Map(), 'a', null), files({ b: '2' }))).toEqual({ changes: new Map(), conflicts: [] });
  });
});
