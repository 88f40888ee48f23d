import { describe, expect, it } from 'vitest';
import { another, byFolder, eventOf, keepBoth, plan, sample, type Planned } from './plan';

const file = (name: string, size = 1) => new File([new Uint8Array(size)], name);
const planned = (...keys: string[]): Planned[] => keys.map((key) => ({ key, file: file(key) }));

describe('plans of uploads', () => {
  it('gives files their keys', () => {
    const { files, refused } = plan([{ path: 'd/a.png', file: file('a.png') }, { path: '/b', file: file('b') }, { path: 'x'.repeat(1024), file: file('x') }], 'in/');
    expect(files.map((f) => f.key)).toEqual(['in/d/a.png', 'in/b']);
    expect(refused).toEqual([{ path: 'x'.repeat(1024), why: 'long' }]);
    expect(plan([{ path: 'a', file: file('a') }, { path: 'a', file: file('a', 2) }], '').files.map((f) => f.file.size)).toEqual([2]);
  });

  it.each([
    ['a.png', 'a (1).png'], ['d.e/a', 'd.e/a (1)'], ['.env', '.env (1)'], ['x/b.tar.gz', 'x/b (1).tar.gz'], ['a.b.c', 'a.b (1).c'], ['.tar.gz', '.tar (1).gz'],
  ])('numbers %s', (key, want) => expect(another(key, 1)).toBe(want));

  it('keeps both, whatever is there already', async () => {
    const there = new Set(['a.png', 'a (1).png', 'c']);
    const asked: string[][] = [];
    const files = planned('a.png', 'a (2).png', 'b', 'c');
    const out = await keepBoth(files, new Set(['a.png', 'c']), async (keys) => {
      asked.push(keys);
      return new Set(keys.filter((k) => there.has(k)));
    });
    expect(out.map((f) => f.key)).toEqual(['a (3).png', 'a (2).png', 'b', 'c (1)']);
    expect(asked[0]).toEqual(['a (1).png', 'c (1)']);
    expect(out.map((f) => f.file)).toEqual(files.map((f) => f.file));
  });

  it('judges some of each kind when there are too many', () => {
    const files = [...Array.from({ length: 500 }, (_, i) => ({ key: `p/${i}.png`, file: { size: 1 } })), { key: 'p/t.csv', file: { size: 1 } }, { key: 'p/big.png', file: { size: 9 << 20 } }];
    const some = sample(files, 10).map((f) => f.key);
    expect(some).toHaveLength(10);
    expect(some).toContain('p/t.csv');
    expect(some).toContain('p/big.png');
    expect(new Set(some).size).toBe(10);
    expect(sample(files.slice(0, 3), 10)).toEqual(files.slice(0, 3));
  });

  it('knows the event by the size', () => {
    expect(eventOf(8 << 20)).toBe('oss:ObjectCreated:PostObject');
    expect(eventOf((8 << 20) + 1)).toBe('oss:ObjectCreated:CompleteMultipartUpload');
  });

  it('groups by folder', () => expect([...byFolder(['a/1', 'b', 'a/2', 'a/c/3'])]).toEqual([['a/', ['a/1', 'a/2']], ['', ['b']], ['a/c/', ['a/c/3']]]));
});
