import { PlusOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { Tag } from 'antd';
import { useTranslation } from 'react-i18next';
import type { Trigger } from '../../../api/gen';
import { Rows } from '../../../shared/rows';
import { Nothing, Problem } from '../../../shared/ui';
import { bucketTriggers } from '../api';

interface Config {
  events?: string[];
  filter?: { key?: { prefix?: string; suffix?: string } };
}

const configOf = (t: Trigger): Config => {
  try {
    return JSON.parse(t.triggerConfig) as Config;
  } catch {
    return {};
  }
};

/** TriggersTab lists the functions that this bucket's events start. */
export function TriggersTab({ bucket }: { bucket: string }) {
  const { t } = useTranslation('buckets');
  const navigate = useNavigate();
  const q = useQuery(bucketTriggers(bucket));
  if (q.error) return <Problem error={q.error} retry={() => void q.refetch()} />;
  const items = q.data?.triggers ?? [];
  return (
    <>
      <div className="row gap-below">
        <span className="dim tab-lead">
          {t('triggers.lead')} {q.data && t('triggers.used', { n: items.length, of: q.data.limit })}
        </span>
        <Link to="/functions" className="button-link">
          <PlusOutlined aria-hidden /> {t('triggers.create')}
        </Link>
      </div>
      <Rows
        label={t('tab.triggers')}
        items={items}
        keyOf={(x) => x.function + '/' + x.triggerName}
        loading={q.isPending}
        onOpen={(x) => void navigate({ to: '/functions/$name/{-$tab}', params: { name: x.function, tab: 'triggers' }, search: { trigger: x.triggerName } })}
        rowHeight={46}
        empty={
          <Nothing text={t('triggers.none')}>
            <Link to="/functions">{t('triggers.toFunctions')}</Link>
          </Nothing>
        }
        columns={[
          { key: 'name', title: t('common:name'), width: '1.6fr', render: (x) => <Link to="/functions/$name/{-$tab}" params={{ name: x.function, tab: 'triggers' }} search={{ trigger: x.triggerName }}>{x.triggerName}</Link> },
          {
            key: 'function', title: t('triggers.function'), width: '1.6fr',
            render: (x) => (
              <>
                <Link to="/functions/$name/{-$tab}" params={{ name: x.function, tab: undefined }}>
                  {x.function}
                </Link>{' '}
                {x.qualifier && x.qualifier !== 'LATEST' && <span className="dim">{x.qualifier}</span>}
              </>
            ),
          },
          { key: 'prefix', title: t('triggers.prefix'), width: '1fr', wide: true, render: (x) => <Code text={configOf(x).filter?.key?.prefix} /> },
          { key: 'suffix', title: t('triggers.suffix'), width: '0.8fr', wide: true, render: (x) => <Code text={configOf(x).filter?.key?.suffix} /> },
          { key: 'events', title: t('triggers.events'), width: '2.4fr', wide: true, render: (x) => <span title={configOf(x).events?.join('\n')}>{configOf(x).events?.map((e) => e.replace('oss:', '')).join(', ')}</span> },
          { key: 'state', title: t('triggers.state'), width: '110px', render: (x) => <Tag color={x.state === 'enabled' ? 'success' : x.state === 'paused' ? 'warning' : 'default'} title={x.paused?.detail}>{t(`triggers.is_${x.state}`)}</Tag> },
        ]}
      />
      <p className="dim gap-above">{t('triggers.rules')}</p>
    </>
  );
}

function Code({ text }: { text?: string }) {
  return text ? <span className="mono" title={text}>{text}</span> : <span className="dim">–</span>;
}
