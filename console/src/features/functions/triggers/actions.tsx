import { MoreOutlined } from '@ant-design/icons';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Button, Dropdown, Input, Modal } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Trigger } from '../../../api/gen';
import { MayButton, mayProps, useMay, useResources } from '../../../shared/may';
import { Problem } from '../../../shared/ui';
import { keys } from '../api';
import { deleteTrigger, pauseTrigger, resumeTrigger, updateTrigger } from './api';
import { switched } from './config';

type Asking = 'pause' | 'delete' | null;

/** Actions are what can be done with a trigger. */
export function Actions({ trigger: x, edit }: { trigger: Trigger; edit: () => void }) {
  const { t } = useTranslation('triggers');
  const client = useQueryClient();
  const [asking, setAsking] = useState<Asking>(null);
  const [why, setWhy] = useState('');
  const change = useMutation({
    mutationFn: ({ act }: { act: () => Promise<unknown>; of?: Asking }) => act(),
    onSuccess: async (_, { of }) => {
      await client.invalidateQueries({ queryKey: keys.triggers(x.function) });
      void client.invalidateQueries({ queryKey: keys.warnings(x.function) });
      setAsking((now) => (now === of ? null : now)); // another question may be open by now
    },
  });
  const pause = () => !change.isPending && change.mutate({ act: () => pauseTrigger(x, why), of: 'pause' });
  const rule = x.triggerType === 'eventbridge';
  const off = x.state === 'disabled';
  const resource = useResources().fn(x.function);
  const mayUpdate = useMay('fc:UpdateTrigger', resource);
  const mayDelete = useMay('fc:DeleteTrigger', resource);
  return (
    <span className="trigger-actions">
      <MayButton action="fc:UpdateTrigger" resource={resource} size="small" onClick={edit} aria-label={t('editOne', { name: x.triggerName })}>
        {t('edit')}
      </MayButton>
      <MayButton
        action="fc:UpdateTrigger"
        resource={resource}
        size="small"
        loading={change.isPending && !asking}
        aria-label={t(x.paused ? 'resumeOne' : 'pauseOne', { name: x.triggerName })}
        onClick={() => (x.paused ? change.mutate({ act: () => resumeTrigger(x) }) : setAsking('pause'))}
      >
        {x.paused ? t('resume') : t('pause')}
      </MayButton>
      <Dropdown
        trigger={['click']}
        placement="bottomRight"
        menu={{
          items: [
            ...(rule
              ? [{ key: 'switch', label: off ? t('enable') : t('disable'), ...mayProps(mayUpdate), onClick: () => change.mutate({ act: () => updateTrigger(x.function, x.triggerName, { triggerConfig: switched(x.triggerConfig, off) }) }) }]
              : []),
            {
              key: 'jobs',
              label: (
                <Link to="/jobs" search={{ new: '1', function: x.function, trigger: x.triggerName }}>
                  {t('common:nav.jobs')}
                </Link>
              ),
            },
            { key: 'dead', label: <Link to="/dead-letters" search={{ function: x.function, trigger: x.triggerName }}>{t('common:nav.dead')}</Link> },
            { type: 'divider' as const },
            { key: 'delete', danger: true, label: t('common:delete'), ...mayProps(mayDelete), onClick: () => setAsking('delete') },
          ],
        }}
      >
        <Button size="small" icon={<MoreOutlined />} aria-label={t('moreOf', { name: x.triggerName })} />
      </Dropdown>
      {change.error && !asking ? (
        <Modal open title={x.triggerName} footer={null} onCancel={() => change.reset()}>
          <Problem error={change.error} />
        </Modal>
      ) : null}
      {asking === 'pause' && (
        <Modal
          open
          title={t('pauseOne', { name: x.triggerName })}
          okText={t('pause')}
          confirmLoading={change.isPending}
          onOk={pause}
          onCancel={() => (setAsking(null), change.reset())}
        >
          <p>{t('pauseWhy')}</p>
          <label>
            {t('pauseReason')}
            <Input value={why} onChange={(e) => setWhy(e.target.value)} maxLength={256} onPressEnter={pause} />
          </label>
          {change.error ? <Problem error={change.error} /> : null}
        </Modal>
      )}
      {asking === 'delete' && (
        <Modal
          open
          title={t('deleteOne', { name: x.triggerName })}
          okText={t('common:delete')}
          okButtonProps={{ danger: true }}
          confirmLoading={change.isPending}
          onOk={() => change.mutate({ act: () => deleteTrigger(x.function, x.triggerName), of: 'delete' })}
          onCancel={() => (setAsking(null), change.reset())}
        >
          <p>{t('deleteWhy')}</p>
          <p>{t('deleteOwed')}</p>
          {change.error ? <Problem error={change.error} /> : null}
        </Modal>
      )}
    </span>
  );
}
