import { useQuery } from '@tanstack/react-query';
import { Input, Select } from 'antd';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { bucketNames, functionNames } from './api';

interface NameProps {
  value?: string;
  onChange: (value: string | undefined) => void;
  label: string;
  placeholder?: string;
  status?: 'error';
}

function Names({ value, onChange, label, placeholder, names, search, loading, status }: NameProps & { names: string[]; search: (s: string) => void; loading: boolean }) {
  const { t } = useTranslation('events');
  const options = names.map((n) => ({ value: n, label: n }));
  if (value && !names.includes(value)) options.unshift({ value, label: value });
  return (
    <Select
      aria-label={label}
      placeholder={placeholder ?? label}
      value={value}
      status={status}
      onChange={(v: string | undefined) => onChange(v || undefined)}
      allowClear
      showSearch={{ filterOption: false, onSearch: search }}
      loading={loading}
      notFoundContent={loading ? t('common:loading') : undefined}
      options={options}
      popupMatchSelectWidth={false}
      className="name-select"
    />
  );
}

/** FunctionSelect chooses a function; typing finds those that begin with it. */
export function FunctionSelect(p: NameProps) {
  const [text, setText] = useState('');
  const q = useQuery(functionNames(text));
  return <Names {...p} names={q.data ?? []} search={setText} loading={q.isFetching} />;
}

export function BucketSelect(p: NameProps) {
  const [text, setText] = useState('');
  const q = useQuery(bucketNames(text));
  return <Names {...p} names={q.data ?? []} search={setText} loading={q.isFetching} />;
}

/** TextFilter takes effect when the reader stops typing, or at Enter. */
export function TextFilter({ value, onChange, label }: { value?: string; onChange: (v: string | undefined) => void; label: string }) {
  const [text, setText] = useState(value ?? '');
  // What this field said itself comes back as its value, maybe after more was typed.
  const said = useRef(value ?? '');
  const latest = useRef(onChange);
  latest.current = onChange;
  const say = (v: string) => {
    said.current = v;
    latest.current(v || undefined);
  };
  useEffect(() => {
    if ((value ?? '') === said.current) return;
    said.current = value ?? '';
    setText(said.current);
  }, [value]);
  useEffect(() => {
    if (text === said.current) return;
    const id = setTimeout(() => say(text), 400);
    return () => clearTimeout(id);
  }, [text]);
  return (
    <Input
      allowClear spellCheck={false} autoComplete="off" className="text-filter" aria-label={label} placeholder={label} value={text}
      onChange={(e) => setText(e.target.value)}
      onPressEnter={() => say(text)}
    />
  );
}

/** Filters are in sight on a wide screen, and behind a button on a phone. */
export function Filters({ used, children }: { used: number; children: React.ReactNode }) {
  const { t } = useTranslation('events');
  const [open, setOpen] = useState(false);
  return (
    <div className={'filters' + (open ? ' open' : '')}>
      <button type="button" className="filters-button" aria-expanded={open} onClick={() => setOpen(!open)}>
        {used ? t('filters.some', { n: used }) : t('filters.button')}
      </button>
      <div className="filters-body" role="group" aria-label={t('filters.button')}>
        {children}
      </div>
    </div>
  );
}
