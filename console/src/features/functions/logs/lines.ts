// The lines of the page: a head for each run, and its entries below.
import type { Attempt } from '../../../api/gen';
import { endOf, entriesIn, idOf } from './data';
import { found, reaches, type Entry, type Level } from './entries';

export type Line = { key: string; run: Attempt; entry?: Entry; hits?: number; note?: 'empty' | 'cut' };

export interface View {
  level?: Level;
  wanted: string;
  only: boolean; // leave out the lines that do not hold wanted
  all: boolean; // leave no run out that does not hold it, either
  oldestFirst: boolean;
}

/** linesOf arranges runs, which come the latest first. matches are the lines with hits. */
export function linesOf(runs: readonly Attempt[], v: View): { lines: Line[]; hits: number; matches: number[]; hitRuns: number } {
  const lines: Line[] = [];
  const matches: number[] = [];
  let hits = 0;
  let hitRuns = 0;
  const n = runs.length;
  for (let i = 0; i < n; i++) {
    const run = runs[v.oldestFirst ? n - 1 - i : i]!;
    const id = idOf(run);
    const body: Line[] = [];
    let here = 0;
    entriesIn(run).forEach((entry, k) => {
      if (!reaches(entry, v.level)) return;
      const h = v.wanted ? found(entry.text, v.wanted).length : 0;
      if (v.wanted && v.only && h === 0) return;
      here += h;
      body.push(h ? { key: `${id} ${k}`, run, entry, hits: h } : { key: `${id} ${k}`, run, entry });
    });
    const filtered = !!v.level || (!!v.wanted && v.only);
    if ((filtered && body.length === 0) || (v.wanted && here === 0 && !v.all)) continue;
    lines.push({ key: id, run });
    if (run.logCut && !filtered) lines.push({ key: id + ' cut', run, note: 'cut' });
    if (body.length === 0) lines.push({ key: id + ' empty', run, note: 'empty' });
    for (const l of body) {
      if (l.hits) matches.push(lines.length);
      lines.push(l);
    }
    hits += here;
    if (here) hitRuns++;
  }
  return { lines, hits, matches, hitRuns };
}

/** shows reports whether a run has anything to show in a view. */
export const shows = (run: Attempt, v: Pick<View, 'level' | 'wanted'>): boolean =>
  (!v.level && !v.wanted) || entriesIn(run).some((e) => reaches(e, v.level) && (!v.wanted || found(e.text, v.wanted).length > 0));

/** asText writes lines as a file holds them. */
export function asText(lines: readonly Line[]): string {
  const out: string[] = [];
  for (const l of lines) {
    if (l.entry) out.push(l.entry.text);
    else if (!l.note) {
      const r = l.run;
      out.push(`${out.length ? '\n' : ''}=== ${new Date(endOf(r) / 1000).toISOString()} ${r.requestId} started ${new Date(r.startedAtUnixMicro / 1000).toISOString()} ${r.version}${r.attempt ? ` attempt ${r.attempt + 1}` : ''} ${r.cold ? 'cold' : 'warm'} ${(r.durationNanos / 1e6).toFixed(2)} ms ${r.memoryMB} MB ${r.errorType || r.fault || 'ok'}`);
    }
  }
  return out.join('\n') + '\n';
}
