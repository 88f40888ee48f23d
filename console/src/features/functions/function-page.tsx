import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Alert, Select, Tag } from 'antd';
import { Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Refusal } from '../../shared/api';
import { lazy } from '../../shared/lazy';
import { Said } from '../../shared/said';
import { TabStrip } from '../../shared/tab-strip';
import { Copy, Page, Problem } from '../../shared/ui';
import { Loading } from '../../app/shell';
import { aliasesOf, functionOf, versionsOf, warningsOf } from './api';
import './function.css';

// The tabs in the seed's order and by its names; each is a chunk of its own.
const tabs = {
  code: lazy(() => import('./code/tab').then((m) => ({ default: m.CodeTab }))),
  triggers: lazy(() => import('./triggers/tab').then((m) => ({ default: m.TriggersTab }))),
  configuration: lazy(() => import('./configuration/tab').then((m) => ({ default: m.ConfigurationTab }))),
  versions: lazy(() => import('./versions/tab').then((m) => ({ default: m.VersionsTab }))),
  test: lazy(() => import('./test/tab').then((m) => ({ default: m.TestTab }))),
  logs: lazy(() => import('./logs/tab').then((m) => ({ default: m.LogsTab }))),
  monitoring: lazy(() => import('./monitoring/tab').then((m) => ({ default: m.MonitoringTab }))),
};
type Tab = keyof typeof tabs;

/** Description is one line until it is clicked; the whole of it shows on hover and focus. */
function Description({ text }: { text: string }) {
  const [whole, setWhole] = useState(false);
  return (
    <button type="button" className={'description' + (whole ? ' whole' : '')} aria-expanded={whole} data-hint={whole ? undefined : text} onClick={() => setWhole(!whole)}>
      {text}
    </button>
  );
}

/** FunctionPage is the function details page. */
export function FunctionPage() {
  const { t } = useTranslation('functions');
  const { name, tab: wanted } = useParams({ from: '/functions/$name/{-$tab}' });
  const search = useSearch({ from: '/functions/$name/{-$tab}' });
  const navigate = useNavigate({ from: '/functions/$name/{-$tab}' });
  const qualifier = search.qualifier ?? 'LATEST';
  const tab: Tab = wanted && wanted in tabs ? (wanted as Tab) : 'code';
  const fn = useQuery(functionOf(name, qualifier));
  const versions = useQuery(versionsOf(name));
  const aliases = useQuery(aliasesOf(name));
  const warnings = useQuery(warningsOf(name));
  const Content = tabs[tab];
  const title = (
    <>
      <Link to="/functions" className="up">
        {t('common:nav.functions')}
      </Link>{' '}
      / {name} <Copy text={fn.data?.functionArn ?? name} label={t('copyArn')} />
    </>
  );
  if (fn.error && !fn.data) {
    const gone = fn.error instanceof Refusal && fn.error.status === 404;
    const next = gone && (
      <span className="row">
        {qualifier !== 'LATEST' && (
          <Link to="." search={(s) => ({ ...s, qualifier: undefined })}>
            {t('toLatest')}
          </Link>
        )}
        <Link to="/functions">{t('common:problem.toFunctions')}</Link>
        {qualifier === 'LATEST' && (
          <Link to="/functions" search={{ new: '1' }}>
            {t('create.title')}
          </Link>
        )}
      </span>
    );
    return (
      <Page title={title}>
        <Problem error={fn.error} retry={gone ? undefined : () => void fn.refetch()} next={next || undefined} />
      </Page>
    );
  }
  return (
    <Page
      title={title}
      lead={
        fn.data && (
          <span className="function-lead">
            <Tag>{fn.data.runtime}</Tag>
            {fn.data.invocationRestriction?.disable && <Tag color="error">{t('disabled')}</Tag>}
            {fn.data.description && <Description text={fn.data.description} />}
          </span>
        )
      }
      extra={
        <span className="row">
          <span>{t('qualifier')}</span>
          <Select
            aria-label={t('qualifier')}
            value={qualifier}
            popupMatchSelectWidth={false}
            onChange={(q) => void navigate({ search: (s) => ({ ...s, qualifier: q === 'LATEST' ? undefined : q }) })}
            options={[
              { value: 'LATEST', label: 'LATEST' },
              ...(aliases.data?.length ? [{ label: t('aliases'), options: aliases.data.map((a) => ({ value: a.aliasName, label: a.aliasName })) }] : []),
              ...(versions.data?.length ? [{ label: t('versions'), options: versions.data.map((v) => ({ value: v.versionId, label: v.versionId })) }] : []),
            ]}
          />
        </span>
      }
    >
      {warnings.data?.map((w) => (
        <Alert
          key={w.kind + (w.trigger ?? '')}
          type="warning"
          showIcon
          className="gap-below"
          title={<Said why={w.why} message={w.message} />}
          action={
            w.dead ? (
              <Link to="/dead-letters" search={{ function: name, id: w.dead }}>
                {t('seeChain')}
              </Link>
            ) : undefined
          }
        />
      ))}
      <TabStrip
        label={name}
        active={tab}
        onChange={(key) => void navigate({ params: (p) => ({ ...p, tab: key === 'code' ? undefined : key }), search: (s) => ({ qualifier: s.qualifier }) })}
        tabs={(Object.keys(tabs) as Tab[]).map((key) => ({ key, label: t(`tab.${key}`) }))}
      />
      {fn.data && (
        <Suspense fallback={<Loading />}>
          <Content key={name} fn={fn.data} qualifier={qualifier} versions={versions.data ?? []} aliases={aliases.data ?? []} />
        </Suspense>
      )}
      {fn.isPending && <Loading />}
    </Page>
  );
}
