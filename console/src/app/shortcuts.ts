import { useEffect, useRef } from 'react';

interface Shortcut {
  keys: string;
  label: string;
  also?: string;
  run?: { current: () => void };
  always: boolean;
}

const all = new Set<Shortcut>();

/** pressed writes a key event as shortcuts are written: "mod+k", "?", "shift+arrowup". */
export function pressed(e: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'shiftKey' | 'altKey'>): string {
  const key = e.key.toLowerCase();
  const printable = key.length === 1 && key !== ' ';
  return (e.ctrlKey || e.metaKey ? 'mod+' : '') + (e.altKey ? 'alt+' : '') + (e.shiftKey && (!printable || /[a-z]/.test(key)) ? 'shift+' : '') + key;
}

function typing(target: EventTarget | null): boolean {
  const e = target as HTMLElement | null;
  return !!e && (e.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(e.tagName));
}

window.addEventListener('keydown', (e) => {
  if (e.defaultPrevented) return;
  const keys = pressed(e);
  for (const s of [...all].reverse()) {
    if (!s.run || s.keys !== keys || (typing(e.target) && !s.always)) continue;
    e.preventDefault();
    s.run.current();
    return;
  }
});

/**
 * useShortcut binds keys while the component is there; the last one bound wins. Plain keys
 * are off while the reader types, unless always is set. Without run the keys are only
 * listed: something on the page minds them itself. also are keys that do likewise there.
 */
export function useShortcut(keys: string, label: string, run?: () => void, { always = false, off = false, also }: { always?: boolean; off?: boolean; also?: string } = {}): void {
  const current = useRef(() => {});
  current.current = run ?? (() => {});
  const listed = !run;
  useEffect(() => {
    if (off) return;
    const s = { keys, label, run: listed ? undefined : current, always, also };
    all.add(s);
    return () => void all.delete(s);
  }, [keys, label, listed, always, off, also]);
}

/** shown writes keys for people. */
export function shown(keys: string): string {
  const mac = navigator.platform.startsWith('Mac');
  return keys
    .split('+')
    .map((k) => ({ mod: mac ? '⌘' : 'Ctrl', shift: '⇧', enter: '↵', escape: 'Esc', home: 'Home', end: 'End', pageup: 'PgUp', pagedown: 'PgDn', arrowup: '↑', arrowdown: '↓', arrowleft: '←', arrowright: '→' })[k] ?? k.toUpperCase())
    .join(' ');
}

/** shortcuts are those of the page as it is, each once. */
export function shortcuts(): { keys: string; label: string; also?: string }[] {
  return [...new Map([...all].map((s) => [s.keys, s])).values()];
}
