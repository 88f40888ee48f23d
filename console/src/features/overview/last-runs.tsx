import { useNavigate } from '@tanstack/react-router';
import { Grid } from 'antd';
import { useMemo, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { OverviewRun } from '../../api/gen';
import { duration } from '../../shared/format';
import { href } from '../../shared/href';
import { Middle } from '../../shared/middle';
import { RowLink, Rows, type Column } from '../../shared/rows';
import { StateIcon } from '../../shared/states';
import { Nothing, Time } from '../../shared/ui';

/** LastRuns are the runs that ended last, each with its whole story one click away. none is what to do while there are none. */
export function LastRuns({ runs, none }: { runs: OverviewRun[]; none?: ReactNode }) {
  const { t } = useTranslation('overview');
  const navigate = useNavigate();
  const wide = Grid.useBreakpoint().sm ?? true;
  const columns = useMemo((): Column<OverviewRun>[] => {
    const end = (r: OverviewRun) => r.startedAtUnixMicro / 1000 + (r.queuedNanos + r.initNanos + r.durationNanos) / 1e6;
    const how = (r: OverviewRun) => r.trigger || t(`runs.kind_${r.kind}`, { defaultValue: r.kind });
    const temperature = (r: OverviewRun) => t(r.cold ? 'runs.cold' : 'runs.warm');
    // What happened to the object is told on its event's page.
    const object = (r: OverviewRun) =>
      r.key && r.eventId ? (
        <RowLink to={href(['events', r.eventId], { run: r.requestId })} className="run-object" title={`${r.bucket}/${r.key}`} label={`${r.bucket}/${r.key}`}>
          <Middle dim={r.bucket + '/'} text={r.key} />
        </RowLink>
      ) : null;
    const run = (r: OverviewRun) => (
      <RowLink to={href(['trace'], { run: r.requestId })} title={r.requestId}>
        {r.function}
      </RowLink>
    );
    const status = (r: OverviewRun) => (
      <span className="run-status" title={r.error}>
        <StateIcon state={r.error ? 'Failed' : 'Succeeded'} /> <span className={wide ? 'clip' : 'off-screen'}>{r.error || t('runs.ok')}</span>
      </span>
    );
    const lasted = (r: OverviewRun) => duration(r.durationNanos);
    if (!wide) {
      return [
        { key: 'status', title: '', width: '22px', render: status },
        {
          key: 'function', title: t('runs.function'), width: '1fr',
          render: (r) => (
            <>
              {run(r)}
              <span className="second-line dim">
                {object(r) ?? (
                  <>
                    {how(r)} · {temperature(r)}
                  </>
                )}
              </span>
            </>
          ),
        },
        {
          key: 'when', title: t('runs.when'), width: '104px', end: true,
          render: (r) => (
            <>
              <Time at={end(r)} />
              <span className="second-line dim">{lasted(r)}</span>
            </>
          ),
        },
      ];
    }
    return [
      { key: 'status', title: t('runs.status'), width: '1fr', render: status },
      { key: 'object', title: t('runs.object'), width: '2.8fr', render: (r) => object(r) ?? <span className="dim">–</span> },
      { key: 'function', title: t('runs.function'), width: '1.5fr', render: run },
      { key: 'trigger', title: t('runs.trigger'), width: '1.2fr', render: (r) => (r.trigger ? <span title={r.trigger}>{r.trigger}</span> : <span className="dim">{how(r)}</span>) },
      { key: 'start', title: t('runs.start'), width: '60px', render: (r) => <span className={r.cold ? 'start-cold' : 'dim'}>{temperature(r)}</span> },
      { key: 'duration', title: t('runs.duration'), width: '80px', end: true, render: lasted },
      { key: 'when', title: t('runs.when'), width: '124px', end: true, render: (r) => <Time at={end(r)} /> },
    ];
  }, [t, wide]);
  return (
    <section aria-labelledby="last-runs">
      <h2 id="last-runs" className="section-title">
        {t('runs.title')}
      </h2>
      <Rows
        label={t('runs.title')}
        items={runs}
        keyOf={(r) => `${r.requestId} ${r.attempt}`}
        onOpen={(r) => void navigate({ to: '/trace', search: { run: r.requestId } })}
        height="none"
        rowHeight={wide ? 41 : 58}
        empty={<Nothing text={t('runs.none')}>{none}</Nothing>}
        columns={columns}
      />
    </section>
  );
}
