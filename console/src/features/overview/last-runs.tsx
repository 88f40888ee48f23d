import { Link, useNavigate } from '@tanstack/react-router';
import { Button, Grid, Tag } from 'antd';
import { useTranslation } from 'react-i18next';
import type { GaugeRun } from '../../api/gen';
import { duration } from '../../shared/format';
import { Rows } from '../../shared/rows';
import { StateIcon } from '../../shared/states';
import { Nothing, Time } from '../../shared/ui';

/** LastRuns are the runs that ended last, each with its whole story one click away. */
export function LastRuns({ runs, openTour }: { runs: GaugeRun[]; openTour?: () => void }) {
  const { t } = useTranslation('overview');
  const navigate = useNavigate();
  const wide = Grid.useBreakpoint().sm ?? true;
  const end = (r: GaugeRun) => r.startedAtUnixMicro / 1000 + (r.queuedNanos + r.initNanos + r.durationNanos) / 1e6;
  const start = (r: GaugeRun) => <Tag className={r.cold ? 'start-cold' : ''}>{t(r.cold ? 'runs.cold' : 'runs.warm')}</Tag>;
  return (
    <section aria-labelledby="last-runs">
      <h2 id="last-runs" className="section-title">
        {t('runs.title')}
      </h2>
      <Rows
        label={t('runs.title')}
        key={wide ? 'wide' : 'narrow'}
        items={runs}
        keyOf={(r) => `${r.requestId} ${r.attempt}`}
        onOpen={(r) => void navigate({ to: '/trace', search: { run: r.requestId } })}
        height="none"
        rowHeight={wide ? 41 : 58}
        empty={
          <Nothing text={t('runs.none')}>
            {openTour && (
              <Button type="primary" onClick={openTour}>
                {t('tour.shortcut')}
              </Button>
            )}
          </Nothing>
        }
        columns={[
          {
            key: 'status', title: t('runs.status'), width: wide ? '1.3fr' : '26px',
            render: (r) => (
              <span className="run-status" title={r.error}>
                <StateIcon state={r.error ? 'Failed' : 'Succeeded'} /> <span className={wide ? '' : 'off-screen'}>{r.error || t('runs.ok')}</span>
              </span>
            ),
          },
          {
            key: 'function', title: t('runs.function'), width: '2fr',
            render: (r) => (
              <>
                <Link to="/trace" search={{ run: r.requestId }} title={r.requestId}>
                  {r.function}
                </Link>
                {!wide && (
                  <span className="second-line dim">
                    {r.trigger || t(`runs.kind_${r.kind}`, { defaultValue: r.kind })} · {t(r.cold ? 'runs.cold' : 'runs.warm')}
                  </span>
                )}
              </>
            ),
          },
          { key: 'trigger', title: t('runs.trigger'), width: '1.4fr', wide: true, render: (r) => r.trigger || <span className="dim">{t(`runs.kind_${r.kind}`, { defaultValue: r.kind })}</span> },
          { key: 'start', title: t('runs.start'), width: '90px', wide: true, render: start },
          { key: 'duration', title: t('runs.duration'), width: wide ? '100px' : '84px', end: true, render: (r) => duration(r.durationNanos) },
          { key: 'when', title: t('runs.when'), width: wide ? '150px' : '96px', end: true, render: (r) => <Time at={end(r)} /> },
        ]}
      />
    </section>
  );
}
