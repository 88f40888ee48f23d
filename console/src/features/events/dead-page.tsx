import { DeleteOutlined, RedoOutlined } from '@ant-design/icons';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Alert, Button, Checkbox, Grid, Popconfirm, Progress, Select } from 'antd';
import { Suspense, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useShortcut } from '../../app/shortcuts';
import type { DeadFilter, DeadLetter, DeadResult } from '../../api/gen';
import { api, messageOf } from '../../shared/api';
import { count } from '../../shared/format';
import { lazy } from '../../shared/lazy';
import { May, useMay, useResources } from '../../shared/may';
import { href } from '../../shared/href';
import { Middle } from '../../shared/middle';
import { RowLink, Rows, type Column } from '../../shared/rows';
import { instant } from '../../shared/span';
import { SpanField } from '../../shared/span-field';
import { StatePill, told } from '../../shared/states';
import { Nothing, Page, Problem, Time } from '../../shared/ui';
import { deadList, redriven } from './api';
import { Area } from './area';
import { inBulk, type Progress as Done } from './bulk';
import { BucketSelect, Filters, FunctionSelect, TextFilter } from './filters';

const DeadDrawer = lazy(() => import('./dead-drawer').then((m) => ({ default: m.DeadDrawer })));

const whoOf = (d: DeadLetter) => d.function + (d.trigger ? ` ‹ ${d.trigger}` : '');

const reasons = ['RetriesExhausted', 'Expired', 'TriggerPaused', 'RecursiveInvocation', 'FunctionNotFound'];

type Act = 'redrive' | 'delete';
interface Bulk {
  act: Act;
  all: boolean;
  done: Done;
  state: 'running' | 'done' | 'aborted' | 'failed';
  error?: unknown;
}

/** DeadLettersPage is what was given up: why, and what to do about it, many at once. */
export function DeadLettersPage() {
  const { t } = useTranslation('events');
  const { id, ...search } = useSearch({ from: '/dead-letters' });
  const navigate = useNavigate({ from: '/dead-letters' });
  const wide = Grid.useBreakpoint().sm ?? true;
  const filter: DeadFilter = search;
  const list = useInfiniteQuery(deadList(filter));
  const items = useMemo(() => list.data?.pages.flatMap((p) => p.dead ?? []) ?? [], [list.data]);
  const [selected, setSelected] = useState<Set<string>>(new Set());
  const [all, setAll] = useState(false);
  // A row stays where it is after it was dealt with, and says what came of it.
  const [results, setResults] = useState<ReadonlyMap<string, Act>>(new Map());
  const [bulk, setBulk] = useState<Bulk>();
  const stop = useRef<AbortController>(undefined);
  const set = (f: DeadFilter) => {
    setSelected(new Set());
    setAll(false);
    void navigate({ search: (s) => ({ ...s, id: undefined, ...f }), replace: true });
  };
  const used = Object.values(filter).filter(Boolean).length;
  const open = items.filter((d) => !results.has(d.id));
  const chosen = all ? open.length : selected.size;

  const act = async (what: Act, ids?: string[]) => {
    const whole = !ids && all;
    const controller = new AbortController();
    stop.current = controller;
    const before: Bulk = { act: what, all: whole, done: { done: 0 }, state: 'running' };
    setBulk(before);
    const mark = (done: Iterable<string>) => {
      const gone = [...done];
      setResults((r) => new Map([...r, ...gone.map((g) => [g, what] as const)]));
      setSelected((s) => new Set([...s].filter((x) => !gone.includes(x))));
    };
    let done: Done = { done: 0 };
    try {
      const exact: DeadFilter = { ...filter, since: instant(filter.since), until: instant(filter.until) };
      done = await inBulk(
        whole ? { filter: exact } : { ids: ids ?? [...selected] },
        (order) => api.post<DeadResult>(`/dead/${what}`, order),
        controller.signal,
        (p, some) => {
          done = p;
          mark(some);
          setBulk({ ...before, done: p });
        },
      );
      if (whole && !controller.signal.aborted) mark(open.map((d) => d.id));
      setBulk({ ...before, done, state: controller.signal.aborted ? 'aborted' : 'done' });
      if (whole) setAll(false);
    } catch (error) {
      setBulk({ ...before, done, state: 'failed', error });
    }
    // After a part of "all", only the server knows which are left.
    if (whole && (controller.signal.aborted || done.of === undefined)) void again();
  };
  // What became of rows is said until there is a list that was asked for after it.
  const latest = useRef(results);
  latest.current = results;
  const again = async () => {
    const before = latest.current;
    if ((await list.refetch()).isSuccess) setResults((r) => new Map([...r].filter(([id]) => !before.has(id))));
  };
  const running = bulk?.state === 'running';
  // What is needed for all functions, if it is not about those of one.
  const names = new Set(items.filter((d) => all || selected.has(d.id)).map((d) => d.function));
  const { fn } = useResources();
  const resource = fn(filter.function || (names.size === 1 && !all ? [...names][0] : '*'));
  const mayRedrive = useMay('fc:InvokeFunction', resource).allowed;
  useShortcut('r', t('dead.redriveOne'), () => void act('redrive'), { off: chosen === 0 || running || !mayRedrive });
  const columns = useMemo(
    (): Column<DeadLetter>[] => [
      { key: 'time', title: t('time'), width: '118px', wide: true, render: (d) => <Time at={Date.parse(d.time)} /> },
      {
        key: 'object', title: t('object'), width: '2.2fr',
        render: (d) => (
          <>
            <RowLink to={href(['dead-letters'], { ...filter, id: d.id })} className="object-link" title={d.bucket ? `${d.bucket}/${d.key}` : d.requestId} label={d.bucket ? `${d.bucket}/${d.key}` : undefined}>
              {d.bucket ? (
                <Middle dim={d.bucket + '/'} text={d.key ?? ''} />
              ) : (
                <span className="mono">{d.requestId}</span>
              )}
            </RowLink>
            <span className="narrow-line">
              {d.function} · {t(`reason.${d.reason}`, { defaultValue: d.reason })}
            </span>
          </>
        ),
      },
      { key: 'function', title: t('function'), width: '2.2fr', wide: true, render: (d) => <span title={whoOf(d)}>{whoOf(d)}</span> },
      { key: 'why', title: t('why'), width: '1.6fr', wide: true, render: (d) => <span title={d.message ?? d.reason}>{t(`reason.${d.reason}`, { defaultValue: d.reason })}</span> },
      { key: 'state', title: t('result'), width: wide ? '140px' : '104px', render: (d) => <Result dead={d} act={results.get(d.id)} /> },
    ],
    // The filter is a new object at each drawing; its text is not.
    [t, wide, results, JSON.stringify(filter)],
  );
  return (
    <Page title={t('dead.title')} lead={t('dead.lead')}>
      <Area at="dead" />
      <Filters used={used}>
        <FunctionSelect label={t('function')} value={filter.function} onChange={(f) => set({ function: f })} />
        <TextFilter label={t('trigger')} value={filter.trigger} onChange={(trigger) => set({ trigger })} />
        <Select
          aria-label={t('why')} placeholder={t('why')} allowClear popupMatchSelectWidth={false} className="state-select"
          value={filter.reason} onChange={(reason?: string) => set({ reason })}
          options={[...new Set([...reasons, ...(filter.reason ? [filter.reason] : []), ...items.map((d) => d.reason)])].map((v) => ({ value: v, label: t(`reason.${v}`, { defaultValue: v }) }))}
        />
        <BucketSelect label={t('bucket')} value={filter.bucket} onChange={(bucket) => set({ bucket })} />
        <TextFilter label={t('prefix')} value={filter.prefix} onChange={(prefix) => set({ prefix })} />
        <SpanField key={used ? 'some' : 'none'} since={filter.since} until={filter.until} onChange={set} />
        {used > 0 && (
          <Button type="link" onClick={() => (setSelected(new Set()), void navigate({ search: {}, replace: true }))}>
            {t('filters.clear')}
          </Button>
        )}
      </Filters>
      <div className="bulk row" role="group" aria-label={t('dead.actions')}>
        <Checkbox checked={all} disabled={running || open.length === 0} onChange={(e) => (setAll(e.target.checked), setSelected(new Set()))}>
          {t(used ? 'dead.allMatching' : 'dead.all')}
        </Checkbox>
        <May action="fc:InvokeFunction" resource={resource}>
          {(no) => (
            <Button icon={<RedoOutlined />} type="primary" disabled={no || chosen === 0 || running} onClick={() => void act('redrive')}>
              {all ? t('dead.redriveAll') : t('dead.redrive', { n: count(selected.size) })}
            </Button>
          )}
        </May>
        <May action="fc:StopAsyncTask" resource={resource}>
          {(no) => (
            <Popconfirm
              title={t('dead.deleteSure')} description={t('dead.deleteWhy')} okText={t('common:delete')} okButtonProps={{ danger: true }}
              onConfirm={() => void act('delete')} disabled={no || chosen === 0 || running}
            >
              <Button icon={<DeleteOutlined />} disabled={no || chosen === 0 || running}>
                {all ? t('dead.deleteAll') : t('dead.delete', { n: count(selected.size) })}
              </Button>
            </Popconfirm>
          )}
        </May>
        <Button onClick={() => void again()} loading={list.isRefetching && { delay: 400 }} disabled={running}>
          {t('common:refresh')}
        </Button>
        {bulk && <BulkState bulk={bulk} abort={() => stop.current?.abort()} />}
      </div>
      {list.error && !list.data ? (
        <Problem error={list.error} retry={() => void list.refetch()} />
      ) : (
        <Rows
          label={t('dead.title')}
          of={JSON.stringify(filter)}
          items={items}
          keyOf={(d) => d.id}
          current={id}
          selected={all ? new Set(open.map((d) => d.id)) : selected}
          onSelect={(s) => (setAll(false), setSelected(s))}
          selectable={(d) => !results.has(d.id) && !running}
          loading={list.isPending || list.isFetchingNextPage}
          more={list.hasNextPage}
          error={list.isFetchNextPageError ? list.error : undefined}
          onMore={() => void list.fetchNextPage()}
          onOpen={(d) => void navigate({ search: (s) => ({ ...s, id: d.id }) })}
          height="max(300px, calc(100vh - 345px))"
          rowHeight={wide ? 44 : 56}
          empty={
            <Nothing text={used ? t('dead.noneFound') : t('dead.none')}>
              {used > 0 && <Button onClick={() => void navigate({ search: {}, replace: true })}>{t('filters.clear')}</Button>}
            </Nothing>
          }
          columns={columns}
        />
      )}
      {id && (
        <Suspense>
          <DeadDrawer
            id={id}
            result={results.get(id)}
            busy={running}
            close={() => void navigate({ search: (s) => ({ ...s, id: undefined }) })}
            act={(what) => void act(what, [id])}
          />
        </Suspense>
      )}
    </Page>
  );
}

function BulkState({ bulk, abort }: { bulk: Bulk; abort: () => void }) {
  const { t } = useTranslation('events');
  const { done, of } = bulk.done;
  const name = t(`dead.did_${bulk.act}`, { count: done, n: count(done) });
  return (
    <span className="row bulk-state" role="status">
      {bulk.state === 'running' && (
        <>
          {of ? <Progress percent={Math.round((done / of) * 100)} size="small" className="bulk-bar" aria-label={name} /> : null}
          <span>{name}</span>
          <Button size="small" onClick={abort}>
            {t('abort')}
          </Button>
        </>
      )}
      {bulk.state === 'done' && <span className="bulk-done">{name}</span>}
      {bulk.state === 'aborted' && <span>{t('dead.aborted', { what: name })}</span>}
      {bulk.state === 'failed' && <Alert type="error" showIcon title={`${name} ${messageOf(bulk.error)}`} />}
    </span>
  );
}

/** Result is what came of a dead letter since it was dealt with on this page. */
function Result({ dead, act }: { dead: DeadLetter; act?: Act }) {
  const { t } = useTranslation('events');
  if (act === 'delete') return <span className="dim">{t('dead.deleted')}</span>;
  if (act === 'redrive') return dead.eventId ? <Redriven eventId={dead.eventId} requestId={dead.requestId} /> : <StatePill state="Enqueued" />;
  return <StatePill state={told('Failed', dead.reason)}>{t('dead.given')}</StatePill>;
}

function Redriven({ eventId, requestId }: { eventId: string; requestId: string }) {
  const { data: now } = useQuery(redriven(eventId, requestId));
  return now ? <StatePill state={now.state} reason={now.reason} /> : <StatePill state="Enqueued" />;
}
