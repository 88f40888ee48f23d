import { expect, test } from 'vitest';
import type { MayCheck } from '../api/gen';
import { ask } from './may';

test('what is asked in one tick is one request, of at most 200 checks, and everyone gets the own answer', async () => {
  const sizes: number[] = [];
  const post = (checks: MayCheck[]) => {
    sizes.push(checks.length);
    return Promise.resolve(checks.map((c) => ({ allowed: c.resource.endsWith('7'), reason: c.resource })));
  };
  const answers = await Promise.all(Array.from({ length: 250 }, (_, i) => ask({ action: 'a:b', resource: String(i) }, post)));
  expect(sizes).toEqual([200, 50]);
  answers.forEach((a, i) => expect(a).toEqual({ allowed: i % 10 === 7, reason: String(i) }));
  await expect(ask({ action: 'a:b', resource: 'x' }, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await expect(ask({ action: 'a:b', resource: '7' }, post)).resolves.toMatchObject({ allowed: true }); // a refusal is not for ever
});
