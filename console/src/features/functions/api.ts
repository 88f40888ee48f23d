import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import type { Warning } from '../../api/gen';
import { api, fc } from '../../shared/api';
import { askWarnings } from '../../shared/warnings';

/** Fn is FC's Function, as far as the console shows it. */
export interface Fn {
  functionName: string;
  functionId: string;
  functionArn: string;
  runtime: string;
  handler: string;
  description: string;
  memorySize: number;
  cpu: number;
  diskSize: number;
  timeout: number;
  instanceConcurrency: number;
  environmentVariables?: Record<string, string>;
  role: string;
  codeChecksum: string;
  codeSize: number;
  createdTime: string;
  lastModifiedTime: string;
  state: string;
  stateReason?: string;
  disableOndemand?: boolean;
  invocationRestriction?: { disable: boolean; reason?: string };
  tags?: { key: string; value: string }[];
}

export interface Alias {
  aliasName: string;
  versionId: string;
  description: string;
  additionalVersionWeight?: Record<string, number>;
  createdTime: string;
  lastModifiedTime: string;
}

export interface Version {
  versionId: string;
  description: string;
  createdTime: string;
  lastModifiedTime: string;
}

/** TabProps is what each tab of the function details page gets. */
export interface TabProps {
  fn: Fn;
  /** qualifier is what "Version or Alias" says: LATEST, a version id or an alias. */
  qualifier: string;
  versions: Version[];
  aliases: Alias[];
}

export const keys = {
  all: ['functions'] as const,
  list: (prefix: string) => ['functions', 'list', prefix] as const,
  one: (name: string) => ['functions', name] as const,
  fn: (name: string, qualifier: string) => ['functions', name, 'fn', qualifier] as const,
  versions: (name: string) => ['functions', name, 'versions'] as const,
  aliases: (name: string) => ['functions', name, 'aliases'] as const,
  triggers: (name: string) => ['functions', name, 'triggers'] as const,
  warnings: (name: string) => ['functions', name, 'warnings'] as const,
  testEvents: (name: string) => ['functions', name, 'test-events'] as const,
};

export const path = (name: string) => '/functions/' + encodeURIComponent(name);

export const functionList = (prefix: string) =>
  infiniteQueryOptions({
    queryKey: keys.list(prefix),
    queryFn: ({ pageParam, signal }) => fc.get<{ functions: Fn[]; nextToken?: string }>('/functions', { prefix, nextToken: pageParam, limit: 100 }, signal),
    initialPageParam: '',
    getNextPageParam: (last) => last.nextToken || undefined,
  });

export const functionOf = (name: string, qualifier: string) =>
  queryOptions({ queryKey: keys.fn(name, qualifier), queryFn: ({ signal }) => fc.get<Fn>(path(name), { qualifier: qualifier === 'LATEST' ? '' : qualifier }, signal) });

async function everything<K extends string, T>(at: string, field: K, signal: AbortSignal): Promise<T[]> {
  const out: T[] = [];
  for (let nextToken = ''; ; ) {
    const page = await fc.get<Record<K, T[] | null> & { nextToken?: string }>(at, { nextToken, limit: 100 }, signal);
    out.push(...(page[field] ?? []));
    if (!page.nextToken || out.length >= 1000) return out;
    nextToken = page.nextToken;
  }
}

export const versionsOf = (name: string) =>
  queryOptions({ queryKey: keys.versions(name), queryFn: ({ signal }) => everything<'versions', Version>(path(name) + '/versions', 'versions', signal) });

export const aliasesOf = (name: string) =>
  queryOptions({ queryKey: keys.aliases(name), queryFn: ({ signal }) => everything<'aliases', Alias>(path(name) + '/aliases', 'aliases', signal) });

/** warningsInList are the warnings of a function in a list: once for all that are in sight, and not again for a while. */
export const warningsInList = (name: string) => queryOptions({ queryKey: keys.warnings(name), queryFn: () => askWarnings(name), staleTime: 60_000, retry: false });

export const warningsOf = (name: string) =>
  queryOptions({ queryKey: keys.warnings(name), queryFn: ({ signal }) => api.get<Warning[]>(path(name) + '/warnings', {}, signal), refetchInterval: 15_000 });
