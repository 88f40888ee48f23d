import { PlusOutlined } from '@ant-design/icons';
import Delete from '@ant-design/icons-svg/es/asn/DeleteOutlined';
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Form, Input, Modal } from 'antd';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { messageOf } from '../../shared/api';
import { glyph } from '../../shared/glyph';
import { href } from '../../shared/href';
import { MayButton, useMay, useResources } from '../../shared/may';
import { oss, type Bucket } from '../../shared/oss';
import { RowButton, RowLink, Rows, type Column } from '../../shared/rows';
import { SearchField } from '../../shared/search-field';
import { useThere } from '../../shared/there';
import { Nothing, Page, Problem, Time } from '../../shared/ui';
import { bucketList, keys } from './api';
import { DeleteBucket } from './delete-bucket';

const DeleteIcon = glyph(Delete);
const rule = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;

export function BucketsPage() {
  const { t } = useTranslation('buckets');
  const search = useSearch({ from: '/buckets' });
  const navigate = useNavigate({ from: '/buckets' });
  const list = useInfiniteQuery(bucketList(search.q ?? ''));
  const any = useResources().bucket('');
  const mayDelete = useMay('oss:DeleteBucket', any, true).allowed;
  const [removing, setRemoving] = useState<Bucket | null>(null);
  const items = useMemo(() => list.data?.pages.flatMap((p) => p.buckets) ?? [], [list.data]);
  const columns = useMemo(
    (): Column<Bucket>[] => [
      { key: 'name', title: t('common:name'), width: '3fr', render: (b) => <RowLink to={href(['buckets', b.name])}>{b.name}</RowLink> },
      { key: 'region', title: t('common:region'), width: '1fr', wide: true, render: (b) => b.region },
      { key: 'created', title: t('common:created'), width: '1fr', render: (b) => <Time at={b.created} /> },
      {
        key: 'delete', title: '', width: '48px', end: true,
        render: (b) => (
          <RowButton label={t('deleteOne', { name: b.name })} onClick={() => setRemoving(b)}>
            <DeleteIcon />
          </RowButton>
        ),
      },
    ],
    [t],
  );
  return (
    <Page
      title={t('title')}
      lead={t('lead')}
      extra={
        <MayButton action="oss:PutBucket" resource={any} some type="primary" icon={<PlusOutlined />} onClick={() => void navigate({ search: (s) => ({ ...s, new: '1' }) })}>
          {t('create')}
        </MayButton>
      }
    >
      <div className="row gap-below">
        <SearchField q={search.q} label={t('searchHint')} ask={(q) => void navigate({ search: (s) => ({ ...s, q: q.trim() || undefined }), replace: true })} />
      </div>
      {list.error && !list.data ? (
        <Problem error={list.error} retry={() => void list.refetch()} />
      ) : (
        <Rows
          label={t('title')}
          of={search.q}
          items={items}
          keyOf={(b) => b.name}
          loading={list.isFetching && (list.isPending || list.isFetchingNextPage)}
          more={list.hasNextPage}
          error={list.error}
          onMore={() => void list.fetchNextPage()}
          onOpen={(b) => void navigate({ to: '/buckets/$name/{-$tab}', params: { name: b.name, tab: undefined } })}
          empty={
            <Nothing text={search.q ? t('noneFound', { q: search.q }) : t('none')}>
              <MayButton action="oss:PutBucket" resource={any} some type="primary" onClick={() => void navigate({ search: (s) => ({ ...s, new: '1' }) })}>
                {t('create')}
              </MayButton>
            </Nothing>
          }
          columns={mayDelete ? columns : columns.slice(0, -1)}
        />
      )}
      {search.new && <CreateBucket close={() => void navigate({ search: (s) => ({ ...s, new: undefined }) })} />}
      {removing && <DeleteBucket bucket={removing.name} close={() => setRemoving(null)} />}
    </Page>
  );
}

function CreateBucket({ close }: { close: () => void }) {
  const { t } = useTranslation('buckets');
  const [form] = Form.useForm<{ name: string }>();
  const [busy, setBusy] = useState(false);
  const client = useQueryClient();
  const navigate = useNavigate();
  const there = useThere();
  const submit = async ({ name }: { name: string }) => {
    setBusy(true);
    try {
      await oss.createBucket(name);
      await client.invalidateQueries({ queryKey: keys.all });
      if (there()) await navigate({ to: '/buckets/$name/{-$tab}', params: { name, tab: undefined } });
    } catch (err) {
      form.setFields([{ name: 'name', errors: [messageOf(err)] }]);
      setBusy(false);
    }
  };
  return (
    <Modal open title={t('create')} okText={t('common:ok')} onCancel={close} onOk={() => form.submit()} confirmLoading={busy}>
      <Form form={form} layout="vertical" onFinish={(v) => void submit(v)} requiredMark={false}>
        <Form.Item
          name="name"
          label={t('bucketName')}
          extra={t('nameRule')}
          rules={[
            { required: true, message: t('nameNeeded') },
            { pattern: rule, message: t('nameRule') },
          ]}
        >
          <Input autoFocus spellCheck={false} autoComplete="off" />
        </Form.Item>
      </Form>
    </Modal>
  );
}
