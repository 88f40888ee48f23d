import { oss } from '../../../shared/oss';

/** Existing tells how many objects a trigger would have wanted, were they made now. */
export interface Existing {
  count: number;
  /** there may be more than count: no more than a bounded number was looked at */
  more: boolean;
  examples: { bucket: string; key: string }[];
}

const page = 1000;
const most = 5000; // objects looked at
const enough = 1000; // objects counted

/** outermost leaves out prefixes that others cover. */
export function outermost(prefixes: readonly string[]): string[] {
  const all = [...new Set(prefixes.length > 0 ? prefixes : [''])];
  return all.filter((p) => !all.some((q) => q !== p && p.startsWith(q)));
}

/** existing counts the objects whose keys have one of the prefixes and one of the suffixes; none given: any. */
export async function existing(buckets: readonly string[], prefixes: readonly string[], suffixes: readonly string[], signal?: AbortSignal): Promise<Existing> {
  const out: Existing = { count: 0, more: false, examples: [] };
  let looked = 0;
  for (const bucket of buckets) {
    for (const prefix of outermost(prefixes)) {
      for (let token: string | undefined; ; ) {
        const l = await oss.list(bucket, { prefix, token, limit: page }, signal);
        for (const { key } of l.objects) {
          looked++;
          if (suffixes.length > 0 && !suffixes.some((s) => key.endsWith(s))) continue;
          out.count++;
          if (out.examples.length < 3) out.examples.push({ bucket, key });
        }
        if (!l.next) break;
        if (out.count >= enough || looked >= most) return { ...out, more: true };
        token = l.next;
      }
    }
  }
  return out;
}
