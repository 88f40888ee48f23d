import {
  ApiOutlined,
  DashboardOutlined,
  FolderOpenOutlined,
  FunctionOutlined,
  KeyOutlined,
  MenuOutlined,
  SearchOutlined,
  ThunderboltOutlined,
} from '@ant-design/icons';
import { useQueryClient } from '@tanstack/react-query';
import { Link, Outlet, useRouterState, type ErrorComponentProps } from '@tanstack/react-router';
import { Button, Grid, Layout, Spin } from 'antd';
import { Suspense, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Refusal } from '../shared/api';
import { moment } from '../shared/format';
import { lazy } from '../shared/lazy';
import { useLiveness } from '../shared/live';
import { useMay, useResources } from '../shared/may';
import { ping, useLost } from '../shared/reach';
import { Page, Problem } from '../shared/ui';
import { useUploading } from '../shared/uploading';
import mark from './alcedo.svg';
import { useSession } from './session';
import { useSettings } from './settings';
import { useShortcut } from './shortcuts';

const Palette = lazy(() => import('./palette'));
const RegionMenu = lazy(() => import('./menus').then((m) => ({ default: m.RegionMenu })));
const HeaderMenus = lazy(() => import('./menus').then((m) => ({ default: m.HeaderMenus })));
const NarrowMenu = lazy(() => import('./narrow-menu'));
const ShortcutSheet = lazy(() => import('./shortcut-sheet'));
const UploadPanel = lazy(() => import('../features/buckets/uploads/panel'));

const places = [
  { key: '/', icon: <DashboardOutlined />, name: 'overview' },
  { key: '/functions', icon: <FunctionOutlined />, name: 'functions' },
  { key: '/buckets', icon: <FolderOpenOutlined />, name: 'buckets' },
  { key: '/events', icon: <ThunderboltOutlined />, name: 'events' },
  { key: '/access/{-$tab}', icon: <KeyOutlined />, name: 'access' },
] as const;

const childrenOf: Record<string, string> = { '/access': '/access/{-$tab}', '/trace': '/events', '/dead-letters': '/events', '/jobs': '/events' };

/** useBarred says which permission is missing for a place; "" if none is. */
function useBarred(): Record<(typeof places)[number]['name'], string> {
  const r = useResources();
  const functions = useMay('fc:ListFunctions', r.fn());
  const buckets = useMay('oss:ListBuckets', r.buckets());
  const events = useMay('oss:ListObjects', r.bucket(''), true);
  const users = useMay('ram:ListUsers', r.user());
  const roles = useMay('ram:ListRoles', r.role());
  return { overview: '', functions: functions.reason, buckets: buckets.reason, events: events.reason, access: roles.allowed ? '' : users.reason };
}

function Navigation({ done }: { done?: () => void }) {
  const { t } = useTranslation();
  const path = useRouterState({ select: (s) => s.location.pathname });
  const first = '/' + (path.split('/')[1] ?? '');
  const here = childrenOf[first] ?? first;
  const barred = useBarred();
  return (
    <nav aria-label={t('nav.main')} className="nav-menu">
      {places.map(({ key, icon, name }) =>
        barred[name] && here !== key ? (
          <span key={key} role="link" aria-disabled tabIndex={0} className="nav-link barred" data-hint={barred[name]}>
            {icon} {t(`nav.${name}`)}
          </span>
        ) : (
        <Link key={key} to={key} className={here === key ? 'nav-link here' : 'nav-link'} aria-current={here === key ? 'page' : undefined} onClick={() => done?.()}>
          {icon} {t(`nav.${name}`)}
        </Link>
        ),
      )}
    </nav>
  );
}

/** Connection says whether what is on the page is live, and whether the server answers. */
function Connection() {
  const { t } = useTranslation();
  const { zone } = useSettings();
  const live = useLiveness();
  const lost = useLost();
  const since = (at: number) => moment(at, zone).slice(11, 19);
  let status: 'success' | 'default' | 'error' = 'default';
  let label = '';
  if (lost !== null) [status, label] = ['error', t('live.reconnecting', { since: since(lost) })];
  else if (live.any && live.liveness === 'live') [status, label] = ['success', t('live.live')];
  else if (live.any && live.liveness === 'reconnecting') [status, label] = ['error', t('live.reconnecting', { since: since(live.since) })];
  else if (live.any) label = t('live.paused');
  return (
    <span role="status" className="connection" data-state={lost !== null ? 'reconnecting' : live.any ? live.liveness : 'idle'}>
      {label && (
        <>
          <i className={`dot ${status}`} /> {label}
        </>
      )}
    </span>
  );
}

export function Shell() {
  const { t } = useTranslation();
  const { session } = useSession();
  const wide = Grid.useBreakpoint().lg ?? true;
  const [menu, setMenu] = useState(false);
  const [palette, setPalette] = useState(false);
  const [sheet, setSheet] = useState(false);
  const uploading = useUploading();
  const client = useQueryClient();
  const path = useRouterState({ select: (s) => s.location.pathname });
  const main = useRef<HTMLElement>(null);
  useShortcut('mod+k', t('shortcut.palette'), () => setPalette(true), { always: true });
  useShortcut('?', t('shortcut.sheet'), () => setSheet(true));
  useShortcut('r', t('shortcut.refresh'), () => void client.refetchQueries({ type: 'active' }));
  useShortcut('escape', t('shortcut.close'));
  useEffect(() => setMenu(false), [path]);
  return (
    <Layout className="shell">
      <a className="skip" href="#main" onClick={(e) => (e.preventDefault(), main.current?.focus())}>
        {t('nav.skip')}
      </a>
      <Layout.Header className="shell-header">
        {!wide && <Button type="text" icon={<MenuOutlined />} aria-label={t('nav.open')} onClick={() => setMenu(true)} />}
        <Link to="/" className="brand" aria-label="Alcedo">
          <img src={mark} alt="" width={26} height={26} />
          {wide && <span>Alcedo</span>}
        </Link>
        <Suspense fallback={<span className="menu-wait" />}>
          <RegionMenu wide={wide} />
        </Suspense>
        <span className="grow" />
        <Connection />
        <Button icon={<SearchOutlined />} onClick={() => setPalette(true)} aria-label={wide ? `${t('palette.open')} Ctrl K` : t('palette.open')} type={wide ? 'default' : 'text'}>
          {wide ? <kbd>Ctrl K</kbd> : null}
        </Button>
        <Suspense fallback={<span className="menu-wait" />}>
          <HeaderMenus wide={wide} help={() => setSheet(true)} />
        </Suspense>
      </Layout.Header>
      <Layout>
        {wide && (
          <Layout.Sider width={208} className="shell-side">
            <Navigation />
            <div className="side-foot">
              <ApiOutlined /> {session.version}
            </div>
          </Layout.Sider>
        )}
        <Layout.Content id="main" ref={main} tabIndex={-1} className="shell-main">
          <Suspense fallback={<Loading />}>
            <Outlet />
          </Suspense>
        </Layout.Content>
      </Layout>
      <Suspense>
        {menu && (
          <NarrowMenu close={() => setMenu(false)}>
            <Navigation done={() => setMenu(false)} />
          </NarrowMenu>
        )}
        {palette && <Palette close={() => setPalette(false)} />}
        {sheet && <ShortcutSheet close={() => setSheet(false)} />}
        {uploading && <UploadPanel />}
      </Suspense>
    </Layout>
  );
}

export function Loading() {
  const { t } = useTranslation();
  if (useLost() !== null) return <Problem error={new Refusal(0, 'Unreachable', '')} retry={() => void ping()} />;
  return (
    <div className="loading" role="status" aria-label={t('loading')}>
      <Spin />
    </div>
  );
}

export function NotFound() {
  const { t } = useTranslation();
  return (
    <Page title={t('notFound.title')} lead={t('notFound.why')}>
      <Link to="/">{t('notFound.home')}</Link>
    </Page>
  );
}

export function RouteProblem({ error, reset }: ErrorComponentProps) {
  return (
    <div className="page">
      <Problem error={error} retry={reset} />
    </div>
  );
}
