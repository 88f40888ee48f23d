// What has been tested in this page since it was loaded, by function.
import { useSyncExternalStore } from 'react';
import type { Attempt, Output } from '../../../api/gen';
import { api, messageOf, Refusal, send } from '../../../shared/api';
import { path } from '../api';

/** Chosen is the event to test with: a saved one, or one that is not saved. */
export type Chosen = { saved: string } | Unsaved;

/** Unsaved: exact, if there, is what is sent while content is shown unchanged. */
export interface Unsaved {
  title: string;
  content: string;
  shown?: string;
  exact?: string;
}

export interface Result {
  requestId: string;
  at: number;
  event: string;
  qualifier: string;
  /** failed: the function says so; refused: it did not run; left: nobody waited for its end */
  outcome: 'succeeded' | 'failed' | 'refused' | 'left';
  /** left: an instance had the event */
  running?: boolean;
  errorType?: string;
  refusal?: Refusal;
  value: string;
  log: string;
  logCut?: boolean;
  durationMs?: number;
  memoryMB?: number;
  checksum: string;
  version?: string;
  // Of the run's record, a moment later:
  cold?: boolean;
  initNanos?: number;
  billedMs?: number;
}

/** Progress is how far a test is that is under way. */
export interface Progress {
  event: string;
  qualifier: string;
  requestId?: string;
  /** begun: it waits for an instance; started: an instance has the event */
  phase: 'sent' | 'begun' | 'started';
  cold?: boolean;
  initNanos?: number;
  log: string; // so far
  cut?: boolean; // its begin is not kept
}

export interface Tests {
  chosen: Chosen | null;
  results: readonly Result[];
  running: number | null; // since when
  progress: Progress | null; // while it is running
}

const empty: Tests = { chosen: null, results: [], running: null, progress: null };
const all = new Map<string, Tests>();
const watchers = new Set<() => void>();
const stops = new Map<string, AbortController>();
const kept = 20; // results
const keptLog = 64 * 1024; // characters of output of a test under way
const pace = 120; // milliseconds between looks, however much is printed

function set(name: string, part: Partial<Tests>) {
  all.set(name, { ...(all.get(name) ?? empty), ...part });
  for (const f of watchers) f();
}

const subscribe = (f: () => void) => {
  watchers.add(f);
  return () => void watchers.delete(f);
};

export const useTests = (name: string): Tests => useSyncExternalStore(subscribe, () => all.get(name) ?? empty);

export const choose = (name: string, chosen: Chosen | null): void => set(name, { chosen });

/** stop gives up waiting; a run that an instance has goes on until it ends or its timeout. */
export const stop = (name: string): void => stops.get(name)?.abort();

/** sent is what goes to the function. */
export const sent = (u: Unsaved): string => (u.exact !== undefined && u.content === u.shown ? u.exact : u.content);

const text = (base64: string) => new TextDecoder().decode(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)));

/** watchName is a name that nobody guesses, to ask for a run's output by. */
const watchName = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');

/** follow shows what a run prints while it goes, until the signal. */
async function follow(name: string, watch: string, signal: AbortSignal): Promise<void> {
  let after = 0;
  let phase = 0;
  while (!signal.aborted) {
    let o: Output;
    try {
      o = await api.get<Output>(path(name) + '/output', { watch, after, phase, wait: 25 }, signal);
    } catch {
      return; // the answer will tell
    }
    const p = all.get(name)?.progress;
    if (!p || signal.aborted) return;
    [after, phase] = [o.next, o.phase];
    const log = (o.cut ? '' : p.log) + o.log;
    set(name, {
      progress: {
        ...p, requestId: o.requestId, phase: (['sent', 'begun', 'started'] as const)[o.phase] ?? 'started', cold: o.cold, initNanos: o.initNanos,
        log: log.slice(-keptLog), cut: p.cut || o.cut || log.length > keptLog,
      },
    });
    if (o.over) return;
    await new Promise((resolve) => setTimeout(resolve, pace));
  }
}

/** invoke runs a function with an event, and keeps the result. */
export async function invoke(name: string, qualifier: string, title: string, event: string): Promise<void> {
  if (all.get(name)?.running) return;
  const at = Date.now();
  const controller = new AbortController();
  stops.set(name, controller);
  const watch = watchName();
  const watching = new AbortController();
  set(name, { running: at, progress: { event: title, qualifier, phase: 'sent', log: '' } });
  void follow(name, watch, watching.signal);
  let result: Result;
  try {
    const r = await send('/fc/2023-03-30' + path(name) + '/invocations' + (qualifier === 'LATEST' ? '' : '?qualifier=' + encodeURIComponent(qualifier)), {
      method: 'POST', body: event, signal: controller.signal, headers: { 'X-Fc-Log-Type': 'Tail', 'X-Fc-Invocation-Type': 'Sync', 'X-Alcedo-Watch': watch },
    });
    const h = r.headers;
    const errorType = h.get('X-Fc-Error-Type') ?? undefined;
    result = {
      requestId: h.get('X-Fc-Request-Id') ?? '', at, event: title, qualifier, outcome: errorType ? 'failed' : 'succeeded', errorType,
      value: await r.text(), log: text(h.get('X-Fc-Log-Result') ?? ''), durationMs: Number(h.get('X-Fc-Invocation-Duration')), memoryMB: Number(h.get('X-Fc-Max-Memory-Usage')),
      checksum: h.get('X-Fc-Code-Checksum') ?? '', version: h.get('X-Fc-Invocation-Service-Version') ?? undefined,
    };
  } catch (err) {
    if (controller.signal.aborted) {
      const p = all.get(name)?.progress;
      result = { requestId: p?.requestId ?? '', at, event: title, qualifier, outcome: 'left', running: p?.phase === 'started', value: '', log: p?.log ?? '', logCut: p?.cut, checksum: '' };
    } else {
      const refusal = err instanceof Refusal ? err : new Refusal(-1, 'Error', String(err));
      result = { requestId: refusal.requestId, at, event: title, qualifier, outcome: 'refused', refusal, value: '', log: '', checksum: '' };
    }
  } finally {
    watching.abort();
    stops.delete(name);
  }
  set(name, { running: null, progress: null, results: [result, ...(all.get(name)?.results ?? [])].slice(0, kept) });
  if (result.requestId && result.outcome !== 'refused' && result.outcome !== 'left') void complete(name, result.requestId);
}

// The record of a run is written a moment after its answer; it has what headers lack.
async function complete(name: string, requestId: string) {
  for (const pause of [150, 250, 500, 1000, 2000]) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    try {
      const [a] = await api.get<Attempt[]>('/runs/' + requestId);
      if (!a) continue;
      const more = { cold: a.cold, initNanos: a.initNanos, billedMs: a.billedMs, log: a.log, logCut: a.logCut };
      return set(name, { results: (all.get(name)?.results ?? []).map((r) => (r.requestId === requestId ? { ...r, ...more } : r)) });
    } catch (err) {
      if (!(err instanceof Refusal && err.status === 404)) return;
    }
  }
}

export interface Failure {
  type: string;
  message: string;
  stack: string;
}

/** failureOf reads the error that a function's failure answers with; null if it is of another form. */
export function failureOf(value: string): Failure | null {
  try {
    const j = JSON.parse(value) as { errorMessage?: unknown; errorType?: unknown; stackTrace?: unknown };
    if (typeof j.errorMessage !== 'string') return null;
    const stack = Array.isArray(j.stackTrace) ? j.stackTrace.flat().join('\n') : typeof j.stackTrace === 'string' ? j.stackTrace : '';
    return { type: typeof j.errorType === 'string' ? j.errorType : '', message: j.errorMessage, stack };
  } catch {
    return null;
  }
}

/** pretty writes JSON for people, and anything else as it is. */
export function pretty(s: string): string {
  try {
    return JSON.stringify(JSON.parse(s), null, 2);
  } catch {
    return s;
  }
}

/** wrongJSON says what is wrong with a text that should be JSON, and where; null if nothing. */
export function wrongJSON(s: string): { message: string; at: number } | null {
  const error = (text: string): string => {
    try {
      JSON.parse(text);
      return '';
    } catch (err) {
      return messageOf(err);
    }
  };
  const message = error(s);
  if (!message) return null;
  const m = /position (\d+)/.exec(message);
  if (m) return { message, at: Math.min(Number(m[1]), s.length) };
  // V8 tells no position of an unexpected token: it is behind the longest beginning that
  // could still become JSON.
  let good = 0;
  for (let bad = s.length + 1; bad - good > 1; ) {
    const n = (good + bad) >> 1;
    const e = error(s.slice(0, n));
    const position = /position (\d+)/.exec(e)?.[1];
    if (!e || /end of|unterminated/i.test(e) || Number(position) === n) good = n;
    else bad = n;
  }
  return { message, at: good };
}
