import type { Trigger } from '../../../api/gen';

export interface Listens {
  prefix?: string;
  suffix?: string;
  events?: string[]; // undefined: any, or as the pattern says
  pattern?: string; // of a rule
  any?: boolean; // a rule that names no bucket
}

type Json = Record<string, unknown>;
const at = (v: unknown, ...path: string[]): unknown => path.reduce<unknown>((o, k) => (o && typeof o === 'object' ? (o as Json)[k] : undefined), v);
const texts = (v: unknown): string[] | undefined => (Array.isArray(v) && v.length > 0 && v.every((x) => typeof x === 'string') ? v : undefined);

// matchers are what a field's {prefix} or {suffix} say; of several, all.
const matchers = (v: unknown, kind: 'prefix' | 'suffix'): string | undefined =>
  (Array.isArray(v) ? v.flatMap((x) => (typeof at(x, kind) === 'string' ? [at(x, kind) as string] : [])) : []).join(', ') || undefined;

/** listensTo reads from a trigger's configuration what can be told of it in a line. */
export function listensTo(t: Pick<Trigger, 'triggerType' | 'triggerConfig'>): Listens {
  try {
    const c = JSON.parse(t.triggerConfig) as unknown;
    if (t.triggerType === 'oss') {
      return { prefix: at(c, 'filter', 'key', 'prefix') as string | undefined, suffix: at(c, 'filter', 'key', 'suffix') as string | undefined, events: texts(at(c, 'events')) };
    }
    const pattern = String(at(c, 'eventRuleFilterPattern') ?? '');
    const p = JSON.parse(pattern) as unknown;
    const key = at(p, 'data', 'oss', 'object', 'key');
    const subject = at(p, 'subject');
    const below = matchers(subject, 'prefix')?.split(', ').map((s) => s.split(':').slice(4).join(':').replace(/^[^/]*\/?/, '')).filter(Boolean).join(', ');
    return { prefix: matchers(key, 'prefix') ?? (below || undefined), suffix: matchers(key, 'suffix') ?? matchers(subject, 'suffix'), events: texts(at(p, 'type')), pattern, any: !subject && !at(p, 'data', 'oss', 'bucket') };
  } catch {
    return {};
  }
}
