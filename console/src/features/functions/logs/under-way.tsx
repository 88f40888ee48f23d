import { LoadingOutlined } from '@ant-design/icons';
import { Tag } from 'antd';
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { RunUnderWay, UnderWay } from '../../../api/gen';
import { useSettings } from '../../../app/settings';
import { api } from '../../../shared/api';
import { count, moment } from '../../../shared/format';
import { useLive } from '../../../shared/live';
import { Copy } from '../../../shared/ui';
import { path } from '../api';
import { isOf, type LogFilter } from './data';
import { entriesOf, found, reaches, type Entry, type Level } from './entries';
import { EntryLine } from './line';
import { shownOf, taken, type Going } from './going';

const pace = 500; // milliseconds between looks, however much is printed
const drawn = 200; // entries of one run, from its end

/** useUnderWay gives the runs that are not over, as far as they are of a filter, and how many there are. */
export function useUnderWay(name: string, filter: LogFilter, on: boolean): { runs: Going[]; total: number } {
  const [state, set] = useState<{ runs: Going[]; total: number }>({ runs: [], total: 0 });
  const [, again] = useReducer((n: number) => n + 1, 0);
  useLive(on, async (cursor, signal) => {
    const u = await api.get<UnderWay>(path(name) + '/under-way', { after: cursor || 0, wait: cursor ? 20 : undefined }, signal);
    set((s) => ({ runs: taken(s.runs, u, Date.now()), total: u.total }));
    return String(u.next);
  }, { pace });
  const any = state.runs.length > 0;
  useEffect(() => {
    if (!on) return set({ runs: [], total: 0 });
    if (!any) return;
    const id = setInterval(again, 500);
    return () => clearInterval(id);
  }, [on, any]);
  const now = Date.now();
  const runs = shownOf(state.runs, now).filter((r) => (filter.request ? r.requestId === filter.request : true) && isOf(r, filter));
  return { runs, total: runs.length < state.runs.length ? runs.length : Math.max(state.total, runs.length) };
}

/** UnderWayList shows what the runs print that are not over. */
export function UnderWayList({ runs, total, level, wanted }: { runs: Going[]; total: number; level?: Level; wanted: string }) {
  const { t } = useTranslation('functions');
  const { zone } = useSettings();
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(true); // the end is in sight
  const inOrder = useMemo(() => [...runs].reverse(), [runs]); // what began last stands at the end
  const length = runs.reduce((n, r) => n + (r.log?.length ?? 0), runs.length);
  useLayoutEffect(() => {
    if (box.current && follows.current) box.current.scrollTop = box.current.scrollHeight;
  }, [length]);
  const first = inOrder[0];
  if (!first) return null;
  return (
    <section className="logs-live" aria-label={t('logs.underWay')}>
      <div className="logs-live-head" role="status">
        <LoadingOutlined spin aria-hidden /> {t('logs.going', { count: total, n: count(total), time: moment(first.startedAtUnixMicro / 1000, zone) })}
      </div>
      <div
        ref={box} className="logs-box wrap" tabIndex={0} role="region" aria-label={t('logs.prints')}
        onScroll={(e) => {
          const el = e.currentTarget;
          follows.current = el.scrollHeight - el.scrollTop - el.clientHeight < 24;
        }}
      >
        {inOrder.map((r) => (
          <One key={r.requestId + r.attempt} run={r} level={level} wanted={wanted} />
        ))}
      </div>
    </section>
  );
}

function One({ run: r, level, wanted }: { run: RunUnderWay & Going; level?: Level; wanted: string }) {
  const { t } = useTranslation('functions');
  const { zone } = useSettings();
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const entries = useMemo(() => entriesOf(r.log ?? '').map((e, i): [Entry, string] => [e, `${i} ${e.text.slice(0, 80)}`]), [r.log]);
  const shown = entries.filter(([e]) => reaches(e, level) && (!wanted || found(e.text, wanted).length > 0)).slice(-drawn);
  return (
    <div className="log-going" data-request={r.requestId}>
      <div className="log-head">
        <span className="log-when">
          {t('logs.began')} <time dateTime={new Date(r.startedAtUnixMicro / 1000).toISOString()}>{moment(r.startedAtUnixMicro / 1000, zone, true)}</time>
        </span>
        <span className="log-id mono">
          {r.requestId}
          <Copy text={r.requestId} label={t('logs.copyRequest')} />
        </span>
        {r.attempt > 0 && <Tag>{t('logs.attempt', { n: r.attempt + 1 })}</Tag>}
        <span className="log-facts">
          <span>{r.version}</span>
          <span className={r.cold ? 'cold' : ''}>{t(r.running ? (r.cold ? 'logs.cold' : 'logs.warm') : 'test.waiting')}</span>
          <span role="timer" aria-live="off">
            {Math.max(0, Math.floor((r.over ?? Date.now()) - r.began) / 1000).toFixed(0)} s
          </span>
          {r.over !== undefined && <span>{t('logs.justOver')}</span>}
        </span>
      </div>
      {r.logCut && <div className="log-note">{t('logs.before')}</div>}
      {shown.map(([e, key]) => (
        <EntryLine
          key={key} entry={e} wanted={wanted} open={!closed.has(key)} current={false}
          toggle={() => setClosed((c) => (c.has(key) ? new Set([...c].filter((k) => k !== key)) : new Set(c).add(key)))}
        />
      ))}
    </div>
  );
}
