import { PlusOutlined } from '@ant-design/icons';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Form, Input, Modal } from 'antd';
import { lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { User } from '../../api/gen';
import { Refusal } from '../../shared/api';
import { MayButton, useMay, useResources } from '../../shared/may';
import { Rows } from '../../shared/rows';
import { Nothing, Problem, Time } from '../../shared/ui';
import { access, keys, userList } from './api';
import { nameRule } from './policies-field';

const UserDrawer = lazy(() => import('./user-drawer'));

export function UsersTab() {
  const { t } = useTranslation('access');
  const { name, new: making, q } = useSearch({ from: '/access/{-$tab}' });
  const navigate = useNavigate({ from: '/access/{-$tab}' });
  const of = useResources();
  const may = useMay('ram:ListUsers', of.user());
  const list = useQuery(userList(may.allowed && !may.loading));
  const items = (list.data ?? []).filter((u) => !q || u.name.toLowerCase().includes(q.toLowerCase()));
  const open = (user?: string) => void navigate({ search: (s) => ({ ...s, name: user, new: undefined }) });
  const create = (
    <MayButton action="ram:CreateUser" resource={of.user()} type="primary" icon={<PlusOutlined />} onClick={() => void navigate({ search: (s) => ({ ...s, new: '1' }) })}>
      {t('createUser')}
    </MayButton>
  );
  return (
    <>
      <div className="row gap-below">
        <Filter q={q} label={t('filterUsers')} />
        <span className="grow" />
        {create}
      </div>
      {!may.allowed ? (
        <Nothing text={may.reason} />
      ) : list.error ? (
        <Problem error={list.error} retry={() => void list.refetch()} />
      ) : (
        <Rows<User>
          label={t('users')}
          items={items}
          keyOf={(u) => u.name}
          loading={list.isPending}
          onOpen={(u) => open(u.name)}
          current={name}
          height="calc(100vh - 300px)"
          empty={<Nothing text={q ? t('noneFound', { q }) : t('noUsers')}>{!q && create}</Nothing>}
          columns={[
            { key: 'name', title: t('common:name'), width: '2fr', render: (u) => <Link to="/access/{-$tab}" params={{ tab: undefined }} search={{ name: u.name }}>{u.name}</Link> },
            { key: 'policies', title: t('policies'), width: '3fr', render: (u) => u.policies?.map((p) => p.name).join(', ') || <span className="dim">{t('none')}</span> },
            { key: 'created', title: t('common:created'), width: '1fr', wide: true, render: (u) => <Time at={Date.parse(u.created)} /> },
          ]}
        />
      )}
      {making && <CreateUser close={() => open(name)} made={open} />}
      <Suspense>{name && !making && <UserDrawer key={name} name={name} close={() => open()} />}</Suspense>
    </>
  );
}

export function Filter({ q, label }: { q?: string; label: string }) {
  const navigate = useNavigate({ from: '/access/{-$tab}' });
  return (
    <Input.Search
      allowClear
      defaultValue={q}
      placeholder={label}
      aria-label={label}
      className="search"
      onChange={(e) => void navigate({ search: (s) => ({ ...s, q: e.target.value || undefined }), replace: true })}
    />
  );
}

function CreateUser({ close, made }: { close: () => void; made: (name: string) => void }) {
  const { t } = useTranslation('access');
  const [form] = Form.useForm<{ name: string }>();
  const [busy, setBusy] = useState(false);
  const client = useQueryClient();
  const submit = async ({ name }: { name: string }) => {
    setBusy(true);
    try {
      const u = await access.createUser(name);
      await client.invalidateQueries({ queryKey: keys.users });
      made(u.name);
    } catch (err) {
      form.setFields([{ name: 'name', errors: [(err as Refusal).message] }]);
      setBusy(false);
    }
  };
  return (
    <Modal open title={t('createUser')} okText={t('common:ok')} onCancel={close} onOk={() => form.submit()} confirmLoading={busy}>
      <Form form={form} layout="vertical" onFinish={(v) => void submit(v)} requiredMark={false}>
        <Form.Item name="name" label={t('userName')} extra={t('nameRule')} rules={[{ required: true, message: t('nameNeeded') }, { pattern: nameRule, message: t('nameRule') }]}>
          <Input autoFocus spellCheck={false} autoComplete="off" />
        </Form.Item>
      </Form>
    </Modal>
  );
}
