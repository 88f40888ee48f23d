import { useQuery } from '@tanstack/react-query';
import { Input, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSession } from '../../../app/session';
import { fc } from '../../../shared/api';
import type { Fn } from '../api';
import { BucketSelect, useSettled } from '../triggers/fields';
import { build, parse, unfinished, type Destination, type Kind } from './destination';

interface Props {
  label: string;
  value?: string;
  onChange?: (arn: string) => void;
  disabled?: boolean;
}

/** DestinationField puts together what names a destination. */
export function DestinationField({ label, value = '', onChange, disabled }: Props) {
  const { t } = useTranslation('functions');
  const { session } = useSession();
  const [kept, setKept] = useState<Destination>(() => parse(value));
  // What is half typed names nothing yet, and is kept here.
  const d = build(kept, session.region, session.account) === value ? kept : parse(value);
  const set = (part: Partial<Destination>) => {
    const next = { ...d, ...part };
    setKept(next);
    onChange?.(build(next, session.region, session.account));
  };
  const [typed, setTyped] = useState('');
  const like = useSettled(typed, 200);
  const functions = useQuery({
    queryKey: ['functions', 'like', like],
    queryFn: ({ signal }) => fc.get<{ functions: Fn[] }>('/functions', { prefix: like, limit: 50 }, signal),
    enabled: d.kind === 'function',
    placeholderData: (old) => old,
  });
  const names = [...new Set([d.function, ...(functions.data?.functions ?? []).map((f) => f.functionName)])].filter(Boolean);
  return (
    <div className="destination" role="group" aria-label={label}>
      <Select
        aria-label={`${label}: ${t('configuration.destination')}`}
        value={d.kind}
        disabled={disabled}
        onChange={(kind: Kind) => set({ kind })}
        options={(['none', 'function', 'object', 'http', ...(d.kind === 'other' ? (['other'] as const) : [])] as Kind[]).map((k) => ({ value: k, label: t(`configuration.kind.${k}`) }))}
      />
      {d.kind === 'function' && (
        <>
          <Select
            aria-label={`${label}: ${t('configuration.kind.function')}`}
            value={d.function || undefined} placeholder={t('configuration.chooseFunction')} disabled={disabled}
            showSearch={{ filterOption: false, onSearch: setTyped }} onChange={(name: string) => set({ function: name })} options={names.map((n) => ({ value: n, label: n }))}
          />
          <Input aria-label={`${label}: ${t('qualifier')}`} value={d.qualifier} placeholder="LATEST" disabled={disabled} onChange={(e) => set({ qualifier: e.target.value.trim() })} />
        </>
      )}
      {d.kind === 'object' && (
        <>
          <BucketSelect label={`${label}: ${t('configuration.bucket')}`} value={d.bucket} disabled={disabled} onChange={(bucket) => set({ bucket })} />
          <Input aria-label={`${label}: ${t('configuration.prefix')}`} value={d.prefix} placeholder="results/" disabled={disabled} spellCheck={false} onChange={(e) => set({ prefix: e.target.value })} />
        </>
      )}
      {(d.kind === 'http' || d.kind === 'other') && (
        <Input aria-label={`${label}: ${t('configuration.address')}`} value={d.url} placeholder="https://" disabled={disabled} spellCheck={false} onChange={(e) => set({ url: e.target.value.trim() })} className="long" />
      )}
      {!unfinished(value) && value && <code className="dim destination-arn">{value}</code>}
    </div>
  );
}
