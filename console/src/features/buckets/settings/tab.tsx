import { DeleteOutlined } from '@ant-design/icons';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Alert, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Loading } from '../../../app/shell';
import { Facts } from '../../../shared/facts';
import { May, MayButton, useResources } from '../../../shared/may';
import { Copy, Problem, Time } from '../../../shared/ui';
import { bucketInfo, keys, ossAddress, setBucketAcl } from '../api';
import { DeleteBucket } from '../delete-bucket';

const acls = ['private', 'public-read', 'public-read-write'];

/** SettingsTab shows and sets what this server keeps of a bucket. */
export function SettingsTab({ bucket }: { bucket: string }) {
  const { t } = useTranslation('buckets');
  const client = useQueryClient();
  const navigate = useNavigate();
  const resource = useResources().bucket(bucket);
  const q = useQuery(bucketInfo(bucket));
  const address = useQuery(ossAddress(bucket));
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const [removing, setRemoving] = useState(false);
  if (q.error && !q.data) return <Problem error={q.error} retry={() => void q.refetch()} />;
  if (!q.data) return <Loading />;
  const b = q.data;
  const arn = `acs:oss:${b.region}:${b.owner}:${bucket}`;
  const copied = (text: string, label: string) => (
    <span className="copyable">
      <span className="mono">{text}</span>
      <Copy text={text} label={label} />
    </span>
  );
  const set = async (acl: string) => {
    setBusy(true);
    setProblem(null);
    try {
      await setBucketAcl(bucket, acl);
      await client.invalidateQueries({ queryKey: keys.info(bucket) });
    } catch (err) {
      setProblem(err);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="bucket-settings">
      <section className="settings-card">
        <h2>{t('settings.basic')}</h2>
        <Facts
          of={[
            [t('common:region'), t(`common:regions.${b.region}`, { defaultValue: b.region })],
            [t('common:created'), <Time key="c" at={b.created} exact />],
            [t('object.storageClass'), b.storageClass],
            [t('settings.owner'), b.owner],
            ['ARN', copied(arn, t('copyArn'))],
            [t('settings.address'), address.data && copied(`${address.data}/${bucket}`, t('settings.copyAddress'))],
          ]}
        />
      </section>
      <section className="settings-card">
        <h2>{t('acl.title')}</h2>
        <p className="dim">{t('acl.bucketWhy')}</p>
        <May action="oss:PutBucketAcl" resource={resource}>
          {(no) => <Select aria-label={t('acl.title')} value={b.acl} loading={busy} disabled={busy || no} onChange={(v) => void set(v)} className="acl-select" options={acls.map((a) => ({ value: a, label: t(`acl.${a}`) }))} popupMatchSelectWidth={false} />}
        </May>
        {b.acl.startsWith('public') && <Alert type="warning" showIcon className="gap-above" title={t(`acl.why_${b.acl}`)} />}
        {problem !== null && <div className="gap-above"><Problem error={problem} /></div>}
      </section>
      <section className="settings-card">
        <h2>{t('settings.delete')}</h2>
        <p className="dim">{t('deleteWhy')}</p>
        <MayButton action="oss:DeleteBucket" resource={resource} danger icon={<DeleteOutlined />} onClick={() => setRemoving(true)}>
          {t('deleteOne', { name: bucket })}
        </MayButton>
      </section>
      {removing && <DeleteBucket bucket={bucket} close={() => setRemoving(false)} done={() => void navigate({ to: '/buckets' })} />}
    </div>
  );
}
