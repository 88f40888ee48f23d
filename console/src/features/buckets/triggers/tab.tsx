import { PlusOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Tag } from 'antd';
import { Suspense, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Trigger } from '../../../api/gen';
import { href } from '../../../shared/href';
import { lazy } from '../../../shared/lazy';
import { MayButton, useResources } from '../../../shared/may';
import { RowLink, Rows, type Column } from '../../../shared/rows';
import { Nothing, Problem } from '../../../shared/ui';
import { bucketTriggers } from '../api';
import { listensTo } from './listens';

const ChooseFunction = lazy(() => import('./choose-modal').then((m) => ({ default: m.ChooseFunction })));


/** TriggersTab lists the functions that this bucket's events start. */
export function TriggersTab({ bucket }: { bucket: string }) {
  const { t } = useTranslation('buckets');
  const navigate = useNavigate();
  const q = useQuery(bucketTriggers(bucket));
  const [choosing, setChoosing] = useState(false);
  const anything = useResources().fn('');
  const items = useMemo(() => [...(q.data?.triggers ?? []), ...(q.data?.rules ?? [])], [q.data]);
  const columns = useMemo(
    (): Column<Trigger>[] => [
      {
        key: 'name', title: t('common:name'), width: '1.6fr',
        render: (x) => (
          <>
            <RowLink to={href(['functions', x.function, 'triggers'], { trigger: x.triggerName })}>
              {x.triggerName}
            </RowLink>{' '}
            {x.triggerType !== 'oss' && (
              <Tag title={listensTo(x).any ? t('triggers.anyBucket') : undefined}>
                EventBridge
              </Tag>
            )}
          </>
        ),
      },
      {
        key: 'function', title: t('triggers.function'), width: '1.6fr',
        render: (x) => (
          <>
            <RowLink to={href(['functions', x.function])}>
              {x.function}
            </RowLink>{' '}
            {x.qualifier && x.qualifier !== 'LATEST' && <span className="dim">{x.qualifier}</span>}
          </>
        ),
      },
      { key: 'prefix', title: t('triggers.prefix'), width: '1fr', wide: true, render: (x) => <Code text={listensTo(x).prefix} /> },
      { key: 'suffix', title: t('triggers.suffix'), width: '0.8fr', wide: true, render: (x) => <Code text={listensTo(x).suffix} /> },
      {
        key: 'events', title: t('triggers.events'), width: '2.4fr', wide: true,
        render: (x) => {
          const { events, pattern } = listensTo(x);
          return <span title={pattern ?? events?.join('\n')}>{events?.map((e) => e.replace('oss:', '')).join(', ') ?? t('triggers.byPattern')}</span>;
        },
      },
      { key: 'state', title: t('triggers.state'), width: '110px', render: (x) => <Tag color={x.state === 'enabled' ? 'success' : x.state === 'paused' ? 'warning' : 'default'} title={x.paused?.detail}>{t(`triggers.is_${x.state}`)}</Tag> },
    ],
    [t],
  );
  if (q.error && !q.data) return <Problem error={q.error} retry={() => void q.refetch()} />;
  const create = (primary: boolean) => (
    <MayButton action="fc:CreateTrigger" resource={anything} some type={primary ? 'primary' : 'default'} icon={<PlusOutlined />} onClick={() => setChoosing(true)}>
      {t('triggers.createTitle')}
    </MayButton>
  );
  return (
    <>
      <div className="row gap-below">
        <span className="dim tab-lead">
          {t('triggers.lead')} {q.data && t('triggers.used', { n: q.data.triggers?.length ?? 0, of: q.data.limit })}
        </span>
        {items.length > 0 && create(false)}
      </div>
      <Rows
        label={t('tab.triggers')}
        items={items}
        keyOf={(x) => x.function + '/' + x.triggerName}
        loading={q.isPending}
        onOpen={(x) => void navigate({ to: '/functions/$name/{-$tab}', params: { name: x.function, tab: 'triggers' }, search: { trigger: x.triggerName } })}
        rowHeight={46}
        empty={
          <Nothing text={t('triggers.none')}>{create(true)}</Nothing>
        }
        columns={columns}
      />
      <Suspense>{choosing && <ChooseFunction bucket={bucket} close={() => setChoosing(false)} />}</Suspense>
    </>
  );
}

function Code({ text }: { text?: string }) {
  return text ? <span className="mono" title={text}>{text}</span> : <span className="dim">–</span>;
}
