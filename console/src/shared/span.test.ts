import { expect, it } from 'vitest';
import { around, fromInput, instant, toInput } from './span';

it('reads times of the URL', () => {
  const now = Date.parse('2026-03-01T12:00:00Z');
  expect(instant('15m', now)).toBe('2026-03-01T11:45:00.000Z');
  expect(instant('7d', now)).toBe('2026-02-22T12:00:00.000Z');
  expect(instant('2026-01-31T08:00:00.123456789Z', now)).toBe('2026-01-31T08:00:00.123456789Z');
  for (const bad of [undefined, '', '15x', 'soon', '123456m']) expect(instant(bad, now)).toBeUndefined();
});

it('writes inputs and reads them again, in both zones', () => {
  for (const zone of ['local', 'utc'] as const) {
    const text = '2026-01-31T08:00:05.000Z';
    expect(fromInput(toInput(text, zone), zone)).toBe(text);
  }
  expect(toInput('2026-01-31T08:00:05Z', 'utc')).toBe('2026-01-31T08:00:05');
  expect(fromInput('', 'utc')).toBeUndefined();
  expect(fromInput('nonsense', 'utc')).toBeUndefined();
  expect(toInput(undefined, 'utc')).toBe('');
});

it('is around a moment', () => {
  expect(around('2026-01-31T08:00:00.123Z')).toEqual({ since: '2026-01-31T08:00:00.122Z', until: '2026-01-31T08:00:00.124Z' });
  expect(around('2026-01-31T08:00:59.999999Z')).toEqual({ since: '2026-01-31T08:00:59.998Z', until: '2026-01-31T08:01:00.000Z' });
});
