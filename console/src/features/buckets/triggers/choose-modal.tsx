import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Form, Modal, Select, Spin } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { fc, messageOf } from '../../../shared/api';
import { useMay, useResources } from '../../../shared/may';
import { useRested } from '../../../shared/rested';

/** ChooseFunction asks for which function a trigger of this bucket is to be, and leads to its Create Trigger panel. */
export function ChooseFunction({ bucket, close }: { bucket: string; close: () => void }) {
  const { t } = useTranslation('buckets');
  const navigate = useNavigate();
  const [name, setName] = useState<string>();
  const [like, setLike] = useState('');
  const rested = useRested(like, 200);
  const [wrong, setWrong] = useState(false);
  const may = useMay(name ? 'fc:CreateTrigger' : '', useResources().fn(name));
  const found = useQuery({
    queryKey: ['functions', 'like', rested],
    queryFn: ({ signal }) => fc.get<{ functions: { functionName: string }[] | null }>('/functions', { prefix: rested, limit: 50 }, signal),
    placeholderData: (d) => d,
  });
  const go = () => {
    if (!name) return setWrong(true);
    void navigate({ to: '/functions/$name/{-$tab}', params: { name, tab: 'triggers' }, search: { new: '1', bucket } });
  };
  const trouble = wrong && !name ? t('triggers.functionNeeded') : may.reason || (found.error ? messageOf(found.error) : undefined);
  return (
    <Modal open title={t('triggers.createTitle')} okText={t('triggers.go')} okButtonProps={{ disabled: !may.allowed }} onOk={go} onCancel={close}>
      <p className="dim">{t('triggers.choose', { bucket })}</p>
      <Form layout="vertical" component="div">
        <Form.Item label={t('triggers.function')} validateStatus={trouble ? 'error' : undefined} help={trouble}>
          <Select
            aria-label={t('triggers.function')} value={name} onChange={setName} autoFocus placeholder={t('triggers.chooseOne')}
            options={found.data?.functions?.map((f) => ({ value: f.functionName, label: f.functionName }))}
            showSearch={{ filterOption: false, onSearch: setLike }} onOpenChange={(o) => !o && setLike('')} loading={found.isFetching}
            notFoundContent={found.isFetching ? <Spin size="small" /> : like ? t('triggers.noFunctionLike', { name: like }) : t('triggers.noFunctions')}
          />
        </Form.Item>
      </Form>
    </Modal>
  );
}
