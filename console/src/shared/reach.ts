// Whether the server answers: one state for all that is on the page. Every request tells;
// where none is under way, a probe asks, and while nobody answers it goes on asking, so
// that what failed is fetched again as soon as the server is back.
import { useSyncExternalStore } from 'react';

let lost: number | null = null;
let heard = Date.now();
let polls = 0;
const listeners = new Set<(ok: boolean) => void>();

/** reached notes that the server has answered, or has not. */
export function reached(ok: boolean): void {
  if (ok) heard = Date.now();
  if ((lost === null) === ok) return;
  lost = ok ? null : Date.now();
  for (const f of listeners) f(ok);
}

/** onReach tells whether the server answers, whenever that changes. */
export function onReach(f: (ok: boolean) => void): () => void {
  listeners.add(f);
  return () => void listeners.delete(f);
}

/** useLost is since when the server has not answered; null while it does. */
export const useLost = (): number | null => useSyncExternalStore(onReach, () => lost);

/** polling counts the long polls that wait on the server: they see it go away by themselves. */
export function polling(change: 1 | -1): void {
  polls += change;
}

/** ping asks whether the server is there and ready. */
export async function ping(): Promise<boolean> {
  try {
    const r = await fetch('/healthz', { cache: 'no-store', signal: AbortSignal.timeout(8000) });
    reached(r.ok);
    return r.ok;
  } catch {
    reached(false);
    return false;
  }
}

/** answering resolves when the server answers: at once if it does. An aborted signal ends the wait. */
export function answering(signal?: AbortSignal): Promise<void> {
  if (lost === null || signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      forget();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const forget = onReach((ok) => ok && end());
    signal?.addEventListener('abort', end);
  });
}

const quiet = 5_000; // so long nothing may be heard before the server is asked
const first = 1_000; // between probes of a server that is away, growing
const longest = 5_000;

/** watch keeps asking for as long as the page is open, and only while it is in sight. */
export function watch(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pause = first;
  let busy = false;
  const plan = () => {
    clearTimeout(timer);
    if (document.visibilityState === 'visible') timer = setTimeout(() => void look(), lost === null ? quiet : pause);
  };
  const look = async () => {
    if (busy) return;
    busy = true;
    if (lost !== null) pause = Math.min(pause * 1.5, longest);
    if (lost !== null || (polls === 0 && Date.now() - heard >= quiet)) await ping();
    busy = false;
    plan();
  };
  onReach(() => {
    pause = first;
    plan();
  });
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') void look();
    else clearTimeout(timer);
  });
  plan();
}
