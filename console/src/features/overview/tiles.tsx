import { Link } from '@tanstack/react-router';
import { Tooltip } from 'antd';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Overview } from '../../api/gen';
import { bytes, count, duration } from '../../shared/format';
import type { Range } from '../../shared/series';
import { Time } from '../../shared/ui';

function Tile({ label, value, note, tone, testid }: { label: ReactNode; value: ReactNode; note?: ReactNode; tone?: 'bad' | 'careful'; testid: string }) {
  return (
    <li className={'tile' + (tone ? ` tile-${tone}` : '')} data-testid={testid}>
      <span className="tile-label">{label}</span>
      <span className="tile-value">{value}</span>
      <span className="tile-note">{note ?? '\u00a0'}</span>
    </li>
  );
}

/**
 * Tiles are the numbers of the span that is shown, which lead to what happened in it; and how
 * things stand now, which lead to all of it, however old: the list is to have as many.
 */
export function Tiles({ o, range }: { o: Overview; range: Range }) {
  const { t } = useTranslation('overview');
  const all = o.series.total;
  const runs = all.runs ?? 0;
  const errors = all.errors ?? 0;
  const span = t(`chart.range_${range}`);
  const last = t('chart.last', { span });
  const s = o.storage;
  const rate = runs ? (errors / runs) * 100 : 0;
  return (
    <ul className="tiles" aria-label={t('tiles')}>
      <Tile testid="events" label={t('tile.events')} value={<Link to="/events" search={{ since: range }}>{count(o.minute.events ?? 0)}</Link>} note={t('tile.eventsIn', { n: count(all.events ?? 0), span })} />
      <Tile testid="runs" label={t('tile.runs')} value={count(runs)} note={all.cold ? t('tile.cold', { count: all.cold, n: count(all.cold) }) : last} />
      <Tile
        testid="errors" label={t('tile.errors')} tone={errors > 0 ? 'bad' : undefined}
        value={<Link to="/events" search={{ outcome: 'Failed', since: range }}>{count(errors)}</Link>}
        note={all.throttles ? t('tile.throttled', { n: count(all.throttles) }) : runs ? t('tile.rate', { n: rate > 0 && rate < 0.1 ? '<0.1' : Math.round(rate * 10) / 10 }) : last}
      />
      <Tile
        testid="durations" label={t('tile.durations')}
        value={all.p50Nanos === undefined ? '–' : duration(all.p50Nanos)}
        note={all.p99Nanos === undefined ? last : `p99: ${duration(all.p99Nanos)}`}
      />
      <Tile
        testid="waiting" label={t('tile.waiting')} value={<Link to="/events" search={{ outcome: 'Enqueued' }}>{(o.counting ? '≥ ' : '') + count(o.waiting)}</Link>}
        note={t('tile.running', { n: count(o.running) })}
      />
      <Tile
        testid="dead" label={t('tile.dead')} tone={o.dead > 0 ? 'careful' : undefined} value={<Link to="/dead-letters">{(o.counting ? '≥ ' : '') + count(o.dead)}</Link>}
        note={o.dead > 0 ? <Link to="/dead-letters" search={{ since: range }}>{t('tile.deadSince', { span })}</Link> : t('tile.deadWhy')}
      />
      <Tile
        testid="storage" label={t('tile.storage')} value={s ? <Link to="/buckets">{(s.partial ? '≥ ' : '') + bytes(s.bytes)}</Link> : '–'}
        note={
          s ? (
            <Tooltip
              title={
                <>
                  {t('tile.asOf')} <Time at={Date.parse(s.at)} exact />
                  {(s.largest ?? []).map((b) => (
                    <div key={b.bucket}>
                      {b.bucket}: {bytes(b.bytes)}
                    </div>
                  ))}
                </>
              }
            >
              <span tabIndex={0}>{t('tile.objects', { count: s.objects, n: count(s.objects) })}</span>
            </Tooltip>
          ) : (
            t('tile.counting')
          )
        }
      />
    </ul>
  );
}
