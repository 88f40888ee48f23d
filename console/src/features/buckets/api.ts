import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import type { Match } from '../../api/gen';
import { api, send } from '../../shared/api';
import { oss } from '../../shared/oss';

export const keys = {
  all: ['buckets'] as const,
  list: (prefix: string) => ['buckets', 'list', prefix] as const,
  objects: (bucket: string, prefix: string) => ['buckets', bucket, 'objects', prefix] as const,
  object: (bucket: string, key: string) => ['buckets', bucket, 'object', key] as const,
  fragments: (bucket: string) => ['buckets', bucket, 'fragments'] as const,
};

export const bucketList = (prefix: string) =>
  infiniteQueryOptions({
    queryKey: keys.list(prefix),
    queryFn: ({ pageParam, signal }) => oss.buckets({ prefix, marker: pageParam, 'max-keys': 100 }, signal),
    initialPageParam: '',
    getNextPageParam: (last) => last.next || undefined,
  });

export const objectList = (bucket: string, prefix: string) =>
  infiniteQueryOptions({
    queryKey: keys.objects(bucket, prefix),
    queryFn: ({ pageParam, signal }) => oss.list(bucket, { prefix, delimiter: '/', token: pageParam, limit: 200 }, signal),
    initialPageParam: '',
    getNextPageParam: (last) => last.next || undefined,
  });

/** exists tells which of some keys are taken, without asking for what is not there. */
export async function existing(bucket: string, all: string[], signal?: AbortSignal): Promise<Set<string>> {
  const taken = new Set<string>();
  for (const key of all) {
    const l = await oss.list(bucket, { prefix: key, limit: 1 }, signal);
    if (l.objects[0]?.key === key) taken.add(key);
  }
  return taken;
}

/** matches tells which triggers an event on a key would fire, and why the others would not. */
export const matches = (bucket: string, key: string, event: string, signal?: AbortSignal) => api.get<Match[]>('/triggers/match', { bucket, key, event }, signal);

export interface Fragment {
  key: string;
  uploadId: string;
  initiated: number;
}

const text = (xml: string, tag: string) => new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(xml)?.[1] ?? '';

export const fragmentList = (bucket: string) =>
  queryOptions({
    queryKey: keys.fragments(bucket),
    queryFn: async ({ signal }) => {
      const xml = await (await send(`/oss/${bucket}?uploads&encoding-type=url&max-uploads=1000`, { signal })).text();
      const fragments: Fragment[] = [];
      for (const [, u = ''] of xml.matchAll(/<Upload>([\s\S]*?)<\/Upload>/g)) {
        fragments.push({ key: decodeURIComponent(text(u, 'Key').replace(/\+/g, ' ')), uploadId: text(u, 'UploadId'), initiated: Date.parse(text(u, 'Initiated')) });
      }
      return { fragments, more: text(xml, 'IsTruncated') === 'true' };
    },
  });
