import { expect, it } from 'vitest';
import type { Event } from '../../api/gen';
import { news, outcomeOf, patched, pending } from './outcome';

const event = (id: string, ...states: string[]): Event => ({
  id, type: 'ObjectCreated:PutObject', time: '', bucket: 'b', size: 0, deltaSize: 0,
  owed: states.map((state, i) => ({ requestId: `${id}-${i}`, function: 'f', state, attempts: 1 })),
});

it('tells the worst of what is over before what is under way', () => {
  expect(outcomeOf(event('1'))).toEqual({ state: 'None', some: 0, all: 0 });
  expect(outcomeOf({ owed: null, hiddenRuns: 2 }).state).toBe('Hidden');
  expect(outcomeOf(event('1', 'Succeeded', 'Succeeded'))).toEqual({ state: 'Succeeded', some: 2, all: 2 });
  expect(outcomeOf(event('1', 'Succeeded', 'Failed', 'Running'))).toEqual({ state: 'Failed', some: 1, all: 3 });
  expect(outcomeOf(event('1', 'Succeeded', 'Enqueued')).state).toBe('Enqueued');
  const loop = { owed: event('1', 'Failed', 'Succeeded').owed!.map((o) => (o.state === 'Failed' ? { ...o, reason: 'RecursiveInvocation' } : o)) };
  expect(outcomeOf(loop)).toEqual({ state: 'LoopStopped', some: 1, all: 2 });
});

it('asks again only for what is not over', () => {
  expect(pending([event('1', 'Succeeded'), event('2', 'Running'), event('3'), event('4', 'Failed', 'Retrying'), event('5', 'Enqueued')], 2)).toEqual(['2', '4']);
});

it('adds what is new once, the latest first', () => {
  expect(news(new Set(['1']), [event('1'), event('2'), event('3')], true).map((e) => e.id)).toEqual(['3', '2']);
  expect(news(new Set(['1']), [event('3'), event('2'), event('1')], false).map((e) => e.id)).toEqual(['3', '2']);
});

it('keeps a page that did not change', () => {
  const page = [event('1', 'Running'), event('2')];
  expect(patched(page, new Map([['9', event('9')]]))).toBe(page);
  expect(patched(page, new Map([['1', event('1', 'Succeeded')]]))!.map((e) => outcomeOf(e).state)).toEqual(['Succeeded', 'None']);
});
