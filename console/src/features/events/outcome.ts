import type { Attempt, Event, Owed } from '../../api/gen';
import { over, told } from '../../shared/states';

/** Outcome of an event: the state that stands for all of its runs, of how many, of all. */
export interface Outcome {
  state: string;
  some: number;
  all: number;
}

// What is worth to be told first, when runs differ.
const order = ['Failed', 'Invalid', 'Expired', 'LoopStopped', 'Stopped', 'Retrying', 'Running', 'Enqueued', 'Succeeded'];

export function outcomeOf(e: Pick<Event, 'owed' | 'hiddenRuns'>): Outcome {
  const owed = e.owed ?? [];
  const states = owed.map((o) => told(o.state, o.reason));
  const state = order.find((s) => states.includes(s));
  if (!state) return { state: e.hiddenRuns ? 'Hidden' : 'None', some: 0, all: owed.length };
  return { state, some: states.filter((s) => s === state).length, all: owed.length };
}

/** pending are the events of which something is still to come, the first of at most n. */
export function pending(events: readonly Event[], n: number): string[] {
  const out: string[] = [];
  for (const e of events) {
    if (out.length === n) break;
    if (e.owed?.some((o: Owed) => !over(o.state))) out.push(e.id);
  }
  return out;
}

/** news are those of a page that are not known yet, the latest first. */
export function news(known: ReadonlySet<string>, page: readonly Event[], ascending: boolean): Event[] {
  const list = page.filter((e) => !known.has(e.id));
  return ascending ? list.reverse() : list;
}

/** patched replaces events by what is known of them now; the same array if nothing changed. */
export function patched(events: Event[] | null, now: ReadonlyMap<string, Event>): Event[] | null {
  if (!events?.some((e) => now.has(e.id))) return events;
  return events.map((e) => now.get(e.id) ?? e);
}

/** errorMessage reads what a failed function returned: {"errorMessage": …}. */
export function errorMessage(a: Attempt): string {
  try {
    const p = JSON.parse(a.payload ?? '') as { errorMessage?: string; errorType?: string };
    return [p.errorType, p.errorMessage].filter(Boolean).join(': ') || (a.errorType ?? '');
  } catch {
    return a.errorType ?? a.fault ?? '';
  }
}
