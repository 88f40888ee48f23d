// Patterns of EventBridge rules: the ones that can be put together from buckets, prefixes,
// suffixes and events, and back.

/** Parts is what a pattern listens to; empty lists stand for "any". */
export interface Parts {
  buckets: string[];
  prefixes: string[];
  suffixes: string[];
  events: string[];
}

type Expression = string | Record<string, string>;

interface Built {
  source: string[];
  type?: Expression[];
  subject?: Expression[];
  data?: { oss: { bucket?: { name: string[] }; object?: { key: Expression[] } } };
}

/** most expressions that one array of a pattern may have */
export const most = 5;

const bucketEvents = ['oss:BucketCreated:PutBucket', 'oss:BucketRemoved:DeleteBucket'];

/** Trouble says why parts make no pattern, and which of them is at fault. */
export class Trouble extends Error {
  constructor(
    readonly field: keyof Parts,
    readonly reason: 'tooMany' | 'product' | 'noBucket' | 'noKey' | 'slash',
    readonly values: Record<string, string | number> = {},
  ) {
    super(reason);
  }
}

/**
 * build makes the pattern that wants the events on keys which have one of the prefixes and
 * one of the suffixes, in one of the buckets. Expressions in one array are alternatives, so
 * prefixes and suffixes cannot share one: prefixes stand in the subject, which begins with
 * the bucket's ARN, suffixes in the key. arn is "acs:oss:<region>:<account>:".
 */
export function build(arn: string, p: Parts): Built {
  const out: Built = { source: ['acs.oss'] };
  const oss: NonNullable<Built['data']>['oss'] = {};
  for (const field of ['buckets', 'prefixes', 'suffixes', 'events'] as const) {
    if (p[field].length > most) throw new Trouble(field, 'tooMany', { n: p[field].length, most });
  }
  const slash = p.prefixes.find((s) => s.startsWith('/'));
  if (slash !== undefined) throw new Trouble('prefixes', 'slash', { prefix: slash });
  const keyless = p.events.find((e) => bucketEvents.includes(e));
  if (keyless && p.prefixes.length + p.suffixes.length > 0) throw new Trouble('events', 'noKey', { event: keyless });
  if (p.events.length > 0) out.type = p.events.map((e) => (e.endsWith('*') ? { prefix: e.slice(0, -1) } : e));
  if (p.buckets.length > 0 && p.prefixes.length > 0) {
    const n = p.buckets.length * p.prefixes.length;
    if (n > most) throw new Trouble('prefixes', 'product', { buckets: p.buckets.length, prefixes: p.prefixes.length, n, most });
    out.subject = p.buckets.flatMap((b) => p.prefixes.map((s) => ({ prefix: `${arn}${b}/${s}` })));
  } else if (p.buckets.length > 0) {
    oss.bucket = { name: [...p.buckets] };
  } else if (p.prefixes.length > 0 && p.suffixes.length > 0) {
    throw new Trouble('buckets', 'noBucket');
  } else if (p.prefixes.length > 0) {
    oss.object = { key: p.prefixes.map((prefix) => ({ prefix })) };
  }
  if (p.suffixes.length > 0) oss.object = { key: p.suffixes.map((suffix) => ({ suffix })) };
  if (oss.bucket || oss.object) out.data = { oss };
  return out;
}

/** partsOf reads a pattern that build could have made; null for any other. */
export function partsOf(arn: string, text: string): Parts | null {
  let v: unknown;
  try {
    v = JSON.parse(text);
  } catch {
    return null;
  }
  const p: Parts = { buckets: [], prefixes: [], suffixes: [], events: [] };
  try {
    const b = v as Built;
    p.events = (b.type ?? []).map((e) => (typeof e === 'string' ? e : e.prefix + '*'));
    for (const s of b.subject ?? []) {
      const rest = (s as { prefix: string }).prefix.slice(arn.length);
      const at = rest.indexOf('/');
      p.buckets.push(rest.slice(0, at));
      p.prefixes.push(rest.slice(at + 1));
    }
    p.buckets = [...new Set([...p.buckets, ...(b.data?.oss?.bucket?.name ?? [])])];
    for (const k of b.data?.oss?.object?.key ?? []) {
      const e = k as { prefix?: string; suffix?: string };
      if (e.suffix !== undefined) p.suffixes.push(e.suffix);
      else p.prefixes.push(e.prefix!);
    }
    p.prefixes = [...new Set(p.prefixes)];
    return JSON.stringify(ordered(build(arn, p))) === JSON.stringify(ordered(v)) ? p : null;
  } catch {
    return null;
  }
}

// ordered sorts names, which mean the same in any order.
function ordered(v: unknown): unknown {
  if (Array.isArray(v)) return v.map(ordered);
  if (v === null || typeof v !== 'object') return v;
  return Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, x]) => [k, ordered(x)]));
}
