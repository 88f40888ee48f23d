import { expect, test } from 'vitest';
import { together } from './together';

test('what is asked in one tick is one request, of at most so many, and everyone gets the own answer', async () => {
  const sizes: number[] = [];
  let broken = false;
  const ask = together(200, (keys: number[]) => {
    sizes.push(keys.length);
    return broken ? Promise.reject(new Error('no')) : Promise.resolve(keys.map((k) => k * 2));
  });
  const answers = await Promise.all(Array.from({ length: 250 }, (_, i) => ask(i)));
  expect(sizes).toEqual([200, 50]);
  answers.forEach((a, i) => expect(a).toBe(i * 2));
  broken = true;
  await expect(ask(1)).rejects.toThrow('no');
  broken = false;
  await expect(ask(7)).resolves.toBe(14); // a refusal is not for ever
});
