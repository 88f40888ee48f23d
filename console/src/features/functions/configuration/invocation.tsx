import { Alert, Input } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { fc } from '../../../shared/api';
import { MayButton, useMay, useResources } from '../../../shared/may';
import { Problem } from '../../../shared/ui';
import { path, type Fn } from '../api';
import { useSaving } from './save';

/** Invocation stops a function from being run, and lets it run again. */
export function Invocation({ fn }: { fn: Fn }) {
  const { t } = useTranslation('functions');
  const [reason, setReason] = useState('');
  const resource = useResources().fn(fn.functionName);
  const saving = useSaving(fn.functionName);
  const may = useMay('fc:DisableFunctionInvocation', resource);
  const off = fn.invocationRestriction?.disable;
  return (
    <>
      <p className="dim">{t('configuration.disableWhy')}</p>
      {off ? (
        <Alert
          type="warning"
          showIcon
          className="gap-below"
          title={t('disabled')}
          description={fn.invocationRestriction?.reason}
          action={
            <MayButton action="fc:EnableFunctionInvocation" resource={resource} type="primary" loading={saving.busy} onClick={() => void saving.run(() => fc.put(path(fn.functionName) + '/invoke/enable', {}))}>
              {t('configuration.enable')}
            </MayButton>
          }
        />
      ) : (
        <div className="settings">
          <label className="gap-below block">
            {t('configuration.disableReason')}
            <Input value={reason} maxLength={256} disabled={!may.allowed} onChange={(e) => setReason(e.target.value)} />
          </label>
          <MayButton action="fc:DisableFunctionInvocation" resource={resource} danger loading={saving.busy} onClick={() => void saving.run(() => fc.put(path(fn.functionName) + '/invoke/disable', { reason }))}>
            {t('configuration.disable')}
          </MayButton>
        </div>
      )}
      {saving.problem ? <Problem error={saving.problem} /> : null}
    </>
  );
}
