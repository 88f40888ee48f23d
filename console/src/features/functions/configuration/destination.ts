// Where results of asynchronous invocations go.

export type Kind = 'none' | 'function' | 'object' | 'http' | 'other';

export interface Destination {
  kind: Kind;
  function: string;
  qualifier: string;
  bucket: string;
  prefix: string;
  url: string;
}

export const nowhere: Destination = { kind: 'none', function: '', qualifier: '', bucket: '', prefix: '', url: '' };

/** parse reads what names a destination; what it does not know is of the kind "other", in url. */
export function parse(arn: string): Destination {
  if (arn === '') return nowhere;
  const fn = /^acs:fc:[^:]*:[^:]*:functions\/([^/]+)(?:\/(.+))?$/.exec(arn);
  if (fn) return { ...nowhere, kind: 'function', function: fn[1]!, qualifier: fn[2] ?? '' };
  const oss = /^acs:oss:[^:]*:[^:]*:([^/]+)(?:\/(.*))?$/s.exec(arn);
  if (oss) return { ...nowhere, kind: 'object', bucket: oss[1]!, prefix: oss[2] ?? '' };
  return { ...nowhere, kind: /^https?:\/\//i.test(arn) ? 'http' : 'other', url: arn };
}

/** build writes it; '' for none. What is half chosen names nothing yet: it is unfinished. */
export function build(d: Destination, region: string, account: string): string {
  switch (d.kind) {
    case 'none':
      return '';
    case 'function':
      return `acs:fc:${region}:${account}:functions/${d.function}${d.function && d.qualifier && d.qualifier !== 'LATEST' ? '/' + d.qualifier : ''}`;
    case 'object':
      return `acs:oss:${region}:${account}:${d.bucket}/${d.prefix}`;
    default:
      return d.url || 'https://';
  }
}

/** unfinished tells the kind of a destination that names nothing yet; '' if it names something, or is none. */
export const unfinished = (arn: string): '' | 'function' | 'object' | 'http' =>
  arn === '' ? '' : /^acs:fc:[^/]*:functions\/$/.test(arn) ? 'function' : /^acs:oss:[^/]*:\//.test(arn) ? 'object' : /^https?:\/*$/i.test(arn) ? 'http' : '';
