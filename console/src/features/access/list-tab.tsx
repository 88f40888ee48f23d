import { PlusOutlined } from '@ant-design/icons';
import type { UseQueryResult } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Input } from 'antd';
import { Suspense, useMemo, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { href } from '../../shared/href';
import { MayButton, type Permission } from '../../shared/may';
import { RowLink, Rows, type Column } from '../../shared/rows';
import { Nothing, Problem } from '../../shared/ui';

interface Way {
  close: () => void;
  open: (name: string) => void;
}

/** ListTab lists users or roles: which one is open, whether one is made, and the filter stand in the URL. */
export function ListTab<T extends { name: string }>({ kind, any, may, list, columns, making, one, lacking }: {
  kind: 'users' | 'roles';
  /** any is the resource of all of them */
  any: string;
  /** may they be listed; the query waits for that */
  may: Permission;
  list: UseQueryResult<T[]>;
  /** columns after the name; the same array as before spares drawing rows again */
  columns: Column<T>[];
  making: (way: Way) => ReactNode;
  one: (name: string, way: Way) => ReactNode;
  /** lacking is offered in place of a list that may not be seen */
  lacking?: ReactNode;
}) {
  const { t } = useTranslation('access');
  const { name, new: isNew, q } = useSearch({ from: '/access/{-$tab}' });
  const navigate = useNavigate({ from: '/access/{-$tab}' });
  const { tab } = useParams({ from: '/access/{-$tab}' });
  const items = useMemo(() => (list.data ?? []).filter((x) => !q || x.name.toLowerCase().includes(q.toLowerCase())), [list.data, q]);
  const all = useMemo(
    (): Column<T>[] => [{ key: 'name', title: t('common:name'), width: '3fr', render: (x) => <RowLink to={href(tab ? ['access', tab] : ['access'], { q, name: x.name })}>{x.name}</RowLink> }, ...columns],
    [t, tab, q, columns],
  );
  const open = (one?: string) => void navigate({ search: (s) => ({ ...s, name: one, new: undefined }) });
  const create = (
    <MayButton action={kind === 'users' ? 'ram:CreateUser' : 'ram:CreateRole'} resource={any} type="primary" icon={<PlusOutlined />} onClick={() => void navigate({ search: (s) => ({ ...s, new: '1' }) })}>
      {t(kind === 'users' ? 'createUser' : 'createRole')}
    </MayButton>
  );
  const label = t(kind === 'users' ? 'filterUsers' : 'filterRoles');
  return (
    <>
      <div className="row gap-below">
        {may.allowed && (
          <Input.Search
            allowClear
            defaultValue={q}
            placeholder={label}
            aria-label={label}
            className="search"
            onChange={(e) => void navigate({ search: (s) => ({ ...s, q: e.target.value || undefined }), replace: true })}
          />
        )}
        <span className="grow" />
        {create}
      </div>
      {!may.allowed ? (
        <Nothing text={may.reason}>{lacking}</Nothing>
      ) : list.error && !list.data ? (
        <Problem error={list.error} retry={() => void list.refetch()} />
      ) : (
        <Rows<T>
          label={t(kind)}
          items={items}
          keyOf={(x) => x.name}
          loading={list.isPending}
          onOpen={(x) => open(x.name)}
          current={name}
          height="calc(100vh - 300px)"
          empty={<Nothing text={q ? t('noneFound', { q }) : t(kind === 'users' ? 'noUsers' : 'noRoles')}>{!q && create}</Nothing>}
          columns={all}
        />
      )}
      <Suspense>{isNew ? making({ close: () => open(name), open }) : name && one(name, { close: () => open(), open })}</Suspense>
    </>
  );
}
