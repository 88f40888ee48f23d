import { DeleteOutlined, DownloadOutlined, PlusOutlined } from '@ant-design/icons';
import { skipToken, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Modal, Popconfirm } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { AccessKey } from '../../api/gen';
import { messageOf, Refusal } from '../../shared/api';
import { May, MayButton, useMay, useResources } from '../../shared/may';
import { save } from '../../shared/save';
import { Copy, Problem, Time } from '../../shared/ui';
import { access, userKeys } from './api';

/** Keys are a user's access keys. */
export function Keys({ user }: { user: string }) {
  const { t } = useTranslation('access');
  const of = useResources();
  const may = useMay('ram:ListAccessKeys', of.user(user));
  const list = useQuery(userKeys(user, may.allowed && !may.loading));
  const client = useQueryClient();
  // Its secret is told once: who closes the drawer before the answer finds it here when they are back.
  const made = ['access', 'made-key', user];
  const { data: fresh } = useQuery<AccessKey | null>({ queryKey: made, queryFn: skipToken, gcTime: Infinity });
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Refusal | null>(null);
  const attempt = async (f: () => Promise<void>) => {
    setBusy(true);
    setProblem(null);
    try {
      await f();
      await client.invalidateQueries({ queryKey: userKeys(user).queryKey });
    } catch (err) {
      setProblem(err as Refusal);
    } finally {
      setBusy(false);
    }
  };
  return (
    <section aria-label={t('keys')}>
      {!may.allowed ? (
        <p className="dim">{may.reason}</p>
      ) : list.error && !list.data ? (
        <Problem error={list.error} retry={() => void list.refetch()} />
      ) : (
        <ul className="keys">
          {list.data?.length === 0 && <li className="dim">{t('noKeys')}</li>}
          {list.data?.map((k) => (
            <li key={k.accessKeyId}>
              <span className="mono clip">{k.accessKeyId}</span>
              <Copy text={k.accessKeyId} label={t('copyKeyId')} />
              <span className="grow" />
              <span className="dim">
                <Time at={Date.parse(k.created)} />
              </span>
              <May action="ram:DeleteAccessKey" resource={of.user(user)}>
                {(no) => (
                  <Popconfirm title={t('deleteKey')} description={t('deleteKeyWhy')} okText={t('common:delete')} okButtonProps={{ danger: true }} onConfirm={() => attempt(() => access.deleteKey(user, k.accessKeyId))} disabled={no || busy}>
                    <Button type="text" size="small" icon={<DeleteOutlined />} aria-label={t('deleteKeyOne', { id: k.accessKeyId })} disabled={no || busy} />
                  </Popconfirm>
                )}
              </May>
            </li>
          ))}
        </ul>
      )}
      {problem && <Alert type="error" showIcon role="alert" className="gap-below" title={messageOf(problem)} />}
      <MayButton action="ram:CreateAccessKey" resource={of.user(user)} icon={<PlusOutlined />} loading={busy} onClick={() => void attempt(async () => void client.setQueryData(made, await access.createKey(user)))}>
        {t('createKey')}
      </MayButton>
      {fresh && <ShownOnce fresh={fresh} close={() => client.setQueryData(made, null)} />}
    </section>
  );
}

/** csv is a key as the cloud's own file has it. */
const csv = (k: AccessKey) => `AccessKey ID,AccessKey Secret\r\n${k.accessKeyId},${k.accessKeySecret}\r\n`;

/** ShownOnce shows a new key's secret; only its button closes it. */
function ShownOnce({ fresh, close }: { fresh: AccessKey; close: () => void }) {
  const { t } = useTranslation('access');
  const download = () => {
    save(new Blob([csv(fresh)], { type: 'text/csv' }), `AccessKey-${fresh.user}.csv`);
  };
  return (
    <Modal
      open
      title={t('keyMade')}
      closable={false}
      mask={{ closable: false }}
      keyboard={false}
      footer={
        <>
          <Button icon={<DownloadOutlined />} onClick={download}>
            {t('downloadCsv')}
          </Button>
          <Button type="primary" onClick={close}>
            {t('keyKept')}
          </Button>
        </>
      }
    >
      <Alert type="warning" showIcon title={t('keyOnce')} className="gap-below" />
      <dl className="access-facts">
        <div>
          <dt>AccessKey ID</dt>
          <dd className="mono">
            {fresh.accessKeyId} <Copy text={fresh.accessKeyId} label={t('copyKeyId')} />
          </dd>
        </div>
        <div>
          <dt>AccessKey Secret</dt>
          <dd className="mono" data-secret>
            {fresh.accessKeySecret} <Copy text={fresh.accessKeySecret ?? ''} label={t('copySecret')} />
          </dd>
        </div>
      </dl>
    </Modal>
  );
}
