import { expect, it } from 'vitest';
import type { DeadOrder } from '../../api/gen';
import { inBulk } from './bulk';

it('names at most a hundred at once, and tells which are done', async () => {
  const ids = Array.from({ length: 250 }, (_, i) => String(i));
  const orders: DeadOrder[] = [];
  const told: number[] = [];
  const end = await inBulk({ ids }, async (o) => (orders.push(o), { count: o.ids!.length, more: false }), new AbortController().signal, (p) => told.push(p.done));
  expect(orders.map((o) => o.ids!.length)).toEqual([100, 100, 50]);
  expect(told).toEqual([100, 200, 250]);
  expect(end).toEqual({ done: 250, of: 250 });
});

it('goes on through a filter where the answer says', async () => {
  const orders: DeadOrder[] = [];
  const answers = [{ count: 100, more: true, after: 'a', before: 'B' }, { count: 7, more: false }];
  const end = await inBulk({ filter: { function: 'f' } }, async (o) => (orders.push(o), answers[orders.length - 1]!), new AbortController().signal, () => {});
  expect(orders).toEqual([{ filter: { function: 'f' }, batch: 100 }, { filter: { function: 'f' }, batch: 100, after: 'a', before: 'B' }]);
  expect(end.done).toBe(107);
});

it('stops between two batches', async () => {
  const stop = new AbortController();
  const end = await inBulk({ filter: {} }, async () => (stop.abort(), { count: 100, more: true, after: 'a' }), stop.signal, () => {});
  expect(end).toEqual({ done: 100 });
});
