// The times of a delivery: what it waited for and what took how long, and where each part
// stands on one axis. Times are milliseconds since 1970.
import type { Run } from '../api/gen';

/** Kinds of parts: in the queue, for an instance, until the next attempt, an instance's start, the run, a run under way. */
export type Kind = 'queue' | 'instance' | 'retry' | 'init' | 'run' | 'now';

export interface Part {
  kind: Kind;
  from: number;
  to: number;
}

export interface Line {
  /** number of the attempt, from 1 */
  number: number;
  parts: Part[];
  failed: boolean;
  run?: Run;
}

export const start = (r: Run) => r.startedAtUnixMicro / 1000;
export const end = (r: Run) => start(r) + (r.queuedNanos + r.initNanos + r.durationNanos) / 1e6;
export const failed = (r: Run) => !!(r.errorType || r.fault);

/**
 * linesOf lists the attempts of one delivery as lines of parts that follow each other. begin
 * is when the delivery came to be, if that is known. state and now draw what is not over.
 */
export function linesOf(attempts: readonly Run[], begin: number | undefined, state: string, now: number): Line[] {
  const lines: Line[] = [];
  let at = begin;
  const add = (parts: Part[], kind: Kind, from: number, to: number) => {
    if (to > from) parts.push({ kind, from, to });
  };
  for (const run of attempts) {
    const parts: Part[] = [];
    const s = start(run);
    const asked = at === undefined ? s : Math.max(at, s);
    if (at !== undefined) add(parts, lines.length ? 'retry' : 'queue', at, asked);
    const got = asked + run.queuedNanos / 1e6;
    const ready = got + run.initNanos / 1e6;
    const done = ready + run.durationNanos / 1e6;
    add(parts, 'instance', asked, got);
    add(parts, 'init', got, ready);
    add(parts, 'run', ready, done);
    lines.push({ number: lines.length + 1, parts, failed: failed(run), run });
    at = done;
  }
  if (at !== undefined && now > at) {
    const parts: Part[] = [];
    if (state === 'Running') add(parts, 'now', at, now);
    else if (state === 'Retrying') add(parts, 'retry', at, now);
    else if (state === 'Enqueued') add(parts, 'queue', at, now);
    if (parts.length) lines.push({ number: lines.length + 1, parts, failed: false });
  }
  return lines;
}

const idle = (k: Kind) => k === 'queue' || k === 'retry';

export interface Box extends Part {
  /** percent of the axis */
  left: number;
  width: number;
  /** drawn shorter than it was */
  cut: boolean;
}

export interface Scale {
  boxes: Box[][];
  /** percent of the axis and milliseconds since its begin */
  ticks: Tick[];
  total: number;
  /** percent of the axis at a time, in milliseconds since its begin */
  at: (ms: number) => number;
  /** the time at a percent of the axis */
  ms: (percent: number) => number;
}

export interface Tick {
  left: number;
  ms: number;
}

const marks = [0, 25, 50, 75, 100];

/**
 * scaleOf puts lines on one axis. With shorten, a wait that would push everything else
 * together is drawn as long as half of what was done, and marked as cut.
 */
export function scaleOf(lines: readonly Line[], shorten = true): Scale {
  const parts = lines.flatMap((l) => l.parts);
  if (parts.length === 0) return { boxes: lines.map(() => []), ticks: [], total: 0, at: () => 0, ms: () => 0 };
  const busy = parts.reduce((n, p) => n + (idle(p.kind) ? 0 : p.to - p.from), 0);
  const most = shorten && busy > 0 ? busy / 2 : Infinity;
  const begin = parts[0]!.from;
  let drawn = 0;
  const knots: [ms: number, at: number][] = [[0, 0]];
  const placed = lines.map((l) =>
    l.parts.map((p) => {
      const ms = p.to - p.from;
      const cut = idle(p.kind) && ms > most;
      const from = drawn;
      drawn += cut ? most : ms;
      knots.push([p.to - begin, drawn]);
      return { ...p, from_: from, to_: drawn, cut };
    }),
  );
  const of = (x: number) => (drawn > 0 ? (x / drawn) * 100 : 0);
  const between = (x: number, from: 0 | 1, to: 0 | 1) => {
    const i = Math.max(1, knots.findIndex((k) => k[from] >= x - 1e-9));
    const b = knots[i] ?? knots.at(-1)!;
    const a = knots[i - 1] ?? knots[0]!;
    return b[from] > a[from] ? a[to] + ((x - a[from]) / (b[from] - a[from])) * (b[to] - a[to]) : b[to];
  };
  const total = parts.at(-1)!.to - begin;
  const ms = (percent: number) => between((Math.min(100, Math.max(0, percent)) / 100) * drawn, 1, 0);
  return {
    boxes: placed.map((l) => l.map(({ from_, to_, ...p }) => ({ ...p, left: of(from_), width: of(to_ - from_) }))),
    ticks: marks.map((left) => ({ left, ms: ms(left) })),
    total,
    at: (t) => of(between(Math.min(total, Math.max(0, t)), 0, 1)),
    ms,
  };
}

/** Range is a part of the axis, in percent. */
export type Range = readonly [from: number, to: number];

export const whole: Range = [0, 100];

/** least is how much of the axis is shown at least, in percent. */
export const least = 0.5;

/** zoomed is a scale of which only a range is seen; what is outside it stands beyond 0 and 100. */
export function zoomed(scale: Scale, [from, to]: Range): Pick<Scale, 'boxes' | 'ticks'> {
  const k = 100 / (to - from);
  return {
    boxes: scale.boxes.map((l) => l.map((b) => ({ ...b, left: (b.left - from) * k, width: b.width * k }))),
    ticks: marks.map((left) => ({ left, ms: scale.ms(from + left / k) })),
  };
}

/** Grip is what of a range is held: one of its ends, the whole, or nothing of it: then a new one is drawn. */
export type Grip = 'from' | 'to' | 'move' | 'new';

/** dragged is a range after what is held of it went from one place to another. */
export function dragged(range: Range, grip: Grip, start: number, now: number): Range {
  const inside = (x: number, low = 0, high = 100) => Math.min(high, Math.max(low, x));
  const [from, to] = range;
  switch (grip) {
    case 'from':
      return [inside(from + now - start, 0, to - least), to];
    case 'to':
      return [from, inside(to + now - start, from + least, 100)];
    case 'move': {
      const by = inside(now - start, -from, 100 - to);
      return [from + by, to + by];
    }
  }
  const [a, b] = [inside(Math.min(start, now)), inside(Math.max(start, now))];
  const more = Math.max(0, least - (b - a)) / 2;
  const left = inside(a - more, 0, 100 - least);
  return [left, inside(Math.max(b + more, left + least))];
}

/** exactly writes a time on an axis of which so many milliseconds are in sight: near each other, times need more digits; "" where few do. */
export function exactly(ms: number, span: number): string {
  const digits = Math.min(3, Math.max(0, Math.ceil(1.3 - Math.log10(span))));
  return ms < 1000 || span >= 1000 ? '' : `${ms.toFixed(digits)} ms`;
}
