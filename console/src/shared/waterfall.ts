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
  ticks: { left: number; ms: number }[];
  total: number;
}

/**
 * scaleOf puts lines on one axis. A wait that would push everything else together is drawn
 * as long as half of what was done, and marked as cut.
 */
export function scaleOf(lines: readonly Line[]): Scale {
  const parts = lines.flatMap((l) => l.parts);
  if (parts.length === 0) return { boxes: lines.map(() => []), ticks: [], total: 0 };
  const busy = parts.reduce((n, p) => n + (idle(p.kind) ? 0 : p.to - p.from), 0);
  const most = busy > 0 ? busy / 2 : Infinity;
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
  const boxes = placed.map((l) => l.map(({ from_, to_, ...p }) => ({ ...p, left: of(from_), width: of(to_ - from_) })));
  const ticks = [0, 25, 50, 75, 100].map((left) => {
    const x = (left / 100) * drawn;
    const i = Math.max(1, knots.findIndex(([, k]) => k >= x - 1e-9));
    const [m1, k1] = knots[i] ?? knots.at(-1)!;
    const [m0, k0] = knots[i - 1] ?? knots[0]!;
    return { left, ms: k1 > k0 ? m0 + ((x - k0) / (k1 - k0)) * (m1 - m0) : m1 };
  });
  return { boxes, ticks, total: parts.at(-1)!.to - begin };
}
