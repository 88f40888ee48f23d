// Whether there are uploads to show. It is known without loading the queue, also after a
// reload, so that the shell loads the queue's panel only when there is something in it.
import { useSyncExternalStore } from 'react';

const flag = 'alcedo.uploads';
let on = localStorage.getItem(flag) !== null;
const watchers = new Set<() => void>();

/** sayUploading says whether there are uploads, finished or not; it outlives a reload. */
export function sayUploading(now: boolean): void {
  if (now) localStorage.setItem(flag, '1');
  else localStorage.removeItem(flag);
  if (on === now) return;
  on = now;
  for (const f of watchers) f();
}

const subscribe = (f: () => void) => {
  watchers.add(f);
  return () => void watchers.delete(f);
};

export const useUploading = (): boolean => useSyncExternalStore(subscribe, () => on);
