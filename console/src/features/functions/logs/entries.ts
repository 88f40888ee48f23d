// A run's output, as entries: what was printed at once stands together.
import { plain } from './ansi';

export type Level = 'ERROR' | 'WARN' | 'INFO' | 'DEBUG';
export const levels: Level[] = ['ERROR', 'WARN', 'INFO', 'DEBUG'];

export interface Entry {
  raw: string; // with its colours; lines end in \n, but the last
  text: string; // without
  lines: number;
  level?: Level;
  frame?: boolean; // "FC Invoke Start" and "End": not the function's
}

// As the runtimes' loggers print: time, request id, level.
const logged = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?Z? (?:\S+ )?\[(\w+)\]/;
const dated = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/;
const frame = /^FC (?:Invoke|Initialize) (?:Start|End) RequestId: /;
const words: Record<string, Level> = {
  ERROR: 'ERROR', ERR: 'ERROR', FATAL: 'ERROR', CRITICAL: 'ERROR', SEVERE: 'ERROR', PANIC: 'ERROR', EMERGENCY: 'ERROR', ALERT: 'ERROR',
  WARN: 'WARN', WARNING: 'WARN', INFO: 'INFO', NOTICE: 'INFO', LOG: 'INFO', DEBUG: 'DEBUG', TRACE: 'DEBUG', VERBOSE: 'DEBUG',
};
const word = /(?:^|[\s[("'=:|<])(ERROR|ERR|FATAL|CRITICAL|SEVERE|PANIC|WARN(?:ING)?|INFO|NOTICE|DEBUG|TRACE|VERBOSE)(?=$|[\s\]):,"'|>-])/;
const thrown = /^(?:Uncaught |Unhandled )?(?:[A-Za-z_$][\w$.]*(?:Error|Exception))(?:\b.*)?: |^Traceback \(most recent call last\)|^(?:PHP )?(?:Fatal error|Parse error)|^panic: |^FC (?:Invoke|Initialize) End RequestId: .*, Error: /;
const warned = /^(?:PHP )?(?:Warning|Deprecated|Notice): |^\S+:\d+: \w*Warning: |^\(node:\d+\) /;

/** levelOf detects how grave a line is, by what loggers and interpreters print. */
export function levelOf(line: string): Level | undefined {
  const l = logged.exec(line);
  if (l) return words[l[1]!.toUpperCase()];
  if (thrown.test(line)) return 'ERROR';
  if (warned.test(line)) return 'WARN';
  const w = word.exec(line.slice(0, 120));
  return w ? words[w[1]!] : undefined;
}

/** continues reports whether a line belongs to the entry before it. */
function continues(line: string, before: string): boolean {
  if (line === '') return false;
  if (/^\s/.test(line)) return true; // stacks, and what is printed over several lines
  if (/^[}\])]/.test(line)) return /[{[(]\s*$|^\s/.test(before); // and its end
  return /^Caused by: |^The above exception |^During handling of /.test(line);
}

/** entriesOf splits a run's output. */
export function entriesOf(log: string): Entry[] {
  const out: Entry[] = [];
  let trace = false; // within Python's traceback, which ends with a line that is not indented
  let before = '';
  const raw = log.split('\n');
  if (raw.at(-1) === '') raw.pop();
  for (const r of raw) {
    const line = r.endsWith('\r') ? r.slice(0, -1) : r;
    const text = plain(line);
    const last = out.at(-1);
    const indented = /^\s/.test(text);
    const joins = last && !last.frame && !frame.test(text) && !dated.test(text) && (trace || continues(text, before));
    if (trace && !indented) trace = false;
    else if (text.startsWith('Traceback (most recent call last)')) trace = true;
    if (joins) {
      last.raw += '\n' + line;
      last.text += '\n' + text;
      last.lines++;
      last.level ??= /^\s+at .+:\d+/.test(text) ? 'ERROR' : undefined;
    } else {
      const e: Entry = { raw: line, text, lines: 1 };
      const level = levelOf(text);
      if (level) e.level = level;
      if (frame.test(text)) e.frame = true;
      out.push(e);
    }
    before = text;
  }
  return out;
}

/**
 * withError adds what a failed run returned, which the function itself need not have
 * printed: the error with its stack, before the end that the platform prints.
 */
export function withError(entries: Entry[], run: { errorType?: string; fault?: string; message?: string; payload?: string }): Entry[] {
  let text = run.fault ? `${run.fault}: ${run.message ?? ''}` : '';
  if (run.errorType) {
    try {
      const e = JSON.parse(run.payload ?? '') as { errorMessage?: unknown; errorType?: unknown; stackTrace?: unknown };
      const stack = Array.isArray(e.stackTrace) ? e.stackTrace.flat().filter((l) => typeof l === 'string') : [];
      const head = [e.errorType, e.errorMessage].filter((x) => typeof x === 'string' && x).join(': ');
      text = (stack[0]?.includes(String(e.errorMessage)) ? stack : [head, ...stack]).join('\n').trimEnd();
    } catch {
      text = run.payload ?? ''; // it was cut, or is no JSON
    }
  }
  text = plain(text);
  if (!text || entries.some((e) => e.text.includes(text.split('\n')[0]!))) return entries;
  const at = entries.at(-1)?.frame && entries.at(-1)!.text.includes(' End ') ? entries.length - 1 : entries.length;
  return [...entries.slice(0, at), { raw: text, text, lines: text.split('\n').length, level: 'ERROR' }, ...entries.slice(at)];
}

/** reaches reports whether an entry is at least as grave as a level; one without a level is not. */
export function reaches(e: Entry, least: Level | undefined): boolean {
  return !least || (!!e.level && levels.indexOf(e.level) <= levels.indexOf(least));
}

/** found are the places of a text, in any case, in another. */
export function found(text: string, wanted: string): [from: number, to: number][] {
  const out: [number, number][] = [];
  if (!wanted) return out;
  const low = text.toLowerCase();
  const want = wanted.toLowerCase();
  // Letters whose lower case is longer would shift what is marked.
  if (low.length !== text.length) return out.concat(text.includes(wanted) ? [[text.indexOf(wanted), text.indexOf(wanted) + wanted.length]] : []);
  for (let i = low.indexOf(want); i >= 0; i = low.indexOf(want, i + want.length)) out.push([i, i + want.length]);
  return out;
}

export interface Linked {
  from: number;
  to: number;
  href?: string; // an address
  run?: string; // a request id
}

const links = /\bhttps?:\/\/[^\s"'<>`]+|\b1-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{12}\b/g;

/** linksIn finds addresses and request ids. */
export function linksIn(text: string): Linked[] {
  return [...text.matchAll(links)].map((m) => {
    let s = m[0];
    if (!s.startsWith('http')) return { from: m.index, to: m.index + s.length, run: s };
    // A sentence's end, and a bracket that was opened before the address, are not its own.
    for (let c = s.at(-1)!; /[.,;:!?]/.test(c) || (/[)\]}]/.test(c) && count(s, c) > count(s, { ')': '(', ']': '[', '}': '{' }[c]!)); c = s.at(-1)!) s = s.slice(0, -1);
    return { from: m.index, to: m.index + s.length, href: s };
  });
}

function count(s: string, c: string): number {
  return s.split(c).length - 1;
}
