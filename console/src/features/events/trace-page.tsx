import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Grid, Input } from 'antd';
import { Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Loading } from '../../app/shell';
import { Refusal } from '../../shared/api';
import { lazy } from '../../shared/lazy';
import { Said } from '../../shared/said';
import { Note, over } from '../../shared/states';
import { Nothing, Page, Problem } from '../../shared/ui';
import { eventOf, traceOf } from './api';
import { Area, ObjectLink } from './area';
import { idle, lookFor } from './lineage';
import { usePolled } from './polled';
import { NothingRan, Reasons } from './reasons';
import { TraceTree } from './trace-tree';

const TraceGraph = lazy(() => import('./trace-graph').then((m) => ({ default: m.TraceGraph })));

/** TracePage shows what led to something, and what that caused: as a graph, or as a list. */
export function TracePage() {
  const { t } = useTranslation('events');
  const { view: asked, ...q } = useSearch({ from: '/trace' });
  const wide = Grid.useBreakpoint().sm ?? window.innerWidth >= 640;
  const view = asked ?? (wide ? 'graph' : 'list');
  const trace = useQuery(traceOf(q));
  const known = !!(q.event || q.run || (q.bucket && q.key));
  usePolled(!!trace.data?.nodes?.some((n) => n.run && !over(n.run.state)), 1500, traceOf(q));
  const alone = trace.data && idle(trace.data);
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
      <Area at="stream" />
      <Finder key={JSON.stringify(q)} />
      {!known ? (
        <Nothing text={t('lineageNone')} />
      ) : trace.isPending ? (
        <Loading />
      ) : trace.error instanceof Refusal && trace.error.code === 'EventNotFound' && q.bucket && q.key ? (
        <NoEvent bucket={q.bucket} objectKey={q.key} />
      ) : trace.error && !trace.data ? (
        <Problem error={trace.error} retry={() => void trace.refetch()} />
      ) : (
        <>
          {trace.data.cut?.map((c) => <Note key={c.message} state="None" title={<Said why={c.why} message={c.message} />} />)}
          {view === 'graph' ? (
            <Suspense fallback={<Loading />}>
              <TraceGraph trace={trace.data} low={!!alone} />
            </Suspense>
          ) : (
            <TraceTree trace={trace.data} />
          )}
          {alone && <Why id={alone} />}
        </>
      )}
    </Page>
  );
}

/** Why says why nothing came of an event. */
function Why({ id }: { id: string }) {
  const { t } = useTranslation('events');
  const q = useQuery(eventOf(id));
  if (q.isPending) return <Loading />;
  if (!q.data) return <Problem error={q.error} retry={() => void q.refetch()} />;
  return (
    <section aria-label={t('happened')} className="gap-above">
      {!q.data.hiddenRuns && <NothingRan e={q.data} />}
      {!q.data.mark && <Reasons e={q.data} />}
    </section>
  );
}

/** NoEvent says that nothing is known of an object, and what can be done about it. */
function NoEvent({ bucket, objectKey }: { bucket: string; objectKey: string }) {
  const { t } = useTranslation('events');
  return (
    <Note state="None" title={t('noEvent')}>
      <div>{t('noEventWhy')}</div>
      <div className="row">
        <ObjectLink bucket={bucket} objectKey={objectKey}>
          {t('toObject')}
        </ObjectLink>
        <Link to="/jobs" search={{ new: '1', kind: 'backfill', prefix: objectKey }}>
          {t('toBackfill')}
        </Link>
        <Link to="/events" search={{ bucket }}>
          {t('toBucketEvents')}
        </Link>
      </div>
    </Note>
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
