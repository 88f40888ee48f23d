import { useNavigate, useParams } from '@tanstack/react-router';
import { Tabs } from 'antd';
import { useTranslation } from 'react-i18next';
import { Page } from '../../shared/ui';
import './access.css';
import { CheckTab } from './check-tab';
import { RolesTab } from './roles-tab';
import { UsersTab } from './users-tab';

const tabs = ['users', 'roles', 'check'] as const;

export function AccessPage() {
  const { t } = useTranslation('access');
  const params = useParams({ from: '/access/{-$tab}' });
  const navigate = useNavigate();
  const tab = tabs.find((x) => x === params.tab) ?? 'users';
  return (
    <Page title={t('title')} lead={t('lead')}>
      <Tabs
        activeKey={tab}
        onChange={(key) => void navigate({ to: '/access/{-$tab}', params: { tab: key === 'users' ? undefined : key } })}
        items={tabs.map((key) => ({
          key,
          label: t(`tab.${key}`),
          children: key !== tab ? null : key === 'users' ? <UsersTab /> : key === 'roles' ? <RolesTab /> : <CheckTab />,
        }))}
      />
    </Page>
  );
}
