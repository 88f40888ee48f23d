import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import { loaded } from '../shared/load';
import { parseSearch, stringifySearch } from '../shared/search';
import { Loading, NotFound, RouteProblem, Shell } from './shell';

// Filters, selections and time ranges stand in the URL: each page checks its own.
const text = (v: unknown): string | undefined => (typeof v === 'string' && v !== '' ? v : typeof v === 'number' ? String(v) : undefined);
const texts = <K extends string>(...names: K[]) => (search: Record<string, unknown>): Partial<Record<K, string>> => {
  const out: Partial<Record<K, string>> = {};
  for (const n of names) {
    const v = text(search[n]);
    if (v !== undefined) out[n] = v;
  }
  return out;
};

// oxlint-disable-next-line typescript/no-explicit-any -- as the router's own has it
const page = <T extends Record<string, any>, K extends keyof T & string>(load: () => Promise<T>, name: K) => lazyRouteComponent(() => loaded(load), name);

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

const overview = createRoute({
  getParentRoute: () => root,
  path: '/',
  validateSearch: texts('range', 'tour'),
  component: page(() => import('../features/overview/page'), 'OverviewPage'),
});
const functions = createRoute({
  getParentRoute: () => root,
  path: '/functions',
  validateSearch: texts('q', 'new'),
  component: page(() => import('../features/functions/list-page'), 'FunctionsPage'),
});
const fn = createRoute({
  getParentRoute: () => root,
  path: '/functions/$name/{-$tab}',
  validateSearch: texts('qualifier', 'q', 'level', 'request', 'since', 'until', 'scope', 'section', 'file', 'event', 'new', 'trigger', 'version', 'against', 'alias', 'range', 'attempt', 'outcome', 'order', 'bucket'),
  component: page(() => import('../features/functions/function-page'), 'FunctionPage'),
});
const buckets = createRoute({
  getParentRoute: () => root,
  path: '/buckets',
  validateSearch: texts('q', 'new'),
  component: page(() => import('../features/buckets/list-page'), 'BucketsPage'),
});
const bucket = createRoute({
  getParentRoute: () => root,
  path: '/buckets/$name/{-$tab}',
  validateSearch: texts('prefix', 'object', 'q', 'view'),
  component: page(() => import('../features/buckets/bucket-page'), 'BucketPage'),
});
const events = createRoute({
  getParentRoute: () => root,
  path: '/events',
  validateSearch: texts('bucket', 'prefix', 'type', 'outcome', 'function', 'since', 'until', 'event'),
  component: page(() => import('../features/events/list-page'), 'EventsPage'),
});
const event = createRoute({
  getParentRoute: () => root,
  path: '/events/$id',
  validateSearch: texts('run', 'view'),
  component: page(() => import('../features/events/event-page'), 'EventPage'),
});
const trace = createRoute({
  getParentRoute: () => root,
  path: '/trace',
  validateSearch: texts('bucket', 'key', 'event', 'run', 'view', 'fan'),
  component: page(() => import('../features/events/trace-page'), 'TracePage'),
});
const dead = createRoute({
  getParentRoute: () => root,
  path: '/dead-letters',
  validateSearch: texts('function', 'trigger', 'reason', 'bucket', 'prefix', 'since', 'until', 'id'),
  component: page(() => import('../features/events/dead-page'), 'DeadLettersPage'),
});
const jobs = createRoute({
  getParentRoute: () => root,
  path: '/jobs',
  validateSearch: texts('job', 'new', 'kind', 'function', 'trigger', 'prefix', 'since', 'until'),
  component: page(() => import('../features/events/jobs-page'), 'JobsPage'),
});
const access = createRoute({
  getParentRoute: () => root,
  path: '/access/{-$tab}',
  validateSearch: texts('name', 'new', 'q', 'kind', 'who', 'action', 'resource', 'ip', 'at', 'secure', 'prefix', 'delimiter'),
  component: page(() => import('../features/access/page'), 'AccessPage'),
});

export const router = createRouter({
  routeTree: root.addChildren([overview, functions, fn, buckets, bucket, events, event, trace, dead, jobs, access]),
  parseSearch,
  stringifySearch,
  defaultPendingComponent: Loading,
  defaultErrorComponent: RouteProblem,
  scrollRestoration: true,
  // What is pointed at is likely to be opened: its code comes first. Data does not, so that a pointer that passes by asks the server nothing.
  defaultPreload: 'intent',
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
