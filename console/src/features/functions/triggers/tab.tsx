import { PlusOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Suspense } from 'react';
import { useTranslation } from 'react-i18next';
import { Loading } from '../../../app/shell';
import { lazy } from '../../../shared/lazy';
import { MayButton, useResources } from '../../../shared/may';
import { Nothing, Problem } from '../../../shared/ui';
import type { TabProps } from '../api';
import { triggersOf, triggerWarningsOf } from './api';
import { TriggerCard } from './list';

const TriggerPanel = lazy(() => import('./panel'));

/** TriggersTab lists a function's triggers. "new" and "trigger" in the URL open the panel. */
export function TriggersTab({ fn, qualifier, versions, aliases }: TabProps) {
  const { t } = useTranslation('triggers');
  const search = useSearch({ from: '/functions/$name/{-$tab}' });
  const navigate = useNavigate({ from: '/functions/$name/{-$tab}' });
  const resource = useResources();
  const list = useQuery(triggersOf(fn.functionName));
  const warnings = useQuery(triggerWarningsOf(fn.functionName));
  const editing = search.section === 'edit' ? list.data?.find((x) => x.triggerName === search.trigger) : undefined;
  const open = (more: { new?: string; trigger?: string; section?: string }) => void navigate({ search: (s) => ({ qualifier: s.qualifier, ...more }) });
  const create = (
    <MayButton action="fc:CreateTrigger" resource={resource.fn(fn.functionName)} type="primary" icon={<PlusOutlined />} onClick={() => open({ new: '1' })}>
      {t('create')}
    </MayButton>
  );
  return (
    <>
      <div className="tab-head">
        <p className="dim">{t('lead')}</p>
        {(list.data?.length ?? 0) > 0 && create}
      </div>
      {list.error && !list.data ? (
        <Problem error={list.error} retry={() => void list.refetch()} />
      ) : list.isPending ? (
        <Loading />
      ) : list.data!.length === 0 ? (
        <div className="rows-empty">
          <Nothing text={t('none')}>{create}</Nothing>
        </div>
      ) : (
        <ul className="trigger-list" aria-label={t('title')}>
          {list.data!.map((x) => (
            <TriggerCard
              key={x.triggerId}
              trigger={x}
              warning={warnings.data?.find((w) => w.trigger === x.triggerName)}
              marked={search.trigger === x.triggerName && !editing}
              edit={() => open({ trigger: x.triggerName, section: 'edit' })}
            />
          ))}
        </ul>
      )}
      <Suspense>
        {(search.new || editing) && (
          <TriggerPanel key={editing?.triggerId ?? 'new'} fn={fn.functionName} qualifier={qualifier} versions={versions} aliases={aliases} trigger={editing} bucket={search.bucket} close={() => open({})} />
        )}
      </Suspense>
    </>
  );
}
