import { Alert, Modal } from 'antd';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { messageOf } from '../../../shared/api';
import { count } from '../../../shared/format';
import { Bar } from '../parts';
import { Failures } from './failures';
import { removeAll, type Progress } from './remove';

const isFolder = (key: string) => key.endsWith('/');

/** DeleteModal deletes objects and folders once that is confirmed, and says what became of each. */
export function DeleteModal({ bucket, chosen, close }: { bucket: string; chosen: string[]; close: (did: boolean) => void }) {
  const { t } = useTranslation('buckets');
  const [p, setP] = useState<Progress | null>(null);
  const [problem, setProblem] = useState<string>('');
  const stop = useRef(new AbortController());
  const mounted = useRef(true);
  useEffect(() => {
    mounted.current = true;
    return () => void (mounted.current = false);
  }, []);
  const folders = chosen.filter(isFolder);
  const objects = chosen.length - folders.length;
  const busy = p !== null && !p.done && !problem;
  const go = async () => {
    try {
      const end = await removeAll(bucket, chosen, isFolder, (x) => mounted.current && setP(x), stop.current.signal);
      if (end.failures === 0 && mounted.current) close(true);
    } catch (err) {
      if (stop.current.signal.aborted) close(true);
      else setProblem(messageOf(err));
    }
  };
  return (
    <Modal
      open
      title={t('remove.title')}
      okText={p ? t('common:close') : t('common:delete')}
      okButtonProps={{ danger: p === null, loading: busy }}
      cancelText={busy ? t('remove.stop') : t('common:cancel')}
      cancelButtonProps={{ hidden: p !== null && !busy }}
      onOk={() => (p === null ? void go() : close(true))}
      onCancel={() => {
        stop.current.abort();
        if (!busy) close(p !== null);
      }}
    >
      {p === null ? (
        <>
          <p>
            {objects > 0 && folders.length > 0
              ? t('remove.both', { objects: t('remove.objects', { count: objects, n: count(objects) }), folders: t('remove.folders', { count: folders.length, n: count(folders.length) }) })
              : t('remove.some', { what: objects > 0 ? t('remove.objects', { count: objects, n: count(objects) }) : t('remove.folders', { count: folders.length, n: count(folders.length) }) })}{' '}
            {t('remove.why')}
          </p>
          <ul className="key-list" tabIndex={0} aria-label={t('remove.title')}>
            {chosen.slice(0, 8).map((k) => (
              <li key={k} className="mono">
                {k}
              </li>
            ))}
            {chosen.length > 8 && <li className="dim">{t('andMore', { n: count(chosen.length - 8) })}</li>}
          </ul>
        </>
      ) : (
        <div aria-live="polite">
          <Bar done={p.deleted + p.failures} of={p.found} label={t('remove.title')} />
          <p>{t('remove.progress', { n: count(p.deleted), of: count(p.found) })}</p>
          {p.failures > 0 && <Failures title={t('remove.failed', { count: p.failures, n: count(p.failures) })} of={p.failed} />}
        </div>
      )}
      {problem && <Alert type="error" showIcon title={problem} />}
    </Modal>
  );
}
