import { useMemo } from 'react';
import { Copy } from './ui';
import './json-view.css';

const token = /("(?:\\.|[^"\\])*"(?=\s*:))|("(?:\\.|[^"\\])*")|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/g;

/** JsonView shows a value as indented JSON, and copies it. A text is shown as it is. */
export function JsonView({ value, label }: { value: unknown; label: string }) {
  const text = useMemo(() => (typeof value === 'string' ? value : JSON.stringify(value, null, 2)), [value]);
  const parts = useMemo(() => {
    if (typeof value === 'string' || text.length > 100_000) return [text];
    const out: React.ReactNode[] = [];
    let at = 0;
    for (const m of text.matchAll(token)) {
      out.push(text.slice(at, m.index), <span key={m.index} className={m[1] ? 'json-key' : m[2] ? 'json-text' : 'json-word'}>{m[0]}</span>);
      at = m.index + m[0].length;
    }
    out.push(text.slice(at));
    return out;
  }, [value, text]);
  return (
    <div className="json-view">
      <span className="json-copy">
        <Copy text={text} />
      </span>
      <pre tabIndex={0} role="region" aria-label={label}>
        {parts}
      </pre>
    </div>
  );
}
