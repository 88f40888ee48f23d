import { LinkOutlined } from '@ant-design/icons';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Checkbox, Select, Spin } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { SignedLink } from '../../../api/gen';
import { May, MayButton, useMay, useResources } from '../../../shared/may';
import { Copy, Problem, Time } from '../../../shared/ui';
import { keys, link, objectAcl, setObjectAcl } from '../api';

const lives = [900, 3600, 86_400, 604_800];

/** Share makes signed links to an object, and sets who may read it without one. */
export function Share({ bucket, objectKey: key }: { bucket: string; objectKey: string }) {
  const { t } = useTranslation('buckets');
  const resource = useResources().object(bucket, key);
  const [seconds, setSeconds] = useState(3600);
  const [download, setDownload] = useState(false);
  const [made, setMade] = useState<SignedLink | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const make = async () => {
    setBusy(true);
    setProblem(null);
    try {
      setMade(await link(bucket, key, seconds, { download }));
    } catch (err) {
      setProblem(err);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <h3 className="first">{t('share.link')}</h3>
      <p className="dim">{t('share.why')}</p>
      <div className="row">
        <span>{t('share.life')}</span>
        <Select aria-label={t('share.life')} value={seconds} onChange={setSeconds} options={lives.map((s) => ({ value: s, label: t(`share.s${s}`) }))} popupMatchSelectWidth={false} />
        <Checkbox checked={download} onChange={(e) => setDownload(e.target.checked)}>
          {t('share.download')}
        </Checkbox>
        <MayButton action="oss:GetObject" resource={resource} type="primary" icon={<LinkOutlined />} loading={busy} onClick={() => void make()}>
          {t('share.make')}
        </MayButton>
      </div>
      {problem !== null && <div className="gap-above"><Problem error={problem} /></div>}
      {made && (
        <div className="signed-link">
          <div className="row string">
            <a href={made.url} target="_blank" rel="noreferrer" className="mono">
              {made.url}
            </a>
            <Copy text={made.url} label={t('share.copy')} />
          </div>
          <div className="dim">
            {t('share.until')} <Time at={Date.parse(made.expires)} exact />. {t('share.host', { host: new URL(made.url).host })}
          </div>
        </div>
      )}
      <h3>{t('acl.title')}</h3>
      <Acl bucket={bucket} objectKey={key} />
    </>
  );
}

const acls = ['default', 'private', 'public-read', 'public-read-write'];

function Acl({ bucket, objectKey: key }: { bucket: string; objectKey: string }) {
  const { t } = useTranslation('buckets');
  const client = useQueryClient();
  const resource = useResources().object(bucket, key);
  const see = useMay('oss:GetObjectAcl', resource);
  const q = useQuery({ ...objectAcl(bucket, key), enabled: see.allowed && !see.loading });
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const set = async (acl: string) => {
    setBusy(true);
    setProblem(null);
    try {
      await setObjectAcl(bucket, key, acl);
      await client.invalidateQueries({ queryKey: [...keys.object(bucket, key), 'acl'] });
    } catch (err) {
      setProblem(err);
    } finally {
      setBusy(false);
    }
  };
  if (!see.allowed) return <p className="dim">{see.reason}</p>;
  if (q.error && !q.data) return <Problem error={q.error} retry={() => void q.refetch()} />;
  if (q.data === undefined) return <Spin size="small" />;
  return (
    <>
      <May action="oss:PutObjectAcl" resource={resource}>
        {(no) => <Select aria-label={t('acl.title')} value={q.data} loading={busy} disabled={busy || no} onChange={(v) => void set(v)} className="acl-select" options={acls.map((a) => ({ value: a, label: t(`acl.${a}`) }))} popupMatchSelectWidth={false} />}
      </May>
      {q.data.startsWith('public') && <Alert type="warning" showIcon className="gap-above" title={t(`acl.why_${q.data}`)} />}
      {problem !== null && <div className="gap-above"><Problem error={problem} /></div>}
    </>
  );
}
