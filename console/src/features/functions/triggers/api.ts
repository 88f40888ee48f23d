import { queryOptions } from '@tanstack/react-query';
import type { Check, Events, PatternVerdict, Payload, Role, Trigger, TriggerWarning } from '../../../api/gen';
import { api, fc } from '../../../shared/api';
import { oss } from '../../../shared/oss';
import { keys, path } from '../api';
import { existing } from './objects';

export const triggersOf = (name: string) =>
  queryOptions({ queryKey: keys.triggers(name), queryFn: ({ signal }) => api.get<Trigger[]>('/triggers', { function: name }, signal), refetchInterval: 15_000 });

export const triggerWarningsOf = (name: string) =>
  queryOptions({ queryKey: [...keys.triggers(name), 'warnings'], queryFn: ({ signal }) => api.get<TriggerWarning[]>(path(name) + '/trigger-warnings', {}, signal) });

export const roleList = queryOptions({ queryKey: ['access', 'roles', 'list'], queryFn: ({ signal }) => api.get<Role[]>('/roles', {}, signal), retry: false });

export const bucketsLike = (prefix: string) =>
  queryOptions({ queryKey: ['buckets', 'like', prefix], queryFn: ({ signal }) => oss.buckets({ prefix, 'max-keys': 50 }, signal), placeholderData: (old) => old });

export const existingLike = (buckets: string[], prefixes: string[], suffixes: string[]) =>
  queryOptions({ queryKey: ['buckets', 'existing', buckets, prefixes, suffixes], queryFn: ({ signal }) => existing(buckets, prefixes, suffixes, signal), staleTime: 10_000, retry: false });

export interface Question {
  function: string;
  name: string;
  pattern?: string;
  bucket?: string;
  prefix?: string;
  suffix?: string;
  events?: string[];
}

/** checkOf asks what would come of a trigger. */
export const checkOf = (q: Question) =>
  queryOptions({
    queryKey: [...keys.triggers(q.function), 'check', q],
    queryFn: ({ signal }) => {
      const p = new URLSearchParams({ function: q.function, name: q.name });
      if (q.pattern !== undefined) p.set('pattern', q.pattern);
      else {
        p.set('bucket', q.bucket ?? '');
        if (q.prefix) p.set('prefix', q.prefix);
        if (q.suffix) p.set('suffix', q.suffix);
        for (const e of q.events ?? []) p.append('event', e);
      }
      return api.get<Check>('/triggers/check?' + p, undefined, signal);
    },
    retry: false,
  });

export const recentEvents = (bucket: string) =>
  queryOptions({ queryKey: ['events', 'recent', bucket], queryFn: ({ signal }) => api.get<Events>('/events', { bucket, limit: 20 }, signal), retry: false });

/** cloudOf is an event as rules get it: one that happened, or one made up. */
export const cloudOf = (id: string) => api.get<Payload>('/events/' + encodeURIComponent(id) + '/native').then((p) => p.cloud);
export const sampleOf = (type: string, bucket: string, key: string) => api.get<Payload>('/events/sample', { type, bucket, key, size: 122539 }).then((p) => p.cloud);

export const verdictOf = (pattern: string, event: string) =>
  queryOptions({ queryKey: ['triggers', 'test', pattern, event], queryFn: () => api.post<PatternVerdict>('/triggers/test', { pattern, event }), retry: false, placeholderData: (old) => old });

export interface TriggerInput {
  triggerName?: string;
  triggerType?: string;
  triggerConfig?: string;
  qualifier?: string;
  sourceArn?: string;
  invocationRole?: string;
  description?: string;
}

const one = (fn: string, name: string) => `${path(fn)}/triggers/${encodeURIComponent(name)}`;
const own = (t: Trigger, what: string) => `/triggers/${encodeURIComponent(t.function)}/${encodeURIComponent(t.triggerName)}/${what}`;

export const createTrigger = (fn: string, input: TriggerInput) => fc.post(path(fn) + '/triggers', input);
export const updateTrigger = (fn: string, name: string, input: TriggerInput) => fc.put(one(fn, name), input);
export const deleteTrigger = (fn: string, name: string) => fc.del(one(fn, name));
export const pauseTrigger = (t: Trigger, detail: string) => api.post<Trigger>(own(t, 'pause'), detail ? { detail } : {});
export const resumeTrigger = (t: Trigger) => api.post<Trigger>(own(t, 'resume'));
