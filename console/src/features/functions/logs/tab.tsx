import { ArrowDownOutlined, ArrowUpOutlined, DownloadOutlined, DownOutlined, UpOutlined } from '@ant-design/icons';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Button, Select, Spin, Switch, Tag, Tooltip } from 'antd';
import { useCallback, useDeferredValue, useEffect, useLayoutEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Attempt } from '../../../api/gen';
import { useSettings } from '../../../app/settings';
import { count, moment } from '../../../shared/format';
import { save } from '../../../shared/save';
import { SearchField } from '../../../shared/search-field';
import { SpanField } from '../../../shared/span-field';
import { NoMore, Nothing, Problem } from '../../../shared/ui';
import type { TabProps } from '../api';
import { isOpen as isOpenEnded, useLogs, type LogFilter } from './data';
import { found, levels, type Level } from './entries';
import { EntryLine, RunHead } from './line';
import { asText, linesOf, shows } from './lines';
import { UnderWayList, useUnderWay } from './under-way';
import './logs.css';

function Option({ id, label, on, set }: { id: string; label: string; on: boolean; set: (on: boolean) => void }) {
  return (
    <span className="row log-option">
      <Switch id={id} size="small" checked={on} onChange={set} aria-label={label} />
      <label htmlFor={id}>{label}</label>
    </span>
  );
}

const wraps = 'alcedo.logs.wrap';
const byItself = 8; // answers without a line that a search goes on by itself

/** LogsTab is what a function's runs print, as it comes. */
export function LogsTab({ fn, qualifier }: TabProps) {
  const { order } = useSearch({ from: '/functions/$name/{-$tab}' });
  const follow = useState(true);
  const only = useState(true);
  // Each order has a list of its own: it begins at its end, whatever was in sight in the other.
  return <Output key={order === 'oldest' ? 'oldest' : 'newest'} fn={fn} qualifier={qualifier} follows={follow} onlys={only} />;
}

/** Searched says how far back a search has come. */
function Searched({ at, more }: { at: string; more: boolean }) {
  const { t } = useTranslation('functions');
  const { zone } = useSettings();
  return <span role="status">{more ? t('logs.searched', { time: moment(Date.parse(at), zone, true) }) : t('logs.searchedAll')}</span>;
}

type State = [boolean, (on: boolean) => void];

function Output({ fn, qualifier, follows: [follow, setFollow], onlys: [only, setOnly] }: Pick<TabProps, 'fn' | 'qualifier'> & { follows: State; onlys: State }) {
  const { t } = useTranslation('functions');
  const name = fn.functionName;
  const search = useSearch({ from: '/functions/$name/{-$tab}' });
  const navigate = useNavigate({ from: '/functions/$name/{-$tab}' });
  const set = (to: Partial<Record<'q' | 'level' | 'request' | 'attempt' | 'outcome' | 'order' | 'scope' | 'since' | 'until', string | undefined>>) => void navigate({ search: (s) => ({ ...s, ...to }), replace: true });
  const [wrap, setWrap] = useState(() => localStorage.getItem(wraps) !== 'no');
  const [opened, setOpened] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [at, setAt] = useState(0); // which of the matches
  const box = useRef<HTMLDivElement>(null);

  const oldestFirst = search.order === 'oldest';
  const level = levels.includes(search.level as Level) ? (search.level as Level) : undefined;
  const wanted = useDeferredValue(search.q ?? '');

  // Nobody minds if lines move: the end where they come is in sight, and nothing is selected.
  const mayFollow = useCallback(() => {
    const el = box.current;
    if (!el) return true;
    const selection = document.getSelection();
    if (selection && !selection.isCollapsed && el.contains(selection.anchorNode)) return false;
    return oldestFirst ? el.scrollHeight - el.scrollTop - el.clientHeight < 24 : el.scrollTop < 8;
  }, [oldestFirst]);
  const showing = useCallback((r: Attempt) => shows(r, { level, wanted: search.q ?? '' }), [level, search.q]);
  // What is chosen on the page is shown; of LATEST, which is chosen by itself, only if it is asked for.
  const narrow = qualifier === 'LATEST' ? search.scope === 'only' : search.scope !== 'all';
  const filter: LogFilter = {
    request: search.request, attempt: search.attempt, outcome: search.outcome === 'failed' ? 'failed' : undefined, q: search.q, level,
    qualifier: narrow ? qualifier : undefined, since: search.since, until: search.until,
  };
  const { runs, waiting, show, error, loading, retry, more, noMore, onMore, searched, pages } = useLogs(name, filter, follow, mayFollow, showing);
  const going = useUnderWay(name, filter, follow && !filter.outcome && isOpenEnded(filter));
  const { lines, hits, matches, hitRuns } = useMemo(
    () => linesOf(runs, { level, wanted, only, oldestFirst, all: !!search.request }), [runs, level, wanted, only, oldestFirst, search.request],
  );
  const chosen = !!(level || search.q || search.request || search.outcome || search.attempt || search.since || search.until);
  const filtered = chosen || narrow;
  const clear = { q: undefined, level: undefined, request: undefined, attempt: undefined, outcome: undefined, since: undefined, until: undefined };

  const v = useVirtualizer({
    count: lines.length,
    getScrollElement: () => box.current,
    estimateSize: (i) => (lines[i]?.entry ? 23 : lines[i]?.note ? 27 : 40),
    getItemKey: (i) => lines[i]?.key ?? i,
    overscan: 20,
    // Oldest first, the end stays in sight while lines come, and older ones above move nothing.
    anchorTo: oldestFirst ? 'end' : 'start',
    followOnAppend: oldestFirst,
  });
  const items = v.getVirtualItems();

  // The end where lines come: there the list begins, and there a reader goes who asks for what is new.
  const toEnd = useRef(oldestFirst);
  useLayoutEffect(() => {
    if (lines.length === 0 || !toEnd.current) return;
    // Not before the lines have been measured once, which is after this.
    const id = setTimeout(() => {
      toEnd.current = false;
      if (oldestFirst) v.scrollToEnd();
      else v.scrollToOffset(0);
    });
    return () => clearTimeout(id);
  }, [lines, oldestFirst, v]);
  // The end stays in sight when what is under way takes room below it, or gives it back.
  const goes = going.runs.length > 0;
  const atEnd = useRef(true);
  const went = useRef(goes);
  useLayoutEffect(() => {
    if (went.current !== goes && oldestFirst && atEnd.current) v.scrollToEnd();
    went.current = goes;
  }, [goes, oldestFirst, v]);
  const lastShown = items.at(-1)?.index ?? -1;
  // What is rare is far back: a search goes on by itself for some seconds, then when it is asked to.
  const [goOn, setGoOn] = useState(byItself); // up to this number of answers
  const answers = useRef(0);
  answers.current = pages;
  useEffect(() => setGoOn(answers.current + byItself), [search.q, level, search.outcome, search.attempt, search.since, search.until, narrow, lines.length]);
  useEffect(() => {
    if (!oldestFirst && more && !noMore && !loading && lastShown >= lines.length - 30 && pages < goOn) void onMore();
  }, [oldestFirst, more, noMore, loading, lastShown, lines.length, pages, goOn, onMore]);
  const further = () => {
    setGoOn(pages + byItself);
    void onMore();
  };

  const go = (step: number) => {
    if (matches.length === 0) return;
    const next = (at + step + matches.length) % matches.length;
    setAt(next);
    v.scrollToIndex(matches[next]!, { align: 'center' });
  };
  useEffect(() => {
    setAt(0);
    setOpened(new Map()); // what a search opens, and what was closed for another
  }, [wanted, level, only]);

  // An entry whose match is not in its first line is opened by the search.
  const isOpen = (i: number): boolean => {
    const l = lines[i]!;
    return opened.get(l.key) ?? (!!l.hits && l.entry!.lines > 1 && found(l.entry!.text.slice(0, l.entry!.text.indexOf('\n')), wanted).length < l.hits);
  };
  const download = () => save(new Blob([asText(lines)], { type: 'text/plain;charset=utf-8' }), `${name}-logs.txt`);

  let empty: ReactNode = null;
  if (lines.length === 0 && !loading && !error) {
    empty = (
      <Nothing text={going.runs.length > 0 && !chosen ? t('logs.firstGoes') : !filtered ? t('logs.none') : searched && more ? <Searched at={searched} more /> : chosen ? t('logs.noneFound') : t('logs.noneOf', { qualifier })}>
        {noMore && <NoMore error={noMore} retry={further} />}
        {filtered ? (
          <span className="row log-empty">
            {more && !noMore && (
              <Button type="primary" onClick={further}>
                {t('logs.further')}
              </Button>
            )}
            {chosen && <Button onClick={() => set(clear)}>{t('logs.clear')}</Button>}
            {narrow && <Button onClick={() => set({ scope: qualifier === 'LATEST' ? undefined : 'all' })}>{t('logs.allVersions')}</Button>}
          </span>
        ) : goes ? null : (
          <Button type="primary" onClick={() => void navigate({ params: (p) => ({ ...p, tab: 'test' }), search: (s) => ({ qualifier: s.qualifier }) })}>
            {t('logs.test')}
          </Button>
        )}
      </Nothing>
    );
  }
  return (
    <div className="logs">
      <div className="logs-bar">
        <SearchField
          maxLength={200} q={search.q} label={t('logs.search')} className="logs-search"
          ask={(q) => (q && q === search.q ? go(1) : set({ q: q || undefined }))}
          onKeyDown={(e) => {
            if (e.key === 'Enter' && e.shiftKey && search.q) {
              e.preventDefault();
              go(-1);
            }
          }}
        />
        {search.q && (
          <span className="row logs-hits" role="status">
            <span>{matches.length ? t('logs.hits', { count: hits, n: count(hits), at: count(at + 1), lines: count(matches.length), runs: count(hitRuns) }) : loading ? t('logs.searching') : t('logs.noHits')}</span>
            <Button size="small" type="text" icon={<UpOutlined />} aria-label={t('logs.previous')} disabled={!matches.length} onClick={() => go(-1)} />
            <Button size="small" type="text" icon={<DownOutlined />} aria-label={t('logs.next')} disabled={!matches.length} onClick={() => go(1)} />
            <Option id="log-only" label={t('logs.onlyMatches')} on={only} set={setOnly} />
          </span>
        )}
        <Select
          aria-label={t('logs.level')} value={level ?? ''} popupMatchSelectWidth={false} className="logs-level" onChange={(l) => set({ level: l || undefined })}
          options={[{ value: '', label: t('logs.allLevels') }, ...levels.map((l) => ({ value: l, label: l === 'ERROR' ? l : t('logs.andWorse', { level: l }) }))]}
        />
        <Select
          aria-label={t('logs.versions')} value={narrow ? 'only' : 'all'} popupMatchSelectWidth={false}
          onChange={(v) => set({ scope: v === (qualifier === 'LATEST' ? 'all' : 'only') ? undefined : v })}
          options={[{ value: 'all', label: t('logs.allVersions') }, { value: 'only', label: t('logs.onlyOf', { qualifier }) }]}
        />
        <Select
          aria-label={t('logs.attempts')} value={search.attempt ?? ''} popupMatchSelectWidth={false} onChange={(a) => set({ attempt: a || undefined })}
          options={[
            { value: '', label: t('logs.allAttempts') }, { value: '0', label: t('logs.firstAttempts') }, { value: 'retry', label: t('logs.retries') },
            ...[...new Set(['1', '2', '3', ...(search.attempt && Number(search.attempt) > 3 ? [search.attempt] : [])])].map((n) => ({ value: n, label: t('logs.attempt', { n: Number(n) + 1 }) })),
          ]}
        />
        {!search.request && <SpanField key={search.since || search.until ? 'some' : 'none'} since={search.since} until={search.until} onChange={set} />}
        {search.request && (
          <Tag closable={{ 'aria-label': t('logs.allRuns') }} onClose={() => set({ request: undefined, attempt: undefined })} className="mono logs-request">
            {search.request}
          </Tag>
        )}
        <Option id="log-failed" label={t('logs.failedOnly')} on={search.outcome === 'failed'} set={(on) => set({ outcome: on ? 'failed' : undefined })} />
        <span className="row logs-options">
          <Option
            id="log-wrap" label={t('logs.wrap')} on={wrap}
            set={(on) => {
              localStorage.setItem(wraps, on ? 'yes' : 'no');
              setWrap(on);
              v.measure();
            }}
          />
          <Option id="log-follow" label={t('logs.follow')} on={follow} set={setFollow} />
          <Tooltip title={t(oldestFirst ? 'logs.oldestFirst' : 'logs.newestFirst')}>
            <Button icon={oldestFirst ? <ArrowDownOutlined /> : <ArrowUpOutlined />} aria-label={t(oldestFirst ? 'logs.oldestFirst' : 'logs.newestFirst')} onClick={() => set({ order: oldestFirst ? undefined : 'oldest' })} />
          </Tooltip>
          <Tooltip title={t('logs.download')}>
            <Button icon={<DownloadOutlined />} aria-label={t('logs.download')} disabled={lines.length === 0} onClick={download} />
          </Tooltip>
        </span>
      </div>
      {!!error && <Problem error={error} retry={retry} />}
      <div className="logs-frame">
        <div className="logs-new" aria-live="polite">
          {waiting > 0 && (
            <Button
              type="primary" shape="round" size="small" icon={oldestFirst ? <ArrowDownOutlined /> : <ArrowUpOutlined />}
              onClick={() => {
                toEnd.current = true;
                show();
              }}
            >
              {t('logs.new', { count: waiting, n: count(waiting) })}
            </Button>
          )}
        </div>
        {empty ? (
          <div className="logs-empty">{empty}</div>
        ) : (
          <div
            ref={box} className={`logs-box${wrap ? ' wrap' : ''}`} tabIndex={0} role="region" aria-label={t('logs.title', { name })}
            onScroll={(e) => {
              const el = e.currentTarget;
              atEnd.current = el.scrollHeight - el.scrollTop - el.clientHeight < 24;
              if (waiting > 0 && mayFollow()) show();
            }}
          >
            {oldestFirst && more && (
              <div className="logs-older">
                {noMore && !loading ? (
                  <NoMore error={noMore} retry={further} />
                ) : (
                  <Button size="small" loading={loading} onClick={() => void onMore()}>
                    {t('logs.older')}
                  </Button>
                )}
              </div>
            )}
            <div className="logs-lines" style={{ height: v.getTotalSize() }}>
              <div className="logs-shift" style={{ transform: `translateY(${items[0]?.start ?? 0}px)` }}>
                {items.map((item) => {
                  const l = lines[item.index]!;
                  return (
                    <div key={item.key} data-index={item.index} ref={v.measureElement} className="log-line">
                      {l.entry ? (
                        <EntryLine
                          entry={l.entry} wanted={l.hits ? wanted : ''} open={isOpen(item.index)} current={!!search.q && matches[at] === item.index}
                          toggle={() => setOpened((o) => new Map(o).set(l.key, !isOpen(item.index)))}
                        />
                      ) : l.note ? (
                        <div className="log-note">{t(`logs.${l.note}`)}</div>
                      ) : (
                        <RunHead run={l.run} function={name} single={!!search.request} />
                      )}
                    </div>
                  );
                })}
              </div>
            </div>
            {loading ? (
              <div className="logs-older">
                <Spin size="small" /> {filtered && searched && <Searched at={searched} more />}
              </div>
            ) : noMore && !oldestFirst ? (
              <div className="logs-older">
                <NoMore error={noMore} retry={further} />
              </div>
            ) : (
              filtered && searched && !oldestFirst && (
                <div className="logs-older">
                  <Searched at={searched} more={more} />
                  {more && (
                    <Button size="small" onClick={further}>
                      {t('logs.further')}
                    </Button>
                  )}
                </div>
              )
            )}
          </div>
        )}
        <UnderWayList {...going} level={level} wanted={wanted} />
      </div>
    </div>
  );
}
