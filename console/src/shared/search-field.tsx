import { Input, type InputProps } from 'antd';
import { useState } from 'react';

/**
 * SearchField asks at Enter, at its button, and when it is emptied. What was asked comes back as q, from the address:
 * the field follows another question (Back, a link), and keeps the focus and what was typed since at its own.
 */
export function SearchField({ q = '', ask, label, className = 'search', ...more }: { q?: string; ask: (q: string) => void; label: string } & Pick<InputProps, 'className' | 'maxLength' | 'onKeyDown'>) {
  const [text, setText] = useState(q);
  const [shown, setShown] = useState(q);
  const [asked, setAsked] = useState<string>();
  if (q !== shown) {
    setShown(q);
    setAsked(undefined);
    if (q !== asked) setText(q);
  }
  return (
    <Input.Search
      allowClear {...more} placeholder={label} aria-label={label} className={className}
      value={text}
      onChange={(e) => setText(e.target.value)}
      onSearch={(now) => {
        setAsked(now);
        ask(now);
      }}
    />
  );
}
