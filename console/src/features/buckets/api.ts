import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import type { BucketTriggers, Events, SignedLink, UploadTriggers } from '../../api/gen';
import { api, objectPath, query, send } from '../../shared/api';
import { child, children, oss, read } from '../../shared/oss';
import { byFolder } from './uploads/plan';

export const keys = {
  all: ['buckets'] as const,
  list: (prefix: string) => ['buckets', 'list', prefix] as const,
  info: (bucket: string) => ['buckets', bucket, 'info'] as const,
  contents: (bucket: string) => ['buckets', bucket, 'objects'] as const,
  objects: (bucket: string, prefix: string) => ['buckets', bucket, 'objects', prefix] as const,
  object: (bucket: string, key: string) => ['buckets', bucket, 'object', key] as const,
  fragments: (bucket: string) => ['buckets', bucket, 'fragments'] as const,
  triggers: (bucket: string) => ['buckets', bucket, 'triggers'] as const,
};

export const bucketList = (prefix: string) =>
  infiniteQueryOptions({
    queryKey: keys.list(prefix),
    queryFn: ({ pageParam, signal }) => oss.buckets({ prefix, marker: pageParam, 'max-keys': 100 }, signal),
    initialPageParam: '',
    getNextPageParam: (last) => last.next || undefined,
  });

export interface BucketInfo {
  name: string;
  region: string;
  created: number;
  owner: string;
  storageClass: string;
  acl: string;
}

export const bucketInfo = (bucket: string) =>
  queryOptions({
    queryKey: keys.info(bucket),
    queryFn: async ({ signal }): Promise<BucketInfo> => {
      const root = read(await (await send(`/oss/${bucket}?bucketInfo`, { signal })).text());
      const b = root.getElementsByTagName('Bucket')[0]!;
      return {
        name: child(b, 'Name'), region: child(b, 'Location').replace(/^oss-/, ''), created: Date.parse(child(b, 'CreationDate')), storageClass: child(b, 'StorageClass'),
        owner: b.getElementsByTagName('ID')[0]?.textContent ?? '', acl: b.getElementsByTagName('Grant')[0]?.textContent ?? '',
      };
    },
  });

export const setBucketAcl = (bucket: string, acl: string) => send(`/oss/${bucket}?acl`, { method: 'PUT', headers: { 'x-oss-acl': acl } });

/** objectList pages through a folder: in pages so short that each is there at once, read ahead of the reader. */
export const objectList = (bucket: string, prefix: string) =>
  infiniteQueryOptions({
    queryKey: keys.objects(bucket, prefix),
    queryFn: ({ pageParam, signal }) => oss.list(bucket, { prefix, delimiter: '/', token: pageParam, limit: pageParam ? 150 : 100 }, signal),
    initialPageParam: '',
    getNextPageParam: (last) => last.next || undefined,
    // Reading again means every page that is loaded: only after a change, not at each glance.
    staleTime: 30_000,
    refetchOnWindowFocus: false,
  });

/** lookUps bounds how many names are asked for one by one, before an upload. */
export const lookUps = 200;

/**
 * existing tells which of some keys are taken. A folder's listing answers for all names in
 * it if it is short; else names are asked for one by one, the first 200. unknown counts
 * those that were not.
 */
export async function existing(bucket: string, all: readonly string[], signal?: AbortSignal): Promise<{ taken: Set<string>; unknown: number }> {
  const taken = new Set<string>();
  const single: string[] = [];
  let listings = 0;
  for (const [folder, group] of byFolder(all)) {
    if (group.length > 2 && listings++ < 100) {
      const l = await oss.list(bucket, { prefix: folder, delimiter: '/', limit: 1000 }, signal);
      if (!l.next) {
        const there = new Set(l.objects.map((o) => o.key));
        for (const k of group) if (there.has(k)) taken.add(k);
        continue;
      }
    }
    single.push(...group);
  }
  const asked = single.slice(0, lookUps);
  await inTurns(3, asked, async (key) => {
    const l = await oss.list(bucket, { prefix: key, limit: 1 }, signal);
    if (l.objects[0]?.key === key) taken.add(key);
  });
  return { taken, unknown: single.length - asked.length };
}

/** inTurns does something with each item, so many at a time: a browser has six connections. */
export async function inTurns<T>(width: number, items: readonly T[], f: (item: T) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < items.length) await f(items[next++]!);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
}

/** uploadTriggers tells what uploading some files would fire, and why not. At most 200. */
export const uploadTriggers = (bucket: string, files: { key: string; event: string; size: number; contentType?: string }[]) =>
  api.post<UploadTriggers>(`/buckets/${encodeURIComponent(bucket)}/upload-triggers`, { files });

export const bucketTriggers = (bucket: string) =>
  queryOptions({ queryKey: keys.triggers(bucket), queryFn: ({ signal }) => api.get<BucketTriggers>(`/buckets/${encodeURIComponent(bucket)}/triggers`, {}, signal) });

export interface Fragment {
  key: string;
  uploadId: string;
  initiated: number;
}

type FragmentCursor = { key: string; id: string };

/** fragmentsAfter is a page of the unfinished uploads behind a cursor; without next, the last one. */
export async function fragmentsAfter(bucket: string, from: FragmentCursor, signal?: AbortSignal): Promise<{ fragments: Fragment[]; next?: FragmentCursor }> {
  const path = `/oss/${bucket}?uploads&${query({ 'encoding-type': 'url', 'max-uploads': 1000, 'key-marker': from.key, 'upload-id-marker': from.id }).slice(1)}`;
  const root = read(await (await send(path, { signal })).text());
  const decode = (s: string) => decodeURIComponent(s.replace(/\+/g, ' '));
  const fragments: Fragment[] = children(root, 'Upload').map((u) => ({ key: decode(child(u, 'Key')), uploadId: child(u, 'UploadId'), initiated: Date.parse(child(u, 'Initiated')) }));
  const more = child(root, 'IsTruncated') === 'true';
  return { fragments, next: more ? { key: decode(child(root, 'NextKeyMarker')), id: child(root, 'NextUploadIdMarker') } : undefined };
}

export const fragmentList = (bucket: string) =>
  infiniteQueryOptions({
    queryKey: keys.fragments(bucket),
    queryFn: ({ pageParam, signal }) => fragmentsAfter(bucket, pageParam, signal),
    initialPageParam: { key: '', id: '' },
    getNextPageParam: (last) => last.next,
  });

/** fragmentSize is the bytes and the number of the parts that an upload has so far. */
export const fragmentSize = (bucket: string, f: Fragment) =>
  queryOptions({
    queryKey: [...keys.fragments(bucket), f.uploadId],
    staleTime: 15_000,
    queryFn: async ({ signal }) => {
      let size = 0;
      let parts = 0;
      for (let marker = ''; ; ) {
        const root = read(await (await send(objectPath(bucket, f.key) + query({ uploadId: f.uploadId, 'part-number-marker': marker, 'max-parts': 1000 }), { signal })).text());
        for (const p of children(root, 'Part')) {
          size += Number(child(p, 'Size'));
          parts++;
        }
        if (child(root, 'IsTruncated') !== 'true') return { size, parts };
        marker = child(root, 'NextPartNumberMarker');
      }
    },
  });

export const abortFragment = (bucket: string, f: Fragment) => send(objectPath(bucket, f.key) + query({ uploadId: f.uploadId }), { method: 'DELETE' });

/** standard are the headers of an object that can be edited, as people write them. */
export const standard = ['Content-Type', 'Cache-Control', 'Content-Disposition', 'Content-Encoding', 'Content-Language', 'Expires'] as const;

export interface ObjectInfo {
  size: number;
  modified: number;
  etag: string;
  contentType: string;
  kind: string; // Normal, Multipart, Appendable or Symlink
  storageClass: string;
  crc64: string;
  run: string; // which run wrote it
  headers: Record<string, string>; // those of standard that are set
  user: [string, string][]; // without x-oss-meta-
}

export const objectInfo = (bucket: string, key: string) =>
  queryOptions({
    queryKey: keys.object(bucket, key),
    queryFn: async (): Promise<ObjectInfo> => {
      const h = await oss.head(bucket, key);
      const get = (name: string) => h.get(name) ?? '';
      const headers: Record<string, string> = {};
      for (const name of standard) if (h.has(name)) headers[name] = get(name);
      const user: [string, string][] = [];
      h.forEach((value, name) => {
        if (name.startsWith('x-oss-meta-')) user.push([name.slice('x-oss-meta-'.length), value]);
      });
      return {
        size: Number(get('Content-Length')), modified: Date.parse(get('Last-Modified')), etag: get('ETag').replace(/"/g, ''), contentType: get('Content-Type'),
        kind: get('x-oss-object-type'), storageClass: get('x-oss-storage-class'), crc64: get('x-oss-hash-crc64ecma'), run: get('x-alcedo-run'), headers, user: user.sort(),
      };
    },
  });

/** setMetadata gives an object other metadata: all of them, in place of those it had. */
export function setMetadata(bucket: string, key: string, info: ObjectInfo, headers: Record<string, string>, user: [string, string][]): Promise<Response> {
  const out: Record<string, string> = {
    'x-oss-copy-source': '/' + bucket + '/' + key.split('/').map(encodeURIComponent).join('/'), 'x-oss-metadata-directive': 'REPLACE',
    'x-oss-copy-source-if-match': `"${info.etag}"`, // what somebody else has written meanwhile keeps its own
    ...headers,
  };
  for (const [name, value] of user) out['x-oss-meta-' + name] = value;
  return send(objectPath(bucket, key), { method: 'PUT', headers: out });
}

export const objectAcl = (bucket: string, key: string) =>
  queryOptions({
    queryKey: [...keys.object(bucket, key), 'acl'],
    queryFn: async ({ signal }) => read(await (await send(objectPath(bucket, key) + '?acl', { signal })).text()).getElementsByTagName('Grant')[0]?.textContent ?? '',
  });

export const setObjectAcl = (bucket: string, key: string, acl: string) => send(objectPath(bucket, key) + '?acl', { method: 'PUT', headers: { 'x-oss-object-acl': acl } });

export const objectEvents = (bucket: string, key: string) =>
  queryOptions({ queryKey: [...keys.object(bucket, key), 'events'], queryFn: ({ signal }) => api.get<Events>('/events', { bucket, key, limit: 20 }, signal) });

/** link has the server sign a link with the reader's own key. */
export const link = (bucket: string, key: string, seconds: number, more: { process?: string; download?: boolean } = {}) =>
  api.post<SignedLink>('/objects/link', { bucket, key, seconds, ...more });

/** ossAddress is where programs reach the objects: http://host:port. */
export const ossAddress = (bucket: string) =>
  queryOptions({ queryKey: ['oss-address'], staleTime: Infinity, retry: false, queryFn: async () => new URL((await link(bucket, 'x', 1)).url).origin });

/** saveAs processes an image on the server and keeps the result as another object. */
export async function saveAs(bucket: string, key: string, process: string): Promise<void> {
  await send(objectPath(bucket, key) + '?x-oss-process', { method: 'POST', body: 'x-oss-process=' + process, headers: { 'Content-Type': 'text/plain' } });
}

export const putFolder = (bucket: string, key: string) => send(objectPath(bucket, key), { method: 'PUT', body: '', headers: { 'x-oss-forbid-overwrite': 'true' } });

/** download has the browser save an object under its own name. */
export const downloadPath = (bucket: string, key: string): string => objectPath(bucket, key) + '?response-content-disposition=attachment';
