// What is being typed outlives a closed drawer and a reload, until it is saved or discarded.
import { useCallback, useMemo, useRef, useState } from 'react';

const prefix = 'alcedo.access.';

/** Based is a value as the server had it at a revision; "" of something not made yet. */
export interface Based<T> {
  revision: string;
  value: T;
}

interface Kept<T> {
  value: T;
  base: Based<T>;
}

function kept<T>(key: string): Kept<T> | undefined {
  try {
    const k = JSON.parse(sessionStorage.getItem(prefix + key) ?? 'null') as Kept<T> | null;
    return k?.base && k.value !== undefined ? k : undefined;
  } catch {
    return undefined;
  }
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

export interface Draft<T> {
  value: T;
  /** base is what the draft was made from: what the server has, or had before somebody else changed it */
  base: Based<T>;
  changed: boolean;
  /** behind: there are changes, and what they were made from is no longer what the server has */
  behind: boolean;
  change: (v: T) => void;
  discard: () => void;
  /** rebase puts v in place of the draft, made from what the server has now */
  rebase: (v: T) => void;
  /** settle ends the draft when sent has been saved as made; what was typed since stays, made from that */
  settle: (sent: T, made: Based<T>) => void;
}

/** useDraft holds what differs from saved. */
export function useDraft<T>(key: string, saved: Based<T>): Draft<T> {
  const [draft, setDraft] = useState<Kept<T> | undefined>(() => kept<T>(key));
  const now = useRef(draft);
  now.current = draft;
  const changed = useMemo(() => draft !== undefined && !same(draft.value, draft.base.value) && !same(draft.value, saved.value), [draft, saved]);
  const base = changed ? draft!.base : saved;
  const put = useCallback(
    (k: Kept<T>) => {
      setDraft(k);
      if (same(k.value, k.base.value)) sessionStorage.removeItem(prefix + key);
      else sessionStorage.setItem(prefix + key, JSON.stringify(k));
    },
    [key],
  );
  const change = useCallback((value: T) => put({ value, base }), [put, base]);
  const rebase = useCallback((value: T) => put({ value, base: saved }), [put, saved]);
  const discard = useCallback(() => {
    sessionStorage.removeItem(prefix + key);
    setDraft(undefined);
  }, [key]);
  const settle = useCallback((sent: T, made: Based<T>) => (now.current && !same(now.current.value, sent) ? put({ value: now.current.value, base: made }) : discard()), [put, discard]);
  return { value: changed ? draft!.value : saved.value, base, changed, behind: changed && base.revision !== saved.revision, change, discard, rebase, settle };
}
