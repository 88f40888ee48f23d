import { DeleteOutlined, PlusOutlined } from '@ant-design/icons';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Button, Input, Tag, Tooltip } from 'antd';
import { lazy, Suspense, useCallback, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSession } from '../../app/session';
import { Rows } from '../../shared/rows';
import { Nothing, Page, Problem, Time } from '../../shared/ui';
import { functionList, warningsOf, type Fn } from './api';

const CreateFunction = lazy(() => import('./create-drawer').then((m) => ({ default: m.CreateFunction })));
const DeleteFunction = lazy(() => import('./delete-modal').then((m) => ({ default: m.DeleteFunction })));

/** FunctionsPage lists functions, makes and deletes them. */
export function FunctionsPage() {
  const { t } = useTranslation('functions');
  const { session } = useSession();
  const search = useSearch({ from: '/functions' });
  const navigate = useNavigate({ from: '/functions' });
  const list = useInfiniteQuery(functionList(search.q ?? ''));
  const [removing, setRemoving] = useState<string | null>(null);
  const items = list.data?.pages.flatMap((p) => p.functions ?? []) ?? [];
  const { fetchNextPage } = list;
  const more = useCallback(() => void fetchNextPage(), [fetchNextPage]);
  const create = () => void navigate({ search: (s) => ({ ...s, new: '1' }) });
  return (
    <Page
      title={t('list.title')}
      lead={t('list.lead', { region: t(`common:regions.${session.region}`, { defaultValue: session.region }) })}
      extra={
        <Button type="primary" icon={<PlusOutlined />} onClick={create}>
          {t('create.title')}
        </Button>
      }
    >
      <div className="row gap-below">
        <Input.Search
          key={search.q ?? ''}
          allowClear
          defaultValue={search.q}
          placeholder={t('list.searchHint')}
          aria-label={t('list.searchHint')}
          onSearch={(q) => void navigate({ search: (s) => ({ ...s, q: q.trim() || undefined }), replace: true })}
          className="search"
        />
      </div>
      {list.error ? (
        <Problem error={list.error} retry={() => void list.refetch()} />
      ) : (
        <Rows
          label={t('list.title')}
          items={items}
          keyOf={(f) => f.functionName}
          loading={list.isFetching && (list.isPending || list.isFetchingNextPage)}
          more={list.hasNextPage}
          onMore={more}
          onOpen={(f) => void navigate({ to: '/functions/$name/{-$tab}', params: { name: f.functionName, tab: undefined } })}
          empty={
            <Nothing text={search.q ? t('list.noneFound', { q: search.q }) : t('list.none')}>
              {!search.q && (
                <Button type="primary" onClick={create}>
                  {t('create.title')}
                </Button>
              )}
            </Nothing>
          }
          columns={[
            {
              key: 'name', title: t('list.name'), width: '3fr',
              render: (f) => (
                <Link to="/functions/$name/{-$tab}" params={{ name: f.functionName, tab: undefined }} title={f.description || f.functionName}>
                  {f.functionName}
                </Link>
              ),
            },
            { key: 'state', title: t('list.state'), width: '150px', wide: true, render: (f) => <State fn={f} /> },
            { key: 'runtime', title: t('list.runtime'), width: '1fr', render: (f) => f.runtime },
            { key: 'region', title: t('common:region'), width: '120px', wide: true, render: () => session.region },
            { key: 'modified', title: t('common:modified'), width: '140px', wide: true, render: (f) => <Time at={Date.parse(f.lastModifiedTime)} /> },
            { key: 'memory', title: t('list.memory'), width: '100px', wide: true, end: true, render: (f) => `${f.memorySize} MB` },
            {
              key: 'delete', title: '', width: '48px', end: true,
              render: (f) => <Button type="text" size="small" icon={<DeleteOutlined />} aria-label={t('list.deleteOne', { name: f.functionName })} onClick={() => setRemoving(f.functionName)} />,
            },
          ]}
        />
      )}
      <Suspense>
        {search.new && <CreateFunction close={() => void navigate({ search: (s) => ({ ...s, new: undefined }) })} />}
        {removing && <DeleteFunction name={removing} close={() => setRemoving(null)} />}
      </Suspense>
    </Page>
  );
}

/** State tells whether a function takes invocations, and what somebody should look at. */
function State({ fn }: { fn: Fn }) {
  const { t } = useTranslation('functions');
  // Rows that only pass by are not asked about.
  const [settled, setSettled] = useState(false);
  useEffect(() => {
    const id = setTimeout(() => setSettled(true), 300);
    return () => clearTimeout(id);
  }, []);
  const { data } = useQuery({ ...warningsOf(fn.functionName), enabled: settled, refetchInterval: false, staleTime: 60_000 });
  if (fn.invocationRestriction?.disable) {
    return (
      <Tooltip title={fn.invocationRestriction.reason}>
        <Tag color="error">{t('disabled')}</Tag>
      </Tooltip>
    );
  }
  if (data?.length) {
    return (
      <Tooltip title={data.map((w) => w.message).join('\n')}>
        <Tag color="warning" tabIndex={0}>
          {t('list.warnings', { count: data.length })}
        </Tag>
      </Tooltip>
    );
  }
  return <Tag color="success">{t('list.active')}</Tag>;
}
