// Fields that the panel's two forms share.
import { useQuery } from '@tanstack/react-query';
import { Select } from 'antd';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { messageOf } from '../../../shared/api';
import { bucketsLike } from './api';

/** useSettled gives a value as it was when nothing changed for a while. */
export function useSettled<T>(value: T, ms = 300): T {
  const [settled, setSettled] = useState(value);
  const key = JSON.stringify(value);
  useEffect(() => {
    const id = setTimeout(() => setSettled(JSON.parse(key) as T), ms);
    return () => clearTimeout(id);
  }, [key, ms]);
  return settled;
}

interface FieldProps<T> {
  id?: string;
  value?: T;
  onChange?: (value: T) => void;
  disabled?: boolean;
  /** label is for fields that stand in no Form.Item */
  label?: string;
}

/** useBuckets lists buckets whose names begin with what is typed; those that are chosen stay. */
function useBuckets(chosen: string[]) {
  const { t } = useTranslation('triggers');
  const [typed, setTyped] = useState('');
  const settled = useSettled(typed, 200);
  const found = useQuery(bucketsLike(settled));
  const names = found.data?.buckets.map((b) => b.name) ?? [];
  const options = [...new Set([...(typed ? [] : chosen.filter(Boolean)), ...names])].map((value) => ({ value, label: value }));
  if (found.data?.next) options.push({ value: '…', label: t('moreBuckets') });
  return {
    options: options.map((o) => ({ ...o, disabled: o.value === '…' })),
    loading: found.isFetching,
    showSearch: { filterOption: false as const, onSearch: setTyped },
    notFoundContent: found.isFetching ? t('common:loading') : found.error ? messageOf(found.error) : typed ? t('noBucketLike', { name: typed }) : t('noBuckets'),
    onOpenChange: (open: boolean) => !open && setTyped(''),
  };
}

export function BucketSelect({ id, value, onChange, disabled, label }: FieldProps<string>) {
  const { t } = useTranslation('triggers');
  const common = useBuckets(value ? [value] : []);
  return <Select id={id} value={value || undefined} onChange={onChange} disabled={disabled} placeholder={t('chooseBucket')} aria-label={label} {...common} />;
}

export function BucketsSelect({ id, value = [], onChange }: FieldProps<string[]>) {
  const { t } = useTranslation('triggers');
  const common = useBuckets(value);
  return <Select id={id} mode="multiple" value={value} onChange={onChange} placeholder={t('anyBucket')} {...common} />;
}

/** eventKey is where an event's explanation stands; ":" parts namespaces there. */
export const eventKey = (event: string): string => 'event.' + event.replace(/^oss:/, '').replaceAll(':', '_').replace('*', 'any');

export function EventSelect({ id, value = [], onChange, events, placeholder }: FieldProps<string[]> & { events: readonly string[]; placeholder?: string }) {
  const { t } = useTranslation('triggers');
  return (
    <Select
      id={id}
      mode="multiple"
      value={value}
      onChange={onChange}
      placeholder={placeholder}
      options={events.map((e) => ({ value: e, label: e }))}
      listHeight={360}
      optionRender={(o) => (
        <span className="event-option">
          <span>{o.label}</span>
          <span className="dim">{t(eventKey(String(o.value)))}</span>
        </span>
      )}
    />
  );
}

/** TextsSelect holds any number of texts, each ended with Enter. */
export function TextsSelect({ id, value = [], onChange, placeholder }: FieldProps<string[]> & { placeholder?: string }) {
  return <Select id={id} mode="tags" open={false} suffixIcon={null} value={value} onChange={onChange} placeholder={placeholder} />;
}
