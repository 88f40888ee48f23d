import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Alert } from 'antd';
import { useTranslation } from 'react-i18next';
import type { Role } from '../../api/gen';
import { messageOf } from '../../shared/api';
import { useMay, useResources } from '../../shared/may';
import { access, keys, roleOne, roleUses } from './api';
import { useEditing } from './editing';
import { Deletion, Frame } from './frame';
import { draftOf } from './policies-field';
import { anything, bodyOf, place, RoleFields, wrong, type DraftRole } from './role-fields';
import { Saving } from './saving';
import { pretty } from './templates';

const draftOfRole = (r: Role): DraftRole => ({
  name: r.name,
  description: r.description,
  hours: String(+(r.maxSessionSeconds / 3600).toFixed(4)),
  trust: pretty(r.trust),
  policies: draftOf(r.policies),
});

/** RoleDrawer is one role: who may assume it, what it may do, which functions run as it. */
export function RoleDrawer({ name, close }: { name: string; close: () => void }) {
  const { t } = useTranslation('access');
  const q = useQuery(roleOne(name));
  const of = useResources();
  return (
    <Frame kind="role" name={name} resource={of.role(name)} q={q} close={close} facts={[[t('usedBy'), <Uses key="f" name={name} />]]} deletion={(role, end) => <DeleteRole role={role} close={end} done={close} />}>
      {(role) => <Inside name={name} role={role} />}
    </Frame>
  );
}

/** name is as the URL spells it */
function Inside({ name, role }: { name: string; role: Role }) {
  const of = useResources();
  const may = useMay('ram:UpdateRole', of.role(role.name));
  const e = useEditing(role, {
    key: 'role:' + role.name,
    draftOf: draftOfRole,
    wrong: (d) => anything(wrong(d)),
    update: (d, revision) => access.updateRole(role.name, bodyOf(d), revision),
    one: roleOne(name).queryKey,
    all: keys.roles,
  });
  const at = place(e.refused, e.draft.value);
  return (
    <>
      <RoleFields id={'role-' + role.name} d={e.draft.value} change={e.draft.change} readOnly={!may.allowed} tried={e.tried} at={at} />
      {!may.allowed && <p className="dim">{may.reason}</p>}
      <Saving e={e} thing={role} refused={at.policy || at.trust ? null : e.refused} />
    </>
  );
}

function Uses({ name }: { name: string }) {
  const { t } = useTranslation('access');
  const q = useQuery(roleUses(name));
  if (!q.data) return q.error ? <span className="dim">{messageOf(q.error)}</span> : <span className="dim">{t('common:loading')}</span>;
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

function DeleteRole({ role, close, done }: { role: Role; close: () => void; done: () => void }) {
  const { t } = useTranslation('access');
  const uses = useQuery(roleUses(role.name));
  const used = (uses.data?.functions?.length ?? 0) > 0;
  return (
    <Deletion title={t('deleteRole', { name: role.name })} remove={() => access.deleteRole(role.name)} stale={keys.roles} close={close} done={done}>
      {used && <Alert type="warning" showIcon className="gap-below" title={t('deleteRoleUsed')} description={<Uses name={role.name} />} />}
      <p>{t('deleteRoleWhy')}</p>
    </Deletion>
  );
}
