import { queryOptions } from '@tanstack/react-query';
import type { Overview } from '../../api/gen';
import { api, fc } from '../../shared/api';
import { ranges, type Range } from '../../shared/series';

export const keys = {
  overview: (range: Range) => ['overview', range] as const,
  any: ['overview', 'any-function'] as const,
};

export const overviewParams = (range: Range) => ({ span: ranges[range].span, step: ranges[range].step });

export const overviewOf = (range: Range) =>
  queryOptions({ queryKey: keys.overview(range), queryFn: ({ signal }) => api.get<Overview>('/overview', overviewParams(range), signal), staleTime: 0 });

/** anyFunction tells whether there is a function; true if the key may not ask. */
export const anyFunction = queryOptions({
  queryKey: keys.any,
  queryFn: async ({ signal }) => {
    const r = await fc.get<{ functions?: unknown[] }>('/functions', { limit: 1 }, signal);
    return (r.functions?.length ?? 0) > 0;
  },
  retry: false,
});
