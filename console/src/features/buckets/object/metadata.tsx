import { DeleteOutlined, EditOutlined, PlusOutlined } from '@ant-design/icons';
import { useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Form, Input } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { messageOf, Refusal } from '../../../shared/api';
import { MayButton, useResources } from '../../../shared/may';
import { keys, setMetadata, standard, type ObjectInfo } from '../api';

interface Fields {
  headers: Record<string, string>;
  user: { name: string; value: string }[];
}

// A header carries Latin letters; all else travels percent-encoded.
const sendable = (v: string) => /^[\t\x20-\x7e\x80-\xff]*$/.test(v);

/** Metadata shows an object's headers, and gives it others. */
export function Metadata({ bucket, objectKey: key, info }: { bucket: string; objectKey: string; info: ObjectInfo }) {
  const { t } = useTranslation('buckets');
  const [form] = Form.useForm<Fields>();
  const client = useQueryClient();
  const resource = useResources().object(bucket, key);
  const [editing, setEditing] = useState<ObjectInfo | null>(null); // what the object was when that began: what is typed outlives its changes
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const appendable = info.kind === 'Symlink';
  const submit = async ({ headers, user = [] }: Fields) => {
    if (!editing) return;
    setBusy(true);
    setProblem('');
    try {
      const set = Object.fromEntries(Object.entries(headers).flatMap(([k, v]) => (v?.trim() ? [[k, v.trim()]] : [])));
      await setMetadata(bucket, key, editing, set, user.map((u) => [u.name.trim().toLowerCase().replace(/^x-oss-meta-/, ''), u.value ?? '']));
      await client.invalidateQueries({ queryKey: keys.object(bucket, key) });
      void client.invalidateQueries({ queryKey: keys.contents(bucket) });
      setEditing(null);
    } catch (err) {
      const r = err as Refusal;
      setProblem(r.status === 412 ? t('metadata.changed') : messageOf(r));
    } finally {
      setBusy(false);
    }
  };
  if (!editing) {
    const set = standard.filter((n) => info.headers[n]);
    return (
      <>
        <table className="metadata">
          <tbody>
            {set.map((n) => (
              <tr key={n}>
                <th scope="row">{n}</th>
                <td>{info.headers[n]}</td>
              </tr>
            ))}
            {info.user.map(([n, v]) => (
              <tr key={n}>
                <th scope="row">
                  <span className="dim">x-oss-meta-</span>
                  {n}
                </th>
                <td>{v}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {info.user.length === 0 && <p className="dim">{t('metadata.noUser')}</p>}
        {appendable ? (
          <p className="dim">{t('metadata.symlink')}</p>
        ) : (
          <MayButton action="oss:PutObject" resource={resource} icon={<EditOutlined />} onClick={() => (setProblem(''), setEditing(info))}>
            {t('metadata.edit')}
          </MayButton>
        )}
      </>
    );
  }
  return (
    <Form
      form={form} layout="vertical" requiredMark={false} onFinish={(v) => void submit(v)} clearOnDestroy
      initialValues={{ headers: editing.headers, user: editing.user.map(([name, value]) => ({ name, value })) }}
    >
      <div className="metadata-fields">
        {standard.map((n) => (
          <Form.Item key={n} name={['headers', n]} label={n} rules={[{ validator: (_, v: string = '') => (sendable(v) ? Promise.resolve() : Promise.reject(new Error(t('metadata.latin')))) }]}>
            <Input spellCheck={false} autoComplete="off" />
          </Form.Item>
        ))}
      </div>
      <h3>{t('metadata.user')}</h3>
      <Form.List name="user">
        {(fields, { add, remove }) => (
          <>
            {fields.map((f) => (
              <div key={f.key} className="metadata-row">
                <Form.Item
                  name={[f.name, 'name']}
                  rules={[
                    { required: true, message: t('metadata.nameNeeded') },
                    { pattern: /^[A-Za-z0-9-]+$/, message: t('metadata.nameRule') },
                    ({ getFieldValue }) => ({
                      validator: (_, v: string = '') =>
                        (getFieldValue('user') as Fields['user']).filter((u) => u?.name?.toLowerCase() === v.toLowerCase()).length > 1 ? Promise.reject(new Error(t('metadata.twice'))) : Promise.resolve(),
                    }),
                  ]}
                >
                  <Input aria-label={t('metadata.name')} prefix={<span className="dim">x-oss-meta-</span>} spellCheck={false} autoComplete="off" />
                </Form.Item>
                <Form.Item name={[f.name, 'value']} rules={[{ validator: (_, v: string = '') => (sendable(v) ? Promise.resolve() : Promise.reject(new Error(t('metadata.latin')))) }]}>
                  <Input aria-label={t('metadata.value')} placeholder={t('metadata.value')} autoComplete="off" />
                </Form.Item>
                <Button type="text" icon={<DeleteOutlined />} aria-label={t('metadata.remove')} onClick={() => remove(f.name)} />
              </div>
            ))}
            <Button type="dashed" icon={<PlusOutlined />} onClick={() => add({ name: '', value: '' })}>
              {t('metadata.add')}
            </Button>
          </>
        )}
      </Form.List>
      <p className="dim gap-above">{t('metadata.event')}</p>
      {problem && <Alert type="error" showIcon className="gap-below" title={problem} />}
      <div className="row">
        <Button type="primary" htmlType="submit" loading={busy}>
          {t('common:save')}
        </Button>
        <Button onClick={() => setEditing(null)}>{t('common:cancel')}</Button>
      </div>
    </Form>
  );
}
