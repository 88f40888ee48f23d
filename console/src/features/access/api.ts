import { queryOptions } from '@tanstack/react-query';
import type { AccessKey, Explanation, ExplainOrder, Role, RoleInput, RoleUses, TrustExplanation, TrustOrder, User, UserInput } from '../../api/gen';
import { api } from '../../shared/api';

const path = (kind: 'users' | 'roles', name: string, rest = '') => `/${kind}/${encodeURIComponent(name)}${rest}`;

export const keys = { users: ['access', 'users'] as const, roles: ['access', 'roles'] as const };

export const userList = (enabled = true) => queryOptions({ queryKey: [...keys.users, 'list'], queryFn: ({ signal }) => api.get<User[]>('/users', undefined, signal), enabled });
export const userOne = (name: string) => queryOptions({ queryKey: [...keys.users, 'one', name], queryFn: ({ signal }) => api.get<User>(path('users', name), undefined, signal) });
export const userKeys = (name: string, enabled = true) =>
  queryOptions({ queryKey: [...keys.users, 'keys', name], queryFn: ({ signal }) => api.get<AccessKey[]>(path('users', name, '/keys'), undefined, signal), enabled });
export const roleList = (enabled = true) => queryOptions({ queryKey: [...keys.roles, 'list'], queryFn: ({ signal }) => api.get<Role[]>('/roles', undefined, signal), enabled });
export const roleOne = (name: string) => queryOptions({ queryKey: [...keys.roles, 'one', name], queryFn: ({ signal }) => api.get<Role>(path('roles', name), undefined, signal) });
export const roleUses = (name: string) => queryOptions({ queryKey: [...keys.roles, 'uses', name], queryFn: ({ signal }) => api.get<RoleUses>(path('roles', name, '/uses'), undefined, signal) });
export const trusted = (order: TrustOrder, enabled: boolean) =>
  queryOptions({ queryKey: ['access', 'trust', order], queryFn: () => api.post<TrustExplanation>('/explain/trust', order), retry: false, enabled });
export const explained = (order: ExplainOrder, enabled = true) => queryOptions({ queryKey: ['access', 'explain', order], queryFn: () => api.post<Explanation>('/explain', order), retry: false, enabled });

const ifMatch = (revision: string): HeadersInit => (revision ? { 'If-Match': `"${revision}"` } : {});

export const access = {
  createUser: (name: string) => api.post<User>('/users', { name }),
  /** updateUser changes the user of a revision, or is refused with 412 */
  updateUser: (name: string, body: UserInput, revision: string) => api.put<User>(path('users', name), body, ifMatch(revision)),
  deleteUser: (name: string) => api.del<void>(path('users', name)),
  createKey: (name: string) => api.post<AccessKey>(path('users', name, '/keys')),
  deleteKey: (name: string, id: string) => api.del<void>(path('users', name, '/keys/' + encodeURIComponent(id))),
  createRole: (body: RoleInput) => api.post<Role>('/roles', body),
  updateRole: (name: string, body: RoleInput, revision: string) => api.put<Role>(path('roles', name), body, ifMatch(revision)),
  deleteRole: (name: string) => api.del<void>(path('roles', name)),
};
