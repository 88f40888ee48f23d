import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Form, Input, Modal } from 'antd';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from '@tanstack/react-router';
import type { User } from '../../api/gen';
import { useSession } from '../../app/session';
import { messageOf } from '../../shared/api';
import { lazy } from '../../shared/lazy';
import { useMay, useResources } from '../../shared/may';
import type { Column } from '../../shared/rows';
import { useThere } from '../../shared/there';
import { Time } from '../../shared/ui';
import { access, keys, userList } from './api';
import { ListTab } from './list-tab';
import { nameRule } from './policies-field';

const UserDrawer = lazy(() => import('./user-drawer'));

export function UsersTab() {
  const { t } = useTranslation('access');
  const of = useResources();
  const { session } = useSession();
  const may = useMay('ram:ListUsers', of.user());
  const list = useQuery(userList(may.allowed && !may.loading));
  // Who may not see all users may see itself, perhaps.
  const self = session.kind === 'RAMUser' ? session.name : undefined;
  const maySelf = useMay(self ? 'ram:GetUser' : '', of.user(self));
  const columns = useMemo(
    (): Column<User>[] => [
      { key: 'policies', title: t('policies'), width: '3fr', render: (u) => u.policies?.map((p) => p.name).join(', ') || <span className="dim">{t('none')}</span> },
      { key: 'updated', title: t('updated'), width: '1fr', wide: true, render: (u) => <Time at={Date.parse(u.updated)} /> },
    ],
    [t],
  );
  return (
    <ListTab<User>
      kind="users"
      any={of.user()}
      may={may}
      list={list}
      columns={columns}
      making={({ close, open }) => <CreateUser close={close} made={open} />}
      one={(name, { close }) => <UserDrawer key={name} name={name} close={close} />}
      lacking={
        self &&
        maySelf.allowed && (
          <Link from="/access/{-$tab}" search={{ name: self }}>
            {t('openSelf', { name: self })}
          </Link>
        )
      }
    />
  );
}

function CreateUser({ close, made }: { close: () => void; made: (name: string) => void }) {
  const { t } = useTranslation('access');
  const [form] = Form.useForm<{ name: string }>();
  const [busy, setBusy] = useState(false);
  const client = useQueryClient();
  const there = useThere();
  const submit = async ({ name }: { name: string }) => {
    setBusy(true);
    try {
      const u = await access.createUser(name);
      await client.invalidateQueries({ queryKey: keys.users });
      if (there()) made(u.name);
    } catch (err) {
      form.setFields([{ name: 'name', errors: [messageOf(err)] }]);
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
