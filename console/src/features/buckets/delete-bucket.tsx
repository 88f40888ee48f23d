import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Alert, Input, Modal } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { messageOf, type Refusal } from '../../shared/api';
import { useMay, useResources } from '../../shared/may';
import { oss } from '../../shared/oss';
import { useThere } from '../../shared/there';

/** DeleteBucket deletes a bucket once its name is typed; what stands in the way is said and led to. */
export function DeleteBucket({ bucket, close, done }: { bucket: string; close: () => void; done?: () => void }) {
  const { t } = useTranslation('buckets');
  const [typed, setTyped] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Refusal | null>(null);
  const client = useQueryClient();
  const may = useMay('oss:DeleteBucket', useResources().bucket(bucket));
  const there = useThere();
  const go = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await oss.deleteBucket(bucket);
      if (!there()) void client.invalidateQueries({ queryKey: ['buckets', bucket] });
      else if (done) {
        done(); // the page that asked is of a bucket that is no more
        client.removeQueries({ queryKey: ['buckets', bucket] });
      } else close();
      await client.invalidateQueries({ queryKey: ['buckets', 'list'] });
    } catch (err) {
      setProblem(err as Refusal);
      setBusy(false);
    }
  };
  return (
    <Modal
      open
      title={t('deleteOne', { name: bucket })}
      okText={t('common:delete')}
      okButtonProps={{ danger: true, disabled: typed !== bucket || !may.allowed, loading: busy }}
      onOk={() => void go()}
      onCancel={close}
    >
      <p>{t('deleteWhy')}</p>
      {!may.allowed && <Alert type="warning" showIcon className="gap-below" title={may.reason} />}
      {problem && (
        <Alert
          type="error"
          showIcon
          className="gap-below"
          title={messageOf(problem)}
          description={
            problem.code === 'BucketNotEmpty' ? (
              <Link to="/buckets/$name/{-$tab}" params={{ name: bucket, tab: undefined }} onClick={close}>
                {t('seeWhatIsInIt')}
              </Link>
            ) : problem.code === 'BucketHasTriggers' ? (
              <Link to="/buckets/$name/{-$tab}" params={{ name: bucket, tab: 'triggers' }} onClick={close}>
                {t('seeItsTriggers')}
              </Link>
            ) : undefined
          }
        />
      )}
      <label htmlFor="delete-bucket-name">{t('typeName', { name: bucket })}</label>
      <Input id="delete-bucket-name" value={typed} onChange={(e) => setTyped(e.target.value)} autoFocus autoComplete="off" />
    </Modal>
  );
}
