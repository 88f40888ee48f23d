import { useQuery } from '@tanstack/react-query';
import { Button, Form, Input, Select, type FormInstance } from 'antd';
import { useTranslation } from 'react-i18next';
import { useSession } from '../../../app/session';
import { messageOf, Refusal } from '../../../shared/api';
import { checkOf, roleList, type Question } from './api';
import { defaultRole, events, fieldOf, type Draft } from './config';
import { BucketSelect, EventSelect, useSettled } from './fields';
import { trustsOSS } from './roles';
import { Overlap, Signs } from './signs';

interface Props {
  form: FormInstance<Draft>;
  fn: string;
  draft: Draft;
  editing: boolean;
}

/** NativeFields are those of a native OSS trigger. */
export function NativeFields({ form, fn, draft, editing }: Props) {
  const { t } = useTranslation('triggers');
  const { session } = useSession();
  const d = useSettled(draft);
  const ready = d.type === 'oss' && d.bucket !== '' && d.events.length > 0;
  const check = useQuery({
    ...checkOf({ function: fn, name: d.name || '?', bucket: d.bucket, prefix: d.prefix, suffix: d.suffix, events: d.events }),
    enabled: ready && !d.prefix.startsWith('/'),
    // Nothing is said of a bucket with the numbers of the one before.
    placeholderData: (old, before) => ((before?.queryKey.at(-1) as Question | undefined)?.bucket === d.bucket ? old : undefined),
  });
  const roles = useQuery(roleList);
  const known = (roles.data ?? []).filter((r) => trustsOSS(r.trust)).map((r) => r.name);
  const conflicts = ready && check.data && !check.error ? (check.data.conflicts ?? []) : [];
  const slash = draft.prefix.startsWith('/');
  // What the server would refuse stands at its field before it is sent.
  const refused = ready && check.error instanceof Refusal && check.error.status === 400 && !slash ? fieldOf(check.error, d) : undefined;
  const told = (field: keyof Draft) => (refused === field ? { validateStatus: 'error' as const, help: messageOf(check.error) } : {});
  const full = !editing && ready && check.data && check.data.used >= check.data.limit;
  return (
    <>
      <Form.Item
        name="bucket"
        label={t('bucketName')}
        extra={editing ? t('bucketStays') : t('bucketHint', { region: t(`common:regions.${session.region}`, { defaultValue: session.region }) })}
        rules={[{ required: true, message: t('bucketNeeded') }]}
        {...(full ? { validateStatus: 'error' as const, help: t('bucketFull', { n: check.data!.used }) } : told('bucket'))}
      >
        <BucketSelect disabled={editing} />
      </Form.Item>
      <div className="pair">
        <Form.Item
          name="prefix"
          label={t('objectPrefix')}
          extra={t('prefixHint')}
          rules={[{ validator: (_, v: string) => (v?.startsWith('/') ? Promise.reject(new Error(t('slash'))) : Promise.resolve()) }]}
          {...(slash ? { validateStatus: 'error' as const, help: <Slash fix={() => form.setFieldValue('prefix', draft.prefix.replace(/^\/+/, ''))} /> } : conflicts.length > 0 ? { validateStatus: 'error' as const, help: <Overlap conflicts={conflicts} /> } : told('prefix'))}
        >
          <Input placeholder="source/" spellCheck={false} autoComplete="off" maxLength={1023} />
        </Form.Item>
        <Form.Item name="suffix" label={t('objectSuffix')} extra={t('suffixHint')} {...told('suffix')}>
          <Input placeholder=".png" spellCheck={false} autoComplete="off" maxLength={1023} />
        </Form.Item>
      </div>
      <Form.Item name="events" label={t('triggerEvent')} rules={[{ required: true, message: t('eventsNeeded') }]} {...told('events')}>
        <EventSelect events={events} />
      </Form.Item>
      {ready && !slash && (
        <Signs
          check={check.error ? undefined : check.data}
          error={check.error && !refused ? check.error : undefined}
          buckets={[d.bucket]}
          prefixes={[d.prefix]}
          suffixes={d.suffix ? [d.suffix] : []}
          careless={!d.prefix || !d.suffix}
          bucketName={d.bucket}
        />
      )}
      <Form.Item name="role" label={t('roleName')} extra={t('roleHint')} rules={[{ required: true, message: t('roleNeeded') }]}>
        <Select showSearch options={[...new Set([defaultRole, draft.role, ...known])].filter(Boolean).map((value) => ({ value, label: value }))} loading={roles.isFetching} />
      </Form.Item>
    </>
  );
}

function Slash({ fix }: { fix: () => void }) {
  const { t } = useTranslation('triggers');
  return (
    <>
      {t('slash')}{' '}
      <Button type="link" size="small" className="fix" onClick={fix}>
        {t('removeSlash')}
      </Button>
    </>
  );
}
