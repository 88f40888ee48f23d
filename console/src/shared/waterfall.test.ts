import { describe, expect, it } from 'vitest';
import type { Run } from '../api/gen';
import { dragged, exactly, linesOf, scaleOf, whole, zoomed } from './waterfall';

const run = (atMs: number, queued: number, init: number, took: number, errorType = ''): Run => ({
  requestId: 'r', function: 'f', version: 'LATEST', qualifier: 'LATEST', kind: 'trigger', attempt: 0, startedAtUnixMicro: atMs * 1000,
  queuedNanos: queued * 1e6, initNanos: init * 1e6, durationNanos: took * 1e6, cold: init > 0, memoryMB: 0, errorType,
});

describe('the lines of a waterfall', () => {
  it('follow each other without a hole', () => {
    const lines = linesOf([run(1010, 5, 100, 20, 'HandledInvocationError'), run(3000, 0, 0, 30)], 1000, 'Succeeded', 9000);
    expect(lines.map((l) => l.parts.map((p) => [p.kind, p.to - p.from]))).toEqual([
      [['queue', 10], ['instance', 5], ['init', 100], ['run', 20]],
      [['retry', 1865], ['run', 30]],
    ]);
    expect(lines.map((l) => l.failed)).toEqual([true, false]);
    const all = lines.flatMap((l) => l.parts);
    all.slice(1).forEach((p, i) => expect(p.from).toBe(all[i]!.to));
  });
  it('show what is under way', () => {
    expect(linesOf([], 1000, 'Enqueued', 1500)[0]!.parts).toEqual([{ kind: 'queue', from: 1000, to: 1500 }]);
    expect(linesOf([run(1000, 0, 0, 10, 'x')], 1000, 'Running', 1500)[1]!.parts).toEqual([{ kind: 'now', from: 1010, to: 1500 }]);
    expect(linesOf([run(1000, 0, 0, 10)], 1000, 'Succeeded', 1500)).toHaveLength(1);
    expect(linesOf([], undefined, 'Enqueued', 1500)).toEqual([]);
  });
  it('never run backwards when clocks disagree', () => {
    const lines = linesOf([run(990, 0, 0, 10)], 1000, 'Succeeded', 2000);
    expect(lines[0]!.parts).toEqual([{ kind: 'run', from: 1000, to: 1010 }]);
  });
});

describe('the axis', () => {
  it('is filled by what was done, in proportion', () => {
    const { boxes, ticks, total } = scaleOf(linesOf([run(1000, 0, 25, 75)], 1000, 'Succeeded', 0));
    expect(boxes[0]!.map((b) => [b.left, b.width])).toEqual([[0, 25], [25, 75]]);
    expect(ticks.map((k) => k.ms)).toEqual([0, 25, 50, 75, 100]);
    expect(total).toBe(100);
  });
  it('cuts waits that would hide the rest, and tells the true time', () => {
    const { boxes, ticks, total } = scaleOf(linesOf([run(1000, 0, 0, 50, 'x'), run(61050, 0, 0, 50)], 1000, 'Succeeded', 0));
    const [[first], [wait, second]] = boxes as [[typeof boxes[0][0]], [typeof boxes[0][0], typeof boxes[0][0]]];
    expect(wait!.cut).toBe(true);
    expect([first!.width, wait!.width, second!.width].map((w) => Math.round(w))).toEqual([33, 33, 33]);
    expect(ticks.at(-1)!.ms).toBe(60100);
    expect(total).toBe(60100);
  });
  it('draws a wait alone at full width', () => {
    const { boxes } = scaleOf(linesOf([], 0, 'Enqueued', 5000));
    expect(boxes[0]![0]).toMatchObject({ left: 0, width: 100, cut: false });
  });
  it('is true to the time when it is asked to', () => {
    const { boxes } = scaleOf(linesOf([run(1000, 0, 0, 50, 'x'), run(61050, 0, 0, 50)], 1000, 'Succeeded', 0), false);
    expect(boxes[1]![0]!.cut).toBe(false);
    expect(boxes[1]![0]!.width).toBeGreaterThan(99);
  });
  it('knows times and places of each other, over a cut too', () => {
    const scale = scaleOf(linesOf([run(1000, 0, 0, 50, 'x'), run(61050, 0, 0, 50)], 1000, 'Succeeded', 0));
    for (const ms of [0, 20, 50, 30_000, 60_050, 60_075, 60_100]) expect(scale.ms(scale.at(ms))).toBeCloseTo(ms, 6);
    expect([scale.at(-5), Math.round(scale.at(1e9)), scale.ms(200)]).toEqual([0, 100, 60100]);
  });
});

describe('a part of the axis', () => {
  const scale = scaleOf(linesOf([run(1000, 0, 25, 75)], 1000, 'Succeeded', 0));
  it('is drawn as wide as the whole', () => {
    const { boxes, ticks } = zoomed(scale, [25, 75]);
    expect(boxes[0]!.map((b) => [b.left, b.width])).toEqual([[-50, 50], [0, 150]]);
    expect(ticks.map((k) => k.ms)).toEqual([25, 37.5, 50, 62.5, 75]);
    expect(zoomed(scale, whole).boxes).toEqual(scale.boxes);
  });
  it('is drawn, moved, and pulled at its ends, and never leaves the axis or vanishes', () => {
    expect(dragged(whole, 'new', 60, 20)).toEqual([20, 60]);
    expect(dragged(whole, 'new', 90, 140)).toEqual([90, 100]);
    expect(dragged(whole, 'new', 100, 100)).toEqual([99.5, 100]);
    expect(dragged([20, 40], 'move', 30, 50)).toEqual([40, 60]);
    expect(dragged([20, 40], 'move', 30, 0)).toEqual([0, 20]);
    expect(dragged([20, 40], 'from', 20, 90)).toEqual([39.5, 40]);
    expect(dragged([20, 40], 'to', 40, -9)).toEqual([20, 20.5]);
  });
  it('writes times apart that are near each other', () => {
    expect(exactly(60_050.25, 1)).toBe('60050.25 ms');
    expect(exactly(60_050.25, 200)).toBe('60050 ms');
    expect(exactly(50, 1)).toBe('');
    expect(exactly(60_000, 5000)).toBe('');
  });
});
