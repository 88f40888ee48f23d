// Time series as charts want them: columns of one length.
import type { Series } from '../api/gen';

/** ranges are the spans that charts offer, with the step that suits each, in seconds. */
export const ranges = {
  '15m': { span: 900, step: 10 },
  '1h': { span: 3600, step: 60 },
  '6h': { span: 21600, step: 300 },
  '24h': { span: 86400, step: 900 },
} as const;
export type Range = keyof typeof ranges;

export const rangeOf = (text: string | undefined): Range => (text !== undefined && Object.hasOwn(ranges, text) ? (text as Range) : '1h');

export interface Columns {
  times: number[]; // Unix time, seconds
  events: number[];
  runs: number[];
  errors: number[];
  throttles: number[];
  cold: number[];
  /** milliseconds; null where nothing ran */
  p50: (number | null)[];
  p99: (number | null)[];
  memory: (number | null)[];
  /** null where nobody looked */
  waiting: (number | null)[];
}

/**
 * columns turns a series into columns over the whole of its span: what is not known, since
 * it was before the server counted, is null or 0 as its column has it.
 */
export function columns(s: Series): Columns {
  const c: Columns = { times: [], events: [], runs: [], errors: [], throttles: [], cold: [], p50: [], p99: [], memory: [], waiting: [] };
  const at = new Map((s.points ?? []).map((p) => [p.t, p]));
  const ms = (ns: number | undefined) => (ns === undefined ? null : ns / 1e6);
  for (let t = s.from; t < s.to && c.times.length < 2000; t += s.step) {
    const p = at.get(t);
    c.times.push(t);
    c.events.push(p?.events ?? 0);
    c.runs.push(p?.runs ?? 0);
    c.errors.push(p?.errors ?? 0);
    c.throttles.push(p?.throttles ?? 0);
    c.cold.push(p?.cold ?? 0);
    c.p50.push(ms(p?.p50Nanos));
    c.p99.push(ms(p?.p99Nanos));
    c.memory.push(p?.memoryMB || null);
    c.waiting.push(p?.waiting ?? null);
  }
  return c;
}

/** perMinute turns counts per step into counts per minute. */
export function perMinute(counts: readonly number[], step: number): number[] {
  return counts.map((n) => (n * 60) / step);
}

/** short writes a number for an axis: 1.2k rather than 1,234. */
export function short(n: number): string {
  const a = Math.abs(n);
  if (a >= 1e6) return `${Math.round(n / 1e5) / 10}M`;
  if (a >= 1e4) return `${Math.round(n / 1e3)}k`;
  if (a >= 1e3) return `${Math.round(n / 1e2) / 10}k`;
  return String(Math.round(n * 100) / 100);
}

/** shortMs writes milliseconds for an axis. */
export function shortMs(ms: number): string {
  if (ms >= 60_000) return `${Math.round(ms / 6000) / 10} min`;
  if (ms >= 1000) return `${Math.round(ms / 100) / 10} s`;
  if (ms === 0) return '0';
  return ms >= 1 ? `${Math.round(ms * 10) / 10} ms` : `${Math.round(ms * 1000)} µs`;
}
