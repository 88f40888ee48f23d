// What the signed-in key may do, so that a page offers nothing that would be refused, and
// says which permission is missing. The server decides all the same.
import { useQuery, type QueryClient } from '@tanstack/react-query';
import { Button, Tooltip, type ButtonProps } from 'antd';
import { useMemo, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { May as Answer, MayCheck } from '../api/gen';
import { useSession } from '../app/session';
import { api } from './api';
import { together } from './together';

// What is asked in one tick is one request.
const ask = together(200, (checks: MayCheck[]) => api.post<Answer[]>('/may', { checks }));

/** Permission says whether something may be done; until that is known, and if nobody says, it may be tried. */
export interface Permission {
  allowed: boolean;
  loading: boolean;
  /** reason says which permission is missing, in the reader's language; "" when allowed */
  reason: string;
}

/**
 * useMay asks whether the signed-in key may do action ("fc:CreateFunction") on resource; see useResources. With some, on
 * anything whose name begins so: for what is offered before its object is known. An empty action may always be done.
 */
export function useMay(action: string, resource: string, some = false): Permission {
  const { t } = useTranslation('access');
  const { session } = useSession();
  const q = useQuery({
    queryKey: ['may', session.kind, session.name, action, resource, some],
    queryFn: () => ask(some ? { action, resource, some } : { action, resource }),
    enabled: session.signedIn && action !== '',
    staleTime: 60_000,
    retry: false,
  });
  const allowed = q.data?.allowed ?? true;
  return { allowed, loading: q.isLoading, reason: allowed ? '' : t('may.missing', { action, resource: some ? resource + '*' : resource }) };
}

/** askAgain forgets what may be done: after policies have changed. */
export const askAgain = (client: QueryClient) => client.invalidateQueries({ queryKey: ['may'] });

/** useResources names this account's things as policies do; "*" stands for all of them. */
export function useResources() {
  const { session } = useSession();
  const { region, account } = session;
  return useMemo(
    () => ({
      fn: (name = '*') => `acs:fc:${region}:${account}:functions/${name}`,
      buckets: () => `acs:oss:*:${account}:*`,
      bucket: (name: string) => `acs:oss:${region}:${account}:${name}`,
      object: (bucket: string, key: string) => `acs:oss:${region}:${account}:${bucket}/${key}`,
      user: (name = '*') => `acs:ram::${account}:user/${name}`,
      role: (name = '*') => `acs:ram::${account}:role/${name}`,
      metrics: () => `acs:alcedo:${region}:${account}:metrics`,
    }),
    [region, account],
  );
}

/** mayProps are for what has "disabled" and "title" itself: the items of a menu, a native control. */
export function mayProps(m: Permission): { disabled?: true; title?: string } {
  return m.allowed ? {} : { disabled: true, title: m.reason };
}

/** May wraps a control: children get whether it must be disabled; if so, the tooltip of what is around it says which permission is missing. */
export function May({ action, resource, some, children }: { action: string; resource: string; some?: boolean; children: (disabled: boolean) => ReactNode }) {
  const m = useMay(action, resource, some);
  if (m.allowed) return children(false);
  return (
    <Tooltip title={m.reason}>
      {/* A disabled control gets neither pointer nor focus. */}
      <span className="may-not" role="group" aria-label={m.reason} tabIndex={0}>
        {children(true)}
      </span>
    </Tooltip>
  );
}

/** MayButton is a Button for something that needs a permission. */
export function MayButton({ action, resource, some, ...button }: { action: string; resource: string; some?: boolean } & ButtonProps) {
  return (
    <May action={action} resource={resource} some={some}>
      {(no) => <Button {...button} disabled={no || button.disabled} />}
    </May>
  );
}
