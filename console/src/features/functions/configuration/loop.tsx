import { useQuery, useQueryClient } from '@tanstack/react-query';
import { InputNumber, Radio } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { LoopLimit } from '../../../api/gen';
import { api } from '../../../shared/api';
import { count } from '../../../shared/format';
import { useMay, useResources } from '../../../shared/may';
import { Problem } from '../../../shared/ui';
import { path } from '../api';
import { SaveBar, useSaving } from './save';

/** Loop is how many runs may cause each other before this function is not run any more. */
export function Loop({ name }: { name: string }) {
  const { t } = useTranslation('functions');
  const client = useQueryClient();
  const key = ['functions', name, 'loop-limit'];
  const at = path(name) + '/loop-limit';
  const limit = useQuery({ queryKey: key, queryFn: ({ signal }) => api.get<LoopLimit>(at, {}, signal) });
  const [typed, setTyped] = useState<{ mode: string; n: number | null } | null>(null);
  const saving = useSaving(name);
  const may = useMay('fc:UpdateFunction', useResources().fn(name));
  if (limit.error && !limit.data) return <Problem error={limit.error} retry={() => void limit.refetch()} />;
  if (!limit.data) return null;
  const now = limit.data.limit;
  const isNumber = /^\d+$/.test(now);
  const v = typed ?? { mode: isNumber ? 'number' : now, n: isNumber ? Number(now) : limit.data.effective || 16 };
  const wanted = v.mode === 'number' ? String(v.n ?? '') : v.mode;
  const bad = v.mode === 'number' && (v.n === null || v.n < 1 || v.n > 1000);
  return (
    <>
      <p className="dim">{t('configuration.loopLead')}</p>
      <Radio.Group
        className="stacked gap-below"
        value={v.mode}
        aria-label={t('configuration.section.loop')}
        disabled={!may.allowed}
        onChange={(e) => setTyped({ ...v, mode: e.target.value as string })}
        options={[
          { value: 'default', label: t('configuration.loopDefault', { n: now === 'default' ? limit.data.effective : '' }) },
          { value: 'number', label: t('configuration.loopNumber') },
          { value: 'off', label: t('configuration.loopOff') },
        ]}
      />
      {v.mode === 'number' && (
        <div className="gap-below loop-number">
          <InputNumber aria-label={t('configuration.loopNumber')} min={0} precision={0} disabled={!may.allowed} value={v.n} onChange={(n) => setTyped({ ...v, n })} status={bad ? 'error' : undefined} aria-invalid={bad} suffix={t('configuration.runs')} />
          {bad && <div className="field-error" role="alert">{t('configuration.rule.range', { least: 1, most: count(1000) })}</div>}
        </div>
      )}
      {v.mode === 'off' && <p className="careful">{t('configuration.loopOffWhy')}</p>}
      <SaveBar
        fn={name}
        saving={saving}
        changed={wanted !== now && !bad}
        save={() =>
          void saving.run(async () => {
            client.setQueryData(key, await api.put<LoopLimit>(at, { limit: wanted }));
            setTyped((now) => (now === typed ? null : now)); // more may have been typed meanwhile
          })
        }
      />
    </>
  );
}
