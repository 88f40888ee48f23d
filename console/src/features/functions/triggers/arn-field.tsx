import { useQuery } from '@tanstack/react-query';
import { AutoComplete } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSession } from '../../../app/session';
import { fc } from '../../../shared/api';
import type { Fn } from '../api';
import { bucketsLike } from './api';
import { useSettled } from './fields';

/** ArnField takes any ARN or address, and offers those of functions and buckets by their names. */
export function ArnField({ id, value = '', onChange, placeholder }: { id?: string; value?: string; onChange?: (arn: string) => void; placeholder?: string }) {
  const { t } = useTranslation('triggers');
  const { session } = useSession();
  const [open, setOpen] = useState(false);
  // What is typed may be a name's beginning; of an ARN, it is what stands at its end.
  const typed = /^https?:/i.test(value) ? null : (/^acs:fc:[^:]*:[^:]*:functions\/([^/]*)$/.exec(value) ?? /^acs:oss:[^:]*:[^:]*:([^/]*)$/.exec(value) ?? /^([\w-]*)$/.exec(value))?.[1];
  const like = useSettled(typed ?? '', 200);
  const offers = open && typed != null;
  const functions = useQuery({
    queryKey: ['functions', 'like', like],
    queryFn: ({ signal }) => fc.get<{ functions: Fn[] }>('/functions', { prefix: like, limit: 50 }, signal),
    enabled: offers, placeholderData: (old) => old, retry: false,
  });
  const buckets = useQuery({ ...bucketsLike(like), enabled: offers, retry: false });
  const group = (label: string, options: { value: string; label: string }[]) => (options.length > 0 ? [{ label, options }] : []);
  return (
    <AutoComplete
      id={id}
      value={value}
      onChange={(v: string) => onChange?.((v ?? '').trim())}
      onOpenChange={setOpen}
      allowClear
      placeholder={placeholder}
      options={
        offers
          ? [
              ...group(t('common:nav.functions'), (functions.data?.functions ?? []).map((f) => ({ value: `acs:fc:${session.region}:${session.account}:functions/${f.functionName}`, label: f.functionName }))),
              ...group(t('common:nav.buckets'), (buckets.data?.buckets ?? []).map((b) => ({ value: `acs:oss:${session.region}:${session.account}:${b.name}/`, label: b.name }))),
            ]
          : []
      }
    />
  );
}
