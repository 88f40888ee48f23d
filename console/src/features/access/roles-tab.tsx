import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { Role } from '../../api/gen';
import { lazy } from '../../shared/lazy';
import { useMay, useResources } from '../../shared/may';
import type { Column } from '../../shared/rows';
import { Time } from '../../shared/ui';
import { roleList } from './api';
import { ListTab } from './list-tab';
import { trustedBy } from './said';

const RoleDrawer = lazy(() => import('./role-drawer').then((m) => ({ default: m.RoleDrawer })));
const NewRole = lazy(() => import('./new-role').then((m) => ({ default: m.NewRole })));

export function RolesTab() {
  const { t } = useTranslation('access');
  const of = useResources();
  const may = useMay('ram:ListRoles', of.role());
  const list = useQuery(roleList(may.allowed && !may.loading));
  const columns = useMemo(
    (): Column<Role>[] => [
      { key: 'trust', title: t('trustedBy'), width: '2fr', render: (r) => trustedBy(r.trust).join(', ') },
      { key: 'policies', title: t('policies'), width: '3fr', wide: true, render: (r) => r.policies?.map((p) => p.name).join(', ') || <span className="dim">{t('none')}</span> },
      { key: 'updated', title: t('updated'), width: '1fr', wide: true, render: (r) => <Time at={Date.parse(r.updated)} /> },
    ],
    [t],
  );
  return (
    <ListTab<Role>
      kind="roles"
      any={of.role()}
      may={may}
      list={list}
      columns={columns}
      making={({ close, open }) => <NewRole close={close} made={open} />}
      one={(name, { close }) => <RoleDrawer key={name} name={name} close={close} />}
    />
  );
}
