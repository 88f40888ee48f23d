import { queryOptions } from '@tanstack/react-query';
import { fc } from '../../shared/api';

/** anyFunction tells whether there is a function; true if the key may not ask. */
export const anyFunction = queryOptions({
  queryKey: ['overview', 'any-function'] as const,
  queryFn: async ({ signal }) => {
    const r = await fc.get<{ functions?: unknown[] }>('/functions', { limit: 1 }, signal);
    return (r.functions?.length ?? 0) > 0;
  },
  retry: false,
});
