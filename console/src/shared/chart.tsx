// A chart of time series, with its numbers as a table for who cannot see it. The drawing
// is loaded when one is first shown.
import { BarChartOutlined, TableOutlined } from '@ant-design/icons';
import { Button, Segmented, Tooltip } from 'antd';
import { Suspense, useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSettings } from '../app/settings';
import { moment } from './format';
import { lazy } from './lazy';
import { ranges, type Range } from './series';
import './chart.css';

const Plot = lazy(() => import('./plot').then((m) => ({ default: m.Plot })));

export type Tone = 'primary' | 'error' | 'warning' | 'success' | 'quiet';

export interface Line {
  label: string;
  values: readonly (number | null)[];
  tone: Tone;
  kind: 'bars' | 'line' | 'area';
}

export interface ChartProps {
  title: string;
  times: readonly number[]; // Unix time in seconds, of the begin of each step
  step: number;
  lines: Line[];
  format: (v: number) => string; // a value, for people
  axis: (v: number) => string; // the same, where there is little room
  /** sync: charts of one name share their cursor */
  sync: string;
  whole?: boolean; // values are whole numbers
}

export function Chart(p: ChartProps) {
  const { t } = useTranslation('overview');
  const { zone, dark } = useSettings();
  const [table, setTable] = useState(false);
  const id = useId();
  return (
    <section className="chart" aria-labelledby={id}>
      <header className="chart-head">
        <h2 id={id}>{p.title}</h2>
        <span className="grow" />
        <Tooltip title={t(table ? 'chart.asChart' : 'chart.asTable')}>
          <Button
            type="text" size="small" aria-pressed={table} aria-label={t('chart.tableOf', { title: p.title })}
            icon={table ? <BarChartOutlined /> : <TableOutlined />} onClick={() => setTable(!table)}
          />
        </Tooltip>
      </header>
      {table ? (
        <div className="chart-table" tabIndex={0} role="region" aria-label={t('chart.tableOf', { title: p.title })}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t('chart.time')}</th>
                {p.lines.map((l) => (
                  <th key={l.label} scope="col">
                    {l.label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {p.times
                .map((at, i) => (
                  <tr key={at}>
                    <th scope="row">{moment(at * 1000, zone)}</th>
                    {p.lines.map((l) => (
                      <td key={l.label}>{l.values[i] == null ? '–' : p.format(l.values[i])}</td>
                    ))}
                  </tr>
                ))
                .reverse()}
            </tbody>
          </table>
        </div>
      ) : (
        <Suspense fallback={<div className="chart-space" />}>
          <Plot key={`${dark}${zone}${p.lines.length}`} {...p} zone={zone} />
        </Suspense>
      )}
    </section>
  );
}

/** RangeChoice chooses the span of charts. */
export function RangeChoice({ value, onChange }: { value: Range; onChange: (r: Range) => void }) {
  const { t } = useTranslation('overview');
  return (
    <Segmented
      aria-label={t('chart.range')}
      value={value}
      onChange={onChange}
      options={(Object.keys(ranges) as Range[]).map((r) => ({ value: r, label: t(`chart.range_${r}`), title: t('chart.last', { span: t(`chart.range_${r}`) }) }))}
    />
  );
}
