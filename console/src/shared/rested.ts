import { useEffect, useState } from 'react';

/** useRested is a value once it has stayed the same for some milliseconds: what somebody types, when they pause. */
export function useRested<T>(value: T, ms = 300): T {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const id = setTimeout(() => setRested(value), ms);
    return () => clearTimeout(id);
  }, [value, ms]);
  return rested;
}
