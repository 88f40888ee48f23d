import type { ReactNode } from 'react';
import './facts.css';

/** Facts are names and values; what is empty is left out. They stand side by side, or with lines each in one of its own. */
export function Facts({ of, lines }: { of: [string, ReactNode][]; lines?: boolean }) {
  return (
    <dl className={lines ? 'facts fact-lines' : 'facts'}>
      {of
        .filter(([, v]) => v !== undefined && v !== null && v !== '' && v !== false)
        .map(([name, v]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{v}</dd>
          </div>
        ))}
    </dl>
  );
}
