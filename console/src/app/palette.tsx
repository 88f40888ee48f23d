import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Input, Modal, type InputRef } from 'antd';
import { useEffect, useId, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Found } from '../api/gen';
import { api } from '../shared/api';
import { Problem } from '../shared/ui';

interface Entry {
  key: string;
  kind: string;
  label: string;
  go: () => void;
}

const intoSight = (e: HTMLElement | null) => {
  e?.scrollIntoView({ block: 'nearest' });
};

// The id of a request to OSS, as an upload's answer and an event's page show it.
const request = /^[0-9a-f]{24}$/i;

/** Palette is Ctrl+K: pages, functions, buckets, and "go to a request id". */
export default function Palette({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const input = useRef<InputRef>(null);
  const list = useId();
  const word = text.trim();
  const known = useQuery({
    queryKey: ['palette', word],
    queryFn: ({ signal }) => api.get<Found>('/find', { q: word.slice(0, 128) }, signal),
    placeholderData: keepPreviousData,
  });
  // What was found by a shorter word is shown while the server looks, as far as it fits.
  const found = known.data;
  const fits = (name: string) => !known.isPlaceholderData || name.toLowerCase().includes(word.toLowerCase());
  const entries = useMemo(() => {
    const out: Entry[] = [];
    const add = (kind: string, label: string, go: () => Promise<void>) => out.push({ key: kind + label, kind, label, go: () => (close(), void go()) });
    if (/^1-[0-9a-f]{8}-/.test(word)) add(t('palette.run'), word, () => navigate({ to: '/trace', search: { run: word } }));
    const low = word.toLowerCase();
    for (const [name, to] of [['overview', '/'], ['functions', '/functions'], ['buckets', '/buckets'], ['events', '/events'], ['dead', '/dead-letters'], ['jobs', '/jobs'], ['access', '/access/{-$tab}']] as const) {
      const label = t(`nav.${name}`);
      if (label.toLowerCase().includes(low)) add(t('palette.page'), label, () => navigate({ to: to as '/' }));
    }
    for (const name of found?.functions?.filter(fits) ?? []) {
      add(t('palette.function'), name, () => navigate({ to: '/functions/$name/{-$tab}', params: { name, tab: undefined } }));
    }
    for (const name of found?.buckets?.filter(fits) ?? []) {
      add(t('palette.bucket'), name, () => navigate({ to: '/buckets/$name/{-$tab}', params: { name, tab: undefined } }));
    }
    for (const e of known.isPlaceholderData ? [] : (found?.events ?? [])) {
      add(`${t('palette.event')} · ${e.type}`, e.key ? `${e.bucket}/${e.key}` : e.bucket, () => navigate({ to: '/events/$id', params: { id: e.id } }));
      out.at(-1)!.key = e.id;
    }
    return out;
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- fits is made of these
  }, [word, found, known.isPlaceholderData, t, navigate, close]);
  const nothing = known.isFetching ? t('palette.looking') : request.test(word) ? t('palette.noEvent') : t('palette.none');
  useEffect(() => setAt(0), [word]);
  return (
    <Modal
      open
      onCancel={close}
      footer={null}
      closable={false}
      title={t('palette.open')}
      afterOpenChange={(is) => is && input.current?.focus()}
    >
      <Input
        ref={input}
        value={text}
        onChange={(e) => setText(e.target.value)}
        placeholder={t('palette.hint')}
        role="combobox"
        aria-expanded
        aria-controls={list}
        aria-label={t('palette.open')}
        aria-activedescendant={entries[at] ? `${list}-${at}` : undefined}
        onKeyDown={(e) => {
          if (e.key === 'ArrowDown') setAt((n) => Math.min(n + 1, entries.length - 1));
          else if (e.key === 'ArrowUp') setAt((n) => Math.max(n - 1, 0));
          else if (e.key === 'Enter') entries[at]?.go();
          else return;
          e.preventDefault();
        }}
      />
      <ul role="listbox" id={list} className="palette" aria-label={t('palette.open')}>
        {entries.map((e, i) => (
          <li key={e.key} id={`${list}-${i}`} role="option" aria-selected={i === at} ref={i === at ? intoSight : undefined} onClick={e.go} onPointerMove={() => setAt(i)}>
            <span className="palette-name">{e.label}</span>
            <span className="dim">{e.kind}</span>
          </li>
        ))}
        {entries.length === 0 && (
          <li role="option" aria-selected={false} aria-disabled className="dim">
            {nothing}
          </li>
        )}
      </ul>
      {found?.part && <p className="dim">{t('palette.part')}</p>}
      {known.error && <Problem error={known.error} />}
    </Modal>
  );
}
