// What would come of a trigger while it is typed.
import { CheckCircleOutlined, ExclamationCircleOutlined, InfoCircleOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Alert } from 'antd';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Check, Conflict } from '../../../api/gen';
import { messageOf } from '../../../shared/api';
import { count } from '../../../shared/format';
import { Said } from '../../../shared/said';
import { existingLike } from './api';

/** Overlap names the triggers that one cannot be beside. */
export function Overlap({ conflicts }: { conflicts: readonly Conflict[] }) {
  const { t } = useTranslation('triggers');
  return (
    <>
      {conflicts.map((c) => (
        <div key={c.function + '/' + c.trigger}>
          {t('conflict')}{' '}
          <Link to="/functions/$name/{-$tab}" params={{ name: c.function, tab: 'triggers' }} search={{ trigger: c.trigger }} target="_blank">
            {t('conflictWho', { trigger: c.trigger, function: c.function })}
          </Link>{' '}
          {t('conflictWhat', { events: (c.events ?? []).join(', '), prefix: c.prefix || '—', suffix: c.suffix || '—' })}
        </div>
      ))}
    </>
  );
}

function Sign({ tone, children }: { tone: 'good' | 'careful' | 'plain'; children: ReactNode }) {
  const Icon = tone === 'good' ? CheckCircleOutlined : tone === 'careful' ? ExclamationCircleOutlined : InfoCircleOutlined;
  return (
    <li className={`sign sign-${tone}`}>
      <Icon aria-hidden /> <span>{children}</span>
    </li>
  );
}

interface SignsProps {
  check?: Check;
  error?: unknown;
  buckets: string[];
  prefixes: string[];
  suffixes: string[];
  /** careless: neither a prefix nor a suffix, or only one, keeps results from starting it again */
  careless?: boolean;
  bucketName?: string;
}

/** Signs tells limits, what is there already, and what would go wrong. */
export function Signs({ check, buckets, prefixes, suffixes, careless, bucketName, error }: SignsProps) {
  const { t } = useTranslation('triggers');
  const found = useQuery({ ...existingLike(buckets, prefixes, suffixes), enabled: buckets.length > 0 });
  const full = check && check.used >= check.limit;
  return (
    <div className="signs" aria-live="polite">
      <ul>
        {error instanceof Error && <Sign tone="careful">{t('cannotCheck', { why: messageOf(error) })}</Sign>}
        {check && (
          <Sign tone={full ? 'careful' : 'plain'}>
            {check.type === 'oss' ? t('usedOfBucket', { n: check.used, limit: check.limit, bucket: bucketName }) : t('usedOfBus', { n: check.used, limit: check.limit })}
            {' · '}
            {t('usedOfFunction', { n: check.functionUsed, limit: check.functionLimit })}
          </Sign>
        )}
        {check && !check.conflicts?.length && check.type === 'oss' && !full && <Sign tone="good">{t('noConflict')}</Sign>}
        {buckets.length > 0 &&
          (found.isPending ? (
            <Sign tone="plain">{t('counting')}</Sign>
          ) : found.error ? (
            <Sign tone="careful">{t('cannotCount', { why: messageOf(found.error) })}</Sign>
          ) : (
            <Sign tone="plain">
              {t('existing', { count: found.data.count, n: count(found.data.count) + (found.data.more ? '+' : '') })}
              {found.data.examples.length > 0 && (
                <span className="sign-examples">
                  {found.data.examples.map((e) => (
                    <Link
                      key={e.bucket + '/' + e.key}
                      to="/buckets/$name/{-$tab}"
                      params={{ name: e.bucket, tab: undefined }}
                      search={{ prefix: e.key.slice(0, e.key.lastIndexOf('/') + 1) || undefined, object: e.key }}
                      target="_blank"
                      className="mono"
                    >
                      {buckets.length > 1 ? `${e.bucket}/${e.key}` : e.key}
                    </Link>
                  ))}
                </span>
              )}
              {found.data.count > 0 && <span className="dim">{t('onlyNew')}</span>}
            </Sign>
          ))}
      </ul>
      {careless && <Alert type="warning" showIcon title={t('careless')} description={t('carelessWhy')} />}
      {check?.warning && <Alert type="warning" showIcon title={t('startsItself')} description={<Said why={check.why} message={check.warning} />} />}
    </div>
  );
}
