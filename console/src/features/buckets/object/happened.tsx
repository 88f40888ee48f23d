import { ApartmentOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Event, EventDetail } from '../../../api/gen';
import { Loading } from '../../../app/shell';
import { api } from '../../../shared/api';
import { count } from '../../../shared/format';
import { useSaid } from '../../../shared/said';
import { Note, over, StatePill, told } from '../../../shared/states';
import { Problem, Time } from '../../../shared/ui';
import { objectEvents } from '../api';

/** Happened lists the events of one object, each with the runs that it owed. */
export function Happened({ bucket, objectKey: key }: { bucket: string; objectKey: string }) {
  const { t } = useTranslation('buckets');
  const q = useQuery({ ...objectEvents(bucket, key), refetchInterval: (s) => (s.state.data?.events?.some((e) => e.owed?.some((o) => /Enqueued|Running|Retrying/.test(o.state))) ? 1500 : false) });
  if (q.error && !q.data) return <Problem error={q.error} retry={() => void q.refetch()} />;
  if (!q.data) return <Loading />;
  const events = q.data.events ?? [];
  const lineage = (
    <Link to="/trace" search={{ bucket, key }}>
      <ApartmentOutlined aria-hidden /> {t('events.lineage')}
    </Link>
  );
  if (!events[0]) {
    return (
      <Note state="None" title={t('events.none')}>
        <div>{t('events.noneWhy')}</div>
        <div className="row">
          <Link to="/jobs" search={{ new: '1', kind: 'backfill', prefix: key }}>
            {t('events.backfill')}
          </Link>
          {lineage}
        </div>
      </Note>
    );
  }
  return (
    <>
      <Latest e={events[0]}>{lineage}</Latest>
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
                <StatePill state="None" />
              )}
              {(e.owed?.length ?? 0) > 4 && <span className="dim">+{e.owed!.length - 4}</span>}
            </span>
          </li>
        ))}
      </ol>
      <div className="row">
        {q.data.more && (
          <Link to="/events" search={{ bucket, prefix: key }}>
            {t('events.all')}
          </Link>
        )}
      </div>
    </>
  );
}

/** Latest says in one sentence what came of an object's latest event. */
function Latest({ e, children }: { e: Event; children: ReactNode }) {
  const { t } = useTranslation('buckets');
  const owed = e.owed ?? [];
  const nothing = owed.length === 0 && !e.hiddenRuns;
  const states = owed.map((o) => told(o.state, o.reason));
  const bad = states.filter((s) => over(s) && s !== 'Succeeded');
  const atWork = states.find((s) => !over(s));
  const why = useQuery({ queryKey: ['buckets', 'why', e.id], queryFn: ({ signal }) => api.get<EventDetail>('/events/' + encodeURIComponent(e.id), {}, signal), enabled: nothing });
  const said = useSaid();
  const sentence = () => {
    const n = { count: owed.length, n: count(owed.length) };
    if (owed.length > 0) return atWork ? t('events.atWork', n) : bad.length > 0 ? t('events.ranBadly', { ...n, bad: count(bad.length) }) : t('events.ran', n);
    if (e.hiddenRuns) return t('events.ranHidden');
    if (!why.data) return t('events.nothing');
    const list = why.data.triggersNow ?? [];
    if (why.data.unjudged) return t('events.unjudged');
    const now = list.find((m) => m.fires);
    if (now) return t('events.firesNow', { trigger: now.trigger });
    const first = list[0];
    if (!first) return t('events.noTrigger');
    return t('events.because', { trigger: first.trigger, why: said(first.why, first.reason).replace(/[.。]$/, '') }) + (list.length > 1 ? t('events.others', { count: list.length - 1, n: count(list.length - 1) }) : '');
  };
  return (
    <Note state={nothing ? 'None' : (atWork ?? bad[0] ?? states[0] ?? 'None')} title={sentence()}>
      <div className="row">
        <Link to="/events/$id" params={{ id: e.id }}>
          {t(nothing ? 'events.mend' : 'events.whole')}
        </Link>
        {children}
      </div>
    </Note>
  );
}
