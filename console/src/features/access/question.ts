// What is asked of Check: a form's fields, the URL's parts, and what is wrong with them.
import { known, resourceKind, services } from './actions';
import { fits, resourceRight } from './policy';
import { build, type Parts, type Where } from './resource';

export const kinds = ['user', 'role', 'key', 'service'] as const;
export type Kind = (typeof kinds)[number];

export const assume = 'sts:AssumeRole';

/** Question is a form as it is typed. */
export interface Question {
  kind: Kind;
  who: string;
  /** action is what is typed; a service can only assume roles: see actionOf */
  action: string;
  parts: Parts;
  ip: string;
  /** at is an exact time, or undefined for now */
  at?: string;
  secure: boolean;
  /** prefix and delimiter are a listing's */
  prefix: string;
  delimiter: string;
}

export const actionOf = (q: Pick<Question, 'kind' | 'action'>) => (q.kind === 'service' ? assume : q.action.trim());
export const lists = (action: string) => /^oss:ListObjects$/i.test(action);
export const assumes = (action: string) => action.toLowerCase() === assume.toLowerCase();

export type Flaw = 'whoNeeded' | 'actionNeeded' | 'nameNeeded' | 'bucketRule' | 'bucketOnly' | 'functionRule' | 'nameRule' | 'resourceRule' | 'ipRule';

/** flaws are keys under check of the locale, by field. */
export function flaws(q: Question): { who?: Flaw; action?: Flaw; name?: Flaw; ip?: Flaw } {
  const action = actionOf(q);
  return {
    who: q.who.trim() === '' ? 'whoNeeded' : undefined,
    action: /^[A-Za-z0-9-]+:[A-Za-z0-9-]+$/.test(action) ? undefined : 'actionNeeded',
    name: nameFlaw(action, q.parts.name.trim()),
    ip: q.ip.trim() === '' || isAddress(q.ip.trim()) || assumes(action) ? undefined : 'ipRule',
  };
}

function nameFlaw(action: string, name: string): Flaw | undefined {
  const kind = resourceKind(action);
  if (name === '') return kind === 'object' || kind === 'other' || assumes(action) ? 'nameNeeded' : undefined;
  switch (kind) {
    case 'object':
    case 'bucket':
      if (/^[a-z0-9-]+\//.test(name)) return 'bucketOnly';
      return /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(name) ? undefined : 'bucketRule';
    case 'function':
      return /^[A-Za-z_][\w-]{0,127}$/.test(name) ? undefined : 'functionRule';
    case 'user':
    case 'role':
      return /^[A-Za-z0-9._-]{1,64}$/.test(name) ? undefined : 'nameRule';
    case 'other':
      return resourceRight(name) ? undefined : 'resourceRule';
  }
}

/** unknownAction says that nothing here ever asks for an action: likely a slip. */
export function unknownAction(action: string): boolean {
  const service = action.slice(0, action.indexOf(':')).toLowerCase();
  return services.includes(service) && !known.some((k) => fits(action, k));
}

export function isAddress(text: string): boolean {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return text.split('.').every((p) => Number(p) < 256 && String(Number(p)) === p);
  return /^[0-9a-f:.]+$/i.test(text) && text.includes(':') && URL.canParse(`http://[${text}]/`);
}

export interface Asked {
  kind?: string;
  who?: string;
  action?: string;
  resource?: string;
  ip?: string;
  at?: string;
  secure?: string;
  prefix?: string;
  delimiter?: string;
}

/** asked is a question as it stands in the URL. */
export function asked(q: Question, where: Where): Asked {
  const action = actionOf(q);
  const parts = { name: q.parts.name.trim(), key: q.parts.key };
  const circumstances = assumes(action) ? {} : { ip: q.ip.trim() || undefined, secure: q.secure ? '1' : undefined };
  const listing = lists(action) ? { prefix: q.prefix || undefined, delimiter: q.delimiter || undefined } : {};
  return { kind: q.kind, who: q.who.trim(), action, resource: build(resourceKind(action), parts, where), at: q.at, ...circumstances, ...listing };
}
