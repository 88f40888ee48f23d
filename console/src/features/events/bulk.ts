import type { DeadFilter, DeadOrder, DeadResult } from '../../api/gen';

/** Progress of a bulk order: how many are done, of how many if that is known. */
export interface Progress {
  done: number;
  of?: number;
}

const batch = 100;

/**
 * inBulk deals with dead letters batch by batch until all are dealt with or signal aborts:
 * those named, or all that match a filter. ids are told as they are dealt with.
 */
export async function inBulk(
  what: { ids: string[] } | { filter: DeadFilter },
  post: (order: DeadOrder) => Promise<DeadResult>,
  signal: AbortSignal,
  tell: (p: Progress, ids: string[]) => void,
): Promise<Progress> {
  let done = 0;
  if ('ids' in what) {
    for (let i = 0; i < what.ids.length && !signal.aborted; i += batch) {
      const ids = what.ids.slice(i, i + batch);
      done += (await post({ ids })).count;
      tell({ done, of: what.ids.length }, ids);
    }
    return { done, of: what.ids.length };
  }
  let order: DeadOrder = { filter: what.filter, batch };
  while (!signal.aborted) {
    const r = await post(order);
    done += r.count;
    tell({ done }, []);
    if (!r.more) return { done, of: done };
    order = { ...order, after: r.after, before: r.before };
  }
  return { done };
}
