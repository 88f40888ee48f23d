import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Input, Modal, type InputRef } from 'antd';
import { useEffect, useId, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { fc, send } from '../shared/api';
import { parseBuckets } from '../shared/oss';

interface Entry {
  key: string;
  kind: string;
  label: string;
  go: () => void;
}

/** Palette is Ctrl+K: pages, functions, buckets, and "go to a request id". */
export default function Palette({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const input = useRef<InputRef>(null);
  const list = useId();
  const word = text.trim();
  const functions = useQuery({
    queryKey: ['palette', 'functions', word],
    queryFn: ({ signal }) => fc.get<{ functions: { functionName: string }[] }>('/functions', { prefix: word, limit: 8 }, signal),
  });
  const buckets = useQuery({
    queryKey: ['palette', 'buckets', word],
    queryFn: async ({ signal }) => parseBuckets(await (await send('/oss/?max-keys=8&prefix=' + encodeURIComponent(word), { signal })).text()).buckets,
  });
  const entries = useMemo(() => {
    const out: Entry[] = [];
    const add = (kind: string, label: string, go: () => Promise<void>) => out.push({ key: kind + label, kind, label, go: () => (close(), void go()) });
    if (/^1-[0-9a-f]{8}-/.test(word)) add(t('palette.run'), word, () => navigate({ to: '/trace', search: { run: word } }));
    const low = word.toLowerCase();
    for (const [name, to] of [['overview', '/'], ['functions', '/functions'], ['buckets', '/buckets'], ['events', '/events'], ['dead', '/dead-letters'], ['jobs', '/jobs'], ['access', '/access/{-$tab}']] as const) {
      const label = t(`nav.${name}`);
      if (label.toLowerCase().includes(low)) add(t('palette.page'), label, () => navigate({ to: to as '/' }));
    }
    for (const f of functions.data?.functions ?? []) {
      add(t('palette.function'), f.functionName, () => navigate({ to: '/functions/$name/{-$tab}', params: { name: f.functionName, tab: undefined } }));
    }
    for (const b of buckets.data ?? []) {
      add(t('palette.bucket'), b.name, () => navigate({ to: '/buckets/$name/{-$tab}', params: { name: b.name, tab: undefined } }));
    }
    return out;
  }, [word, functions.data, buckets.data, t, navigate, close]);
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
          <li key={e.key} id={`${list}-${i}`} role="option" aria-selected={i === at} onClick={e.go} onPointerMove={() => setAt(i)}>
            <span>{e.label}</span>
            <span className="dim">{e.kind}</span>
          </li>
        ))}
        {entries.length === 0 && (
          <li role="option" aria-selected={false} aria-disabled className="dim">
            {t('palette.none')}
          </li>
        )}
      </ul>
    </Modal>
  );
}
