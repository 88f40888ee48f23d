import { DeleteOutlined } from '@ant-design/icons';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Drawer, Modal, Skeleton } from 'antd';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { User } from '../../api/gen';
import { useSession } from '../../app/session';
import { Refusal } from '../../shared/api';
import { askAgain, MayButton, useMay, useResources } from '../../shared/may';
import { Copy, Problem, Time } from '../../shared/ui';
import { access, keys, userKeys, userOne } from './api';
import { useDraft } from './draft';
import { Facts, Saving } from './facts';
import { Keys } from './keys';
import { draftOf, PoliciesField, policyProblems } from './policies-field';
import { refusedPolicy } from './said';

/** UserDrawer is one user: its policies and its access keys. */
export default function UserDrawer({ name, close }: { name: string; close: () => void }) {
  const { t } = useTranslation('access');
  const q = useQuery(userOne(name));
  const of = useResources();
  const [removing, setRemoving] = useState(false);
  return (
    <Drawer
      open
      onClose={close}
      size={Math.min(760, window.innerWidth)}
      title={<span className="access-title">{t('userTitle', { name: q.data?.name ?? name })}</span>}
      extra={
        <MayButton action="ram:DeleteUser" resource={of.user(name)} icon={<DeleteOutlined />} danger disabled={!q.data} onClick={() => setRemoving(true)}>
          {t('common:delete')}
        </MayButton>
      }
    >
      {q.error ? <Problem error={q.error} retry={() => void q.refetch()} /> : q.data ? <Inside user={q.data} /> : <Skeleton active />}
      {removing && q.data && <DeleteUser user={q.data} close={() => setRemoving(false)} done={close} />}
    </Drawer>
  );
}

function Inside({ user }: { user: User }) {
  const { t } = useTranslation('access');
  const of = useResources();
  const client = useQueryClient();
  const may = useMay('ram:UpdateUser', of.user(user.name));
  const saved = useMemo(() => draftOf(user.policies), [user.policies]);
  const draft = useDraft('user:' + user.name, saved);
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<Refusal | null>(null);
  const save = async () => {
    setTried(true);
    setRefused(null);
    if (policyProblems(draft.value).some(Boolean)) return;
    setBusy(true);
    try {
      const u = await access.updateUser(user.name, { policies: draft.value.map((p) => ({ name: p.name, document: JSON.parse(p.text) as unknown })) });
      client.setQueryData(userOne(user.name).queryKey, u);
      draft.discard();
      setTried(false);
      void client.invalidateQueries({ queryKey: keys.users });
      void askAgain(client);
    } catch (err) {
      setRefused(err as Refusal);
    } finally {
      setBusy(false);
    }
  };
  const at = refused && refusedPolicy(refused.message, draft.value);
  return (
    <>
      <Facts
        of={[
          ['ARN', <span key="a" className="mono">{user.arn} <Copy text={user.arn} /></span>],
          [t('common:created'), <Time key="c" at={Date.parse(user.created)} exact />],
        ]}
      />
      <h2>{t('policies')}</h2>
      <PoliciesField id={'user-' + user.name} list={draft.value} change={draft.change} readOnly={!may.allowed} tried={tried} refused={at ?? undefined} />
      {!may.allowed && <p className="dim">{may.reason}</p>}
      <Saving changed={draft.changed} busy={busy} refused={at ? null : refused} save={() => void save()} discard={() => { draft.discard(); setTried(false); setRefused(null); }} invalid={tried && policyProblems(draft.value).some(Boolean)} />
      <h2>{t('keys')}</h2>
      <Keys user={user.name} />
    </>
  );
}

function DeleteUser({ user, close, done }: { user: User; close: () => void; done: () => void }) {
  const { t } = useTranslation('access');
  const { session } = useSession();
  const client = useQueryClient();
  const of = useResources();
  const mayList = useMay('ram:ListAccessKeys', of.user(user.name));
  const list = useQuery(userKeys(user.name, mayList.allowed));
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Refusal | null>(null);
  const own = session.kind === 'RAMUser' && session.name?.toLowerCase() === user.name.toLowerCase();
  const go = async () => {
    setBusy(true);
    try {
      await access.deleteUser(user.name);
      done();
      await client.invalidateQueries({ queryKey: keys.users });
    } catch (err) {
      setProblem(err as Refusal);
      setBusy(false);
    }
  };
  return (
    <Modal open title={t('deleteUser', { name: user.name })} okText={t('common:delete')} okButtonProps={{ danger: true, loading: busy }} onOk={() => void go()} onCancel={close}>
      {problem && <Alert type="error" showIcon className="gap-below" title={problem.message} />}
      {own && <Alert type="warning" showIcon className="gap-below" title={t('deleteSelf')} />}
      <p>{t('deleteUserWhy')}</p>
      {list.data && list.data.length > 0 && (
        <>
          <p>{t('deleteUserKeys', { count: list.data.length })}</p>
          <ul className="mono">
            {list.data.map((k) => (
              <li key={k.accessKeyId}>{k.accessKeyId}</li>
            ))}
          </ul>
        </>
      )}
    </Modal>
  );
}
