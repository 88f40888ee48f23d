import { useQuery } from '@tanstack/react-query';
import { Form, Input, InputNumber, Select } from 'antd';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { fc, messageOf, Refusal } from '../../../shared/api';
import { count } from '../../../shared/format';
import { useMay, useResources } from '../../../shared/may';
import { path, type Fn } from '../api';
import { roleList } from '../triggers/api';
import { trusts } from '../triggers/roles';
import { cpuRule, fittingCpu, fittingMemory, handlerRule, memoryRule, ratioRule, settingOf } from './rules';
import { Frozen, SaveBar, useSaving } from './save';

interface Values {
  memorySize: number | null;
  cpu: number | null;
  diskSize: number;
  timeout: number | null;
  handler: string;
  description: string;
  role: string;
  instanceConcurrency: number | null;
  reserved: number | null;
}

/** Basic is what decides how a function runs. */
export function Basic({ fn, qualifier }: { fn: Fn; qualifier: string }) {
  const reserved = useQuery({
    queryKey: ['functions', fn.functionName, 'concurrency'],
    queryFn: ({ signal }) => fc.get<{ reservedConcurrency?: number }>(path(fn.functionName) + '/concurrency', {}, signal),
  });
  if (reserved.isPending) return null;
  const { memorySize, cpu, diskSize, timeout, handler, description, role, instanceConcurrency } = fn;
  const values: Values = { memorySize, cpu, diskSize, timeout, handler, description, role: role.toLowerCase(), instanceConcurrency, reserved: reserved.data?.reservedConcurrency ?? null };
  return <BasicForm key={qualifier} fn={fn} qualifier={qualifier} now={values} />;
}

function BasicForm({ fn, qualifier, now }: { fn: Fn; qualifier: string; now: Values }) {
  const { t } = useTranslation('functions');
  const [first, setFirst] = useState(now); // what changes are told from
  const [form] = Form.useForm<Values>();
  const v = { ...first, ...Form.useWatch((x: Values) => x, form) };
  const roles = useQuery(roleList);
  const saving = useSaving(fn.functionName);
  const frozen = qualifier !== 'LATEST';
  const may = useMay('fc:UpdateFunction', useResources().fn(fn.functionName));
  const rule = (name: string) => (name ? Promise.reject(new Error(t(`configuration.rule.${name}`))) : Promise.resolve());
  const range = (least: number, most: number) => ({ type: 'number' as const, min: least, max: most, message: t('configuration.rule.range', { least, most: count(most) }) });
  const ratio = ratioRule(v);
  const changed = (Object.keys(first) as (keyof Values)[]).filter((k) => v[k] !== first[k]);

  // What others changed comes in while nothing is typed.
  const fresh = JSON.stringify(now);
  const typed = changed.length > 0;
  useEffect(() => {
    if (typed || saving.busy) return;
    const values = JSON.parse(fresh) as Values;
    setFirst(values);
    form.setFieldsValue(values);
  }, [fresh, typed, saving.busy, form]);

  const save = () =>
    saving.run(
      async () => {
        const { reserved, ...config } = v;
        const body = Object.fromEntries(Object.entries(config).filter(([k]) => changed.includes(k as keyof Values)));
        // Memory and CPU are judged together, so they go together.
        if ('memorySize' in body || 'cpu' in body) Object.assign(body, { memorySize: v.memorySize, cpu: v.cpu });
        if (Object.keys(body).length > 0) await fc.put(path(fn.functionName), body);
        if (changed.includes('reserved')) {
          if (reserved === null) await fc.del(path(fn.functionName) + '/concurrency');
          else await fc.put(path(fn.functionName) + '/concurrency', { reservedConcurrency: reserved });
        }
        setFirst(v);
      },
      (err) => {
        const at = err instanceof Refusal ? settingOf(err.message) : undefined;
        if (!at) return false;
        const field = (at === 'reservedConcurrency' ? 'reserved' : at) as keyof Values;
        if (!(field in first)) return false;
        form.setFields([{ name: field, errors: [messageOf(err)] }]);
        form.scrollToField(field, { block: 'center' });
        return true;
      },
    );
  const roleOptions = (roles.data ?? []).filter((r) => trusts(r.trust, 'fc.aliyuncs.com')).map((r) => ({ value: r.arn.toLowerCase(), label: r.name }));
  const roleValue = v.role && roleOptions.some((o) => o.value === v.role);
  return (
    <>
      {frozen && <Frozen qualifier={qualifier} />}
      <Form form={form} layout="vertical" initialValues={first} disabled={frozen || saving.busy || !may.allowed} requiredMark={false} onFinish={() => void save()} className="settings">
        <div className="pair">
          <Form.Item
            name="memorySize" label={t('configuration.memory')} dependencies={['cpu']}
            extra={v.cpu && !cpuRule(v.cpu) ? t('configuration.memoryHint', { cpu: v.cpu, least: fittingMemory(v.cpu)[0], most: fittingMemory(v.cpu)[1] }) : undefined}
            rules={[{ validator: (_, x: number | null) => rule(memoryRule(x)) }]}
          >
            <InputNumber step={64} min={0} precision={0} suffix="MB" className="wide" />
          </Form.Item>
          <Form.Item
            name="cpu" label={t('configuration.cpu')} dependencies={['memorySize']}
            extra={v.memorySize && !memoryRule(v.memorySize) ? t('configuration.cpuHint', { memory: v.memorySize, least: fittingCpu(v.memorySize)[0], most: fittingCpu(v.memorySize)[1] }) : undefined}
            rules={[{ validator: (_, x: number | null) => rule(cpuRule(x) || ratioRule({ cpu: x, memorySize: form.getFieldValue('memorySize') as number })) }]}
          >
            <InputNumber step={0.05} min={0} suffix="vCPU" className="wide" />
          </Form.Item>
        </div>
        <Ratio cpu={v.cpu} memory={v.memorySize} broken={ratio !== '' || memoryRule(v.memorySize) !== '' || cpuRule(v.cpu) !== ''} />
        <div className="pair">
          <Form.Item name="timeout" label={t('configuration.timeout')} extra={v.timeout !== null && v.timeout >= 1 && v.timeout <= 86400 ? t('configuration.timeoutHint') : undefined} rules={[range(1, 86400), { required: true, message: t('configuration.rule.range', { least: 1, most: count(86400) }) }]}>
            <InputNumber min={0} precision={0} suffix="s" className="wide" />
          </Form.Item>
          <Form.Item name="diskSize" label={t('configuration.disk')}>
            <Select options={[{ value: 512, label: '512 MB' }, { value: 10240, label: '10 GB' }]} />
          </Form.Item>
        </div>
        <div className="pair">
          <Form.Item name="handler" label={t('configuration.handler')} rules={[{ validator: (_, x: string) => rule(handlerRule(x ?? '', fn.runtime)) }]}>
            <Input spellCheck={false} autoComplete="off" className="mono" maxLength={128} />
          </Form.Item>
          <Form.Item name="role" label={t('configuration.role')} extra={t('configuration.roleHint')}>
            <Select
              showSearch={{ optionFilterProp: 'label' }}
              options={[{ value: '', label: t('configuration.noRole') }, ...roleOptions, ...(v.role && !roleValue ? [{ value: v.role, label: v.role.slice(v.role.indexOf(':role/') + 6) }] : [])]}
            />
          </Form.Item>
        </div>
        <div className="pair">
          <Form.Item
            name="instanceConcurrency" label={t('configuration.concurrency')} extra={t('configuration.concurrencyHint')}
            rules={[range(1, 200), { required: true, message: t('configuration.rule.range', { least: 1, most: 200 }) }]}
          >
            <InputNumber min={0} precision={0} className="wide" />
          </Form.Item>
          <Form.Item name="reserved" label={t('configuration.reserved')} extra={t('configuration.reservedHint')} rules={[range(0, 10000)]}>
            <InputNumber min={0} precision={0} className="wide" placeholder={t('configuration.unlimited')} />
          </Form.Item>
        </div>
        <Form.Item name="description" label={t('configuration.description')} rules={[{ max: 256, message: t('configuration.rule.description') }]}>
          <Input.TextArea rows={2} />
        </Form.Item>
        {!frozen && <SaveBar fn={fn.functionName} saving={saving} changed={changed.length > 0} />}
      </Form>
    </>
  );
}

// Ratio draws where memory per vCPU stands between what FC allows: 1 to 4 GB.
function Ratio({ cpu, memory, broken }: { cpu: number | null; memory: number | null; broken: boolean }) {
  const { t } = useTranslation('functions');
  if (!cpu || !memory) return null;
  const gb = memory / 1024 / cpu;
  return (
    <div className={'ratio' + (broken ? ' broken' : '')}>
      <span className="ratio-bar" aria-hidden>
        <i style={{ left: `${Math.min(100, Math.max(0, ((gb - 1) / 3) * 100))}%` }} />
      </span>
      <span>{t('configuration.ratio', { gb: gb.toFixed(2).replace(/\.?0+$/, '') })}</span>
    </div>
  );
}
