import { PlusOutlined } from '@ant-design/icons';
import Delete from '@ant-design/icons-svg/es/asn/DeleteOutlined';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Grid } from 'antd';
import { Suspense, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useSession } from '../../app/session';
import { glyph } from '../../shared/glyph';
import { href } from '../../shared/href';
import { InRow } from '../../shared/in-row';
import { lazy } from '../../shared/lazy';
import { MayButton, useMay, useResources } from '../../shared/may';
import { Middle } from '../../shared/middle';
import { RowButton, RowLink, Rows, type Column } from '../../shared/rows';
import { useSaid } from '../../shared/said';
import { SearchField } from '../../shared/search-field';
import '../../shared/states.css';
import { Nothing, Page, Problem, Time } from '../../shared/ui';
import { functionList, warningsInList, type Fn } from './api';
import './list.css';

const DeleteIcon = glyph(Delete);
const CreateFunction = lazy(() => import('./create-drawer').then((m) => ({ default: m.CreateFunction })));
const DeleteFunction = lazy(() => import('./delete-modal').then((m) => ({ default: m.DeleteFunction })));

/** FunctionsPage lists functions, makes and deletes them. */
export function FunctionsPage() {
  const { t } = useTranslation('functions');
  const { session } = useSession();
  const { fn } = useResources();
  const wide = Grid.useBreakpoint().sm ?? true;
  const search = useSearch({ from: '/functions' });
  const navigate = useNavigate({ from: '/functions' });
  const list = useInfiniteQuery(functionList(search.q ?? ''));
  const [removing, setRemoving] = useState<string | null>(null);
  const items = useMemo(() => list.data?.pages.flatMap((p) => p.functions ?? []) ?? [], [list.data]);
  const { fetchNextPage } = list;
  const more = useCallback(() => void fetchNextPage(), [fetchNextPage]);
  const create = () => void navigate({ search: (s) => ({ ...s, new: '1' }) });
  const columns = useMemo(
    (): Column<Fn>[] => [
      {
        key: 'name', title: t('list.name'), width: '3fr',
        render: (f) => (
          <>
            <RowLink to={href(['functions', f.functionName])} className="name-clip" title={f.description || f.functionName}>
              {wide ? f.functionName : <Middle text={f.functionName} />}
            </RowLink>
            {!wide && <span className="second-line dim">{f.runtime}</span>}
          </>
        ),
      },
      { key: 'state', title: t('list.state'), width: wide ? '150px' : '116px', render: (f) => <State fn={f} /> },
      { key: 'runtime', title: t('list.runtime'), width: '1fr', wide: true, render: (f) => f.runtime },
      { key: 'region', title: t('common:region'), width: '120px', wide: true, render: () => session.region },
      { key: 'modified', title: t('common:modified'), width: '140px', wide: true, render: (f) => <Time at={Date.parse(f.lastModifiedTime)} /> },
      { key: 'memory', title: t('list.memory'), width: '100px', wide: true, end: true, render: (f) => `${f.memorySize} MB` },
      {
        key: 'delete', title: '', width: '48px', end: true,
        render: (f) => (
          session.kind === 'root' ? <RemoveButton name={f.functionName} open={setRemoving} /> : <Remove name={f.functionName} resource={fn(f.functionName)} open={setRemoving} />
        ),
      },
    ],
    [t, session, fn, wide],
  );
  return (
    <Page
      title={t('list.title')}
      lead={t('list.lead', { region: t(`common:regions.${session.region}`, { defaultValue: session.region }) })}
      extra={
        <MayButton action="fc:CreateFunction" resource={fn('')} some type="primary" icon={<PlusOutlined />} onClick={create}>
          {t('create.title')}
        </MayButton>
      }
    >
      <div className="row gap-below">
        <SearchField q={search.q} label={t('list.searchHint')} ask={(q) => void navigate({ search: (s) => ({ ...s, q: q.trim() || undefined }), replace: true })} />
      </div>
      {list.error && !list.data ? (
        <Problem error={list.error} retry={() => void list.refetch()} />
      ) : (
        <Rows
          rowHeight={wide ? 41 : 56}
          label={t('list.title')}
          of={search.q}
          items={items}
          keyOf={(f) => f.functionName}
          loading={list.isFetching && (list.isPending || list.isFetchingNextPage)}
          more={list.hasNextPage}
          error={list.error}
          onMore={more}
          onOpen={(f) => void navigate({ to: '/functions/$name/{-$tab}', params: { name: f.functionName, tab: undefined } })}
          empty={
            <Nothing text={search.q ? t('list.noneFound', { q: search.q }) : t('list.none')}>
              {!search.q && (
                <MayButton action="fc:CreateFunction" resource={fn('')} some type="primary" onClick={create}>
                  {t('create.title')}
                </MayButton>
              )}
            </Nothing>
          }
          columns={columns}
        />
      )}
      <Suspense>
        {search.new && <CreateFunction close={() => void navigate({ search: (s) => ({ ...s, new: undefined }) })} />}
        {removing && <DeleteFunction name={removing} close={() => setRemoving(null)} />}
      </Suspense>
    </Page>
  );
}

/** useSettled is true soon: rows that only pass by are not asked about. */
function useSettled(): boolean {
  const [settled, setSettled] = useState(false);
  useEffect(() => {
    const id = setTimeout(() => setSettled(true), 300);
    return () => clearTimeout(id);
  }, []);
  return settled;
}

interface RemoveProps {
  name: string;
  open: (name: string) => void;
}

/** Remove deletes a function. What is asked about rows that come into sight together is one request. */
function Remove({ resource, ...p }: RemoveProps & { resource: string }) {
  const settled = useSettled();
  return <RemoveButton {...p} missing={useMay(settled ? 'fc:DeleteFunction' : '', resource).reason} />;
}

function RemoveButton({ name, open, missing }: RemoveProps & { missing?: string }) {
  const { t } = useTranslation('functions');
  return (
    <RowButton label={t('list.deleteOne', { name })} aria-disabled={missing ? true : undefined} data-hint={missing} onClick={() => !missing && open(name)}>
      <DeleteIcon />
    </RowButton>
  );
}

/** State tells whether a function takes invocations, and what somebody should look at. */
function State({ fn }: { fn: Fn }) {
  const { t } = useTranslation('functions');
  const settled = useSettled();
  if (fn.invocationRestriction?.disable) {
    return (
      <Pill tone="bad" hint={fn.invocationRestriction.reason}>
        {t('disabled')}
      </Pill>
    );
  }
  const active = <span className="pill tone-good">{t('list.active')}</span>;
  return settled ? <Warnings of={fn.functionName}>{active}</Warnings> : active;
}

function Warnings({ of, children }: { of: string; children: ReactNode }) {
  const { t } = useTranslation('functions');
  const say = useSaid();
  const { data } = useQuery(warningsInList(of));
  if (!data?.length) return children;
  return (
    <Pill tone="careful" hint={data.map((w) => say(w.why, w.message)).join('\n')}>
      {t('list.warnings', { count: data.length })}
    </Pill>
  );
}

function Pill({ tone, hint, children }: { tone: 'bad' | 'careful'; hint?: string; children: ReactNode }) {
  return (
    <span className={`pill tone-${tone}`} data-hint={hint} tabIndex={useContext(InRow) === false ? -1 : 0}>
      {children}
    </span>
  );
}
