import { PlusOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Button } from 'antd';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { Trigger } from '../../../api/gen';
import { useSession } from '../../../app/session';
import { href } from '../../../shared/href';
import { RowLink, Rows, type Column } from '../../../shared/rows';
import { Nothing, Problem } from '../../../shared/ui';
import { triggersOf } from '../triggers/api';
import { bucketOf, draftOf } from '../triggers/config';
import { TriggerState } from '../triggers/list';

/** TriggerRows is the seed's "Configuration > Trigger": its Bucket Name leads to the bucket. */
export function TriggerRows({ name }: { name: string }) {
  const { t } = useTranslation('triggers');
  const { session } = useSession();
  const list = useQuery(triggersOf(name));
  const arn = `acs:oss:${session.region}:${session.account}:`;
  const create = (
    <Link to="/functions/$name/{-$tab}" params={{ name, tab: 'triggers' }} search={{ new: '1' }}>
      <Button icon={<PlusOutlined />} tabIndex={-1}>
        {t('create')}
      </Button>
    </Link>
  );
  const columns = useMemo((): Column<Trigger>[] => {
    const shown = (x: Trigger) => draftOf(x, arn);
    return [
      {
        key: 'name', title: t('name'), width: '1.9fr',
        render: (x) => (
          <RowLink to={href(['functions', name, 'triggers'], { trigger: x.triggerName })}>
            {x.triggerName}
          </RowLink>
        ),
      },
      {
        key: 'bucket', title: t('bucketName'), width: '1.9fr',
        render: (x) => {
          const buckets = x.triggerType === 'oss' ? [bucketOf(x)] : shown(x).buckets;
          return buckets.length > 0 ? buckets.map((b, i) => <span key={b}>{i > 0 && ', '}<RowLink to={href(['buckets', b])}>{b}</RowLink></span>) : <span className="dim">{t('anyBucket')}</span>;
        },
      },
      { key: 'prefix', title: t('objectPrefix'), width: '1.7fr', wide: true, render: (x) => (x.triggerType === 'oss' ? shown(x).prefix : shown(x).prefixes.join(', ')) || '—' },
      { key: 'suffix', title: t('objectSuffix'), width: '1.7fr', wide: true, render: (x) => (x.triggerType === 'oss' ? shown(x).suffix : shown(x).suffixes.join(', ')) || '—' },
      { key: 'qualifier', title: t('versionOrAlias'), width: '1.9fr', wide: true, render: (x) => x.qualifier },
      { key: 'state', title: t('stateTitle'), width: '90px', render: (x) => <TriggerState trigger={x} /> },
    ];
  }, [t, name, arn]);
  if (list.error && !list.data) return <Problem error={list.error} retry={() => void list.refetch()} />;
  return (
    <>
      <div className="tab-head">
        <p className="dim">{t('rowsLead')}</p>
        {(list.data?.length ?? 0) > 0 && create}
      </div>
      <Rows
        label={t('title')}
        items={list.data ?? []}
        keyOf={(x) => x.triggerId}
        loading={list.isPending}
        empty={<Nothing text={t('none')}>{create}</Nothing>}
        columns={columns}
      />
    </>
  );
}
