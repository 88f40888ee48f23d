import { QuestionCircleOutlined } from '@ant-design/icons';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Button, Tooltip } from 'antd';
import { Suspense, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Overview } from '../../api/gen';
import { useShortcut } from '../../app/shortcuts';
import { Loading } from '../../app/shell';
import { api } from '../../shared/api';
import { Chart, RangeChoice } from '../../shared/chart';
import { useCounted } from '../../shared/counted';
import { count, duration } from '../../shared/format';
import { lazy } from '../../shared/lazy';
import { May, MayButton } from '../../shared/may';
import { columns, perMinute, rangeOf, ranges, short, shortMs, type Range } from '../../shared/series';
import { Page, Problem, Time } from '../../shared/ui';
import { anyFunction } from './api';
import { LastRuns } from './last-runs';
import { Notices } from './notices';
import { Tiles } from './tiles';
import { useStep, type Needs } from './tour/may';
import { progress } from './tour/progress';
import './overview.css';

const Tour = lazy(() => import('./tour/tour').then((m) => ({ default: m.Tour })));

// The server counts all the time; to look more often than this tells nobody more.
const pace = 2000;

export function OverviewPage() {
  const { t } = useTranslation('overview');
  const search = useSearch({ from: '/' });
  const navigate = useNavigate({ from: '/' });
  const client = useQueryClient();
  const range = rangeOf(search.range);
  const overview = useCounted(['overview', range], (since, signal) => api.get<Overview>('/overview', { span: ranges[range].span, step: ranges[range].step, ...since }, signal), pace);
  const any = useQuery(anyFunction);
  const [skipped, setSkipped] = useState(() => progress.skipped());
  const needs = useStep();
  const refused = needs.missing.action !== '';
  // Not offered by itself before it is known whether it could be finished; who asks for it need not wait for that.
  const offered = any.data === false && !needs.loading && !refused;
  const wanted = search.tour === '1' || (!skipped && (offered || progress.underway()));
  // Its first step makes a function; it stays until it is closed all the same.
  const [begun, setBegun] = useState(false);
  if (wanted && !begun) setBegun(true);
  const toured = wanted || begun;

  const openTour = () => {
    if (toured) return document.getElementById('tour-title')?.focus();
    progress.begin();
    setSkipped(false);
    void navigate({ search: (s) => ({ ...s, tour: '1' }) });
  };
  const closeTour = () => {
    progress.skip();
    setSkipped(true);
    setBegun(false);
    void client.invalidateQueries({ queryKey: anyFunction.queryKey });
    void navigate({ search: (s) => ({ ...s, tour: undefined }), replace: true });
  };
  useShortcut('t', t('tour.shortcut'), openTour, { off: refused });

  return (
    <Page
      title={t('common:nav.overview')}
      lead={overview.data && !overview.data.whole ? t('partOnly') : t('lead')}
      extra={
        <>
          <RangeChoice value={range} onChange={(r: Range) => void navigate({ search: (s) => ({ ...s, range: r === '1h' ? undefined : r }), replace: true })} />
          <May {...needs.missing}>
            {(no) => (
              <Tooltip title={no ? '' : t('tour.shortcut')}>
                <Button icon={<QuestionCircleOutlined />} aria-label={t('tour.shortcut')} disabled={no} onClick={openTour} />
              </Tooltip>
            )}
          </May>
        </>
      }
    >
      {toured && (
        <Suspense fallback={<Loading />}>
          <Tour close={closeTour} />
        </Suspense>
      )}
      {overview.data ? <Content o={overview.data} range={range} openTour={toured ? undefined : openTour} needs={needs.missing} /> : overview.error ? <Problem error={overview.error} retry={() => void overview.refetch()} /> : <Loading />}
    </Page>
  );
}

function Content({ o, range, openTour, needs }: { o: Overview; range: Range; openTour?: () => void; needs: Needs['missing'] }) {
  const { t } = useTranslation('overview');
  const c = useMemo(() => columns(o.series), [o.series]);
  const step = o.series.step;
  const common = { times: c.times, step, sync: 'overview' };
  const whole = useMemo(
    () => ({ events: perMinute(c.events, step), runs: c.runs, errors: c.errors }),
    [c, step],
  );
  // A server that counts for less than the span says so: zeros would say that nothing happened.
  const partly = o.series.since > o.series.from + step;
  return (
    <>
      <Notices list={o.warnings ?? []} />
      <Tiles o={o} range={range} />
      <div className="charts">
        <Chart {...common} whole title={t('chart.events')} format={(v) => count(Math.round(v * 10) / 10)} axis={short} lines={[{ label: t('chart.perMinute'), values: whole.events, tone: 'primary', kind: 'bars' }]} />
        <Chart
          {...common} whole title={t('chart.runs')} format={count} axis={short}
          lines={[
            { label: t('chart.allRuns'), values: whole.runs, tone: 'primary', kind: 'bars' },
            { label: t('chart.errors'), values: whole.errors, tone: 'error', kind: 'bars' },
          ]}
        />
        <Chart
          {...common} title={t('chart.durations')} format={(ms) => duration(ms * 1e6)} axis={shortMs}
          lines={[
            { label: 'p50', values: c.p50, tone: 'primary', kind: 'line' },
            { label: 'p99', values: c.p99, tone: 'warning', kind: 'line' },
          ]}
        />
        <Chart {...common} whole title={t('chart.waiting')} format={count} axis={short} lines={[{ label: t('chart.waitingNow'), values: c.waiting, tone: 'primary', kind: 'area' }]} />
      </div>
      {partly && (
        <p className="dim gap-below">
          {t('since')} <Time at={o.series.since * 1000} />.
        </p>
      )}
      <LastRuns
        runs={o.runs ?? []}
        none={
          openTour && (
            <MayButton {...needs} type="primary" onClick={openTour}>
              {t('tour.shortcut')}
            </MayButton>
          )
        }
      />
    </>
  );
}
