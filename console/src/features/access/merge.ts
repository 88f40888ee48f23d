// What somebody changed while another did, part by part: a user or a role has few parts.
import type { DraftPolicy } from './policies-field';

/** Parts is what is edited: texts by their names, and policies. */
export interface Parts {
  policies: DraftPolicy[];
  [text: string]: string | DraftPolicy[];
}

export interface Merged<D> {
  value: D;
  /** clashes are the parts that both changed, each to something else: mine stands there. Policies by their names. */
  clashes: { part: string; policy?: boolean }[];
}

/** merge puts what mine changed of base into theirs. */
export function merge<D extends Parts>(base: D, mine: D, theirs: D): Merged<D> {
  const clashes: Merged<D>['clashes'] = [];
  const pick = <T extends string | undefined>(part: string, b: T, m: T, t: T, policy = false): T => {
    if (m === b || m === t) return t;
    if (t !== b) clashes.push(policy ? { part, policy } : { part });
    return m;
  };
  const value: Parts = { ...theirs };
  for (const part of Object.keys(theirs)) {
    const [b, m, t] = [base[part], mine[part], theirs[part]];
    if (typeof b === 'string' && typeof m === 'string' && typeof t === 'string') value[part] = pick(part, b, m, t);
  }
  const of = (list: DraftPolicy[], name: string) => list.find((p) => p.name.toLowerCase() === name.toLowerCase());
  const added = mine.policies.filter((p) => !of(theirs.policies, p.name));
  value.policies = [...theirs.policies, ...added].flatMap(({ name }) => {
    const m = of(mine.policies, name);
    const text = pick(name, of(base.policies, name)?.text, m?.text, of(theirs.policies, name)?.text, true);
    return text === undefined ? [] : [{ name: m?.name ?? name, text }];
  });
  return { value: value as D, clashes };
}
