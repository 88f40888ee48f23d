import { useCallback, useEffect, useRef } from 'react';

/** useThere tells whether what calls it is still on the page: an answer that comes later takes nobody away from where they are by then. */
export function useThere(): () => boolean {
  const there = useRef(true);
  useEffect(() => {
    there.current = true;
    return () => void (there.current = false);
  }, []);
  return useCallback(() => there.current, []);
}
