// Draws a chart with uPlot.
import { useEffect, useLayoutEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { ChartProps, Line, Tone } from './chart';
import { moment, type Zone } from './format';

const height = 168;

const variables: Record<Tone, string> = {
  primary: '--ant-color-link', error: '--ant-color-error', warning: '--ant-color-warning', success: '--ant-color-success', quiet: '--dim',
};

/** faint is a colour, to be seen through. */
function faint(context: CanvasRenderingContext2D, colour: string, alpha: number): string {
  context.fillStyle = colour; // which normalises it
  const c = String(context.fillStyle);
  return /^#[0-9a-f]{6}$/i.test(c) ? c + Math.round(alpha * 255).toString(16).padStart(2, '0') : c;
}

const bars = uPlot.paths.bars!({ size: [0.72, 28], align: 1, radius: 0.12 });
// Half a run is nothing.
const integers = Array.from({ length: 10 }, (_, i) => [1, 2, 5].map((n) => n * 10 ** i)).flat();
const straight = uPlot.paths.linear!();

export function Plot({ title, times, step, lines, format, axis, sync, zone, whole }: ChartProps & { zone: Zone }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const legend = useRef<(HTMLElement | null)[]>([]);
  const clock = useRef<HTMLElement>(null);
  const latest = useRef({ times, lines, step, format, axis, zone });
  latest.current = { times, lines, step, format, axis, zone };

  /** tell writes the values under the cursor into the legend; without one, the last that there are. */
  const tell = useRef((idx: number | null | undefined) => {
    const at = latest.current;
    at.lines.forEach((l, i) => {
      const e = legend.current[i];
      if (!e) return;
      const v = idx == null ? last(l) : l.values[idx];
      e.textContent = v == null ? '–' : at.format(v);
    });
    if (clock.current) clock.current.textContent = idx == null || at.times[idx] === undefined ? '' : moment(at.times[idx] * 1000, at.zone).slice(11, at.step < 60 ? 19 : 16);
  });

  useLayoutEffect(() => {
    const el = box.current!;
    const style = getComputedStyle(el);
    const colour = (name: string) => style.getPropertyValue(name).trim() || '#888';
    const pen = document.createElement('canvas').getContext('2d')!;
    const axisOf = { stroke: colour('--dim'), font: `11px ${style.fontFamily}`, grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } };
    const u = new uPlot(
      {
        width: Math.max(el.clientWidth, 100),
        height,
        padding: [8, 20, 0, 0],
        legend: { show: false },
        cursor: { sync: { key: sync, setSeries: false }, y: false, drag: { x: false, y: false }, points: { size: 7 } },
        scales: {
          x: { time: true, range: (u, min, max) => [min, u.data[0].length > 1 ? max + latest.current.step : max] },
          y: { range: (_u, _min, max) => [0, nice(max, whole)] },
        },
        axes: [
          { ...axisOf, grid: { show: false }, size: 28, gap: 7, space: 56, values: (_u, splits) => splits.map((s) => moment(s * 1000, latest.current.zone).slice(11, 16)) },
          { ...axisOf, size: 52, gap: 6, space: 34, ...(whole ? { incrs: integers } : {}), values: (_u, splits) => splits.map((v) => (v === null ? '' : latest.current.axis(v))) },
        ],
        series: [
          {},
          ...lines.map((l): uPlot.Series => {
            const c = colour(variables[l.tone]);
            return {
              label: l.label,
              stroke: c,
              width: l.kind === 'bars' ? 0 : 1.75,
              paths: l.kind === 'bars' ? bars : straight,
              ...(l.kind === 'bars' ? { fill: faint(pen, c, l.tone === 'error' ? 1 : 0.75) } : {}),
              ...(l.kind === 'area' ? { fill: faint(pen, c, 0.14) } : {}),
              points: { show: l.kind !== 'bars' && l.values.filter((v) => v !== null).length < 40, size: 5, fill: c },
              spanGaps: l.kind === 'line',
            };
          }),
        ],
        hooks: { setCursor: [(u) => tell.current(u.cursor.idx)] },
      },
      [[...times], ...lines.map((l) => [...l.values])] as uPlot.AlignedData,
      el,
    );
    plot.current = u;
    const watch = new ResizeObserver(() => el.clientWidth > 0 && Math.abs(el.clientWidth - u.width) > 1 && u.setSize({ width: el.clientWidth, height }));
    watch.observe(el);
    return () => {
      watch.disconnect();
      u.destroy();
      plot.current = null;
    };
    // The theme, the zone and the number of lines are in the key; data comes below.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [sync]);

  useEffect(() => {
    plot.current?.setData([[...times], ...lines.map((l) => [...l.values])] as uPlot.AlignedData);
    tell.current(plot.current?.cursor.idx);
  }, [times, lines]);

  return (
    <>
      <div className="chart-legend">
        {lines.map((l, i) => (
          <span key={l.label}>
            <i className={`chart-mark tone-${l.tone} ${l.kind}`} aria-hidden /> {l.label} <b ref={(e) => void (legend.current[i] = e)} />
          </span>
        ))}
        <span className="chart-clock" ref={clock} aria-hidden />
      </div>
      <div
        ref={box} className="chart-plot" role="img" data-points={lines.reduce((n, l) => n + l.values.filter(Boolean).length, 0)}
        aria-label={`${title}: ${lines.map((l) => `${l.label} ${spoken(l, format)}`).join(', ')}`}
      />
    </>
  );
}

function last(l: Line): number | null {
  for (let i = l.values.length - 1; i >= 0; i--) if (l.values[i] != null) return l.values[i]!;
  return null;
}

function spoken(l: Line, format: (v: number) => string): string {
  const known = l.values.filter((v): v is number => v !== null);
  return known.length ? `${format(known.at(-1)!)} (0–${format(Math.max(...known))})` : '–';
}

/** nice is the top of an axis that holds max. */
function nice(max: number | null, whole?: boolean): number {
  const least = whole ? 4 : 1;
  return max && max > 0 ? Math.max(max * 1.12, whole ? least : 0) : least;
}
