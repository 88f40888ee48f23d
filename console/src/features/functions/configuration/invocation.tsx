import { Alert, Button, Input } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { fc } from '../../../shared/api';
import { Problem } from '../../../shared/ui';
import { path, type Fn } from '../api';
import { useSaving } from './save';

/** Invocation stops a function from being run, and lets it run again. */
export function Invocation({ fn }: { fn: Fn }) {
  const { t } = useTranslation('functions');
  const [reason, setReason] = useState('');
  const saving = useSaving(fn.functionName);
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
            <Button type="primary" loading={saving.busy} onClick={() => void saving.run(() => fc.put(path(fn.functionName) + '/invoke/enable', {}))}>
              {t('configuration.enable')}
            </Button>
          }
        />
      ) : (
        <div className="settings">
          <label className="gap-below block">
            {t('configuration.disableReason')}
            <Input value={reason} maxLength={256} onChange={(e) => setReason(e.target.value)} />
          </label>
          <Button danger loading={saving.busy} onClick={() => void saving.run(() => fc.put(path(fn.functionName) + '/invoke/disable', { reason }))}>
            {t('configuration.disable')}
          </Button>
        </div>
      )}
      {saving.problem ? <Problem error={saving.problem} /> : null}
    </>
  );
}
