// The role with which OSS invokes functions: whether it can, and making it so.
import type { Policy, Role, RoleInput } from '../../../api/gen';
import { api, Refusal } from '../../../shared/api';

const service = 'oss.aliyuncs.com';
const action = 'fc:InvokeFunction';

interface Statement {
  Effect?: string;
  Action?: string | string[];
  Principal?: { Service?: string | string[] };
}

const list = (v: string | string[] | undefined): string[] => (v === undefined ? [] : Array.isArray(v) ? v : [v]);

function statements(document: unknown): Statement[] {
  const s = (document as { Statement?: Statement | Statement[] } | null | undefined)?.Statement;
  return s === undefined ? [] : Array.isArray(s) ? s : [s];
}

/** trusts reports whether a trust policy lets a service assume its role. */
export function trusts(trust: unknown, by: string): boolean {
  return statements(trust).some((s) => s.Effect === 'Allow' && list(s.Principal?.Service).includes(by));
}

export const trustsOSS = (trust: unknown): boolean => trusts(trust, service);

/** withOSS is a trust policy that also lets OSS assume its role. */
export function withOSS(trust: unknown): unknown {
  if (trustsOSS(trust)) return trust;
  const own = { Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: [service] } };
  return { Version: '1', Statement: [...statements(trust), own] };
}

/** mayInvoke reports whether policies let a role invoke functions. */
export function mayInvoke(policies: readonly Policy[] | null): boolean {
  return (policies ?? []).some((p) => statements(p.document).some((s) => s.Effect === 'Allow' && list(s.Action).some((a) => ['*', 'fc:*', 'fc:invoke*', action.toLowerCase()].includes(a.toLowerCase()))));
}

const policyOf = (role: string): Policy => ({ name: role + 'Policy', document: { Version: '1', Statement: [{ Effect: 'Allow', Action: [action], Resource: ['*'] }] } });

/** authorize makes a role that OSS may assume to invoke functions, or mends the one that is there. */
export async function authorize(name: string): Promise<Role> {
  const path = '/roles/' + encodeURIComponent(name);
  let role: Role;
  try {
    role = await api.get<Role>(path);
  } catch (err) {
    if (!(err instanceof Refusal && err.status === 404)) throw err;
    return api.post<Role>('/roles', {
      name, description: 'OSS will use this role to send event notifications.', trust: withOSS(undefined), policies: [policyOf(name)],
    } satisfies RoleInput);
  }
  const change: RoleInput = { trust: withOSS(role.trust) };
  if (!mayInvoke(role.policies)) change.policies = [...(role.policies ?? []).filter((p) => p.name !== policyOf(name).name), policyOf(name)];
  return api.put<Role>(path, change);
}
