import { useMutation, useQuery } from '@tanstack/react-query';
import { Alert, Button, Drawer, Form, Input, InputNumber, Radio, Select } from 'antd';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Job, JobInput } from '../../api/gen';
import { useSettings } from '../../app/settings';
import { api, messageOf, type Refusal } from '../../shared/api';
import { count } from '../../shared/format';
import { fromInput, toInput } from '../../shared/span';
import { MayButton, useResources } from '../../shared/may';
import { StatePill } from '../../shared/states';
import { triggersOf } from './api';
import { BucketSelect, FunctionSelect } from './filters';

interface Fields {
  kind: 'replay' | 'backfill';
  function?: string;
  trigger?: string;
  since?: string;
  until?: string;
  bucket?: string;
  prefix?: string;
  rate: number;
}

interface Props {
  initial: { kind?: string; function?: string; trigger?: string; prefix?: string; since?: string; until?: string };
  close: () => void;
  begun: (j: Job) => Promise<unknown>;
}

/** fieldOf is the field that a refusal is about, if it is one's. */
export function fieldOf(r: Refusal): keyof Fields | undefined {
  if (r.code === 'FunctionNotFound') return 'function';
  if (r.code.startsWith('Trigger') || /^Trigger '.*' listens to /.test(r.message)) return 'trigger';
  if (/\brate\b/.test(r.message)) return 'rate';
  if (/prefix|keys that begin/.test(r.message)) return 'prefix';
  if (/\btime\b/.test(r.message)) return 'since';
  if (/bucket/.test(r.message)) return 'bucket';
  return undefined;
}

/** JobForm begins a replay or a backfill; what it would do is looked at first. */
export function JobForm({ initial, close, begun }: Props) {
  const { t } = useTranslation('events');
  const { zone } = useSettings();
  const [form] = Form.useForm<Fields>();
  const kind = Form.useWatch('kind', form) ?? (initial.kind as Fields['kind']) ?? 'replay';
  const fn = Form.useWatch('function', form) ?? '';
  const trigger = Form.useWatch('trigger', form);
  const resources = useResources();
  const needs = { action: 'fc:InvokeFunction', resource: resources.fn(fn), some: fn === '' };
  const triggers = useQuery(triggersOf(fn));
  const bus = triggers.data?.find((x) => x.triggerName === trigger)?.triggerType === 'eventbridge';
  const [problem, setProblem] = useState<Refusal>();
  const [dry, setDry] = useState('');
  // What is answered about values that were changed since is not about what the form says.
  const edits = useRef(0);
  const asked = useRef(0);
  const refused = (r: Refusal) => {
    const field = fieldOf(r);
    if (field) form.setFields([{ name: field, errors: [messageOf(r)] }]);
    else setProblem(r);
  };
  const post = useMutation<Job, Refusal, boolean>({
    mutationFn: async (dryRun) => {
      setProblem(undefined);
      asked.current = edits.current;
      const v = await form.validateFields();
      const order: JobInput = {
        kind: v.kind, function: v.function!, trigger: v.trigger!, prefix: v.prefix || undefined, rate: v.rate, dryRun: dryRun || undefined,
        ...(v.kind === 'replay' ? { since: fromInput(v.since ?? '', zone), until: fromInput(v.until ?? '', zone) } : { bucket: (bus && v.bucket) || undefined }),
      };
      return api.post<Job>('/jobs', order);
    },
    onSuccess: (j, dryRun) => {
      if (!dryRun) return begun(j);
      if (asked.current === edits.current) setDry(j.id);
    },
    onError: (err, dryRun) => 'code' in err && (!dryRun || asked.current === edits.current) && refused(err),
  });
  const looked = useQuery({
    queryKey: ['jobs', 'dry', dry],
    queryFn: ({ signal }) => api.get<Job>('/jobs/' + encodeURIComponent(dry), {}, signal),
    enabled: dry !== '',
    refetchInterval: (q) => (q.state.data && q.state.data.state !== 'Running' ? false : 400),
  });
  const j = dry ? looked.data : undefined;
  const result = j?.state === 'Done' || j?.state === 'Failed' || j?.state === 'Canceled';
  // A trigger that is not the chosen function's is nobody's.
  useEffect(() => {
    if (trigger && triggers.data && !triggers.data.some((x) => x.triggerName === trigger)) form.setFieldValue('trigger', undefined);
    else if (!trigger && triggers.data?.length === 1) form.setFieldValue('trigger', triggers.data[0]!.triggerName);
  }, [trigger, triggers.data, form]);
  return (
    <Drawer
      open onClose={close} size={Math.min(560, window.innerWidth)} title={t('jobs.new')}
      footer={
        <div className="row job-foot">
          <Button onClick={close}>
            {t('common:cancel')}
          </Button>
          <MayButton {...needs} onClick={() => post.mutate(true)} loading={(post.isPending && post.variables) || (!!dry && !result)} disabled={post.isPending}>
            {t('jobs.dryRun')}
          </MayButton>
          <MayButton {...needs} type="primary" onClick={() => post.mutate(false)} loading={post.isPending && !post.variables} disabled={post.isPending}>
            {t(`jobs.begin_${kind}`)}
          </MayButton>
        </div>
      }
    >
      <Form<Fields>
        form={form} layout="vertical" requiredMark={false} onValuesChange={() => (edits.current++, setDry(''))}
        initialValues={{
          kind: initial.kind === 'backfill' ? 'backfill' : 'replay', function: initial.function, trigger: initial.trigger, prefix: initial.prefix, rate: 100,
          since: toInput(initial.since ?? '1h', zone), until: toInput(initial.until, zone),
        }}
      >
        <Form.Item name="kind" label={t('jobs.kind')} extra={t(`jobs.is_${kind}`)}>
          <Radio.Group
            optionType="button"
            buttonStyle="solid"
            options={[
              { value: 'replay', label: t('jobs.of_replay') },
              { value: 'backfill', label: t('jobs.of_backfill') },
            ]}
          />
        </Form.Item>
        <Form.Item name="function" label={t('function')} rules={[{ required: true, message: t('jobs.functionNeeded') }]}>
          <FormFunction />
        </Form.Item>
        <Form.Item name="trigger" label={t('trigger')} rules={[{ required: true, message: t('jobs.triggerNeeded') }]} extra={fn && triggers.data?.length === 0 ? t('jobs.noTriggers') : undefined}>
          <Select
            aria-label={t('trigger')} disabled={!fn} loading={triggers.isFetching} notFoundContent={triggers.isPending ? t('common:loading') : undefined}
            options={triggers.data?.map((x) => ({ value: x.triggerName, label: x.state === 'enabled' ? x.triggerName : `${x.triggerName} (${t(`match.${x.state}`)})` }))}
          />
        </Form.Item>
        {kind === 'replay' && (
          <div className="two">
            <Form.Item name="since" label={t('jobs.since')} rules={[{ required: true, message: t('jobs.sinceNeeded') }]}>
              <Input type="datetime-local" step={1} />
            </Form.Item>
            <Form.Item name="until" label={t('jobs.until')} extra={t('jobs.untilEmpty')}>
              <Input type="datetime-local" step={1} />
            </Form.Item>
          </div>
        )}
        {kind === 'backfill' && bus && (
          <Form.Item name="bucket" label={t('bucket')} extra={t('jobs.bucketEmpty')}>
            <FormBucket />
          </Form.Item>
        )}
        <Form.Item name="prefix" label={t('prefix')} extra={t('jobs.prefixHint')}>
          <Input spellCheck={false} autoComplete="off" />
        </Form.Item>
        <Form.Item name="rate" label={t('jobs.rate')} extra={t('jobs.rateHint')} rules={[{ required: true, type: 'number', min: 0.01, max: 10_000, message: t('jobs.rateWrong') }]}>
          <InputNumber className="rate" />
        </Form.Item>
      </Form>
      {problem && <Alert type="error" showIcon role="alert" title={messageOf(problem)} className="gap-below" />}
      {looked.error && <Alert type="error" showIcon title={messageOf(looked.error)} />}
      {j && (
        <section className="card dry" role="status" aria-label={t('jobs.dryRun')}>
          <div className="row">
            <StatePill state={j.state} />
            {result && j.state === 'Done' ? <strong>{t('jobs.would', { count: j.total, n: count(j.total) })}</strong> : <span>{t('jobs.counting', { n: count(Math.max(j.counted_so_far, j.total)) })}</span>}
          </div>
          {j.message && <p>{j.message}</p>}
          {result && j.total === 0 && <p className="dim">{t(`jobs.nothing_${j.kind}`)}</p>}
          {!!j.examples?.length && (
            <ul className="examples">
              {j.examples.map((x) => (
                <li key={x} className="mono">
                  {x}
                </li>
              ))}
            </ul>
          )}
        </section>
      )}
    </Drawer>
  );
}

// What Form.Item hands to its child: value, onChange, and an id that a Select must not have.
function FormFunction({ value, onChange }: { id?: string; value?: string; onChange?: (v: string | undefined) => void }) {
  const { t } = useTranslation('events');
  return <FunctionSelect label={t('function')} placeholder={t('jobs.choose')} value={value} onChange={(v) => onChange?.(v)} />;
}

function FormBucket({ value, onChange }: { id?: string; value?: string; onChange?: (v: string | undefined) => void }) {
  const { t } = useTranslation('events');
  return <BucketSelect label={t('bucket')} placeholder={t('jobs.anyBucket')} value={value} onChange={(v) => onChange?.(v)} />;
}
