// Ranges of time as they stand in the URL: "15m" before now, or exact times in RFC 3339.
import type { Zone } from './format';

const units: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** instant is the time that a text of the URL means; undefined if it means none. */
export function instant(text: string | undefined, now = Date.now()): string | undefined {
  if (!text) return undefined;
  const ago = /^(\d{1,5})([mhd])$/.exec(text);
  if (ago) return new Date(now - Number(ago[1]) * units[ago[2]!]!).toISOString();
  return Number.isNaN(Date.parse(text)) ? undefined : text;
}

/** toInput writes an exact time for an input of the type datetime-local. */
export function toInput(text: string | undefined, zone: Zone): string {
  const at = Date.parse(instant(text) ?? '');
  if (Number.isNaN(at)) return '';
  const shift = zone === 'utc' ? 0 : new Date(at).getTimezoneOffset() * 60_000;
  return new Date(at - shift).toISOString().slice(0, 19);
}

/** fromInput is its inverse. */
export function fromInput(value: string, zone: Zone): string | undefined {
  if (!value) return undefined;
  const at = Date.parse(zone === 'utc' ? value + 'Z' : value);
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}

/** around is the span of a moment: from a millisecond before it, for times are kept as fractions that may be less, until one after. */
export function around(text: string): { since: string; until: string } {
  const at = Math.floor(Date.parse(text));
  return { since: new Date(at - 1).toISOString(), until: new Date(at + 1).toISOString() };
}
