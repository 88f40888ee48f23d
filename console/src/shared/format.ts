// Numbers, sizes and times as people read them, in the reader's language.
import i18n from 'i18next';

export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  const units = ['KB', 'MB', 'GB', 'TB', 'PB'];
  let v = n;
  let u = -1;
  do {
    v /= 1024;
    u++;
  } while (v >= 999.5 && u < units.length - 1);
  return `${v < 9.995 ? v.toFixed(2) : v < 99.95 ? v.toFixed(1) : v.toFixed(0)} ${units[u]}`;
}

/** duration takes nanoseconds. */
export function duration(ns: number): string {
  const ms = ns / 1e6;
  if (ms < 1) return `${Math.round(ns / 1e3)} µs`;
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 60) return `${s.toFixed(s < 10 ? 2 : 1)} s`;
  const m = Math.floor(s / 60);
  if (m < 60) return `${m} min ${Math.round(s % 60)} s`;
  return `${Math.floor(m / 60)} h ${m % 60} min`;
}

// Making a formatter takes some 50 µs, a hundred times of what it then needs.
const numbers = new Map<string, Intl.NumberFormat>();
const relatives = new Map<string, Intl.RelativeTimeFormat>();

function kept<T>(of: Map<string, T>, make: (language: string) => T): T {
  let f = of.get(i18n.language);
  if (!f) of.set(i18n.language, (f = make(i18n.language)));
  return f;
}

export function count(n: number): string {
  return kept(numbers, (l) => new Intl.NumberFormat(l)).format(n);
}

export type Zone = 'local' | 'utc';

/** moment is an exact time, to the millisecond. */
export function moment(t: number | Date, zone: Zone = 'local', withMillis = false): string {
  const d = new Date(t);
  const iso = zone === 'utc' ? d.toISOString() : new Date(d.getTime() - d.getTimezoneOffset() * 60_000).toISOString();
  return iso.slice(0, 10) + ' ' + iso.slice(11, withMillis ? 23 : 19) + (zone === 'utc' ? ' UTC' : '');
}

/** ago is a time relative to now. */
export function ago(t: number, now = Date.now()): string {
  const s = Math.round((t - now) / 1000);
  const f = kept(relatives, (l) => new Intl.RelativeTimeFormat(l, { numeric: 'auto' }));
  const a = Math.abs(s);
  if (a < 60) return f.format(s, 'second');
  if (a < 3600) return f.format(Math.round(s / 60), 'minute');
  if (a < 86400) return f.format(Math.round(s / 3600), 'hour');
  return f.format(Math.round(s / 86400), 'day');
}
