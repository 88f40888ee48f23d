import { ApartmentOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { Loading } from '../../../app/shell';
import { StatePill } from '../../../shared/states';
import { Nothing, Problem, Time } from '../../../shared/ui';
import { objectEvents } from '../api';

/** Happened lists the events of one object, each with the runs that it owed. */
export function Happened({ bucket, objectKey: key }: { bucket: string; objectKey: string }) {
  const { t } = useTranslation('buckets');
  const q = useQuery({ ...objectEvents(bucket, key), refetchInterval: (s) => (s.state.data?.events?.some((e) => e.owed?.some((o) => /Enqueued|Running|Retrying/.test(o.state))) ? 1500 : false) });
  if (q.error && !q.data) return <Problem error={q.error} retry={() => void q.refetch()} />;
  if (!q.data) return <Loading />;
  const events = q.data.events ?? [];
  if (events.length === 0) return <Nothing text={t('events.none')} />;
  return (
    <>
      <ol className="object-events">
        {events.map((e) => (
          <li key={e.id}>
            <Link to="/events/$id" params={{ id: e.id }}>
              {e.type}
            </Link>
            <span className="dim">
              <Time at={Date.parse(e.time)} />
            </span>
            <span className="row pills">
              {e.owed?.length ? (
                e.owed.slice(0, 4).map((o) => (
                  <StatePill key={o.requestId} state={o.state} reason={o.reason}>
                    {o.function}
                  </StatePill>
                ))
              ) : e.hiddenRuns ? (
                <span className="dim">{t('events.hidden', { count: e.hiddenRuns })}</span>
              ) : (
                <Link to="/events/$id" params={{ id: e.id }} className="dim">
                  {t('events.why')}
                </Link>
              )}
              {(e.owed?.length ?? 0) > 4 && <span className="dim">+{e.owed!.length - 4}</span>}
            </span>
          </li>
        ))}
      </ol>
      <div className="row">
        <Link className="button-link" to="/trace" search={{ bucket, key }}>
          <ApartmentOutlined aria-hidden /> {t('whatHappened')}
        </Link>
        {q.data.more && (
          <Link to="/events" search={{ bucket, prefix: key }}>
            {t('events.all')}
          </Link>
        )}
      </div>
    </>
  );
}
