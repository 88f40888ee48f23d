import { afterEach, expect, it, vi } from 'vitest';
import { oss } from '../../../shared/oss';
import { existing, outermost } from './objects';

afterEach(() => vi.restoreAllMocks());

const bucketOf = (keys: string[]) =>
  vi.spyOn(oss, 'list').mockImplementation((_bucket, q) => {
    const all = keys.filter((k) => k.startsWith(q.prefix ?? ''));
    const from = Number(q.token ?? 0);
    const objects = all.slice(from, from + (q.limit ?? 200)).map((key) => ({ key, size: 1, modified: 0, etag: '', type: '' }));
    return Promise.resolve({ folders: [], objects, next: from + objects.length < all.length ? String(from + objects.length) : '' });
  });

it('leaves out prefixes that others cover', () => {
  expect(outermost(['a/b', 'a', 'c', 'c'])).toEqual(['a', 'c']);
  expect(outermost([])).toEqual(['']);
});

it('counts what matches, once', async () => {
  bucketOf(['in/1.png', 'in/2.txt', 'in/x/3.png', 'out/4.png']);
  expect(await existing(['b'], ['in/', 'in/x/'], ['.png', '.jpg'])).toEqual({ count: 2, more: false, examples: [{ bucket: 'b', key: 'in/1.png' }, { bucket: 'b', key: 'in/x/3.png' }] });
  expect(await existing(['b', 'c'], [], [])).toMatchObject({ count: 8, more: false });
});

it('stops looking', async () => {
  const list = bucketOf(Array.from({ length: 20_000 }, (_, i) => `k${i}`));
  expect(await existing(['b'], ['k'], [''])).toMatchObject({ count: 1000, more: true });
  expect(await existing(['b'], ['k'], ['none'])).toMatchObject({ count: 0, more: true });
  expect(list).toHaveBeenCalledTimes(1 + 5);
});
