import { DeleteOutlined } from '@ant-design/icons';
import { useQueryClient, type QueryKey, type UseQueryResult } from '@tanstack/react-query';
import { Alert, Drawer, Modal, Skeleton } from 'antd';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { messageOf, type Refusal } from '../../shared/api';
import { Facts } from '../../shared/facts';
import { MayButton } from '../../shared/may';
import { useThere } from '../../shared/there';
import { Copy, Problem, Time } from '../../shared/ui';
import { whose } from './said';

/** Thing is what users and roles have in common. */
export interface Thing {
  name: string;
  arn: string;
  created: string;
  updated: string;
  updatedBy?: string;
}

export const drawerSize = () => Math.min(760, window.innerWidth);

/** Frame is the drawer of one user or role: what it is, how it is deleted, its parts as children. */
export function Frame<T extends Thing>({ kind, name, resource, q, close, facts, deletion, children }: {
  kind: 'user' | 'role';
  name: string;
  resource: string;
  q: UseQueryResult<T>;
  close: () => void;
  facts?: [string, ReactNode][];
  deletion: (thing: T, close: () => void) => ReactNode;
  children: (thing: T) => ReactNode;
}) {
  const { t } = useTranslation('access');
  const [removing, setRemoving] = useState(false);
  const thing = q.data;
  // What is gone meanwhile stays in sight with what was typed; it is nowhere else.
  const gone = thing && (q.error as Refusal | null)?.status === 404;
  return (
    <Drawer
      open
      onClose={close}
      size={drawerSize()}
      title={<span className="access-title">{t(kind + 'Title', { name: thing?.name ?? name })}</span>}
      extra={
        <MayButton action={kind === 'user' ? 'ram:DeleteUser' : 'ram:DeleteRole'} resource={resource} icon={<DeleteOutlined />} danger className="access-delete" disabled={!thing || gone} onClick={() => setRemoving(true)}>
          <span>{t('common:delete')}</span>
        </MayButton>
      }
    >
      {gone ? <Alert type="warning" showIcon role="alert" className="gap-below" title={t('conflict.gone')} /> : q.error && <Problem error={q.error} retry={(q.error as Refusal).status === 404 ? undefined : () => void q.refetch()} />}
      {thing ? (
        <>
          <Facts
            lines
            of={[
              ['ARN', <span key="a" className="mono">{thing.arn} <Copy text={thing.arn} /></span>],
              [t('common:created'), <Time key="c" at={Date.parse(thing.created)} exact />],
              [t('updated'), <span key="u"><Time at={Date.parse(thing.updated)} exact />{thing.updatedBy && <span className="dim"> {t('updatedBy', { who: whose(thing.updatedBy, t('conflict.account')) })}</span>}</span>],
              ...(facts ?? []),
            ]}
          />
          {children(thing)}
        </>
      ) : (
        !q.error && <Skeleton active />
      )}
      {removing && thing && deletion(thing, () => setRemoving(false))}
    </Drawer>
  );
}

/** Deletion asks before something goes for ever; children say what goes with it. */
export function Deletion({ title, remove, stale, close, done, children }: {
  title: string;
  remove: () => Promise<unknown>;
  /** stale is what to ask again when it is gone */
  stale: QueryKey;
  close: () => void;
  done: () => void;
  children: ReactNode;
}) {
  const { t } = useTranslation('access');
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Refusal | null>(null);
  const there = useThere();
  const go = async () => {
    setBusy(true);
    try {
      await remove();
      if (there()) done();
      await client.invalidateQueries({ queryKey: stale });
    } catch (err) {
      setProblem(err as Refusal);
      setBusy(false);
    }
  };
  return (
    <Modal open title={<span className="access-title">{title}</span>} okText={t('common:delete')} okButtonProps={{ danger: true, loading: busy }} onOk={() => void go()} onCancel={close}>
      {problem && <Alert type="error" showIcon role="alert" className="gap-below" title={messageOf(problem)} />}
      {children}
    </Modal>
  );
}
