import { DeleteOutlined, DownOutlined } from '@ant-design/icons';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Alert, Button, Drawer, Dropdown, Input, Modal, Skeleton } from 'antd';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Role } from '../../api/gen';
import { useSession } from '../../app/session';
import { Refusal } from '../../shared/api';
import { askAgain, MayButton, useMay, useResources } from '../../shared/may';
import { Copy, Problem, Time } from '../../shared/ui';
import { access, keys, roleOne, roleUses } from './api';
import { DocumentField } from './document-field';
import { useDraft } from './draft';
import { Facts, Saving } from './facts';
import { draftOf, nameRule, PoliciesField, policyProblems, type DraftPolicy } from './policies-field';
import { validate } from './policy';
import { refusedPolicy } from './said';
import { pretty, trustTemplates } from './templates';

interface DraftRole {
  name: string;
  description: string;
  trust: string;
  hours: string;
  policies: DraftPolicy[];
}

const wrong = (d: DraftRole) => ({
  name: !nameRule.test(d.name),
  hours: !/^\d+(\.\d+)?$/.test(d.hours) || Number(d.hours) < 1 || Number(d.hours) > 12,
  trust: validate(d.trust, 'trust').some((f) => f.severity === 'error'),
  policies: policyProblems(d.policies).some(Boolean),
});
const anything = (w: ReturnType<typeof wrong>) => w.name || w.hours || w.trust || w.policies;

const bodyOf = (d: DraftRole) => ({
  description: d.description,
  trust: JSON.parse(d.trust) as unknown,
  maxSessionSeconds: Math.round(Number(d.hours) * 3600),
  policies: d.policies.map((p) => ({ name: p.name, document: JSON.parse(p.text) as unknown })),
});

/** at says where a refusal belongs: a policy, the trust policy, the name; or nowhere. */
function place(refused: Refusal | null, d: DraftRole): { policy?: { name: string; message: string }; trust?: string; name?: string } {
  if (!refused) return {};
  if (refused.code.startsWith('EntityAlreadyExists')) return { name: refused.message };
  if (/trust policy/i.test(refused.message)) return { trust: refused.message };
  const policy = refusedPolicy(refused.message, d.policies);
  return policy ? { policy } : {};
}

/** RoleDrawer is one role: who may assume it, what it may do, which functions run as it. */
export function RoleDrawer({ name, close }: { name: string; close: () => void }) {
  const { t } = useTranslation('access');
  const q = useQuery(roleOne(name));
  const of = useResources();
  const [removing, setRemoving] = useState(false);
  return (
    <Drawer
      open
      onClose={close}
      size={Math.min(760, window.innerWidth)}
      title={<span className="access-title">{t('roleTitle', { name: q.data?.name ?? name })}</span>}
      extra={
        <MayButton action="ram:DeleteRole" resource={of.role(name)} icon={<DeleteOutlined />} danger disabled={!q.data} onClick={() => setRemoving(true)}>
          {t('common:delete')}
        </MayButton>
      }
    >
      {q.error ? <Problem error={q.error} retry={() => void q.refetch()} /> : q.data ? <Inside role={q.data} /> : <Skeleton active />}
      {removing && q.data && <DeleteRole role={q.data} close={() => setRemoving(false)} done={close} />}
    </Drawer>
  );
}

function Inside({ role }: { role: Role }) {
  const { t } = useTranslation('access');
  const of = useResources();
  const client = useQueryClient();
  const may = useMay('ram:UpdateRole', of.role(role.name));
  const saved = useMemo(
    (): DraftRole => ({ name: role.name, description: role.description, trust: pretty(role.trust), hours: String(+(role.maxSessionSeconds / 3600).toFixed(4)), policies: draftOf(role.policies) }),
    [role],
  );
  const draft = useDraft('role:' + role.name, saved);
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<Refusal | null>(null);
  const d = draft.value;
  const save = async () => {
    setTried(true);
    setRefused(null);
    if (anything(wrong(d))) return;
    setBusy(true);
    try {
      client.setQueryData(roleOne(role.name).queryKey, await access.updateRole(role.name, bodyOf(d)));
      draft.discard();
      setTried(false);
      void client.invalidateQueries({ queryKey: keys.roles });
      void askAgain(client);
    } catch (err) {
      setRefused(err as Refusal);
    } finally {
      setBusy(false);
    }
  };
  const at = place(refused, d);
  return (
    <>
      <Facts
        of={[
          ['ARN', <span key="a" className="mono">{role.arn} <Copy text={role.arn} /></span>],
          [t('common:created'), <Time key="c" at={Date.parse(role.created)} exact />],
          [t('updated'), <Time key="u" at={Date.parse(role.updated)} exact />],
          [t('usedBy'), <Uses key="f" name={role.name} />],
        ]}
      />
      <RoleFields id={'role-' + role.name} d={d} change={draft.change} readOnly={!may.allowed} tried={tried} at={at} />
      {!may.allowed && <p className="dim">{may.reason}</p>}
      <Saving
        changed={draft.changed}
        busy={busy}
        refused={at.policy || at.trust ? null : refused}
        invalid={tried && anything(wrong(d))}
        save={() => void save()}
        discard={() => { draft.discard(); setTried(false); setRefused(null); }}
      />
    </>
  );
}

function RoleFields({ id, d, change, readOnly, tried, at }: { id: string; d: DraftRole; change: (d: DraftRole) => void; readOnly?: boolean; tried: boolean; at: ReturnType<typeof place> }) {
  const { t } = useTranslation('access');
  const { session } = useSession();
  const w = wrong(d);
  return (
    <>
      <div className="field">
        <label htmlFor={id + '-description'}>{t('description')}</label>
        <Input id={id + '-description'} value={d.description} maxLength={1024} readOnly={readOnly} onChange={(e) => change({ ...d, description: e.target.value })} />
      </div>
      <div className="field">
        <label htmlFor={id + '-hours'}>{t('maxSession')}</label>
        <Input id={id + '-hours'} value={d.hours} readOnly={readOnly} inputMode="decimal" className="short" status={w.hours ? 'error' : undefined} aria-invalid={w.hours} aria-describedby={id + '-hours-why'} onChange={(e) => change({ ...d, hours: e.target.value })} />
        {w.hours && <div id={id + '-hours-why'} className="findings finding-error">{t('maxSessionRule')}</div>}
      </div>
      <div className="row section-head">
        <h2>{t('trust')}</h2>
        <span className="grow" />
        {!readOnly && (
          <Dropdown trigger={['click']} menu={{ items: trustTemplates(session.account).map((x) => ({ key: x.code, label: t(`policy.template.${x.code}`), onClick: () => change({ ...d, trust: pretty(x.make()) }) })) }}>
            <Button size="small">
              {t('templates')} <DownOutlined />
            </Button>
          </Dropdown>
        )}
      </div>
      <p className="dim">{t('trustWhy')}</p>
      <DocumentField label={t('trust')} name={id + '-trust'} value={d.trust} change={(trust) => change({ ...d, trust })} kind="trust" readOnly={readOnly} problem={at.trust} />
      <h2>{t('policies')}</h2>
      <PoliciesField id={id} list={d.policies} change={(policies) => change({ ...d, policies })} readOnly={readOnly} tried={tried} refused={at.policy} />
    </>
  );
}

function Uses({ name }: { name: string }) {
  const { t } = useTranslation('access');
  const q = useQuery(roleUses(name));
  if (!q.data) return q.error ? <span className="dim">{(q.error as Refusal).message}</span> : <span className="dim">{t('common:loading')}</span>;
  const { known, functions, more } = q.data;
  if (!known) return <span className="dim">{t('usesUnknown')}</span>;
  if (!functions?.length) return <span className="dim">{t('usedByNone')}</span>;
  return (
    <span className="uses">
      {functions.map((f) => (
        <Link key={f} to="/functions/$name/{-$tab}" params={{ name: f, tab: 'configuration' }}>
          {f}
        </Link>
      ))}
      {more && <span className="dim">{t('usedByMore')}</span>}
    </span>
  );
}

/** NewRole makes a role; what was typed stays until it is made or discarded. */
export function NewRole({ close, made }: { close: () => void; made: (name: string) => void }) {
  const { t } = useTranslation('access');
  const { session } = useSession();
  const client = useQueryClient();
  const start = useMemo((): DraftRole => ({ name: '', description: '', trust: pretty(trustTemplates(session.account)[0]!.make()), hours: '1', policies: [] }), [session.account]);
  const draft = useDraft('role-new', start);
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<Refusal | null>(null);
  const d = draft.value;
  const w = wrong(d);
  const at = place(refused, d);
  const submit = async () => {
    setTried(true);
    setRefused(null);
    if (anything(w)) return;
    setBusy(true);
    try {
      const role = await access.createRole({ name: d.name, ...bodyOf(d) });
      draft.discard();
      await client.invalidateQueries({ queryKey: keys.roles });
      made(role.name);
    } catch (err) {
      setRefused(err as Refusal);
      setBusy(false);
    }
  };
  const nameProblem = at.name ?? (tried && w.name ? t('nameRule') : undefined);
  return (
    <Drawer
      open
      onClose={close}
      size={Math.min(760, window.innerWidth)}
      title={t('createRole')}
      footer={
        <div className="row">
          {refused && !at.name && !at.policy && !at.trust && <Alert type="error" showIcon role="alert" title={refused.message} />}
          {tried && anything(w) && <span className="finding-error" role="status">{t('fixFirst')}</span>}
          <span className="grow" />
          {draft.changed && <Button onClick={draft.discard}>{t('discard')}</Button>}
          <Button type="primary" loading={busy} onClick={() => void submit()}>
            {t('common:ok')}
          </Button>
        </div>
      }
    >
      <div className="field">
        <label htmlFor="role-name">{t('roleName')}</label>
        <Input id="role-name" autoFocus value={d.name} spellCheck={false} autoComplete="off" status={nameProblem ? 'error' : undefined} aria-invalid={!!nameProblem} aria-describedby="role-name-why" onChange={(e) => { draft.change({ ...d, name: e.target.value }); setRefused(null); }} />
        <div id="role-name-why" className={nameProblem ? 'findings finding-error' : 'findings dim'}>{nameProblem ?? t('nameRule')}</div>
      </div>
      <RoleFields id="role-new" d={d} change={draft.change} tried={tried} at={at} />
    </Drawer>
  );
}

function DeleteRole({ role, close, done }: { role: Role; close: () => void; done: () => void }) {
  const { t } = useTranslation('access');
  const client = useQueryClient();
  const uses = useQuery(roleUses(role.name));
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Refusal | null>(null);
  const go = async () => {
    setBusy(true);
    try {
      await access.deleteRole(role.name);
      done();
      await client.invalidateQueries({ queryKey: keys.roles });
    } catch (err) {
      setProblem(err as Refusal);
      setBusy(false);
    }
  };
  const used = (uses.data?.functions?.length ?? 0) > 0;
  return (
    <Modal open title={t('deleteRole', { name: role.name })} okText={t('common:delete')} okButtonProps={{ danger: true, loading: busy }} onOk={() => void go()} onCancel={close}>
      {problem && <Alert type="error" showIcon className="gap-below" title={problem.message} />}
      {used && <Alert type="warning" showIcon className="gap-below" title={t('deleteRoleUsed')} description={<Uses name={role.name} />} />}
      <p>{t('deleteRoleWhy')}</p>
    </Modal>
  );
}
