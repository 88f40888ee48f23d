import { ArrowUpOutlined } from '@ant-design/icons';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Button, Grid, Select, Switch } from 'antd';
import { useCallback, useEffect, useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useShortcut } from '../../app/shortcuts';
import type { Event } from '../../api/gen';
import { bytes, count } from '../../shared/format';
import { href } from '../../shared/href';
import { Middle } from '../../shared/middle';
import { RowLink, Rows, type Column } from '../../shared/rows';
import { SpanField } from '../../shared/span-field';
import { StateIcon, StatePill } from '../../shared/states';
import { Nothing, Page, Problem, Time } from '../../shared/ui';
import { eventTypes, states, type Filter } from './api';
import { Area, shortType } from './area';
import { BucketSelect, Filters, FunctionSelect, TextFilter } from './filters';
import { outcomeOf } from './outcome';
import { useStream } from './stream';

/** EventsPage is the stream: what happened to objects, and what came of it. */
export function EventsPage() {
  const { t } = useTranslation('events');
  const search = useSearch({ from: '/events' });
  const navigate = useNavigate({ from: '/events' });
  const { event: current, ...filter } = search;
  const wide = Grid.useBreakpoint().sm ?? true;
  const box = useRef<HTMLDivElement>(null);
  const pointed = useRef(false);
  // Nobody minds if rows move: the top is in sight, no row is focused or under the pointer, none was opened.
  const mayFollow = useCallback(
    () => !current && !pointed.current && (box.current?.querySelector('.rows')?.scrollTop ?? 0) < 8 && !box.current?.querySelector('.row-line:focus-within'),
    [current],
  );
  const { list, events, waiting, show } = useStream(filter, !filter.until, mayFollow);
  const set = (f: Filter) => void navigate({ search: (s) => ({ ...s, event: undefined, ...f }), replace: true });
  useShortcut('f', t('failedOnly'), () => set({ outcome: filter.outcome === 'Failed' ? undefined : 'Failed' }));
  const used = Object.values(filter).filter(Boolean).length;
  // An opened row is marked when the reader comes back to the list: the address to come
  // back to says which, without a navigation of its own.
  const open = (e: Event) => {
    History.prototype.replaceState.call(history, history.state, '', href(['events'], { ...search, event: e.id }));
    void navigate({ to: '/events/$id', params: { id: e.id } });
  };
  useEffect(() => {
    if (waiting > 0 && mayFollow() && document.visibilityState === 'visible' && waiting <= 3) {
      const id = setTimeout(() => mayFollow() && show(), 4000);
      return () => clearTimeout(id);
    }
  }, [waiting, mayFollow, show]);
  const columns = useMemo(
    (): Column<Event>[] => [
      { key: 'time', title: t('time'), width: '118px', wide: true, render: (e) => <Time at={Date.parse(e.time)} /> },
      { key: 'type', title: t('type'), width: '1.1fr', wide: true, render: (e) => <span title={e.type}>{shortType(e.type)}</span> },
      {
        key: 'object', title: t('object'), width: '3fr',
        render: (e) => (
          <>
            <RowLink to={href(['events', e.id])} className="object-link" title={`${e.bucket}/${e.key ?? ''}`} label={`${e.bucket}/${e.key ?? ''}`}>
              <Middle dim={e.bucket + '/'} text={e.key ?? ''} />
            </RowLink>
            {!wide && (
              <span className="narrow-line">
                <Time at={Date.parse(e.time)} /> · {shortType(e.type)}
              </span>
            )}
          </>
        ),
      },
      { key: 'size', title: t('common:size'), width: '88px', wide: true, end: true, render: (e) => (e.key ? bytes(e.size) : '') },
      { key: 'runs', title: t('functions'), width: '2.2fr', wide: true, render: (e) => <Pills event={e} /> },
      { key: 'outcome', title: t('outcome'), width: wide ? '150px' : '130px', render: (e) => <OutcomeOf event={e} /> },
    ],
    [t, wide],
  );
  return (
    <Page title={t('title')} lead={t('lead')}>
      <Area at="stream" />
      <Filters used={used}>
        <BucketSelect label={t('bucket')} value={filter.bucket} onChange={(bucket) => set({ bucket })} />
        <TextFilter label={t('prefix')} value={filter.prefix} onChange={(prefix) => set({ prefix })} />
        <Select
          aria-label={t('type')} placeholder={t('type')} allowClear popupMatchSelectWidth={false} className="type-select"
          value={filter.type} onChange={(type?: string) => set({ type })}
          options={eventTypes.map((v) => ({ value: v, label: v }))}
        />
        <Select
          aria-label={t('outcome')} placeholder={t('outcome')} allowClear popupMatchSelectWidth={false} className="state-select"
          value={filter.outcome} onChange={(outcome?: string) => set({ outcome })}
          options={states.map((v) => ({ value: v, label: t(`outcomeOf.${v}`) }))}
        />
        <FunctionSelect label={t('function')} value={filter.function} onChange={(f) => set({ function: f })} />
        <SpanField key={used ? 'some' : 'none'} since={filter.since} until={filter.until} onChange={set} />
        <span className="row switch">
          <Switch id="failed-only" size="small" checked={filter.outcome === 'Failed'} onChange={(on) => set({ outcome: on ? 'Failed' : undefined })} aria-label={t('failedOnly')} />
          <label htmlFor="failed-only">{t('failedOnly')}</label>
        </span>
        {used > 0 && (
          <Button type="link" onClick={() => void navigate({ search: {}, replace: true })}>
            {t('filters.clear')}
          </Button>
        )}
      </Filters>
      <div
        ref={box}
        className="stream"
        onPointerEnter={() => (pointed.current = true)}
        onPointerLeave={() => (pointed.current = false)}
      >
        <div className="new-events" aria-live="polite">
          {waiting > 0 && (
            <Button
              type="primary" shape="round" size="small" icon={<ArrowUpOutlined />}
              onClick={() => {
                show();
                box.current?.querySelector('.rows')?.scrollTo({ top: 0 });
              }}
            >
              {t('newEvents', { count: waiting, n: count(waiting) })}
            </Button>
          )}
        </div>
        {list.error && events.length === 0 ? (
          <Problem error={list.error} retry={() => void list.refetch()} />
        ) : (
          <Rows
            label={t('title')}
            of={JSON.stringify(filter)}
            items={events}
            keyOf={(e) => e.id}
            current={current}
            loading={list.isPending || list.isFetchingNextPage}
            more={list.hasNextPage}
            error={list.isFetchNextPageError ? list.error : undefined}
            onMore={() => void list.fetchNextPage()}
            onOpen={open}
            height="max(300px, calc(100vh - 310px))"
            rowHeight={wide ? 44 : 56}
            empty={
              <Nothing text={used ? t('noneFound') : t('none')}>
                {used ? (
                  <Button onClick={() => void navigate({ search: {}, replace: true })}>{t('filters.clear')}</Button>
                ) : (
                  <Link to="/buckets" className="ant-btn-link">
                    {t('uploadOne')}
                  </Link>
                )}
              </Nothing>
            }
            columns={columns}
          />
        )}
      </div>
    </Page>
  );
}

function Pills({ event }: { event: Event }) {
  const { t } = useTranslation('events');
  const owed = event.owed ?? [];
  return (
    <span className="pills">
      {owed.slice(0, 3).map((o) => (
        <StatePill key={o.requestId} state={o.state} reason={o.reason}>
          {o.function}
        </StatePill>
      ))}
      {owed.length > 3 && <span className="dim">{t('more', { n: count(owed.length - 3) })}</span>}
      {!!event.hiddenRuns && <span className="dim">{t('hidden', { n: event.hiddenRuns })}</span>}
    </span>
  );
}

function OutcomeOf({ event }: { event: Event }) {
  const { t } = useTranslation('events');
  const o = outcomeOf(event);
  const quiet = o.state === 'None' || o.state === 'Hidden';
  return (
    <span className={'outcome' + (quiet ? ' dim' : '')} data-outcome={o.state}>
      <StateIcon state={o.state === 'Hidden' ? 'None' : o.state} /> {t(`outcomeOf.${o.state}`, { defaultValue: o.state })}
      {!quiet && o.all > 1 && <span className="dim"> {t('ofAll', { some: o.some, all: o.all })}</span>}
    </span>
  );
}
