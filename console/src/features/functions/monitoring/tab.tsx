import { useInfiniteQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Grid } from 'antd';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { FunctionSeries, Run, Runs } from '../../../api/gen';
import { Loading } from '../../../app/shell';
import { api } from '../../../shared/api';
import { Chart, RangeChoice } from '../../../shared/chart';
import { useCounted } from '../../../shared/counted';
import { count, duration } from '../../../shared/format';
import { href } from '../../../shared/href';
import { RowLink, Rows, type Column } from '../../../shared/rows';
import { columns, rangeOf, ranges, short, shortMs } from '../../../shared/series';
import { StateIcon } from '../../../shared/states';
import { Nothing, Problem, Time } from '../../../shared/ui';
import { keys, path, type TabProps } from '../api';
import './monitoring.css';

/** MonitoringTab is how a function does. */
export function MonitoringTab({ fn }: TabProps) {
  const { t } = useTranslation('functions');
  const name = fn.functionName;
  const search = useSearch({ from: '/functions/$name/{-$tab}' });
  const navigate = useNavigate({ from: '/functions/$name/{-$tab}' });
  const range = rangeOf(search.range);
  const { step } = ranges[range];
  const series = useCounted([...keys.one(name), 'series', range], (since, signal) => api.get<FunctionSeries>(path(name) + '/series', { ...ranges[range], ...since }, signal), step < 60 ? 2000 : 5000);
  const c = useMemo(() => series.data && columns(series.data), [series.data]);
  const all = series.data?.total;
  return (
    <>
      <div className="monitor-bar">
        <RangeChoice value={range} onChange={(r) => void navigate({ search: (s) => ({ ...s, range: r === '1h' ? undefined : r }), replace: true })} />
        {all && (
          <span className="dim" role="status">
            {t('monitoring.total', { count: all.runs ?? 0, n: count(all.runs ?? 0), errors: count(all.errors ?? 0) })} {t('monitoring.together')}
          </span>
        )}
      </div>
      {series.error && !c && <Problem error={series.error} retry={() => void series.refetch()} />}
      {!c && series.isPending && <Loading />}
      {c && series.data && (
        <>
          <Charts c={c} step={series.data.step} />
          {series.data.since > series.data.from + series.data.step && (
            <p className="dim gap-below">
              {t('monitoring.since')} <Time at={series.data.since * 1000} />.
            </p>
          )}
        </>
      )}
      <Failed name={name} />
    </>
  );
}

function Charts({ c, step }: { c: ReturnType<typeof columns>; step: number }) {
  const { t } = useTranslation('functions');
  const common = { times: c.times, step, sync: 'monitoring' };
  const mb = (n: number) => `${count(Math.round(n))} MB`;
  return (
    <div className="charts">
      <Chart {...common} whole title={t('monitoring.runs')} format={count} axis={short} lines={[{ label: t('monitoring.runs'), values: c.runs, tone: 'primary', kind: 'bars' }]} />
      <Chart
        {...common} whole title={t('monitoring.errors')} format={count} axis={short}
        lines={[
          { label: t('monitoring.errors'), values: c.errors, tone: 'error', kind: 'bars' },
          { label: t('monitoring.throttles'), values: c.throttles, tone: 'warning', kind: 'line' },
        ]}
      />
      <Chart
        {...common} title={t('monitoring.durations')} format={(v) => duration(v * 1e6)} axis={shortMs}
        lines={[
          { label: 'p50', values: c.p50, tone: 'primary', kind: 'line' },
          { label: 'p99', values: c.p99, tone: 'warning', kind: 'line' },
        ]}
      />
      <Chart {...common} whole title={t('monitoring.cold')} format={count} axis={short} lines={[{ label: t('monitoring.cold'), values: c.cold, tone: 'primary', kind: 'bars' }]} />
      <Chart {...common} whole title={t('monitoring.memory')} format={mb} axis={(v) => `${short(v)} MB`} lines={[{ label: t('monitoring.memoryMost'), values: c.memory, tone: 'success', kind: 'line' }]} />
      <Chart {...common} whole title={t('monitoring.waiting')} format={count} axis={short} lines={[{ label: t('monitoring.waitingNow'), values: c.waiting, tone: 'primary', kind: 'area' }]} />
    </div>
  );
}

function Failed({ name }: { name: string }) {
  const { t } = useTranslation('functions');
  const navigate = useNavigate();
  const wide = Grid.useBreakpoint().sm ?? true;
  const list = useInfiniteQuery({
    queryKey: [...keys.one(name), 'failed-runs'],
    queryFn: ({ pageParam, signal }) => api.get<Runs>(path(name) + '/runs', { outcome: 'failed', after: pageParam, limit: 50 }, signal),
    initialPageParam: '',
    getNextPageParam: (last) => (last.more ? last.next : undefined),
    refetchInterval: (q) => ((q.state.data?.pages.length ?? 0) > 1 ? false : 10_000),
  });
  const runs = useMemo(() => list.data?.pages.flatMap((p) => p.runs ?? []) ?? [], [list.data]);
  const shown = useMemo((): Column<Run>[] => {
    const inLogs = (r: Run) => <RowLink to={href(['functions', name, 'logs'], { request: r.requestId })}>{t('monitoring.log')}</RowLink>;
    return [
      {
        key: 'what', title: t('monitoring.what'), width: '2.2fr',
        render: (r) => (
          <>
            <span className="fail-what" title={r.message}>
              <StateIcon state="Failed" />{' '}
              <RowLink to={href(['trace'], { run: r.requestId })}>
                {r.errorType || r.fault}
              </RowLink>
            </span>
            {!wide && <span className="fail-second dim">{r.trigger || r.kind} · {duration(r.durationNanos)} · {inLogs(r)}</span>}
          </>
        ),
      },
      { key: 'request', title: t('monitoring.request'), width: '2.6fr', wide: true, render: (r) => <span className="mono" title={r.message}>{r.requestId}</span> },
      { key: 'trigger', title: t('monitoring.trigger'), width: '1.2fr', wide: true, render: (r) => r.trigger || <span className="dim">{r.kind}</span> },
      { key: 'attempt', title: t('monitoring.attempt'), width: '70px', wide: true, end: true, render: (r) => r.attempt + 1 },
      { key: 'duration', title: t('monitoring.duration'), width: '90px', wide: true, end: true, render: (r) => duration(r.durationNanos) },
      { key: 'when', title: t('monitoring.when'), width: wide ? '130px' : '96px', end: true, render: (r) => <Time at={r.startedAtUnixMicro / 1000} /> },
      { key: 'log', title: t('monitoring.log'), width: '60px', wide: true, end: true, render: inLogs },
    ];
  }, [t, name, wide]);
  return (
    <section aria-labelledby="failed-runs">
      <h2 id="failed-runs" className="section-title">
        {t('monitoring.failed')}
      </h2>
      {list.error && runs.length === 0 ? (
        <Problem error={list.error} retry={() => void list.refetch()} />
      ) : (
        <Rows
          label={t('monitoring.failed')}
          of={name}
          items={runs}
          keyOf={(r) => `${r.requestId} ${r.attempt}`}
          onOpen={(r) => void navigate({ to: '/trace', search: { run: r.requestId } })}
          loading={list.isPending || list.isFetchingNextPage}
          more={list.hasNextPage}
          error={list.isFetchNextPageError ? list.error : undefined}
          onMore={() => void list.fetchNextPage()}
          height="460px"
          rowHeight={wide ? 41 : 58}
          empty={<Nothing text={t('monitoring.noneFailed')} />}
          columns={shown}
        />
      )}
    </section>
  );
}
