import { Alert, Modal, Spin } from 'antd';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { messageOf } from '../../../shared/api';
import { bytes, count } from '../../../shared/format';
import { save } from '../../../shared/save';
import { Bar } from '../parts';
import { Failures } from './failures';
import type { Chosen } from './transfer';
import { baseOf, inside, mostBytes, mostObjects, TooMuch, zipped, type ZipProgress } from './zip';

/** ZipModal makes a ZIP of what was chosen and has the browser save it; it begins at once. */
export function ZipModal({ bucket, chosen, close }: { bucket: string; chosen: Chosen[]; close: () => void }) {
  const { t } = useTranslation('buckets');
  const [p, setP] = useState<ZipProgress | null>(null);
  const [problem, setProblem] = useState('');
  const [done, setDone] = useState(false);
  const what = useRef(chosen).current;
  const leave = useRef(close);
  leave.current = close;
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    let said = 0;
    void (async () => {
      try {
        const items = await inside(bucket, what, signal);
        let failed = 0;
        const tell = (x: ZipProgress) => {
          failed = x.failed.length;
          const now = performance.now();
          if (signal.aborted || (now - said < 100 && x.files < x.of)) return;
          said = now;
          setP(x);
        };
        const blob = await zipped(bucket, items, baseOf(what), tell, signal);
        if (signal.aborted) return;
        save(blob, `${bucket}.zip`);
        if (failed > 0) setDone(true);
        else leave.current();
      } catch (err) {
        if (signal.aborted) return;
        setProblem(err instanceof TooMuch ? t('zip.tooMuch', { n: count(mostObjects), size: bytes(mostBytes) }) : messageOf(err));
      }
    })();
    return () => stop.abort();
  }, [bucket, what, t]);
  return (
    <Modal open title={t('zip.title')} onCancel={close} okButtonProps={{ hidden: true }} cancelText={problem || done ? t('common:close') : t('remove.stop')}>
      {problem ? (
        <Alert type="error" showIcon title={problem} />
      ) : p === null ? (
        <p>
          <Spin size="small" /> {t('zip.looking')}
        </p>
      ) : (
        <div aria-live="polite">
          <Bar done={p.bytes + p.files} of={p.ofBytes + p.of} label={t('zip.title')} />
          <p>{t('zip.progress', { n: count(p.files), of: count(p.of), size: bytes(p.bytes), all: bytes(p.ofBytes) })}</p>
          {p.failed.length > 0 && <Failures title={t('zip.failed', { count: p.failed.length, n: count(p.failed.length) })} of={p.failed} />}
        </div>
      )}
    </Modal>
  );
}
