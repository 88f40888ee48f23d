import { useQueryClient, type FetchQueryOptions, type QueryKey } from '@tanstack/react-query';
import { useLive } from '../../shared/live';

/** usePolled fetches a query again and again, with a pause in milliseconds before each, as a live view: while on is true and the page in sight. */
export function usePolled<T, K extends QueryKey>(on: boolean, pause: number, query: FetchQueryOptions<T, Error, T, K>): void {
  const client = useQueryClient();
  useLive(on, async (_, signal) => {
    await new Promise((resolve) => setTimeout(resolve, pause));
    signal.throwIfAborted();
    await client.fetchQuery({ ...query, staleTime: 0, retry: false });
    return '';
  });
}
