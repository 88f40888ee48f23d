import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Form, InputNumber, Switch } from 'antd';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { fc, Refusal } from '../../../shared/api';
import { count, duration } from '../../../shared/format';
import { MayButton, useMay, useResources } from '../../../shared/may';
import { Problem } from '../../../shared/ui';
import { path } from '../api';
import { unfinished } from './destination';
import { DestinationField } from './destination-field';
import { settingOf } from './rules';
import { SaveBar, useSaving } from './save';

interface Config {
  asyncTask: boolean;
  maxAsyncRetryAttempts: number;
  maxAsyncEventAgeInSeconds: number;
  destinationConfig?: { onSuccess?: { destination?: string }; onFailure?: { destination?: string } };
}

interface Values {
  retries: number | null;
  age: number | null;
  task: boolean;
  onSuccess: string;
  onFailure: string;
}

const defaults: Values = { retries: 3, age: 86400, task: false, onSuccess: '', onFailure: '' };
const fields: Record<string, keyof Values> = { maxAsyncRetryAttempts: 'retries', maxAsyncEventAgeInSeconds: 'age' };

/** Async is what holds for asynchronous invocations of one qualifier. */
export function Async({ name, qualifier }: { name: string; qualifier: string }) {
  const { t } = useTranslation('functions');
  const at = path(name) + '/async-invoke-config';
  const q = { qualifier: qualifier === 'LATEST' ? '' : qualifier };
  const key = ['functions', name, 'async', qualifier];
  const config = useQuery({
    queryKey: key,
    queryFn: ({ signal }) =>
      fc.get<Config>(at, q, signal).catch((err: unknown) => {
        if (err instanceof Refusal && err.code === 'AsyncConfigNotExists') return null;
        throw err;
      }),
  });
  if (config.error && config.data === undefined) return <Problem error={config.error} retry={() => void config.refetch()} />;
  if (config.data === undefined) return null;
  const c = config.data;
  const now: Values = c
    ? {
        retries: c.maxAsyncRetryAttempts, age: c.maxAsyncEventAgeInSeconds, task: c.asyncTask,
        onSuccess: c.destinationConfig?.onSuccess?.destination ?? '', onFailure: c.destinationConfig?.onFailure?.destination ?? '',
      }
    : defaults;
  return (
    <>
      <p className="dim">{t('configuration.asyncLead', { qualifier })}</p>
      {!c && <Alert type="info" showIcon className="gap-below" title={t('configuration.asyncNone')} />}
      <AsyncForm key={qualifier} name={name} qualifier={qualifier} at={at} now={now} set={c !== null} />
    </>
  );
}

function AsyncForm({ name, qualifier, at, now, set }: { name: string; qualifier: string; at: string; now: Values; set: boolean }) {
  const { t } = useTranslation('functions');
  const client = useQueryClient();
  const [form] = Form.useForm<Values>();
  const [first, setFirst] = useState(now);
  const v = { ...first, ...Form.useWatch((x: Values) => x, form) };
  const resource = useResources();
  const may = useMay('fc:PutAsyncInvokeConfig', resource.fn(name));
  const saving = useSaving(name);
  const q = { qualifier: qualifier === 'LATEST' ? '' : qualifier };
  const changed = (Object.keys(first) as (keyof Values)[]).some((k) => v[k] !== first[k]);
  const fresh = JSON.stringify(now);
  useEffect(() => {
    if (changed || saving.busy) return;
    const values = JSON.parse(fresh) as Values;
    setFirst(values);
    form.setFieldsValue(values);
  }, [fresh, changed, saving.busy, form]);
  const save = () =>
    saving.run(
      async () => {
        const destinationConfig = { ...(v.onSuccess && { onSuccess: { destination: v.onSuccess } }), ...(v.onFailure && { onFailure: { destination: v.onFailure } }) };
        await fc.put(at, { asyncTask: v.task, maxAsyncRetryAttempts: v.retries, maxAsyncEventAgeInSeconds: v.age, destinationConfig }, q);
        setFirst(v);
      },
      (err) => {
        const m = err instanceof Refusal ? err.message : '';
        const field = /destinationConfig\.(onSuccess|onFailure)/.exec(m)?.[1] ?? fields[settingOf(m) ?? ''];
        if (!field) return false;
        form.setFields([{ name: field as keyof Values, errors: [m] }]);
        return true;
      },
    );
  const range = (least: number, most: number) => [
    { required: true, message: t('configuration.rule.range', { least, most: count(most) }) },
    { type: 'number' as const, min: least, max: most, message: t('configuration.rule.range', { least, most: count(most) }) },
  ];
  const half = { function: t('configuration.chooseFunction'), object: t('triggers:chooseBucket'), http: t('configuration.address') };
  const whole = [
    {
      validator: (_: unknown, arn: string) => {
        const kind = unfinished(arn);
        return kind ? Promise.reject(new Error(half[kind])) : Promise.resolve();
      },
    },
  ];
  return (
    <Form form={form} layout="vertical" initialValues={first} requiredMark={false} disabled={saving.busy || !may.allowed} onFinish={() => void save()} className="settings">
      <div className="pair">
        <Form.Item name="retries" label={t('configuration.retries')} extra={t('configuration.retriesHint')} rules={range(0, 8)}>
          <InputNumber min={0} precision={0} className="wide" />
        </Form.Item>
        <Form.Item name="age" label={t('configuration.age')} extra={v.age ? t('configuration.ageHint', { age: duration(v.age * 1e9) }) : undefined} rules={range(1, 604800)}>
          <InputNumber min={0} precision={0} suffix="s" className="wide" />
        </Form.Item>
      </div>
      <Form.Item name="task" label={t('configuration.task')} extra={t('configuration.taskHint')} valuePropName="checked">
        <Switch aria-label={t('configuration.task')} />
      </Form.Item>
      <Form.Item name="onSuccess" label={<span>{t('configuration.onSuccess')}</span>} extra={t('configuration.onSuccessHint')} rules={whole} validateTrigger="onSubmit">
        <DestinationField label={t('configuration.onSuccess')} />
      </Form.Item>
      <Form.Item name="onFailure" label={<span>{t('configuration.onFailure')}</span>} extra={t('configuration.onFailureHint')} rules={whole} validateTrigger="onSubmit">
        <DestinationField label={t('configuration.onFailure')} />
      </Form.Item>
      <SaveBar fn={name} action="fc:PutAsyncInvokeConfig" saving={saving} changed={changed}>
        {set && (
          <MayButton
            action="fc:DeleteAsyncInvokeConfig"
            resource={resource.fn(name)}
            onClick={() =>
              void saving.run(async () => {
                await fc.del(at, q);
                form.setFieldsValue(defaults);
                setFirst(defaults);
                client.setQueryData(['functions', name, 'async', qualifier], null);
              })
            }
          >
            {t('configuration.asyncRemove')}
          </MayButton>
        )}
      </SaveBar>
    </Form>
  );
}
