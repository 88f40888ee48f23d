import { describe, expect, test } from 'vitest';
import { merge, type Parts } from './merge';

// A case is written as "trust; name=text name=text".
const parts = (s: string): Parts => {
  const [trust = '', list = ''] = s.split(';').map((x) => x.trim());
  return { trust, policies: list.split(' ').filter(Boolean).map((p) => ({ name: p.split('=')[0]!, text: p.split('=')[1]! })) };
};

describe('what two changed at once', () => {
  test.each([
    ['nothing of mine', 't; a=1', 't; a=1', 'u; a=2 b=1', 'u; a=2 b=1', []],
    ['nothing of theirs', 't; a=1', 'u; a=2 b=1', 't; a=1', 'u; a=2 b=1', []],
    ['different parts', 't; a=1 b=1', 'u; a=1 b=1', 't; a=1 b=2', 'u; a=1 b=2', []],
    ['different policies', 't; a=1 b=1', 't; a=2 b=1', 't; a=1 b=2', 't; a=2 b=2', []],
    ['the same', 't; a=1', 'u; a=2', 'u; a=2', 'u; a=2', []],
    ['one text', 't;', 'u;', 'v;', 'u;', ['trust']],
    ['one policy', 't; a=1', 't; a=2', 't; a=3', 't; a=2', ['a']],
    ['each adds one', 't;', 't; a=1', 't; b=1', 't; b=1 a=1', []],
    ['both add one of a name', 't;', 't; A=1', 't; a=2', 't; A=1', ['a']],
    ['each removes one', 't; a=1 b=1 c=1', 't; b=1 c=1', 't; a=1 c=1', 't; c=1', []],
    ['I remove what they change', 't; a=1', 't;', 't; a=2', 't;', ['a']],
    ['they remove what I change', 't; a=1', 't; a=2', 't;', 't; a=2', ['a']],
    ['I rename', 't; a=1', 't; z=1', 't; a=1 b=1', 't; b=1 z=1', []],
  ])('%s', (_, base, mine, theirs, want, clashes) => {
    const got = merge(parts(base), parts(mine), parts(theirs));
    expect(got.value).toEqual(parts(want));
    expect(got.clashes.map((c) => c.part)).toEqual(clashes);
  });
});
