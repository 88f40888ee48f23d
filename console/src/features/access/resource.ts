// Resources as policies name them, from names and back.
import type { ResourceKind } from './actions';

export interface Where {
  region: string;
  account: string;
}

/** Parts are what a reader names; key is only for objects. */
export interface Parts {
  name: string;
  key: string;
}

export function build(kind: ResourceKind, p: Parts, { region, account }: Where): string {
  switch (kind) {
    case 'bucket':
      return `acs:oss:${region}:${account}:${p.name || '*'}`;
    case 'object':
      return `acs:oss:${region}:${account}:${p.name}/${p.key}`;
    case 'function':
      return `acs:fc:${region}:${account}:functions/${p.name || '*'}`;
    case 'user':
    case 'role':
      return `acs:ram::${account}:${kind}/${p.name || '*'}`;
    case 'other':
      return p.name;
  }
}

/** take reads a resource of a kind; undefined if it is another's. */
export function take(kind: ResourceKind, resource: string): Parts | undefined {
  if (kind === 'other') return { name: resource, key: '' };
  const rest = (re: RegExp) => re.exec(resource)?.[1];
  let name: string | undefined;
  switch (kind) {
    case 'bucket':
      name = rest(/^acs:oss:[^:]*:[^:]*:([^/]*)$/);
      break;
    case 'object': {
      const all = rest(/^acs:oss:[^:]*:[^:]*:([^/]*\/.*)$/s);
      if (all === undefined) return undefined;
      const cut = all.indexOf('/');
      return { name: all.slice(0, cut), key: all.slice(cut + 1) };
    }
    case 'function':
      name = rest(/^acs:fc:[^:]*:[^:]*:functions\/(.*)$/);
      break;
    case 'user':
      name = rest(/^acs:ram:[^:]*:[^:]*:user\/(.*)$/);
      break;
    case 'role':
      name = rest(/^acs:ram:[^:]*:[^:]*:role\/(.*)$/);
  }
  return name === undefined ? undefined : { name: name === '*' ? '' : name, key: '' };
}
