import { useInfiniteQuery, useQuery, useQueryClient, type InfiniteData } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { Event, Events } from '../../api/gen';
import { api } from '../../shared/api';
import { useLive } from '../../shared/live';
import { eventList, eventStates, keys, pageSize, params, type Filter } from './api';
import { news, patched, pending } from './outcome';

type Data = InfiniteData<Events, string>;

// So many that waited unseen are not put into the list: it begins anew.
const tooMany = 500;

/**
 * useStream is the stream of events: pages into the past, and what comes. New events are
 * kept aside, so that no row moves, until show is called or mayFollow says that nobody
 * would mind.
 */
export function useStream(filter: Filter, on: boolean, mayFollow: () => boolean) {
  const client = useQueryClient();
  const list = useInfiniteQuery(eventList(filter));
  const key = JSON.stringify(filter);
  const [aside, setAside] = useState<{ key: string; events: Event[] }>({ key, events: [] });
  const waiting = useMemo(() => (aside.key === key ? aside.events : []), [aside, key]);
  const events = useMemo(() => list.data?.pages.flatMap((p) => p.events ?? []) ?? [], [list.data]);
  const latest = useRef({ filter, events, waiting, mayFollow });
  latest.current = { filter, events, waiting, mayFollow };

  const put = useCallback(
    (fresh: Event[], head?: string) => {
      if (fresh.length === 0 && !head) return;
      client.setQueryData<Data>(keys.list(latest.current.filter), (d) => {
        const [first, ...rest] = d?.pages ?? [];
        if (!d || !first) return d;
        const known = new Set(d.pages.flatMap((p) => p.events?.map((e) => e.id) ?? []));
        return { ...d, pages: [{ ...first, head: head ?? first.head, events: [...fresh.filter((e) => !known.has(e.id)), ...(first.events ?? [])] }, ...rest] };
      });
    },
    [client],
  );

  const arrived = useCallback(
    (page: Event[], ascending: boolean) => {
      const at = latest.current;
      const fresh = news(new Set([...at.events, ...at.waiting].map((e) => e.id)), page, ascending);
      if (fresh.length === 0) return;
      if (at.waiting.length === 0 && at.mayFollow()) put(fresh);
      else setAside({ key: JSON.stringify(at.filter), events: [...fresh, ...at.waiting] });
    },
    [put],
  );

  useLive(
    on && list.isSuccess,
    async (cursor, signal) => {
      const at = latest.current;
      if (at.filter.outcome) {
        // An event has no outcome yet when it comes; whether it has one now is seen only by looking again.
        await new Promise((resolve) => setTimeout(resolve, 2000));
        signal.throwIfAborted();
        const p = await api.get<Events>('/events', { ...params(at.filter), limit: pageSize }, signal);
        if (JSON.stringify(latest.current.filter) === JSON.stringify(at.filter)) arrived(p.events ?? [], false);
        return cursor;
      }
      const p = await api.get<Events>('/events', { ...params(at.filter), until: undefined, after: cursor, wait: 25, limit: pageSize }, signal);
      if (JSON.stringify(latest.current.filter) === JSON.stringify(at.filter)) arrived(p.events ?? [], true);
      return p.next || cursor;
    },
    { from: list.data?.pages[0]?.head, of: key },
  );

  // What is not over is asked for again, wherever in the list it stands.
  const ids = useMemo(() => pending([...waiting, ...events], 100), [waiting, events]);
  const states = useQuery(eventStates(ids));
  useEffect(() => {
    if (!states.data) return;
    const now = new Map(states.data.map((e) => [e.id, e]));
    client.setQueryData<Data>(keys.list(latest.current.filter), (d) => {
      if (!d) return d;
      const pages = d.pages.map((p) => {
        const next = patched(p.events, now);
        return next === p.events ? p : { ...p, events: next };
      });
      return pages.every((p, i) => p === d.pages[i]) ? d : { ...d, pages };
    });
    setAside((a) => {
      const next = patched(a.events, now)!;
      return next === a.events ? a : { ...a, events: next };
    });
  }, [states.data, client]);

  const show = useCallback(() => {
    const { waiting, filter } = latest.current;
    if (waiting.length > tooMany) void client.resetQueries({ queryKey: keys.list(filter), exact: true });
    else put(waiting);
    setAside({ key: JSON.stringify(filter), events: [] });
  }, [client, put]);

  return { list, events, waiting: waiting.length, show };
}
