import { Form, Input, Modal } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { messageOf, type Refusal } from '../../../shared/api';
import { useThere } from '../../../shared/there';
import { putFolder } from '../api';
import { keyProblem } from './names';

/** FolderModal makes a folder as OSS has them: an empty object whose name ends with a slash. */
export function FolderModal({ bucket, prefix, close, made }: { bucket: string; prefix: string; close: () => void; made: (key: string) => void }) {
  const { t } = useTranslation('buckets');
  const [form] = Form.useForm<{ name: string }>();
  const [busy, setBusy] = useState(false);
  const there = useThere();
  const submit = async ({ name }: { name: string }) => {
    setBusy(true);
    const key = prefix + name.replace(/\/+$/, '') + '/';
    try {
      await putFolder(bucket, key);
      if (there()) made(key);
    } catch (err) {
      const r = err as Refusal;
      form.setFields([{ name: 'name', errors: [r.code === 'FileAlreadyExists' ? t('folder.exists') : messageOf(r)] }]);
      setBusy(false);
    }
  };
  return (
    <Modal open title={t('folder.create')} okText={t('common:ok')} onCancel={close} onOk={() => form.submit()} confirmLoading={busy}>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(v) => void submit(v)}>
        <Form.Item
          name="name" label={t('folder.name')} extra={t('folder.rule')}
          rules={[
            {
              validator: (_, v: string = '') => {
                const why = keyProblem(v.replace(/\/+$/, '')) ?? keyProblem(prefix + v + '/');
                return why ? Promise.reject(new Error(t(`keyProblem.${why}`))) : Promise.resolve();
              },
            },
          ]}
        >
          <Input autoFocus spellCheck={false} autoComplete="off" prefix={prefix ? <span className="dim mono">{prefix}</span> : undefined} />
        </Form.Item>
      </Form>
    </Modal>
  );
}
