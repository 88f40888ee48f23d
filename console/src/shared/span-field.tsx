import { Input, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSettings } from '../app/settings';
import { fromInput, instant, toInput } from './span';

const presets = ['15m', '1h', '6h', '24h', '7d'];

/** SpanField chooses a range of time: "the last hour", or two exact moments. */
export function SpanField({ since, until, onChange }: { since?: string; until?: string; onChange: (span: { since?: string; until?: string }) => void }) {
  const { t } = useTranslation('events');
  const { zone } = useSettings();
  const preset = since && presets.includes(since) && !until ? since : undefined;
  const [exact, setExact] = useState(!preset && !!(since || until));
  const value = exact ? 'exact' : (preset ?? '');
  return (
    <span className="row span-field">
      <Select
        aria-label={t('span.label')}
        value={value}
        popupMatchSelectWidth={false}
        options={[{ value: '', label: t('span.any') }, ...presets.map((p) => ({ value: p, label: t(`span.${p}`) })), { value: 'exact', label: t('span.exact') }]}
        onChange={(v: string) => {
          setExact(v === 'exact');
          onChange(v === 'exact' ? { since: instant(since ?? '1h'), until } : { since: v || undefined, until: undefined });
        }}
      />
      {exact && (
        <>
          <Input
            type="datetime-local" step={1} aria-label={t('span.since')} className="moment"
            value={toInput(since, zone)}
            onChange={(e) => onChange({ since: fromInput(e.target.value, zone), until })}
          />
          <span aria-hidden>–</span>
          <Input
            type="datetime-local" step={1} aria-label={t('span.until')} className="moment"
            value={toInput(until, zone)}
            onChange={(e) => onChange({ since, until: fromInput(e.target.value, zone) })}
          />
        </>
      )}
    </span>
  );
}
