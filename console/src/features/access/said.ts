/** refusedPolicy finds which policy a refusal speaks of: the server names it. told is what its reader is told. */
export function refusedPolicy(message: string, list: { name: string }[], told = message): { name: string; message: string } | undefined {
  const named = list.filter((p) => new RegExp(`(^|[^A-Za-z0-9._-])${p.name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}([^A-Za-z0-9_-]|$)`, 'i').test(message));
  return named.length === 1 ? { name: named[0]!.name, message: told } : undefined;
}

/** trustedBy are the services and principals that a trust policy names. */
export function trustedBy(trust: unknown): string[] {
  const out = new Set<string>();
  const list = (trust as { Statement?: unknown } | null)?.Statement;
  for (const s of Array.isArray(list) ? list : [list]) {
    const p = (s as { Principal?: Record<string, string | string[]> } | undefined)?.Principal;
    for (const v of Object.values(p ?? {})) for (const one of Array.isArray(v) ? v : [v]) out.add(String(one).replace(/^acs:ram::\d*:/, ''));
  }
  return [...out];
}

/** whose is who an ARN names, in short: user/ann, assumed-role/worker/session; the account itself has a name of its own. */
export function whose(arn: string | undefined, account: string): string | undefined {
  const short = arn?.replace(/^acs:ram::\d*:/, '');
  return short === 'root' ? account : short || undefined;
}
