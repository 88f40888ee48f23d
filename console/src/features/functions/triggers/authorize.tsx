import { Modal } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Problem } from '../../../shared/ui';
import { authorize } from './roles';

/** Authorize asks whether OSS may invoke functions as a role, and makes it so. */
export function Authorize({ role, close, done }: { role: string; close: () => void; done: () => void }) {
  const { t } = useTranslation('triggers');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const go = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await authorize(role);
      done();
    } catch (err) {
      setProblem(err);
      setBusy(false);
    }
  };
  return (
    <Modal open title={t('authorizeTitle')} okText={t('authorizeNow')} confirmLoading={busy} onOk={() => void go()} onCancel={close}>
      <p>{t('authorizeWhy', { role })}</p>
      <ul className="authorize-list">
        <li>{t('authorizeTrust')}</li>
        <li>{t('authorizeMay')}</li>
      </ul>
      {problem ? <Problem error={problem} /> : null}
    </Modal>
  );
}
