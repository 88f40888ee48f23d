// What is being typed outlives a closed drawer and a reload, until it is saved or discarded.
import { useCallback, useMemo, useState } from 'react';

const prefix = 'alcedo.access.';

function kept<T>(key: string): T | undefined {
  try {
    return JSON.parse(sessionStorage.getItem(prefix + key) ?? 'null') ?? undefined;
  } catch {
    return undefined;
  }
}

/** useDraft holds what differs from saved; changed says that something does. */
export function useDraft<T>(key: string, saved: T): { value: T; change: (v: T) => void; changed: boolean; discard: () => void } {
  const [draft, setDraft] = useState<T | undefined>(() => kept<T>(key));
  const base = JSON.stringify(saved);
  const changed = useMemo(() => draft !== undefined && JSON.stringify(draft) !== base, [draft, base]);
  const change = useCallback(
    (v: T) => {
      setDraft(v);
      if (JSON.stringify(v) === base) sessionStorage.removeItem(prefix + key);
      else sessionStorage.setItem(prefix + key, JSON.stringify(v));
    },
    [key, base],
  );
  const discard = useCallback(() => {
    sessionStorage.removeItem(prefix + key);
    setDraft(undefined);
  }, [key]);
  return { value: changed ? draft! : saved, change, changed, discard };
}
