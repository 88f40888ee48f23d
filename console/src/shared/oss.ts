// OSS answers in XML; this reads the few documents that the console needs.
import { objectPath, query, send } from './api';

export function read(text: string): Element {
  const doc = new DOMParser().parseFromString(text, 'application/xml');
  if (doc.querySelector('parsererror')) throw new Error('The answer is not XML.');
  return doc.documentElement;
}

// Siblings are walked one by one: an element's collection of children is live, and slow to go through.
export function child(e: Element, name: string): string {
  for (let c = e.firstElementChild; c; c = c.nextElementSibling) if (c.tagName === name) return c.textContent ?? '';
  return '';
}

export function children(e: Element, name: string): Element[] {
  const out: Element[] = [];
  for (let c = e.firstElementChild; c; c = c.nextElementSibling) if (c.tagName === name) out.push(c);
  return out;
}

export interface Bucket {
  name: string;
  created: number;
  region: string;
}

function parseBuckets(text: string): { buckets: Bucket[]; next: string } {
  const root = read(text);
  const buckets = [...root.getElementsByTagName('Bucket')].map((b) => ({
    name: child(b, 'Name'),
    created: Date.parse(child(b, 'CreationDate')),
    region: child(b, 'Region') || child(b, 'Location').replace(/^oss-/, ''),
  }));
  return { buckets, next: child(root, 'NextMarker') };
}

export interface Item {
  key: string;
  size: number;
  modified: number;
  etag: string;
  type: string;
}

export interface Listing {
  folders: string[];
  objects: Item[];
  next: string;
}

function parseListing(text: string): Listing {
  const root = read(text);
  const encoded = child(root, 'EncodingType') === 'url';
  const key = (s: string) => (encoded ? decodeURIComponent(s.replace(/\+/g, ' ')) : s);
  return {
    folders: children(root, 'CommonPrefixes').map((p) => key(child(p, 'Prefix'))),
    objects: children(root, 'Contents').map((c) => ({
      key: key(child(c, 'Key')),
      size: Number(child(c, 'Size')),
      modified: Date.parse(child(c, 'LastModified')),
      etag: child(c, 'ETag').replace(/"/g, ''),
      type: child(c, 'Type'),
    })),
    next: child(root, 'IsTruncated') === 'true' ? child(root, 'NextContinuationToken') : '',
  };
}

export const oss = {
  buckets: async (q: { prefix?: string; marker?: string; 'max-keys'?: number } = {}, signal?: AbortSignal) =>
    parseBuckets(await (await send('/oss/' + query(q), { signal })).text()),
  list: async (bucket: string, q: { prefix?: string; delimiter?: string; token?: string; limit?: number }, signal?: AbortSignal) =>
    parseListing(
      await (
        await send(
          `/oss/${bucket}` +
            query({ 'list-type': 2, 'encoding-type': 'url', prefix: q.prefix, delimiter: q.delimiter, 'continuation-token': q.token, 'max-keys': q.limit ?? 200 }),
          { signal },
        )
      ).text(),
    ),
  /** under gives all objects whose keys begin with a prefix, in lists of up to a thousand. What of them is deleted on the way does not matter. */
  async *under(bucket: string, prefix: string, signal?: AbortSignal): AsyncGenerator<Item[]> {
    for (let token = ''; ; ) {
      const l = await oss.list(bucket, { prefix, token, limit: 1000 }, signal);
      yield l.objects;
      if (!l.next) return;
      token = l.next;
    }
  },
  createBucket: (name: string) => send('/oss/' + name, { method: 'PUT' }),
  deleteBucket: (name: string) => send('/oss/' + name, { method: 'DELETE' }),
  head: async (bucket: string, key: string) => (await send(objectPath(bucket, key), { method: 'HEAD' })).headers,
  remove: (bucket: string, key: string) => send(objectPath(bucket, key), { method: 'DELETE' }),
};
