import { WarningOutlined } from '@ant-design/icons';
import { Link } from '@tanstack/react-router';
import { Tag } from 'antd';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Trigger, TriggerWarning } from '../../../api/gen';
import { useSession } from '../../../app/session';
import { Said } from '../../../shared/said';
import { Time } from '../../../shared/ui';
import { Actions } from './actions';
import { bucketOf, draftOf } from './config';
import { eventKey } from './fields';
import './triggers.css';

/** TriggerState says whether a trigger works. */
export function TriggerState({ trigger: x }: { trigger: Trigger }) {
  const { t } = useTranslation('triggers');
  return <Tag color={x.state === 'enabled' ? 'success' : x.state === 'paused' ? 'warning' : 'default'}>{t(`state.${x.state}`)}</Tag>;
}

function BucketLink({ name }: { name: string }) {
  return (
    <Link to="/buckets/$name/{-$tab}" params={{ name, tab: undefined }}>
      {name}
    </Link>
  );
}

const texts = (list: readonly string[], any: string): ReactNode =>
  list.length === 0 ? (
    <span className="dim">{any}</span>
  ) : (
    list.map((s) => (
      <code key={s} className="key-part">
        {s}
      </code>
    ))
  );

/** TriggerCard shows one trigger whole. */
export function TriggerCard({ trigger: x, warning, edit, marked }: { trigger: Trigger; warning?: TriggerWarning; edit: () => void; marked?: boolean }) {
  const { t } = useTranslation('triggers');
  const { session } = useSession();
  const arn = `acs:oss:${session.region}:${session.account}:`;
  const native = x.triggerType === 'oss';
  const d = draftOf(x, arn);
  const buckets = native ? [bucketOf(x)] : d.buckets;
  const events = native ? d.events : d.ruleEvents;
  return (
    <li className={'trigger-card' + (marked ? ' marked' : '')} aria-label={x.triggerName}>
      <div className="trigger-head">
        <h2>{x.triggerName}</h2>
        <TriggerState trigger={x} />
        <Tag>{native ? 'OSS' : 'EventBridge'}</Tag>
        {x.qualifier !== 'LATEST' && <Tag>{x.qualifier}</Tag>}
        <span className="grow" />
        <Actions trigger={x} edit={edit} />
      </div>
      {x.paused && (
        <p className="trigger-note">
          {t('pausedSince')} <Time at={Date.parse(x.paused.since)} /> · {t(`pauseReasons.${x.paused.reason}`, { defaultValue: x.paused.reason })}
          {x.paused.detail && <>{t('said:detail', { text: '' })}<Said why={x.paused.why} message={x.paused.detail} whole /></>} <span className="dim">{t('pausedMeans')}</span>{' '}
          <Link to="/dead-letters" search={{ function: x.function, trigger: x.triggerName }}>
            {t('common:nav.dead')}
          </Link>
        </p>
      )}
      {warning && (
        <p className="trigger-note trigger-warning">
          <WarningOutlined aria-hidden /> <Said why={warning.why} message={warning.message} />
        </p>
      )}
      {x.description && <p className="dim trigger-note">{x.description}</p>}
      <div className="trigger-facts">
        <dl>
          <dt>{t('bucketName')}</dt>
          <dd>{buckets.length > 0 ? buckets.map((b) => <BucketLink key={b} name={b} />) : <span className="dim">{d.raw ? t('byPattern') : t('anyBucket')}</span>}</dd>
          {!d.raw && (
            <>
              <dt>{t('objectPrefix')}</dt>
              <dd>{texts(native ? [d.prefix].filter(Boolean) : d.prefixes, t('anyKey'))}</dd>
              <dt>{t('objectSuffix')}</dt>
              <dd>{texts(native ? [d.suffix].filter(Boolean) : d.suffixes, t('anyKey'))}</dd>
            </>
          )}
          <dt>{t('versionOrAlias')}</dt>
          <dd>{x.qualifier}</dd>
          {native ? (
            <>
              <dt>{t('roleName')}</dt>
              <dd>{d.role}</dd>
            </>
          ) : (
            <>
              <dt>{t('invocation')}</dt>
              <dd>{d.async ? t('async') : `${t('sync')} · ${t(d.retry === 'BACKOFF_RETRY' ? 'backoffShort' : 'decayShort')}${d.errors === 'NONE' ? ' · ' + t('errorsNone') : ''}`}</dd>
              {d.deadLetter && (
                <>
                  <dt>{t('deadLetter')}</dt>
                  <dd className="mono">{d.deadLetter}</dd>
                </>
              )}
            </>
          )}
        </dl>
        <dl>
          <dt>{d.raw ? t('pattern') : t('triggerEvent')}</dt>
          <dd>
            {d.raw ? (
              <pre className="pattern-text short" tabIndex={0} aria-label={t('pattern')}>
                {d.pattern}
              </pre>
            ) : events.length === 0 ? (
              <span className="dim">{t('anyEvent')}</span>
            ) : (
              events.map((e) => (
                <span key={e} className="event-name" title={t(eventKey(e))}>
                  {e}
                </span>
              ))
            )}
          </dd>
        </dl>
      </div>
    </li>
  );
}
