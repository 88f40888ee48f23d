import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import type { Attempt, DeadFilter, DeadLetter, DeadPage, Event, EventDetail, Events, Job, Trace, Trigger } from '../../api/gen';
import { api, fc, Refusal } from '../../shared/api';
import { oss } from '../../shared/oss';
import { instant } from '../../shared/span';
import { over } from '../../shared/states';
import { together } from '../../shared/together';
import { askWarnings } from '../../shared/warnings';

/** Filter is what the stream is narrowed by, as it stands in the URL. */
export interface Filter {
  bucket?: string;
  prefix?: string;
  type?: string;
  outcome?: string;
  function?: string;
  since?: string;
  until?: string;
}

export const keys = {
  list: (f: Filter) => ['events', 'list', f] as const,
  states: (ids: string) => ['events', 'states', ids] as const,
  one: (id: string) => ['events', 'one', id] as const,
  runs: (request: string) => ['events', 'runs', request] as const,
  traces: ['events', 'trace'] as const,
  trace: (q: object) => ['events', 'trace', q] as const,
  dead: (f: DeadFilter) => ['dead', 'list', f] as const,
  deadOne: (id: string) => ['dead', 'one', id] as const,
  jobs: ['jobs'] as const,
};

export const pageSize = 100;

export function params(f: Filter): Record<string, string | undefined> {
  return { bucket: f.bucket, prefix: f.prefix, type: f.type, state: f.outcome, function: f.function, since: instant(f.since), until: instant(f.until) };
}

export const eventList = (f: Filter) =>
  infiniteQueryOptions({
    queryKey: keys.list(f),
    queryFn: ({ pageParam, signal }) => api.get<Events>('/events', { ...params(f), after: pageParam, limit: pageSize }, signal),
    initialPageParam: '',
    getNextPageParam: (last) => (last.more ? last.next : undefined),
    // What comes is told by the live poll; to load every page again would be for nothing.
    staleTime: Infinity,
    refetchOnWindowFocus: false,
  });

export const eventStates = (ids: string[]) =>
  queryOptions({
    queryKey: keys.states(ids.join(',')),
    queryFn: ({ signal }) => api.get<Event[]>('/events/states', { ids: ids.join(',') }, signal),
    enabled: ids.length > 0,
    refetchInterval: 1500,
    gcTime: 0,
  });

const askState = together<string, Event | undefined>(
  100,
  async (ids) => {
    const of = new Map((await api.get<Event[]>('/events/states', { ids: [...new Set(ids)].join(',') })).map((e) => [e.id, e]));
    return ids.map((id) => of.get(id));
  },
  250,
);

/** redriven is what became of a delivery of an event; those of many rows are one request. */
export const redriven = (eventId: string, requestId: string) =>
  queryOptions({
    queryKey: ['events', 'redriven', eventId, requestId] as const,
    queryFn: async () => (await askState(eventId))?.owed?.find((o) => o.requestId === requestId) ?? null,
    refetchInterval: (q) => (q.state.data && over(q.state.data.state) ? false : 1000),
    gcTime: 0,
  });

export const eventOf = (id: string) =>
  queryOptions({ queryKey: keys.one(id), queryFn: ({ signal }) => api.get<EventDetail>('/events/' + encodeURIComponent(id), {}, signal) });

/** attemptsOf are the runs of a request; none if none began yet. */
export const attemptsOf = (request: string, state: string, attempts: number) =>
  queryOptions({
    queryKey: [...keys.runs(request), state, attempts],
    queryFn: async ({ signal }) => {
      try {
        return await api.get<Attempt[]>('/runs/' + encodeURIComponent(request), {}, signal);
      } catch (err) {
        if (err instanceof Refusal && err.code === 'RunNotFound') return [];
        throw err;
      }
    },
    placeholderData: (previous) => previous,
    // A run is written to the history a moment after it ended.
    refetchInterval: (q) => (over(state) && attempts > (q.state.data?.length ?? 0) && q.state.dataUpdateCount < 8 ? 400 : false),
  });

export interface TraceSearch {
  bucket?: string;
  key?: string;
  event?: string;
  run?: string;
  fan?: string;
}

export const traceOf = (q: TraceSearch) =>
  queryOptions({ queryKey: keys.trace(q), queryFn: ({ signal }) => api.get<Trace>('/trace', { ...q, depth: 32 }, signal), enabled: !!(q.event || q.run || (q.bucket && q.key)) });

export const deadList = (f: DeadFilter) =>
  infiniteQueryOptions({
    queryKey: keys.dead(f),
    queryFn: ({ pageParam, signal }) => api.get<DeadPage>('/dead', { ...f, since: instant(f.since), until: instant(f.until), after: pageParam, limit: pageSize }, signal),
    initialPageParam: '',
    getNextPageParam: (last) => last.next || undefined,
    staleTime: Infinity, // a row stays where it is after it was dealt with
    refetchOnWindowFocus: false,
    refetchOnMount: 'always',
  });

export const deadOne = (id: string) =>
  queryOptions({ queryKey: keys.deadOne(id), queryFn: ({ signal }) => api.get<DeadLetter>('/dead/' + encodeURIComponent(id), {}, signal), staleTime: Infinity });

export const jobList = () => queryOptions({ queryKey: keys.jobs, queryFn: ({ signal }) => api.get<Job[]>('/jobs', {}, signal) });

export const warningsOf = (name: string) => queryOptions({ queryKey: ['functions', name, 'warnings'], queryFn: () => askWarnings(name), refetchInterval: 5000 });

export const triggersOf = (name: string) =>
  queryOptions({ queryKey: ['events', 'triggers', name], queryFn: ({ signal }) => api.get<Trigger[]>('/triggers', { function: name }, signal), enabled: name !== '' });

export const functionNames = (prefix: string) =>
  queryOptions({
    queryKey: ['events', 'functions', prefix],
    queryFn: async ({ signal }) => (await fc.get<{ functions: { functionName: string }[] | null }>('/functions', { prefix, limit: 50 }, signal)).functions?.map((f) => f.functionName) ?? [],
    staleTime: 10_000,
  });

export const bucketNames = (prefix: string) =>
  queryOptions({
    queryKey: ['events', 'buckets', prefix],
    queryFn: async ({ signal }) => (await oss.buckets({ prefix, 'max-keys': 50 }, signal)).buckets.map((b) => b.name),
    staleTime: 10_000,
  });

/** types of events that the stream can be narrowed to: groups, then single ones. */
export const eventTypes = [
  'ObjectCreated:*', 'ObjectRemoved:*', 'ObjectCreated:PutObject', 'ObjectCreated:PostObject', 'ObjectCreated:CompleteMultipartUpload', 'ObjectCreated:CopyObject',
  'ObjectCreated:AppendObject', 'ObjectCreated:PutSymlink', 'ObjectCreated:InitiateMultipartUpload', 'ObjectCreated:UploadPart', 'ObjectCreated:UploadPartCopy',
  'ObjectRemoved:DeleteObject', 'ObjectRemoved:DeleteObjects', 'ObjectRemoved:AbortMultipartUpload', 'ObjectModified:UpdateObjectMeta', 'BucketCreated:PutBucket',
  'BucketRemoved:DeleteBucket',
];

export const states = ['None', 'Enqueued', 'Running', 'Retrying', 'Succeeded', 'Failed', 'LoopStopped', 'Expired', 'Stopped', 'Invalid'];
