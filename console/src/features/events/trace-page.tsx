import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Grid, Input } from 'antd';
import { lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Loading } from '../../app/shell';
import { useLive } from '../../shared/live';
import { Note, over } from '../../shared/states';
import { Nothing, Page, Problem } from '../../shared/ui';
import { traceOf } from './api';
import { Area } from './area';
import { lookFor } from './lineage';
import { TraceTree } from './trace-tree';

const TraceGraph = lazy(() => import('./trace-graph').then((m) => ({ default: m.TraceGraph })));

/** TracePage shows what led to something, and what that caused: as a graph, or as a list. */
export function TracePage() {
  const { t } = useTranslation('events');
  const { view: asked, ...q } = useSearch({ from: '/trace' });
  const wide = Grid.useBreakpoint().sm ?? window.innerWidth >= 640;
  const view = asked ?? (wide ? 'graph' : 'list');
  const trace = useQuery(traceOf(q));
  const client = useQueryClient();
  const known = !!(q.event || q.run || (q.bucket && q.key));
  useLive(!!trace.data?.nodes?.some((n) => n.run && !over(n.run.state)), async (_, signal) => {
    await new Promise((resolve) => setTimeout(resolve, 1500));
    signal.throwIfAborted();
    await client.fetchQuery({ ...traceOf(q), staleTime: 0, retry: false });
    return '';
  });
  return (
    <Page
      title={t('lineage')}
      lead={q.bucket ? `${q.bucket}/${q.key}` : q.event ? t('ofEvent', { id: q.event }) : q.run ? t('ofRun', { id: q.run }) : t('lineageLead')}
      extra={
        known && (
          <nav aria-label={t('view.label')} className="segments tight">
            {(['graph', 'list'] as const).map((v) => (
              <Link key={v} to="/trace" search={(s) => ({ ...s, view: v })} replace className={v === view ? 'on' : ''} aria-current={v === view ? 'true' : undefined} activeProps={{}}>
                {t(`view.${v}`)}
              </Link>
            ))}
          </nav>
        )
      }
    >
      <Area />
      <Finder key={JSON.stringify(q)} />
      {!known ? (
        <Nothing text={t('lineageNone')} />
      ) : trace.isPending ? (
        <Loading />
      ) : trace.error && !trace.data ? (
        <Problem error={trace.error} retry={() => void trace.refetch()} />
      ) : (
        <>
          {trace.data.cut?.map((c) => <Note key={c} state="None" title={c} />)}
          {view === 'graph' ? (
            <Suspense fallback={<Loading />}>
              <TraceGraph trace={trace.data} />
            </Suspense>
          ) : (
            <TraceTree trace={trace.data} />
          )}
        </>
      )}
    </Page>
  );
}

function Finder() {
  const { t } = useTranslation('events');
  const { view, ...q } = useSearch({ from: '/trace' });
  const navigate = useNavigate({ from: '/trace' });
  const [text, setText] = useState(q.run ?? q.event ?? (q.bucket ? `${q.bucket}/${q.key ?? ''}` : ''));
  const [wrong, setWrong] = useState(false);
  return (
    <div className="gap-below finder">
      <Input.Search
        value={text} aria-label={t('find')} placeholder={t('findHint')} spellCheck={false} autoComplete="off" status={wrong ? 'error' : undefined}
        onChange={(e) => (setText(e.target.value), setWrong(false))}
        onSearch={(v) => {
          const to = lookFor(v);
          if (to) void navigate({ search: { ...to, view } });
          else setWrong(true);
        }}
      />
      {wrong && (
        <div role="alert" className="field-error">
          {t('findWrong')}
        </div>
      )}
    </div>
  );
}
