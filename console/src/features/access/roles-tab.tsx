import { PlusOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';
import { useTranslation } from 'react-i18next';
import type { Role } from '../../api/gen';
import { MayButton, useMay, useResources } from '../../shared/may';
import { Rows } from '../../shared/rows';
import { Nothing, Problem, Time } from '../../shared/ui';
import { roleList } from './api';
import { trustedBy } from './said';
import { Filter } from './users-tab';

const RoleDrawer = lazy(() => import('./role-drawer').then((m) => ({ default: m.RoleDrawer })));
const NewRole = lazy(() => import('./role-drawer').then((m) => ({ default: m.NewRole })));

export function RolesTab() {
  const { t } = useTranslation('access');
  const { name, new: making, q } = useSearch({ from: '/access/{-$tab}' });
  const navigate = useNavigate({ from: '/access/{-$tab}' });
  const of = useResources();
  const may = useMay('ram:ListRoles', of.role());
  const list = useQuery(roleList(may.allowed && !may.loading));
  const items = (list.data ?? []).filter((r) => !q || r.name.toLowerCase().includes(q.toLowerCase()));
  const open = (role?: string) => void navigate({ search: (s) => ({ ...s, name: role, new: undefined }) });
  const create = (
    <MayButton action="ram:CreateRole" resource={of.role()} type="primary" icon={<PlusOutlined />} onClick={() => void navigate({ search: (s) => ({ ...s, new: '1' }) })}>
      {t('createRole')}
    </MayButton>
  );
  return (
    <>
      <div className="row gap-below">
        <Filter q={q} label={t('filterRoles')} />
        <span className="grow" />
        {create}
      </div>
      {!may.allowed ? (
        <Nothing text={may.reason} />
      ) : list.error ? (
        <Problem error={list.error} retry={() => void list.refetch()} />
      ) : (
        <Rows<Role>
          label={t('roles')}
          items={items}
          keyOf={(r) => r.name}
          loading={list.isPending}
          onOpen={(r) => open(r.name)}
          current={name}
          height="calc(100vh - 300px)"
          empty={<Nothing text={q ? t('noneFound', { q }) : t('noRoles')}>{!q && create}</Nothing>}
          columns={[
            { key: 'name', title: t('common:name'), width: '3fr', render: (r) => <Link to="/access/{-$tab}" params={{ tab: 'roles' }} search={{ name: r.name }}>{r.name}</Link> },
            { key: 'trust', title: t('trustedBy'), width: '2fr', render: (r) => trustedBy(r.trust).join(', ') },
            { key: 'policies', title: t('policies'), width: '3fr', wide: true, render: (r) => r.policies?.map((p) => p.name).join(', ') || <span className="dim">{t('none')}</span> },
            { key: 'updated', title: t('updated'), width: '1fr', wide: true, render: (r) => <Time at={Date.parse(r.updated)} /> },
          ]}
        />
      )}
      <Suspense>
        {making && <NewRole close={() => open(name)} made={open} />}
        {name && !making && <RoleDrawer key={name} name={name} close={() => open()} />}
      </Suspense>
    </>
  );
}
