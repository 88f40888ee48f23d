import { LoadingOutlined } from '@ant-design/icons';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { duration } from '../../../shared/format';
import { Copy } from '../../../shared/ui';
import { plain } from '../logs/ansi';
import type { Progress } from './session';

/** Running shows a test while it runs: how long, what it waits for, and what it prints. */
export function Running({ since, progress: p }: { since: number; progress: Progress }) {
  const { t } = useTranslation('functions');
  const box = useRef<HTMLPreElement>(null);
  const follows = useRef(true); // the end is in sight
  useLayoutEffect(() => {
    if (box.current && follows.current) box.current.scrollTop = box.current.scrollHeight;
  }, [p.log]);
  const phase = p.phase !== 'started' ? t('test.waiting') : p.cold ? t('test.cold', { took: duration(p.initNanos ?? 0) }) : t('test.warm');
  return (
    <section className="result" aria-label={t('test.result')}>
      <header className="result-head running">
        <LoadingOutlined spin aria-hidden />
        <strong role="status">{t('test.running')}</strong>
        <Elapsed since={since} />
        <span className="dim">{phase}</span>
        <span className="grow" />
        <span className="dim">{p.event}</span>
      </header>
      <div className="result-part">
        <h3>
          {t('test.log')} {p.log && <Copy text={p.log} label={t('test.copyLog')} />}
          {p.cut && <span className="dim">{t('test.logCut')}</span>}
        </h3>
        <pre
          ref={box} tabIndex={0} data-testid="live-log" className="result-log"
          onScroll={(e) => {
            const el = e.currentTarget;
            follows.current = el.scrollHeight - el.scrollTop - el.clientHeight < 24;
          }}
        >
          {p.log === '' ? <span className="dim">{t('test.noLogYet')}</span> : plain(p.log).replace(/\n$/, '')}
        </pre>
      </div>
      <footer className="result-foot">
        {p.requestId && (
          <span>
            {t('test.request')} <span className="mono">{p.requestId}</span> <Copy text={p.requestId} />
          </span>
        )}
      </footer>
    </section>
  );
}

function Elapsed({ since }: { since: number }) {
  const { t } = useTranslation('functions');
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const id = setInterval(() => setNow(Date.now()), 100);
    return () => clearInterval(id);
  }, []);
  return (
    <span role="timer" aria-live="off" aria-label={t('test.elapsed')} className="result-time">
      {(Math.max(0, now - since) / 1000).toFixed(1)} s
    </span>
  );
}
