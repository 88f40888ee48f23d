import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import type { Zone } from '../shared/format';

export type Mode = 'light' | 'dark' | 'system';

interface Settings {
  mode: Mode;
  dark: boolean;
  /** the reader's system asks for less motion */
  still: boolean;
  setMode: (m: Mode) => void;
  zone: Zone;
  setZone: (z: Zone) => void;
}

const context = createContext<Settings | null>(null);

/** useSettings gives what the reader has chosen: theme and time zone. Kept in the browser. */
export function useSettings(): Settings {
  const s = useContext(context);
  if (!s) throw new Error('useSettings outside of SettingsProvider');
  return s;
}

function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const m = matchMedia(query);
    const f = () => setMatches(m.matches);
    m.addEventListener('change', f);
    return () => m.removeEventListener('change', f);
  }, [query]);
  return matches;
}

export function SettingsProvider({ children }: { children: ReactNode }) {
  const [mode, setModeState] = useState<Mode>(() => (localStorage.getItem('alcedo.theme') as Mode | null) ?? 'system');
  const [zone, setZoneState] = useState<Zone>(() => (localStorage.getItem('alcedo.zone') as Zone | null) ?? 'local');
  const systemDark = useMedia('(prefers-color-scheme: dark)');
  const still = useMedia('(prefers-reduced-motion: reduce)');
  const dark = mode === 'dark' || (mode === 'system' && systemDark);
  useEffect(() => {
    document.documentElement.dataset.theme = dark ? 'dark' : 'light';
  }, [dark]);
  const setMode = useCallback((m: Mode) => {
    localStorage.setItem('alcedo.theme', m);
    setModeState(m);
  }, []);
  const setZone = useCallback((z: Zone) => {
    localStorage.setItem('alcedo.zone', z);
    setZoneState(z);
  }, []);
  const value = useMemo(() => ({ mode, dark, still, setMode, zone, setZone }), [mode, dark, still, setMode, zone, setZone]);
  return <context.Provider value={value}>{children}</context.Provider>;
}
