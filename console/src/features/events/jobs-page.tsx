import { PauseOutlined, CaretRightOutlined, PlusOutlined, StopOutlined } from '@ant-design/icons';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Alert, Progress, Tag } from 'antd';
import { Suspense, useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { Job } from '../../api/gen';
import { Loading } from '../../app/shell';
import { api, messageOf, type Refusal } from '../../shared/api';
import { count, duration } from '../../shared/format';
import { lazy } from '../../shared/lazy';
import { useThere } from '../../shared/there';
import { MayButton, useResources } from '../../shared/may';
import { faultTitle, Said } from '../../shared/said';
import { StatePill } from '../../shared/states';
import { Nothing, Page, Problem, Time } from '../../shared/ui';
import { jobList, keys } from './api';
import { Area, FunctionLink } from './area';
import { FunctionSelect } from './filters';
import { usePolled } from './polled';

const JobForm = lazy(() => import('./job-form').then((m) => ({ default: m.JobForm })));

const active = (j: Job) => j.state === 'Running' || j.state === 'Paused';

/** JobsPage are the replays and backfills: triggers run over what was there before. */
export function JobsPage() {
  const { t } = useTranslation('events');
  const search = useSearch({ from: '/jobs' });
  const navigate = useNavigate({ from: '/jobs' });
  const client = useQueryClient();
  const there = useThere();
  const list = useQuery(jobList());
  const all = list.data ?? [];
  usePolled(all.some((j) => j.state === 'Running'), 1000, jobList());
  const items = all.filter((j) => !search.function || search.new || j.function === search.function);
  const begin = () => void navigate({ search: (s) => ({ ...s, new: '1' }) });
  const needs = { action: 'fc:InvokeFunction', resource: useResources().fn(''), some: true };
  const marked = useRef<HTMLLIElement>(null);
  useEffect(() => marked.current?.scrollIntoView({ block: 'nearest' }), [search.job, list.isSuccess]);
  return (
    <Page
      title={t('jobs.title')}
      lead={t('jobs.lead')}
      extra={
        <MayButton {...needs} type="primary" icon={<PlusOutlined />} onClick={begin}>
          {t('jobs.new')}
        </MayButton>
      }
    >
      <Area at="jobs" />
      <div className="row gap-below">
        <FunctionSelect label={t('function')} value={search.new ? undefined : search.function} onChange={(f) => void navigate({ search: { function: f }, replace: true })} />
      </div>
      {list.isPending ? (
        <Loading />
      ) : list.error && !list.data ? (
        <Problem error={list.error} retry={() => void list.refetch()} />
      ) : items.length === 0 ? (
        <div className="rows-empty">
          <Nothing text={t(search.function && !search.new ? 'jobs.noneFound' : 'jobs.none')}>
            <MayButton {...needs} type="primary" onClick={begin}>
              {t('jobs.new')}
            </MayButton>
          </Nothing>
        </div>
      ) : (
        <ul className="jobs" aria-label={t('jobs.title')}>
          {items.map((j) => (
            <li key={j.id} ref={j.id === search.job ? marked : undefined} className={'card job' + (j.id === search.job ? ' marked' : '')}>
              <JobCard j={j} />
            </li>
          ))}
        </ul>
      )}
      {search.new && (
        <Suspense>
          <JobForm
            initial={search}
            close={() => void navigate({ search: (s) => ({ job: s.job }) })}
            begun={(j) => client.invalidateQueries({ queryKey: keys.jobs }).then(() => (there() ? navigate({ search: { job: j.id } }) : undefined))}
          />
        </Suspense>
      )}
    </Page>
  );
}

function JobCard({ j }: { j: Job }) {
  const { t } = useTranslation('events');
  const client = useQueryClient();
  const { fn } = useResources();
  const needs = { action: 'fc:InvokeFunction', resource: fn(j.function), size: 'small' } as const;
  const change = useMutation<Job, Refusal, 'pause' | 'resume' | 'cancel'>({
    mutationFn: (what) => api.post<Job>(`/jobs/${encodeURIComponent(j.id)}/${what}`),
    onSettled: () => client.invalidateQueries({ queryKey: keys.jobs }),
  });
  const n = j.dryRun ? j.total : j.enqueued;
  const percent = j.counted ? (j.total > 0 ? Math.min(100, Math.round((n / j.total) * 100)) : 100) : 0;
  const title = t(`jobs.of_${j.kind}`);
  return (
    <>
      <header className="delivery-head">
        <h2 className="job-title">
          {title} · <FunctionLink name={j.function} /> <span className="dim">‹ {j.trigger}</span>
        </h2>
        <StatePill state={j.state} />
        {j.dryRun && <Tag>{t('jobs.dryRun')}</Tag>}
        <span className="grow" />
        <span className="dim">
          <Time at={Date.parse(j.created)} />
        </span>
      </header>
      <div className="dim job-what">
        {[
          j.bucket && `${t('bucket')} ${j.bucket}`,
          j.prefix && `${t('prefix')} ${j.prefix}`,
          j.since && `${short(j.since)} – ${j.until ? short(j.until) : t('jobs.now')}`,
          !j.dryRun && t('jobs.rateOf', { n: count(j.rate) }),
        ]
          .filter(Boolean)
          .join(' · ')}
      </div>
      {!j.dryRun && (active(j) || n > 0) && (
        <Progress percent={j.state === 'Done' ? 100 : percent} size="small" aria-label={`${title}: ${percent}%`} status={j.state === 'Running' ? 'active' : j.state === 'Failed' ? 'exception' : j.state === 'Done' ? 'success' : 'normal'} showInfo={j.counted || j.state === 'Done'} />
      )}
      <div className="job-numbers" role={active(j) ? 'status' : undefined}>
        {j.phase === 'counting' && !j.counted && <span>{t('jobs.counting', { n: count(j.counted_so_far) })}</span>}
        {j.dryRun ? j.counted && <strong>{t('jobs.would', { count: j.total, n: count(j.total) })}</strong> : <span>{t(j.counted ? 'jobs.enqueuedOf' : 'jobs.enqueued', { n: count(j.enqueued), of: count(j.total) })}</span>}
        <span className="dim">{t('jobs.looked', { n: count(j.looked) })}</span>
        {j.state === 'Running' && !!j.speed && <span>{t('jobs.speed', { n: count(Math.round(j.speed * 10) / 10) })}</span>}
        {j.state === 'Running' && j.leftNanos > 0 && <span>{t('jobs.left', { time: duration(j.leftNanos) })}</span>}
        {j.waits && <span className="dim"><Said why={j.why} message={j.waits} /></span>}
      </div>
      {(j.message || j.trouble) && <Alert type={j.state === 'Failed' ? 'error' : 'warning'} showIcon title={(j.message && j.reason && faultTitle(j.reason)) || j.message || j.trouble} description={j.message && j.reason && faultTitle(j.reason) ? j.message : undefined} className="gap-small" />}
      {!!j.examples?.length && (
        <details className="log" open={j.dryRun && j.total > 0}>
          <summary>{t('jobs.examples')}</summary>
          <ul className="examples">
            {j.examples.map((x) => (
              <li key={x} className="mono">
                {x}
              </li>
            ))}
          </ul>
        </details>
      )}
      <div className="row job-actions">
        {j.state === 'Running' && !j.dryRun && (
          <MayButton {...needs} icon={<PauseOutlined />} loading={change.isPending} onClick={() => change.mutate('pause')}>
            {t('jobs.pause')}
          </MayButton>
        )}
        {j.state === 'Paused' && (
          <MayButton {...needs} icon={<CaretRightOutlined />} loading={change.isPending} onClick={() => change.mutate('resume')}>
            {t('jobs.resume')}
          </MayButton>
        )}
        {active(j) && (
          <MayButton {...needs} icon={<StopOutlined />} disabled={change.isPending} onClick={() => change.mutate('cancel')}>
            {t('jobs.cancel')}
          </MayButton>
        )}
        {j.dryRun && j.state === 'Done' && j.total > 0 && (
          <Link to="/jobs" search={{ new: '1', kind: j.kind, function: j.function, trigger: j.trigger, prefix: j.prefix, since: j.since, until: j.until }} className="button-link small">
            {t('jobs.beginThis')}
          </Link>
        )}
        {!j.dryRun && j.enqueued > 0 && (
          <Link to="/events" search={{ function: j.function, prefix: j.prefix, since: j.since, until: j.until }}>
            {t('jobs.itsEvents')}
          </Link>
        )}
        {change.error && (
          <span className="log-error" role="alert">
            {messageOf(change.error)}
          </span>
        )}
      </div>
    </>
  );
}

const short = (time: string) => time.slice(0, 19).replace('T', ' ') + 'Z';
