import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef } from 'react';
import { useLive } from './live';

/**
 * useCounted is an answer whose numbers the server goes on counting: fetched at once, then again whenever its
 * version is another one, at most every pace milliseconds. Until that of another key is there, the one before stays.
 */
export function useCounted<T extends { version: string }>(queryKey: readonly unknown[], get: (since: { after?: string; wait?: number }, signal: AbortSignal) => Promise<T>, pace: number) {
  const client = useQueryClient();
  const counted = useQuery({ queryKey, queryFn: ({ signal }) => get({}, signal), placeholderData: keepPreviousData, staleTime: 0 });
  const latest = useRef({ queryKey, get });
  latest.current = { queryKey, get };
  useLive(
    counted.isSuccess,
    async (cursor, signal) => {
      const { queryKey, get } = latest.current;
      const next = await get({ after: cursor, wait: 8 }, signal);
      client.setQueryData(queryKey, next);
      return next.version;
    },
    { from: counted.data?.version, pace, of: JSON.stringify(queryKey) },
  );
  return counted;
}
