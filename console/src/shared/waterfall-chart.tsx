import { useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Run } from '../api/gen';
import { duration } from './format';
import { over } from './states';
import { linesOf, scaleOf, type Kind, type Part } from './waterfall';
import './waterfall.css';

/** Waterfall draws a delivery's attempts on one axis; below each bar stands the same in words. */
export function Waterfall({ attempts, begin, state }: { attempts: readonly Run[]; begin?: number; state: string }) {
  const { t } = useTranslation('events');
  const [now, setNow] = useState(Date.now());
  const live = !over(state);
  useEffect(() => {
    if (!live) return;
    const id = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(id);
  }, [live]);
  const lines = useMemo(() => linesOf(attempts, begin, state, live ? now : 0), [attempts, begin, state, live, now]);
  const scale = useMemo(() => scaleOf(lines), [lines]);
  if (lines.length === 0) return null;
  const kind = (k: Kind, failed: boolean) => (k === 'run' && failed ? 'failed' : k);
  // A wait of microseconds is nobody's business.
  const told = (l: (typeof lines)[number]) => l.parts.filter((p) => p.kind === 'run' || p.to - p.from >= 0.1);
  const shown = [...new Set(lines.flatMap((l) => told(l).map((p) => kind(p.kind, l.failed))))];
  const words = (p: Part, failed: boolean) => `${t(`part.${kind(p.kind, failed)}`)} ${duration((p.to - p.from) * 1e6)}`;
  return (
    <div className="waterfall" role="group" aria-label={t('waterfall')}>
      <div className="waterfall-legend" aria-hidden>
        {shown.map((k) => (
          <span key={k}>
            <i className={`seg seg-${k}`} /> {t(`part.${k}`)}
          </span>
        ))}
      </div>
      <ol className="waterfall-lines">
        {lines.map((l, i) => (
          <li key={l.number} className="waterfall-line">
            <span className="waterfall-name">{l.run || l.parts[0]?.kind === 'now' ? t('attempt', { n: l.number }) : t('waiting')}</span>
            <span className="waterfall-track" aria-hidden>
              {scale.boxes[i]!.map((b) => (
                <i
                  key={b.kind}
                  className={`seg seg-${kind(b.kind, l.failed)}${b.cut ? ' cut' : ''}`}
                  style={{ left: `${b.left}%`, width: `max(${b.width}%, 2px)` }}
                  title={words(b, l.failed)}
                >
                  {b.cut && <span>{duration((b.to - b.from) * 1e6)}</span>}
                </i>
              ))}
            </span>
            <span className="waterfall-words">{told(l).map((p) => words(p, l.failed)).join(' · ')}</span>
          </li>
        ))}
      </ol>
      <div className="waterfall-axis" aria-hidden>
        <span />
        <span className="waterfall-ticks">
          {scale.ticks.map((k) => (
            <span key={k.left} style={{ left: `${k.left}%` }}>
              {k.ms === 0 ? '0' : duration(k.ms * 1e6)}
            </span>
          ))}
        </span>
      </div>
    </div>
  );
}
