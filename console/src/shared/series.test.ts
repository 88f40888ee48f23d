import { describe, expect, it } from 'vitest';
import type { Point, Series } from '../api/gen';
import { columns, perMinute, rangeOf, ranges, short, shortMs } from './series';

const point = (t: number, p: Partial<Point> = {}): Point => ({ t, ...p });
const series = (s: Partial<Series>): Series => ({ from: 0, to: 600, step: 60, since: 0, points: [], total: point(0), ...s });

describe('columns', () => {
  it('cover the whole span, one value per step', () => {
    const c = columns(series({ from: 120, to: 420, points: [point(240, { runs: 3, errors: 1, p50Nanos: 1.5e6, memoryMB: 40, waiting: 0 })] }));
    expect(c.times).toEqual([120, 180, 240, 300, 360]);
    expect(c.runs).toEqual([0, 0, 3, 0, 0]);
    expect(c.p50).toEqual([null, null, 1.5, null, null]);
    expect(c.memory).toEqual([null, null, 40, null, null]);
  });
  it('tell nothing waiting from nobody looking', () => {
    expect(columns(series({ to: 120, points: [point(0, { waiting: 0 })] })).waiting).toEqual([0, null]);
  });
  it('are all of one length, and bounded', () => {
    const c = columns(series({ to: 1e9, step: 1 }));
    expect(new Set(Object.values(c).map((v: unknown[]) => v.length))).toEqual(new Set([2000]));
  });
});

describe('rates and labels', () => {
  it('are per minute whatever the step', () => {
    expect(perMinute([1, 30], 10)).toEqual([6, 180]);
    expect(perMinute([30], 900)).toEqual([2]);
  });
  it.each([[0, '0'], [0.256, '0.26'], [999, '999'], [1234, '1.2k'], [56_789, '57k'], [2_500_000, '2.5M']])('%d is %s', (n, s) => expect(short(n)).toBe(s));
  it.each([[0, '0'], [0.05, '50 µs'], [12.34, '12.3 ms'], [1500, '1.5 s'], [90_000, '1.5 min']])('%d ms is %s', (n, s) => expect(shortMs(n)).toBe(s));
  it('ranges have a hundred points or so', () => {
    for (const r of Object.values(ranges)) expect(r.span / r.step).toBeGreaterThanOrEqual(60);
    for (const r of Object.values(ranges)) expect(r.span / r.step).toBeLessThanOrEqual(100);
    expect(rangeOf('6h')).toBe('6h');
    expect(rangeOf('toString')).toBe('1h');
    expect(rangeOf(undefined)).toBe('1h');
  });
});
