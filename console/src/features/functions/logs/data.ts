import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient, type InfiniteData } from '@tanstack/react-query';
import { useCallback, useMemo, useRef, useState } from 'react';
import type { Attempt, Logs, LogsBack } from '../../../api/gen';
import { api, Refusal } from '../../../shared/api';
import { useLive } from '../../../shared/live';
import { instant } from '../../../shared/span';
import { keys, path } from '../api';
import { entriesOf, withError, type Entry } from './entries';

const pageSize = 50;
const most = 2000; // runs that are kept on the page
const atOnce = 200; // runs that following takes at once; more, and it begins anew
const pace = 700; // milliseconds between looks, however much is printed

export interface LogFilter {
  request?: string;
  attempt?: string;
  outcome?: string;
  q?: string;
  level?: string;
  /** qualifier: of the version that ran, or asked for by this name */
  qualifier?: string;
  /** since and until are of the runs' ends, as the URL has them */
  since?: string;
  until?: string;
}

type Data = InfiniteData<LogsBack, string>;

/** endOf is when a run was over, in microseconds: the time that runs are ordered by. */
export const endOf = (r: Attempt): number => r.startedAtUnixMicro + (r.queuedNanos + r.initNanos + r.durationNanos) / 1000;

/** isOf reports whether a run is of the version and the attempt that a filter asks for. */
export const isOf = (r: { version: string; qualifier: string; attempt: number }, f: Pick<LogFilter, 'qualifier' | 'attempt'>): boolean =>
  (!f.qualifier || r.version === f.qualifier || r.qualifier === f.qualifier) && (f.attempt === undefined || (f.attempt === 'retry' ? r.attempt > 0 : String(r.attempt) === f.attempt));

/** isOpen reports whether runs that end from now on are within a filter's time. */
export const isOpen = (f: Pick<LogFilter, 'until'>): boolean => !f.until || !(Date.parse(f.until) < Date.now());

/** latestFirst orders runs by the time that is shown of them; runs are recorded nearly so. */
export const latestFirst = (runs: readonly Attempt[]): Attempt[] => [...runs].sort((a, b) => endOf(b) - endOf(a));

export const idOf = (r: Attempt) => `${r.requestId} ${r.attempt}`;

const parsed = new WeakMap<Attempt, Entry[]>();

/** entriesIn are a run's entries; they are found once. */
export function entriesIn(r: Attempt): Entry[] {
  let e = parsed.get(r);
  if (!e) parsed.set(r, (e = withError(entriesOf(r.log), r)));
  return e;
}

/**
 * useLogs gives runs with what they printed, the latest first. The server searches those that
 * were; of those that come, shows says which have anything to show. They are kept aside until
 * show is called or mayFollow says that nobody minds.
 */
export function useLogs(name: string, filter: LogFilter, follow: boolean, mayFollow: () => boolean, shows: (r: Attempt) => boolean) {
  const client = useQueryClient();
  const { outcome, level, q: text, qualifier, attempt, since, until, request } = filter;
  const key = useMemo(
    () => [...keys.one(name), 'logs', outcome ?? '', level ?? '', text ?? '', qualifier ?? '', attempt ?? '', since ?? '', until ?? ''],
    [name, outcome, level, text, qualifier, attempt, since, until],
  );
  const list = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) => api.get<LogsBack>(path(name) + '/logs', { outcome, q: text, level, qualifier, attempt, since: instant(since), until: instant(until), before: pageParam, limit: pageSize }, signal),
    initialPageParam: '',
    getNextPageParam: (last) => (last.more ? last.next : undefined),
    enabled: !filter.request,
    refetchOnWindowFocus: false,
    placeholderData: keepPreviousData, // what is there is searched at once
  });
  const one = useQuery({
    queryKey: [...keys.one(name), 'logs', 'of', filter.request ?? ''],
    queryFn: async ({ signal }) => {
      try {
        return await api.get<Attempt[]>('/runs/' + encodeURIComponent(filter.request!), {}, signal);
      } catch (err) {
        if (err instanceof Refusal && err.status === 404) return [];
        throw err;
      }
    },
    enabled: !!filter.request,
    // A run that was asked for may be under way still, or be tried again.
    refetchInterval: follow ? 3000 : false,
  });
  const [aside, setAside] = useState<{ key: unknown; runs: Attempt[] }>({ key, runs: [] });
  const waiting = useMemo(() => (aside.key === key ? aside.runs : []), [aside, key]);
  const runs = useMemo(() => {
    if (!request) return latestFirst(list.data?.pages.flatMap((p) => p.runs ?? []) ?? []);
    return latestFirst((one.data ?? []).filter((r) => r.function === name && isOf(r, { attempt })));
  }, [request, attempt, list.data, one.data, name]);
  const latest = useRef({ runs, waiting, mayFollow, shows, key });
  latest.current = { runs, waiting, mayFollow, shows, key };

  const put = useCallback(
    (fresh: Attempt[]) => {
      client.setQueryData<Data>(latest.current.key, (d) => {
        const [first, ...rest] = d?.pages ?? [];
        if (!d || !first) return d;
        const known = new Set(d.pages.flatMap((p) => p.runs?.map(idOf) ?? []));
        const pages = [{ ...first, runs: [...fresh.filter((r) => !known.has(idOf(r))), ...(first.runs ?? [])] }, ...rest];
        let n = 0;
        const kept = pages.findIndex((p) => (n += p.runs?.length ?? 0) > most);
        return kept < 0 || kept === pages.length - 1 ? { ...d, pages } : { pages: pages.slice(0, kept + 1), pageParams: d.pageParams.slice(0, kept + 1) };
      });
    },
    [client],
  );

  useLive(
    follow && !request && isOpen(filter) && list.isSuccess,
    async (cursor, signal) => {
      const begun = latest.current.key;
      const l = await api.get<Logs>('/logs', { function: name, after: cursor, wait: 25, limit: atOnce }, signal);
      if (begun !== latest.current.key) return cursor;
      const all = l.runs ?? [];
      if (all.length >= atOnce) {
        // More is printed than anybody reads: go on from the end of it.
        void client.resetQueries({ queryKey: begun, exact: true });
        return l.next || cursor;
      }
      // Without a cursor, the latest are answered, the earliest of them first.
      const fresh = all.filter((r) => isOpen(filter) && isOf(r, filter) && (!outcome || r.errorType || r.fault) && latest.current.shows(r)).reverse();
      if (fresh.length > 0) {
        const at = latest.current;
        const known = new Set([...at.runs, ...at.waiting].map(idOf));
        const unknown = fresh.filter((r) => !known.has(idOf(r)));
        if (unknown.length > 0) {
          if (at.waiting.length === 0 && at.mayFollow()) put(unknown);
          else setAside({ key: begun, runs: [...unknown, ...at.waiting].slice(0, most) });
        }
      }
      return l.next || cursor;
    },
    { from: list.data?.pages[0]?.head, pace },
  );

  const show = useCallback(() => {
    put(latest.current.waiting);
    setAside({ key: latest.current.key, runs: [] });
  }, [put]);

  const q = filter.request ? one : list;
  const searching = !filter.request && list.isPlaceholderData;
  const noMore = !filter.request && list.isFetchNextPageError ? list.error : undefined;
  const searched = filter.request || searching ? undefined : list.data?.pages.findLast((p) => p.searched)?.searched;
  return {
    runs, waiting: waiting.length, show, error: noMore ? null : q.error, loading: q.isPending || searching || (!filter.request && list.isFetchingNextPage), retry: () => void q.refetch(),
    more: !filter.request && !searching && list.hasNextPage, onMore: list.fetchNextPage,
    /** noMore is why the next answer did not come; it is asked for again when the reader wants it */
    noMore,
    /** searched is how far back the server looked; pages is in how many answers */
    searched, pages: list.data?.pages.length ?? 0,
  };
}
