import { ApartmentOutlined, ExperimentOutlined } from '@ant-design/icons';
import { useQueries, useQuery } from '@tanstack/react-query';
import { Link, useParams, useSearch } from '@tanstack/react-router';
import { Button, Tag } from 'antd';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Attempt, EventDetail, Info, Owed, Warning } from '../../api/gen';
import { Loading } from '../../app/shell';
import { Facts } from '../../shared/facts';
import { Refusal } from '../../shared/api';
import { bytes, count, duration } from '../../shared/format';
import { shortened } from '../../shared/middle';
import { Said } from '../../shared/said';
import { Note, over, StatePill, told } from '../../shared/states';
import { isImage, Thumb } from '../../shared/thumb';
import { Copy, Page, Problem, Time } from '../../shared/ui';
import { Waterfall } from '../../shared/waterfall-chart';
import { failed } from '../../shared/waterfall';
import { attemptsOf, eventOf, warningsOf } from './api';
import { Area, FunctionLink, Id, ObjectLink, shortType } from './area';
import { errorMessage } from './outcome';
import { usePolled } from './polled';
import { NothingRan, Reasons } from './reasons';
import { Replay } from './replay';

/** EventPage says what happened to an object, what came of it, and why nothing else did. */
export function EventPage() {
  const { t } = useTranslation('events');
  const { id } = useParams({ from: '/events/$id' });
  const q = useQuery(eventOf(id));
  const e = q.data;
  const busy = !!e?.owed?.some((o) => !over(o.state));
  usePolled(busy, 900, eventOf(id));
  // What a run wrote is known as soon as it is over; its record follows a moment later, if it is not forgotten since.
  const unrecorded = !busy && !!e?.owed?.some((o) => o.attempts > 0 && !o.last);
  const tries = useRef(0);
  const { dataUpdatedAt, refetch } = q;
  useEffect(() => {
    if (!unrecorded) tries.current = 0;
    else if (tries.current < 8) {
      const timer = setTimeout(() => (tries.current++, void refetch()), 500);
      return () => clearTimeout(timer);
    }
  }, [unrecorded, dataUpdatedAt, refetch]);
  if (q.isPending) return <Loading />;
  if (!e) {
    const gone = q.error instanceof Refusal && (q.error.status === 404 || q.error.code === 'InvalidArgument'); // or the address is no event's
    return (
      <Page title={t('event')}>
        <Area at="stream" />
        <Problem error={q.error} retry={gone ? undefined : () => void q.refetch()} next={gone ? <Link to="/events">{t('common:problem.toEvents')}</Link> : undefined} />
      </Page>
    );
  }
  const name = e.key ?? e.bucket;
  return (
    <Page
      title={<Title name={name.slice(name.lastIndexOf('/', name.length - 2) + 1)} whole={name} />}
      lead={
        <>
          <Tag className="type-tag">{e.type || t(`mark.${e.mark}`)}</Tag> <Time at={Date.parse(e.time)} />
        </>
      }
      extra={
        <Link to="/trace" search={{ event: e.id }} className="button-link">
          <ApartmentOutlined aria-hidden /> {t('lineage')}
        </Link>
      }
    >
      <Area at="stream" />
      <Header e={e} />
      <Happened e={e} />
      {!e.mark && <Reasons e={e} />}
    </Page>
  );
}

/** Title leads back to the stream; a long name is shortened, and can be read and copied whole. */
function Title({ name, whole }: { name: string; whole: string }) {
  const { t } = useTranslation('events');
  const short = shortened(name, 44, 20);
  return (
    <>
      <Link to="/events" className="up">
        {t('title')}
      </Link>{' '}
      /{' '}
      {short === name ? (
        name
      ) : (
        <span tabIndex={0} data-hint={whole}>
          {short}
        </span>
      )}{' '}
      <Copy text={whole} label={t('copyKey')} />
    </>
  );
}

function Header({ e }: { e: EventDetail }) {
  const { t } = useTranslation('events');
  const picture = e.key && isImage(e.key, e.contentType);
  return (
    <section className="card event-head" aria-label={t('event')}>
      {picture && (
        <ObjectLink bucket={e.bucket} objectKey={e.key}>
          <Thumb bucket={e.bucket} objectKey={e.key!} contentType={e.contentType} size={112} version={e.eTag?.slice(0, 8)} />
          <span className="off-screen">{e.key}</span>
        </ObjectLink>
      )}
      <Facts
        of={[
          [t('object'), <ObjectLink key="o" bucket={e.bucket} objectKey={e.key} />],
          [t('time'), <Time key="t" at={Date.parse(e.time)} exact />],
          [t('common:size'), e.key && bytes(e.size) + (e.deltaSize !== e.size && e.deltaSize !== 0 ? ` (${e.deltaSize > 0 ? '+' : '−'}${bytes(Math.abs(e.deltaSize))})` : '')],
          [t('contentType'), e.contentType],
          [
            t('causedBy'),
            e.by && (
              <>
                <FunctionLink name={e.by.function} />
                {e.by.event && (
                  <>
                    {' · '}
                    <Link to="/events/$id" params={{ id: e.by.event }} search={{ run: e.by.run }}>
                      {t('itsRun')}
                    </Link>
                  </>
                )}
                {' · '}
                {t('depth', { n: e.by.depth })}
              </>
            ),
          ],
          [t('principal'), e.principalId && <Id text={e.principalId} />],
          [t('sourceIp'), e.sourceIp],
          [t('requestId'), e.requestId && <Id text={e.requestId} label={t('copyRequestId')} />],
          [t('eventId'), <Id key="i" text={e.id} label={t('copyEventId')} />],
        ]}
      />
    </section>
  );
}

function Happened({ e }: { e: EventDetail }) {
  const { t } = useTranslation('events');
  const owed = e.owed ?? [];
  const [all, setAll] = useState(false);
  const shown = all ? owed : owed.slice(0, 20);
  const waiting = [...new Set(shown.filter(waits).map((o) => o.function))];
  const warnings = useQueries({ queries: waiting.map(warningsOf) });
  const held = new Map(waiting.map((name, i) => [name, warnings[i]?.data]));
  return (
    <section aria-labelledby="happened">
      <h2 id="happened">{t('happened')}</h2>
      {owed.length === 0 && !e.hiddenRuns && <NothingRan e={e} />}
      {shown.map((o) => (
        <DeliveryCard key={o.requestId} e={e} o={o} held={held.get(o.function)} />
      ))}
      {!all && owed.length > 20 && <Button onClick={() => setAll(true)}>{t('showAll', { n: count(owed.length) })}</Button>}
      {!!e.hiddenRuns && <p className="dim">{t('hiddenWhy', { n: e.hiddenRuns })}</p>}
    </section>
  );
}

/** waits is true of a delivery that its function may not be taking. */
const waits = (o: Owed) => !over(o.state) && o.state !== 'Running';

function DeliveryCard({ e, o, held }: { e: EventDetail; o: Owed; held?: Warning[] }) {
  const { t } = useTranslation('events');
  const { run } = useSearch({ from: '/events/$id' });
  const runs = useQuery(attemptsOf(o.requestId, o.state, o.attempts));
  const attempts = runs.data ?? (o.last ? [{ ...o.last, log: '' } as Attempt] : []);
  const last = attempts.at(-1);
  const written = (e.written ?? []).filter((w) => w.by?.run === o.requestId);
  const hold = (waits(o) ? held : undefined)?.filter((w) => w.kind === 'QueueHeld' && (!w.trigger || w.trigger === o.trigger));
  const bad = over(o.state) && o.state !== 'Succeeded';
  const heading = `run-${o.requestId}`;
  // Of a run that was owed later (a replay), nobody kept when that was.
  const begin = o.mark ? undefined : Date.parse(e.time);
  return (
    <section className={'card delivery' + (run === o.requestId ? ' marked' : '')} aria-labelledby={heading} data-function={o.function}>
      <header className="delivery-head">
        <h3 id={heading}>
          <FunctionLink name={o.function} />
          {o.trigger && (
            <span className="dim">
              {' '}
              ‹{' '}
              <Link to="/functions/$name/{-$tab}" params={{ name: o.function, tab: 'triggers' }} search={{ trigger: o.trigger }}>
                {o.trigger}
              </Link>
            </span>
          )}
        </h3>
        <StatePill state={o.state} />
        {o.mark && <Tag>{t(`mark.${o.mark}`)}</Tag>}
        {o.job && (
          <Link to="/jobs" search={{ job: o.job }}>
            {t('itsJob')}
          </Link>
        )}
        <span className="grow" />
        <span className="delivery-actions">
          <Link to="/functions/$name/{-$tab}" params={{ name: o.function, tab: 'test' }} search={{ event: e.id }} className="button-link small">
            <ExperimentOutlined aria-hidden /> {t('asTestEvent')}
          </Link>
          {o.trigger && !e.mark && <Replay e={e} function={o.function} trigger={o.trigger} />}
        </span>
      </header>
      {bad && (
        <Note state={told(o.state, o.reason)} title={o.reason ? t(`reason.${o.reason}`, { defaultValue: o.reason }) : t(`state.${o.state}`)}>
          {last && failed(last) && <div>{last.message || errorMessage(last)}</div>}
          {o.state !== 'Stopped' && (
            <div className="row">
              <Link to="/dead-letters" search={{ function: o.function, trigger: o.trigger, bucket: e.bucket, prefix: e.key }}>
                {t('toDeadLetter')}
              </Link>
              {o.reason === 'RecursiveInvocation' && (
                <Link to="/trace" search={{ run: o.requestId }}>
                  {t('wholeChain')}
                </Link>
              )}
            </div>
          )}
        </Note>
      )}
      {o.state === 'Retrying' && o.reason && <p className="dim">{t('retriesFor', { reason: t(`reason.${o.reason}`, { defaultValue: o.reason }) })}</p>}
      {hold?.map((w) => <Note key={w.kind + w.trigger} state="Paused" title={<Said why={w.why} message={w.message} />} />)}
      <Waterfall attempts={attempts} begin={begin} state={o.state} />
      {attempts.length === 0 && over(o.state) && o.attempts === 0 && <p className="dim">{t('neverRan')}</p>}
      <Facts
        of={[
          [t('duration'), last && !last.fault && duration(last.durationNanos)],
          [t('billed'), last?.billedMs && t('ms', { n: count(last.billedMs) })],
          [t('memory'), last?.memoryMB && `${last.memoryMB} MB`],
          [t('instance'), last && !last.fault && (last.cold ? t('cold') : t('warm'))],
          [t('version'), last?.version && (o.qualifier && o.qualifier !== last.version ? `${o.qualifier} → ${last.version}` : last.version)],
          [t('attempts'), count(Math.max(o.attempts, attempts.length))],
          [t('requestId'), <Id key="r" text={o.requestId} label={t('copyRequestId')} />],
        ]}
      />
      {runs.error && <Problem error={runs.error} retry={() => void runs.refetch()} />}
      {attempts.map((a, i) => (
        <AttemptLog key={i} a={a} n={i + 1} open={i === attempts.length - 1 && failed(a)} only={attempts.length === 1} />
      ))}
      {written.length > 0 && <Written list={written} />}
    </section>
  );
}

function AttemptLog({ a, n, open, only }: { a: Attempt; n: number; open: boolean; only: boolean }) {
  const { t } = useTranslation('events');
  const bad = failed(a);
  const [shown, setShown] = useState<boolean>();
  return (
    <details className="log" open={shown ?? open}>
      <summary
        onClick={(e) => {
          e.preventDefault();
          setShown(!(shown ?? open));
        }}
      >
        <span>{only ? t('log') : t('logOf', { n })}</span>
        {bad && <span className="log-error">{a.errorType || a.fault}</span>}
        <span className="dim clip log-first">{a.log.trim().split('\n')[0] || t('noLog')}</span>
      </summary>
      <div className="log-body">
        {a.log && (
          <span className="event-log-copy">
            <Copy text={a.log} label={t('copyLog')} />
          </span>
        )}
        {(a.message || (bad && a.payload)) && (
          <p className="log-message">
            {a.message || errorMessage(a)}
          </p>
        )}
        {a.log ? (
          <pre tabIndex={0} role="region" aria-label={t('logOf', { n })}>
            {a.log}
          </pre>
        ) : (
          <p className="dim">{t('noLog')}</p>
        )}
        {a.logCut && <p className="dim">{t('logCut')}</p>}
        <Link to="/functions/$name/{-$tab}" params={{ name: a.function, tab: 'logs' }} search={{ request: a.requestId }}>
          {t('inLogs')}
        </Link>
      </div>
    </details>
  );
}

function Written({ list }: { list: Info[] }) {
  const { t } = useTranslation('events');
  const [all, setAll] = useState(false);
  return (
    <div className="written">
      <h4>{t('written', { count: list.length, n: count(list.length) })}</h4>
      <ul>
        {list.slice(0, all ? undefined : 12).map((w) => (
          <li key={w.id}>
            <Link to="/events/$id" params={{ id: w.id }} className="written-link">
              {w.key && <Thumb bucket={w.bucket} objectKey={w.key} contentType={w.contentType} size={44} version={w.eTag?.slice(0, 8)} />}
              <span className="written-text">
                <span className="clip" title={`${w.bucket}/${w.key ?? ''}`}>
                  {w.key ?? w.bucket}
                </span>
                <span className="dim">
                  {shortType(w.type)} · {bytes(w.size)}
                </span>
              </span>
            </Link>
          </li>
        ))}
      </ul>
      {!all && list.length > 12 && (
        <Button size="small" onClick={() => setAll(true)}>
          {t('showAll', { n: count(list.length) })}
        </Button>
      )}
    </div>
  );
}
