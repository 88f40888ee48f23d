import { useQuery } from '@tanstack/react-query';
import { useDeferredValue } from 'react';
import { fc } from '../../shared/api';
import { useMay, useResources } from '../../shared/may';
import { oss } from '../../shared/oss';
import { roleList, userList } from './api';
import { listedServices } from './actions';

const most = 50;

/** useNames are names of a kind that begin with what is typed, for who may list them; none of what cannot be listed. */
export function useNames(kind: string, typed: string): string[] {
  const of = useResources();
  const begin = useDeferredValue(typed.trim());
  const mayUsers = useMay(kind === 'user' ? 'ram:ListUsers' : '', of.user());
  const mayRoles = useMay(kind === 'role' ? 'ram:ListRoles' : '', of.role());
  const mayFunctions = useMay(kind === 'function' ? 'fc:ListFunctions' : '', of.fn());
  const users = useQuery(userList(kind === 'user' && mayUsers.allowed && !mayUsers.loading));
  const roles = useQuery(roleList(kind === 'role' && mayRoles.allowed && !mayRoles.loading));
  const prefix = /^[A-Za-z0-9_-]*$/.test(begin) ? begin : '';
  const functions = useQuery({
    queryKey: ['access', 'names', 'function', prefix],
    queryFn: ({ signal }) => fc.get<{ functions?: { functionName: string }[] }>('/functions', { prefix, limit: most }, signal),
    enabled: kind === 'function' && mayFunctions.allowed && !mayFunctions.loading,
    retry: false,
    staleTime: 30_000,
  });
  const buckets = useQuery({
    queryKey: ['access', 'names', 'bucket', prefix],
    queryFn: ({ signal }) => oss.buckets({ prefix, 'max-keys': most }, signal),
    enabled: kind === 'bucket',
    retry: false,
    staleTime: 30_000,
  });
  switch (kind) {
    case 'user':
      return users.data?.map((u) => u.name) ?? [];
    case 'role':
      return roles.data?.map((r) => r.name) ?? [];
    case 'service':
      return listedServices;
    case 'function':
      return functions.data?.functions?.map((f) => f.functionName) ?? [];
    case 'bucket':
      return buckets.data?.buckets.map((b) => b.name) ?? [];
  }
  return [];
}
