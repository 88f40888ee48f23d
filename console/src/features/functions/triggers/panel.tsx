// The panel that creates and edits triggers. Load it with lazy().
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Drawer, Form, Grid, Input, Modal, Select } from 'antd';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Trigger } from '../../../api/gen';
import { useSession } from '../../../app/session';
import { messageOf, Refusal } from '../../../shared/api';
import { useThere } from '../../../shared/there';
import { Problem } from '../../../shared/ui';
import { keys, type Alias, type Version } from '../api';
import { createTrigger, roleList, triggersOf, updateTrigger } from './api';
import { Authorize } from './authorize';
import { blank, configOf, draftOf, fieldOf, keptConfig, roleRefused, type Draft } from './config';
import { NativeFields } from './native-fields';
import { Trouble } from './pattern';
import { RuleFields } from './rule-fields';

const partFields = { buckets: 'buckets', prefixes: 'prefixes', suffixes: 'suffixes', events: 'ruleEvents' } as const;

interface Props {
  fn: string;
  qualifier: string;
  versions: Version[];
  aliases: Alias[];
  /** trigger is the one to edit; none: a new one is created */
  trigger?: Trigger;
  /** bucket is filled in when a new one is created */
  bucket?: string;
  close: () => void;
}

export default function TriggerPanel({ fn, qualifier, versions, aliases, trigger, bucket, close }: Props) {
  const { t } = useTranslation('triggers');
  const { session } = useSession();
  const arn = `acs:oss:${session.region}:${session.account}:`;
  const wide = Grid.useBreakpoint().md ?? true;
  const client = useQueryClient();
  const [form] = Form.useForm<Draft>();
  const [first] = useState(() => (trigger ? draftOf(trigger, arn) : { ...blank(qualifier), bucket: bucket ?? '' }));
  const draft: Draft = { ...first, ...Form.useWatch((v: Draft) => v, { form, preserve: true }) };
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const [authorizing, setAuthorizing] = useState<string | null>(null);
  const [leaving, setLeaving] = useState(false);
  const shown = useRef<HTMLDivElement>(null);
  const there = useThere();
  const roles = useQuery(roleList);
  const others = useQuery(triggersOf(fn));

  const say = (field: keyof Draft, message: string) => {
    form.setFields([{ name: field, errors: [message] }]);
    form.scrollToField(field, { block: 'center' });
  };
  const roleArn = (name: string) => roles.data?.find((r) => r.name.toLowerCase() === name.toLowerCase())?.arn ?? `acs:ram::${session.account}:role/${name.toLowerCase()}`;

  const submit = async () => {
    const d: Draft = { ...first, ...form.getFieldsValue(true) };
    setProblem(null);
    setBusy(true);
    try {
      const triggerConfig = trigger ? keptConfig(d, trigger, arn) : configOf(d, arn);
      const native = d.type === 'oss';
      const common = { triggerConfig, qualifier: d.qualifier, description: d.description, ...(native ? { invocationRole: roleArn(d.role) } : {}) };
      if (trigger) await updateTrigger(fn, trigger.triggerName, common);
      else await createTrigger(fn, { ...common, triggerName: d.name, triggerType: d.type, ...(native ? { sourceArn: arn + d.bucket } : {}) });
      await client.invalidateQueries({ queryKey: keys.triggers(fn) });
      void client.invalidateQueries({ queryKey: keys.warnings(fn) });
      if (there()) close();
    } catch (err) {
      setBusy(false);
      if (err instanceof Trouble) return say(partFields[err.field], t(`trouble.${err.reason}`, err.values));
      if (err instanceof Refusal) {
        if (d.type === 'oss' && roleRefused(err)) setAuthorizing(d.role);
        const field = fieldOf(err, d);
        if (field) return say(field, messageOf(err));
      }
      setProblem(err);
      requestAnimationFrame(() => shown.current?.scrollIntoView({ block: 'center' }));
    }
  };
  const leave = () => (form.isFieldsTouched() && !busy ? setLeaving(true) : close());
  const taken = !trigger && others.data?.some((o) => o.triggerName === draft.name);
  return (
    <Drawer
      open
      title={trigger ? t('editOne', { name: trigger.triggerName }) : t('create')}
      size={wide ? 720 : '100%'}
      onClose={leave}
      className="trigger-panel"
      footer={
        <div className="panel-foot">
          <Button onClick={leave}>{t('common:cancel')}</Button>
          <Button type="primary" loading={busy} onClick={() => form.submit()}>
            {t('common:ok')}
          </Button>
        </div>
      }
    >
      <Form
        form={form}
        layout="vertical"
        initialValues={first}
        onFinish={() => void submit()}
        onFinishFailed={({ errorFields }) => errorFields[0] && form.scrollToField(errorFields[0].name, { block: 'center' })}
        requiredMark={false}
        disabled={busy}
      >
        <Form.Item name="type" label={t('triggerType')} extra={t(`typeWhy_${draft.type}`)}>
          <Select
            disabled={!!trigger}
            options={[
              { value: 'oss', label: 'OSS' },
              { value: 'eventbridge', label: 'EventBridge' },
            ]}
            optionRender={(o) => (
              <span className="event-option">
                <span>{o.label}</span>
                <span className="dim">{t(`typeWhy_${String(o.value)}`)}</span>
              </span>
            )}
          />
        </Form.Item>
        <div className="pair">
          <Form.Item
            name="name"
            label={t('name')}
            extra={trigger ? t('nameStays') : undefined}
            rules={[
              { required: true, message: t('nameNeeded') },
              { pattern: /^[A-Za-z_][A-Za-z0-9_-]{0,127}$/, message: t('nameRule') },
            ]}
            {...(taken ? { validateStatus: 'error' as const, help: t('nameTaken', { name: draft.name }) } : {})}
          >
            <Input placeholder="oss-trigger" disabled={!!trigger} spellCheck={false} autoComplete="off" maxLength={128} />
          </Form.Item>
          <Form.Item name="qualifier" label={t('versionOrAlias')} extra={t('qualifierHint')}>
            <Select
              showSearch
              options={[
                { value: 'LATEST', label: 'LATEST' },
                ...(aliases.length > 0 ? [{ label: t('aliases'), options: aliases.map((a) => ({ value: a.aliasName, label: a.aliasName })) }] : []),
                ...(versions.length > 0 ? [{ label: t('versions'), options: versions.map((v) => ({ value: v.versionId, label: v.versionId })) }] : []),
              ]}
            />
          </Form.Item>
        </div>
        {draft.type === 'oss' ? <NativeFields form={form} fn={fn} draft={draft} editing={!!trigger} /> : <RuleFields form={form} fn={fn} draft={draft} />}
        <Form.Item name="description" label={t('description')} rules={[{ max: 256, message: t('descriptionRule') }]}>
          <Input.TextArea rows={2} />
        </Form.Item>
      </Form>
      <div ref={shown}>{problem ? <Problem error={problem} /> : null}</div>
      {authorizing && (
        <Authorize
          role={authorizing}
          close={() => setAuthorizing(null)}
          done={() => {
            setAuthorizing(null);
            form.setFields([{ name: 'role', errors: [] }]);
            setBusy(true); // it goes on by itself
            void client.invalidateQueries({ queryKey: roleList.queryKey }).then(() => submit());
          }}
        />
      )}
      {leaving && (
        <Modal open title={t('leave')} okText={t('leaveIt')} cancelText={t('stay')} onOk={close} onCancel={() => setLeaving(false)}>
          {t('leaveWhy')}
        </Modal>
      )}
    </Drawer>
  );
}
