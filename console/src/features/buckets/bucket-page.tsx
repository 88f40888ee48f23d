import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { Tabs } from 'antd';
import { Suspense } from 'react';
import { useTranslation } from 'react-i18next';
import { Loading } from '../../app/shell';
import { Refusal } from '../../shared/api';
import { lazy } from '../../shared/lazy';
import { useResources } from '../../shared/may';
import { Copy, Page, Problem } from '../../shared/ui';
import { bucketInfo } from './api';
import './buckets.css';

const tabs = {
  objects: lazy(() => import('./objects/tab').then((m) => ({ default: m.ObjectsTab }))),
  fragments: lazy(() => import('./fragments/tab').then((m) => ({ default: m.FragmentsTab }))),
  triggers: lazy(() => import('./triggers/tab').then((m) => ({ default: m.TriggersTab }))),
  settings: lazy(() => import('./settings/tab').then((m) => ({ default: m.SettingsTab }))),
};
type Tab = keyof typeof tabs;

/** BucketPage is a bucket: its objects, and what else there is to it. */
export function BucketPage() {
  const { t } = useTranslation('buckets');
  const resource = useResources();
  const { name, tab: wanted } = useParams({ from: '/buckets/$name/{-$tab}' });
  const navigate = useNavigate({ from: '/buckets/$name/{-$tab}' });
  const tab: Tab = wanted && wanted in tabs ? (wanted as Tab) : 'objects';
  const info = useQuery({ ...bucketInfo(name), retry: (n, err) => n < 2 && !(err instanceof Refusal && err.status < 500 && !err.unreachable) });
  // Who may not read the settings may still list the objects.
  const gone = info.error instanceof Refusal && info.error.status === 404;
  const Content = tabs[tab];
  return (
    <Page
      title={
        <>
          <Link to="/buckets" className="up">
            {t('common:nav.buckets')}
          </Link>{' '}
          / {name} <Copy text={resource.bucket(name)} label={t('copyArn')} />
        </>
      }
    >
      {gone ? (
        <Problem
          error={info.error}
          next={
            <span className="row">
              <Link to="/buckets">{t('common:problem.toBuckets')}</Link>
              <Link to="/buckets" search={{ new: '1' }}>
                {t('create')}
              </Link>
            </span>
          }
        />
      ) : (
        <>
          <Tabs
            activeKey={tab}
            onChange={(key) => void navigate({ params: (p) => ({ ...p, tab: key === 'objects' ? undefined : key }), search: {} })}
            items={(Object.keys(tabs) as Tab[]).map((key) => ({ key, label: t(`tab.${key}`) }))}
          />
          <Suspense fallback={<Loading />}>
            <Content key={name} bucket={name} />
          </Suspense>
        </>
      )}
    </Page>
  );
}
