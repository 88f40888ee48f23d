import { DownOutlined, RightOutlined } from '@ant-design/icons';
import { Link } from '@tanstack/react-router';
import { Tag } from 'antd';
import { memo, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { Attempt } from '../../../api/gen';
import { useSettings } from '../../../app/settings';
import { duration, moment } from '../../../shared/format';
import { StateIcon } from '../../../shared/states';
import { Copy } from '../../../shared/ui';
import { classOf } from './ansi';
import { endOf } from './data';
import type { Entry } from './entries';
import { segments } from './segments';

/** RunHead stands above what a run printed. */
export const RunHead = memo(function RunHead({ run, function: name, single }: { run: Attempt; function: string; single: boolean }) {
  const { t } = useTranslation('functions');
  const { zone } = useSettings();
  const wrong = run.errorType || run.fault;
  return (
    <div className="log-head" data-request={run.requestId} data-outcome={wrong ? 'failed' : 'ok'}>
      <StateIcon state={wrong ? 'Failed' : 'Succeeded'} />
      <span className="log-when" title={t('logs.startedAt', { time: moment(run.startedAtUnixMicro / 1000, zone, true) })}>
        {t('logs.ended')} <time dateTime={new Date(endOf(run) / 1000).toISOString()}>{moment(endOf(run) / 1000, zone, true)}</time>
      </span>
      <span className="log-id">
        <Link to="/trace" search={{ run: run.requestId }} className="mono" title={t('logs.trace')}>
          {run.requestId}
        </Link>
        <Copy text={run.requestId} label={t('logs.copyRequest')} />
      </span>
      {!single && (
        <Link to="/functions/$name/{-$tab}" params={{ name, tab: 'logs' }} search={(s) => ({ ...s, request: run.requestId, attempt: run.attempt ? String(run.attempt) : undefined })} className="log-only">
          {t('logs.onlyThis')}
        </Link>
      )}
      {run.attempt > 0 && <Tag>{t('logs.attempt', { n: run.attempt + 1 })}</Tag>}
      <span className="log-facts">
        <span>{run.version}</span>
        <span className={run.cold ? 'cold' : ''}>{t(run.cold ? 'logs.cold' : 'logs.warm')}</span>
        <span title={t('logs.duration')}>{duration(run.durationNanos)}</span>
        {run.memoryMB > 0 && <span title={t('logs.memory')}>{run.memoryMB} MB</span>}
        <span className={wrong ? 'bad' : 'good'}>{wrong || t('logs.ok')}</span>
      </span>
    </div>
  );
});

/** EntryLine is one entry; of several lines, the first is shown until it is opened. */
export const EntryLine = memo(function EntryLine({ entry, wanted, open, current, toggle }: { entry: Entry; wanted: string; open: boolean; current: boolean; toggle: () => void }) {
  const { t } = useTranslation('functions');
  const several = entry.lines > 1;
  const raw = several && !open ? entry.raw.slice(0, entry.raw.indexOf('\n')) : entry.raw;
  const parts = useMemo(() => segments(raw, wanted), [raw, wanted]);
  return (
    <div className={`log-entry${entry.frame ? ' frame' : ''}${current ? ' current' : ''}`} data-level={entry.level}>
      <span className="log-gutter">
        {several ? (
          <button type="button" className="log-open" aria-expanded={open} aria-label={open ? t('logs.collapse') : t('logs.expand', { count: entry.lines })} onClick={toggle}>
            {open ? <DownOutlined /> : <RightOutlined />}
          </button>
        ) : null}
      </span>
      <span className="log-level">{entry.level ?? ''}</span>
      <span className="log-text">
        {parts.map((s, i) => {
          const className = s.style ? classOf(s.style) : undefined;
          const text = s.mark ? <mark className={className}>{s.text}</mark> : s.text;
          if (s.link?.href) return <a key={i} href={s.link.href} target="_blank" rel="noreferrer" className={className}>{text}</a>;
          if (s.link?.run) return <Link key={i} to="/trace" search={{ run: s.link.run }} className={className}>{text}</Link>;
          return className && !s.mark ? <span key={i} className={className}>{text}</span> : <span key={i}>{text}</span>;
        })}
        {several && !open && (
          <button type="button" className="log-more" onClick={toggle}>
            {t('logs.lines', { count: entry.lines - 1 })}
          </button>
        )}
      </span>
      <span className="log-copy">
        <Copy text={entry.text} label={t('logs.copyEntry')} />
      </span>
    </div>
  );
});
