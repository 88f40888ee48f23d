import { useEffect, useMemo, useRef, useState, type PointerEvent, type RefObject } from 'react';
import { useTranslation } from 'react-i18next';
import type { Run } from '../api/gen';
import { count, duration } from './format';
import { over } from './states';
import { dragged, exactly, linesOf, scaleOf, whole, zoomed, type Grip, type Kind, type Line, type Part, type Range, type Scale } from './waterfall';
import './waterfall.css';

const atOnce = 40; // lines that are drawn before all are asked for

const kind = (k: Kind, failed: boolean) => (k === 'run' && failed ? 'failed' : k);
const length = (p: Part) => duration((p.to - p.from) * 1e6);
// A wait of microseconds is nobody's business.
const told = (l: Line) => l.parts.filter((p) => p.kind === 'run' || p.to - p.from >= 0.1);

/**
 * Waterfall draws a delivery's attempts on one axis; below each bar stands the same in words. A part of the axis is
 * chosen on the strip above, by pointer or keyboard, or drawn over the bars.
 */
export function Waterfall({ attempts, begin, state }: { attempts: readonly Run[]; begin?: number; state: string }) {
  const { t } = useTranslation('events');
  const [now, setNow] = useState(Date.now());
  const [errors, setErrors] = useState(false);
  const [shorten, setShorten] = useState(true);
  const [all, setAll] = useState(false);
  // The part in sight, as times: they stay when the axis grows or is drawn otherwise.
  const [seen, setSeen] = useState<readonly [number, number]>();
  const live = !over(state);
  useEffect(() => {
    if (!live) return;
    const id = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(id);
  }, [live]);
  const lines = useMemo(() => linesOf(attempts, begin, state, live ? now : 0), [attempts, begin, state, live, now]);
  const short = useMemo(() => scaleOf(lines), [lines]);
  const scale = useMemo(() => (shorten ? short : scaleOf(lines, false)), [lines, short, shorten]);
  const range: Range = seen ? [scale.at(seen[0]), Math.max(scale.at(seen[1]), scale.at(seen[0]) + 1e-6)] : whole;
  const view = zoomed(scale, range);
  const drag = useDrag(range, (r) => setSeen(r[0] <= 0 && r[1] >= 100 ? undefined : [scale.ms(r[0]), scale.ms(r[1])]));
  if (lines.length === 0) return null;
  const kinds = [...new Set(lines.flatMap((l) => told(l).map((p) => kind(p.kind, l.failed))))];
  const words = (p: Part, failed: boolean) => `${t(`part.${kind(p.kind, failed)}`)} ${length(p)}`;
  const bad = lines.filter((l) => l.failed).length;
  const rows = lines.map((l, i) => ({ l, boxes: view.boxes[i]! })).filter(({ l }) => !errors || l.failed);
  const cut = short.boxes.some((l) => l.some((b) => b.cut));
  const span = scale.ms(range[1]) - scale.ms(range[0]);
  const tick = (ms: number) => (ms < 1e-6 ? '0' : exactly(ms, span) || duration(ms * 1e6));
  return (
    <div className="waterfall" role="group" aria-label={t('waterfall')}>
      <div className="waterfall-top">
        <div className="waterfall-legend" aria-hidden>
          {kinds.map((k) => (
            <span key={k}>
              <i className={`seg seg-${k}`} /> {t(`part.${k}`)}
            </span>
          ))}
        </div>
        <div className="waterfall-controls">
          {seen && (
            <button type="button" className="waterfall-reset" onClick={() => setSeen(undefined)}>
              {t('zoom.reset')}
            </button>
          )}
          {cut && <Choice label={t('zoom.shorten')} on={shorten} set={setShorten} />}
          {bad > 0 && bad < lines.length && <Choice label={t('zoom.errors', { n: count(bad) })} on={errors} set={setErrors} />}
        </div>
      </div>
      {scale.boxes.flat().length > 1 && <Brush lines={lines} scale={scale} range={range} drag={drag} reset={() => setSeen(undefined)} />}
      <ol className="waterfall-lines">
        {rows.slice(0, all ? undefined : atOnce).map(({ l, boxes }) => (
          <li key={l.number} className="waterfall-line">
            <span className="waterfall-name">{l.run || l.parts[0]?.kind === 'now' ? t('attempt', { n: l.number }) : t('waiting')}</span>
            <span className="waterfall-track" aria-hidden {...drag.over('bars')}>
              {boxes
                .filter((b) => b.left < 100 && b.left + b.width > 0)
                .map((b) => (
                  <i
                    key={b.kind}
                    className={`seg seg-${kind(b.kind, l.failed)}${b.cut ? ' cut' : ''}`}
                    style={{ left: `${b.left}%`, width: `max(${b.width}%, 2px)` }}
                    title={words(b, l.failed)}
                  >
                    {b.cut && <span>{length(b)}</span>}
                  </i>
                ))}
              {drag.drawn && <i className="waterfall-drawn" style={{ left: `${drag.drawn[0]}%`, width: `${drag.drawn[1] - drag.drawn[0]}%` }} />}
            </span>
            <span className="waterfall-words">{told(l).map((p) => words(p, l.failed)).join(' · ')}</span>
          </li>
        ))}
      </ol>
      {!all && rows.length > atOnce && (
        <button type="button" className="waterfall-reset" onClick={() => setAll(true)}>
          {t('showAll', { n: count(rows.length) })}
        </button>
      )}
      <div className="waterfall-axis" aria-hidden>
        <span />
        <span className="waterfall-ticks">
          {view.ticks.map((k) => (
            <span key={k.left} style={{ left: `${k.left}%` }}>
              {tick(k.ms)}
            </span>
          ))}
        </span>
      </div>
    </div>
  );
}

function Choice({ label, on, set }: { label: string; on: boolean; set: (on: boolean) => void }) {
  return (
    <label className="waterfall-choice">
      <input type="checkbox" className="check" checked={on} onChange={(e) => set(e.target.checked)} /> {label}
    </label>
  );
}

/** Brush is the whole axis in one strip, with the part of it that is seen. */
function Brush({ lines, scale, range, drag, reset }: { lines: readonly Line[]; scale: Scale; range: Range; drag: Drag; reset: () => void }) {
  const { t } = useTranslation('events');
  const [from, to] = range;
  const strip = useRef<HTMLDivElement>(null);
  return (
    <div className="waterfall-line waterfall-brush-line">
      <span />
      {/* What it does by pointer its two handles do by keyboard. */}
      <div className="waterfall-brush" ref={strip} role="group" aria-label={t('zoom.label')} onDoubleClick={reset} {...drag.over('strip')}>
        <span className="waterfall-brush-bars" aria-hidden>
          {scale.boxes.map((l, i) => l.map((b) => <i key={`${i}${b.kind}`} className={`seg seg-${kind(b.kind, lines[i]!.failed)}`} style={{ left: `${b.left}%`, width: `max(${b.width}%, 1px)` }} />))}
          <i className="waterfall-out" style={{ left: 0, width: `${from}%` }} />
          <i className="waterfall-out" style={{ left: `${to}%`, width: `${100 - to}%` }} />
        </span>
        {(['from', 'to'] as const).map((end) => {
          const at = end === 'from' ? from : to;
          return (
            <span
              key={end}
              role="slider"
              tabIndex={0}
              className="waterfall-handle"
              style={{ left: `${at}%` }}
              aria-label={t(`zoom.${end}`)}
              aria-orientation="horizontal"
              aria-valuemin={0}
              aria-valuemax={100}
              aria-valuenow={Math.round(at * 10) / 10}
              aria-valuetext={duration(scale.ms(at) * 1e6)}
              onKeyDown={(e) => {
                const step = e.shiftKey || e.key.startsWith('Page') ? 10 : 1;
                const by = { ArrowRight: step, ArrowUp: step, PageUp: step, ArrowLeft: -step, ArrowDown: -step, PageDown: -step, Home: -100, End: 100 }[e.key];
                if (e.key === 'Escape' && (from > 0 || to < 100)) reset();
                else if (by) drag.put(dragged(range, end, 0, by));
                else return;
                e.preventDefault();
                e.stopPropagation();
              }}
              {...drag.over('strip', end, strip)}
            />
          );
        })}
      </div>
    </div>
  );
}

interface Drag {
  /** over makes a drag that begins at an element change the range: on the strip, which shows the whole axis, or on the bars, which show the range */
  over: (what: 'strip' | 'bars', grip?: Grip, track?: RefObject<HTMLElement | null>) => Record<string, (e: PointerEvent<HTMLElement>) => void>;
  put: (r: Range) => void;
  /** what is drawn over the bars just now, in percent of them */
  drawn?: Range;
}

const dead = 4; // pixels that a pointer goes before it drags

function useDrag(range: Range, put: (r: Range) => void): Drag {
  const [drawn, setDrawn] = useState<Range>();
  const held = useRef<{ what: string; grip: Grip; start: number; x: number; range: Range; on: boolean; box: DOMRect }>(undefined);
  const place = (e: PointerEvent<HTMLElement>) => ((e.clientX - held.current!.box.left) / held.current!.box.width) * 100;
  return {
    put,
    drawn,
    over: (what, grip, track) => ({
      onPointerDown: (e) => {
        if (e.button !== 0) return;
        e.stopPropagation();
        const box = (track?.current ?? e.currentTarget).getBoundingClientRect();
        const start = ((e.clientX - box.left) / box.width) * 100;
        const zoom = range[0] > 0 || range[1] < 100;
        held.current = { what, start, x: e.clientX, range, box, on: false, grip: grip ?? (what === 'strip' && zoom && start > range[0] && start < range[1] ? 'move' : 'new') };
        e.currentTarget.setPointerCapture(e.pointerId);
      },
      onPointerMove: (e) => {
        const h = held.current;
        if (h?.what !== what || (!h.on && Math.abs(e.clientX - h.x) < dead)) return;
        h.on = true;
        const next = dragged(h.grip === 'new' ? whole : h.range, h.grip, h.start, place(e));
        if (what === 'strip') put(next);
        else setDrawn(next);
      },
      onPointerUp: (e) => {
        const h = held.current;
        held.current = undefined;
        if (!h?.on || h.what !== 'bars') return;
        setDrawn(undefined);
        const k = (h.range[1] - h.range[0]) / 100;
        const [a, b] = dragged(whole, 'new', h.start, ((e.clientX - h.box.left) / h.box.width) * 100);
        const [from, to] = [h.range[0] + a * k, h.range[0] + b * k];
        put(dragged(whole, 'new', from, to));
      },
      onPointerCancel: () => {
        held.current = undefined;
        setDrawn(undefined);
      },
    }),
  };
}
