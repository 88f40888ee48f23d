import { CheckCircleFilled, CloseCircleFilled, StopOutlined, WarningOutlined } from '@ant-design/icons';
import { Link } from '@tanstack/react-router';
import { Tag } from 'antd';
import { useTranslation } from 'react-i18next';
import { count, duration } from '../../../shared/format';
import { Copy, Problem, Time } from '../../../shared/ui';
import { short } from '../code/package';
import { useWorkspace } from '../code/workspace';
import { failureOf, pretty, type Result } from './session';
import './test.css';

/** ResultView shows one test: what came of it, what it printed, and which code it ran. */
export function ResultView({ name, result: r }: { name: string; result: Result }) {
  const { t } = useTranslation('functions');
  const { state } = useWorkspace(name);
  const ended = r.outcome === 'succeeded' || r.outcome === 'failed';
  const failure = r.outcome === 'failed' ? failureOf(r.value) : null;
  // Versions do not change: only LATEST can have moved on.
  const latest = r.qualifier === 'LATEST';
  const changed = latest && state.phase === 'ready' && r.checksum !== '' && (state.checksum !== r.checksum || state.changes.size > 0);
  return (
    <section className="result" aria-label={t('test.result')}>
      <header className={`result-head ${r.outcome}`} role="status">
        {r.outcome === 'succeeded' ? <CheckCircleFilled aria-hidden /> : r.outcome === 'left' ? <StopOutlined aria-hidden /> : <CloseCircleFilled aria-hidden />}
        <strong>{t(`test.${r.outcome}`)}</strong>
        {r.errorType && <Tag>{r.errorType}</Tag>}
        <span className="grow" />
        <span className="dim">
          {r.event} · <Time at={r.at} />
        </span>
      </header>
      {r.refusal && <Problem error={r.refusal} />}
      {r.outcome === 'left' && (
        <p className="result-left">
          {t(r.running ? 'test.goesOn' : 'test.notBegun')}{' '}
          {r.requestId && (
            <Link to="/functions/$name/{-$tab}" params={{ name, tab: 'logs' }} search={{ request: r.requestId }}>
              {t('test.seeLogs')}
            </Link>
          )}
        </p>
      )}
      {ended && (
        <dl className="result-facts">
          <div>
            <dt>{t('test.duration')}</dt>
            <dd>{r.durationMs !== undefined ? `${count(r.durationMs)} ms` : '–'}</dd>
          </div>
          <div>
            <dt>{t('test.memory')}</dt>
            <dd>{r.memoryMB !== undefined ? `${r.memoryMB} MB` : '–'}</dd>
          </div>
          <div>
            <dt>{t('test.billed')}</dt>
            <dd>{r.billedMs !== undefined ? `${count(r.billedMs)} ms` : '–'}</dd>
          </div>
          <div>
            <dt>{t('test.start')}</dt>
            <dd>{r.cold === undefined ? '–' : r.cold ? t('test.cold', { took: duration(r.initNanos ?? 0) }) : t('test.warm')}</dd>
          </div>
        </dl>
      )}
      {failure && (
        <div className="result-failure" role="alert">
          <strong>
            {failure.type && `${failure.type}: `}
            {failure.message}
          </strong>
          {failure.stack && <pre tabIndex={0}>{failure.stack}</pre>}
        </div>
      )}
      {r.outcome !== 'refused' && (
        <>
          {!failure && ended && (
            <div className="result-part">
              <h3>
                {t('test.value')} {r.value && <Copy text={r.value} label={t('test.copyValue')} />}
              </h3>
              <pre tabIndex={0} data-testid="value">
                {r.value === '' ? <span className="dim">{t('test.noValue')}</span> : pretty(r.value.slice(0, 100_000))}
              </pre>
            </div>
          )}
          <div className="result-part">
            <h3>
              {t('test.log')} {r.log && <Copy text={r.log} label={t('test.copyLog')} />}
              {r.logCut && <span className="dim">{t('test.logCut')}</span>}
            </h3>
            <pre tabIndex={0} data-testid="log" className="result-log">
              {r.log === '' ? <span className="dim">{t('test.noLog')}</span> : r.log.replace(/\n$/, '')}
            </pre>
          </div>
        </>
      )}
      <footer className="result-foot">
        {r.checksum && (
          <span className={changed ? 'result-old' : 'dim'}>
            {changed && <WarningOutlined aria-hidden />} {t(changed ? 'test.ranOld' : 'test.ran', { checksum: short(r.checksum) })}
            {r.qualifier !== 'LATEST' && ` · ${r.qualifier}${r.version && r.version !== r.qualifier ? ` (${r.version})` : ''}`}
          </span>
        )}
        {r.requestId && (
          <span>
            {t('test.request')}{' '}
            {r.outcome === 'refused' ? (
              <span className="mono">{r.requestId}</span>
            ) : (
              <Link to="/trace" search={{ run: r.requestId }} className="mono">
                {r.requestId}
              </Link>
            )}{' '}
            <Copy text={r.requestId} />
          </span>
        )}
      </footer>
    </section>
  );
}
