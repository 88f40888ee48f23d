import { useEffect, useRef, type KeyboardEvent } from 'react';
import './tab-strip.css';

export interface Tab<K extends string> {
  key: K;
  label: string;
  disabled?: boolean;
}

/** TabStrip is a row of tabs that scrolls where it is narrow; arrows, Home and End walk it. */
export function TabStrip<K extends string>({ label, tabs, active, onChange }: { label: string; tabs: Tab<K>[]; active: K; onChange: (key: K) => void }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const b = box.current;
    const e = b?.querySelector<HTMLElement>('[aria-selected="true"]');
    if (b && e) b.scrollLeft = Math.max(0, e.offsetLeft - (b.clientWidth - e.offsetWidth) / 2);
  }, [active]);
  const keys = (e: KeyboardEvent) => {
    const usable = tabs.filter((t) => !t.disabled);
    const at = usable.findIndex((t) => t.key === active);
    const to = { ArrowRight: (at + 1) % usable.length, ArrowLeft: (at - 1 + usable.length) % usable.length, Home: 0, End: usable.length - 1 }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    onChange(usable[to]!.key);
    box.current?.querySelector<HTMLElement>(`[data-key="${usable[to]!.key}"]`)?.focus();
  };
  return (
    <div role="tablist" aria-label={label} className="tab-strip" ref={box} onKeyDown={keys}>
      {tabs.map((t) => (
        <button key={t.key} type="button" role="tab" data-key={t.key} aria-selected={t.key === active} disabled={t.disabled} tabIndex={t.key === active ? 0 : -1} onClick={() => onChange(t.key)}>
          {t.label}
        </button>
      ))}
    </div>
  );
}
