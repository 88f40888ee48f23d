import { useQuery } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { Grid, Select, Splitter } from 'antd';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Nothing, Problem, Time } from '../../../shared/ui';
import type { TabProps } from '../api';
import { TestBar } from './bar';
import { ContentField, EditorWaits } from './content-field';
import { ResultView } from './result';
import { Running } from './running';
import { beginOf, eventOf, testEventsOf } from './samples';
import { choose, pretty, useTests, type Unsaved } from './session';
import './test.css';

const plain = '{\n  "key1": "value1"\n}';

/** TestTab tests the function with an event that can be edited here, and keeps the last results. */
export function TestTab({ fn, qualifier }: TabProps) {
  const { t } = useTranslation('functions');
  const name = fn.functionName;
  const { event: eventID } = useSearch({ from: '/functions/$name/{-$tab}' });
  const tests = useTests(name);
  const list = useQuery(testEventsOf(name));
  const real = useQuery({ queryKey: ['functions', name, 'event', eventID], queryFn: ({ signal }) => eventOf(name, eventID!, signal), enabled: !!eventID, staleTime: Infinity });
  const [edits, setEdits] = useState<Record<string, string>>({});
  const [shown, setShown] = useState('');
  const [taken, setTaken] = useState(''); // the real event that was chosen

  // A real event comes as the trigger sends it, and is not changed by being shown.
  useEffect(() => {
    if (!real.data || !eventID) return;
    const exact = real.data.sent === 'eventbridge' ? real.data.cloud : real.data.native;
    const content = pretty(exact);
    choose(name, { title: t('test.real', { id: eventID }), content, shown: content, exact });
    setTaken(eventID);
  }, [real.data, eventID, name, t]);

  const chosen = tests.chosen ?? (list.data?.[0] ? { saved: list.data[0].name } : null);
  const saved = chosen && 'saved' in chosen ? list.data?.find((e) => e.name === chosen.saved) : undefined;
  const unsaved: Unsaved | null = chosen && 'content' in chosen ? chosen : null;
  const id = saved ? 'saved:' + saved.name : unsaved ? 'unsaved:' + unsaved.title : 'none';
  // Without any, testing begins with what a trigger would send.
  const none = id === 'none' && !eventID && list.isSuccess;
  const begin = useQuery({ ...beginOf(name), enabled: none });
  const fresh = none ? begin.data : undefined;
  const original = saved?.content ?? unsaved?.content ?? fresh?.content ?? plain;
  const content = edits[id] ?? original;
  const dirty = content !== original;
  const title = saved ? (dirty ? t('test.edited', { name: saved.name }) : saved.name) : (unsaved?.title ?? (fresh && !dirty ? t('test.ofTrigger') : t('test.unsaved')));
  const event: Unsaved = { title, content, ...(unsaved && { shown: unsaved.shown, exact: unsaved.exact }) };
  const result = tests.results.find((r) => r.requestId + r.at === shown) ?? tests.results[0];

  const waits = (list.isPending && !eventID) || (!!eventID && taken !== eventID && !real.error) || (none && begin.isPending);

  const wide = Grid.useBreakpoint().lg ?? true;
  const editor = (
    <section className="test-event" aria-label={t('test.event')}>
      <div className="test-tools">
        <Select
          aria-label={t('test.event')}
          value={id}
          className="test-select"
          loading={list.isPending || real.isFetching}
          onChange={(v: string) => v.startsWith('saved:') && choose(name, { saved: v.slice(6) })}
          options={[
            ...(list.data ?? []).map((e) => ({ value: 'saved:' + e.name, label: e.name })),
            ...(unsaved ? [{ value: 'unsaved:' + unsaved.title, label: unsaved.title }] : []),
            ...(id === 'none' ? [{ value: 'none', label: fresh && !dirty ? t('test.ofTrigger') : t('test.unsaved') }] : []),
          ]}
        />
        <TestBar fn={fn} qualifier={qualifier} event={event} waits={waits} begin={(saved || fresh) && !dirty ? undefined : event} onRun={() => setShown('')} />
      </div>
      {list.error && <Problem error={list.error} retry={() => void list.refetch()} />}
      {real.error && <Problem error={real.error} retry={() => void real.refetch()} />}
      {fresh && !dirty && <p className={fresh.there ? 'dim test-note' : 'configure-absent test-note'}>{t(`test.${fresh.there ? 'found' : 'absent'}`, { bucket: fresh.bucket, key: fresh.key })}</p>}
      {waits ? <EditorWaits /> : <ContentField key={id} value={content} onChange={(v) => setEdits((x) => ({ ...x, [id]: v }))} name={`${id}.json`} />}
    </section>
  );
  const results = (
    <section className="test-results" aria-label={t('test.results')} tabIndex={wide ? 0 : undefined}>
      {tests.running && tests.progress ? (
        <Running since={tests.running} progress={tests.progress} />
      ) : result ? (
        <ResultView key={result.requestId + result.at} name={name} result={result} />
      ) : (
        <div className="test-none">
          <Nothing text={t('test.none')} />
        </div>
      )}
      {tests.results.length > 1 && (
        <>
          <h3>{t('test.history')}</h3>
          <ul className="test-history">
            {tests.results.map((r) => (
              <li key={r.requestId + r.at}>
                <button type="button" aria-current={r === result} onClick={() => setShown(r.requestId + r.at)}>
                  <i className={`dot ${r.outcome === 'succeeded' ? 'success' : r.outcome === 'left' ? 'idle' : 'error'}`} />
                  <span className="clip">{r.event}</span>
                  <span className="dim">{r.durationMs !== undefined ? `${r.durationMs} ms` : t(`test.${r.outcome}`)}</span>
                  <span className="dim">
                    <Time at={r.at} exact />
                  </span>
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
  if (!wide) {
    return (
      <div className="test-narrow">
        {editor}
        {results}
      </div>
    );
  }
  return (
    <Splitter className="test-bench">
      <Splitter.Panel defaultSize="50%" min={380} max="70%">
        {editor}
      </Splitter.Panel>
      <Splitter.Panel min={320}>{results}</Splitter.Panel>
    </Splitter>
  );
}
