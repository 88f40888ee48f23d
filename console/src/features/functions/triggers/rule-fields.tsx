import { useQuery } from '@tanstack/react-query';
import { Collapse, Form, Input, InputNumber, Radio, Segmented, Switch, type FormInstance } from 'antd';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useSession } from '../../../app/session';
import { messageOf, Refusal } from '../../../shared/api';
import { checkOf } from './api';
import { ArnField } from './arn-field';
import { bucketEvents, events, fieldOf, patternOf, pretty, type Draft } from './config';
import { BucketsSelect, EventSelect, TextsSelect, useSettled } from './fields';
import { JsonField } from './json-field';
import { partsOf, Trouble } from './pattern';
import { Signs } from './signs';
import { Tester } from './tester';

interface Props {
  form: FormInstance<Draft>;
  fn: string;
  draft: Draft;
}

/** RuleFields are those of an EventBridge trigger. */
export function RuleFields({ form, fn, draft }: Props) {
  const { t } = useTranslation('triggers');
  const { session } = useSession();
  const arn = `acs:oss:${session.region}:${session.account}:`;
  const built = useMemo(() => {
    try {
      return { text: patternOf(draft, arn) };
    } catch (err) {
      return { trouble: err as Trouble };
    }
  }, [draft, arn]);
  const pattern = useSettled(built.text ?? '');
  const check = useQuery({ ...checkOf({ function: fn, name: draft.name || '?', pattern }), enabled: pattern !== '', placeholderData: (old) => old });
  const bad = check.error instanceof Refusal && check.error.status < 500 && (fieldOf(check.error, draft) !== undefined || check.error.status === 413) ? check.error : undefined;
  const parts = draft.raw ? partsOf(arn, pattern) : { buckets: draft.buckets, prefixes: draft.prefixes, suffixes: draft.suffixes, events: draft.ruleEvents };
  const settled = useSettled(parts);
  const at = (field: Trouble['field']) =>
    built.trouble?.field === field ? { validateStatus: 'error' as const, help: t(`trouble.${built.trouble.reason}`, built.trouble.values) } : {};
  const byHand = (raw: boolean) => {
    if (raw) form.setFieldsValue({ raw, pattern: built.text ? pretty(built.text) : draft.pattern });
    else {
      const p = partsOf(arn, draft.pattern);
      form.setFieldsValue(p ? { raw, buckets: p.buckets, prefixes: p.prefixes, suffixes: p.suffixes, ruleEvents: p.events } : { raw });
    }
  };
  return (
    <>
      <Form.Item name="enabled" hidden noStyle valuePropName="checked">
        <Switch aria-label={t('enabled')} />
      </Form.Item>
      <div className="field-head">
        <span>{t('pattern')}</span>
        <Segmented
          size="small"
          aria-label={t('pattern')}
          value={draft.raw ? 'raw' : 'builder'}
          onChange={(v) => byHand(v === 'raw')}
          options={[
            // A pattern with a mistake is mended first: it would be lost in fields.
            { value: 'builder', label: t('builder'), disabled: draft.raw && !!bad && draft.pattern.trim() !== '' },
            { value: 'raw', label: t('raw') },
          ]}
        />
      </div>
      <Form.Item name="raw" hidden noStyle>
        <Input type="hidden" />
      </Form.Item>
      {draft.raw ? (
        <Form.Item
          name="pattern"
          rules={[{ required: true, whitespace: true, message: t('patternNeeded') }]}
          extra={draft.pattern.trim() && !partsOf(arn, draft.pattern) && !bad ? t('rawStays') : undefined}
          {...(bad && pattern !== '' ? { validateStatus: 'error' as const, help: messageOf(bad) } : {})}
        >
          <JsonField label={t('patternJson')} invalid={!!bad} height={220} />
        </Form.Item>
      ) : (
        <>
          <Form.Item
            name="buckets" label={t('buckets')}
            {...(built.trouble ? at('buckets') : bad ? { validateStatus: 'error' as const, help: messageOf(bad) } : {})}
          >
            <BucketsSelect />
          </Form.Item>
          <div className="pair">
            <Form.Item name="prefixes" label={t('prefixes')} extra={t('textsHint')} {...at('prefixes')}>
              <TextsSelect placeholder={t('anyKey')} />
            </Form.Item>
            <Form.Item name="suffixes" label={t('suffixes')} extra={t('textsHint')} {...at('suffixes')}>
              <TextsSelect placeholder={t('anyKey')} />
            </Form.Item>
          </div>
          <Form.Item name="ruleEvents" label={t('triggerEvent')} {...at('events')}>
            <EventSelect events={[...events, ...bucketEvents]} placeholder={t('anyEvent')} />
          </Form.Item>
        </>
      )}
      {pattern !== '' && !built.trouble && !bad && (
        <Signs
          check={check.error ? undefined : check.data}
          error={check.error ?? undefined}
          buckets={settled?.buckets ?? []}
          prefixes={settled?.prefixes ?? []}
          suffixes={settled?.suffixes ?? []}
          careless={!!settled && (settled.prefixes.length === 0 || settled.suffixes.length === 0)}
        />
      )}
      <Collapse
        size="small"
        className="gap-below"
        defaultActiveKey={['test']}
        items={[
          ...(draft.raw ? [] : [{ key: 'pattern', label: t('seePattern'), children: <pre className="pattern-text" tabIndex={0}>{built.text ? pretty(built.text) : t('noPattern')}</pre> }]),
          {
            key: 'test', label: t('tester'),
            children: <Tester pattern={built.trouble || bad ? '' : pattern} bucket={settled?.buckets[0]} prefix={settled?.prefixes[0]} suffix={settled?.suffixes[0]} event={settled?.events[0]} />,
          },
        ]}
      />
      <Form.Item name="async" label={t('invocation')} extra={draft.async ? t('asyncWhy') : t('syncWhy')}>
        <Radio.Group
          options={[
            { value: false, label: t('sync') },
            { value: true, label: t('async') },
          ]}
        />
      </Form.Item>
      {!draft.async && (
        <>
          <Form.Item name="retry" label={t('retry')}>
            <Radio.Group
              className="stacked"
              options={[
                { value: 'BACKOFF_RETRY', label: t('backoff') },
                { value: 'EXPONENTIAL_DECAY_RETRY', label: t('decay') },
              ]}
            />
          </Form.Item>
          <div className="pair">
            <Form.Item name="maxAttempts" label={t('maxAttempts')} extra={t('asStrategy')}>
              <InputNumber min={1} max={176} precision={0} className="wide" />
            </Form.Item>
            <Form.Item name="maxAge" label={t('maxAge')} extra={t('aDay')}>
              <InputNumber min={1} max={86400} precision={0} className="wide" suffix={t('seconds')} />
            </Form.Item>
          </div>
          <Form.Item name="errors" label={t('errors')} extra={draft.errors === 'NONE' ? t('noneWhy') : t('allWhy')}>
            <Radio.Group
              options={[
                { value: 'ALL', label: t('errorsAll') },
                { value: 'NONE', label: t('errorsNone') },
              ]}
            />
          </Form.Item>
          <Form.Item
            name="deadLetter" label={t('deadLetter')} extra={t('deadLetterHint')}
            rules={[{ validator: (_, v: string) => (v && draft.errors === 'NONE' ? Promise.reject(new Error(t('deadLetterNone'))) : Promise.resolve()) }]}
            dependencies={['errors']}
          >
            <ArnField placeholder={`acs:oss:${session.region}:${session.account}:testbucket/dead/`} />
          </Form.Item>
        </>
      )}
    </>
  );
}
