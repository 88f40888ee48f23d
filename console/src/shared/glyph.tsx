// The icons of Ant Design without their machinery: each of theirs looks through the
// document's style sheets when it appears, and a list has a hundred.
import type { IconDefinition } from '@ant-design/icons-svg/es/types';
import type { ReactElement } from 'react';

/** glyph makes a component of an icon; it says nothing to a screen reader. */
export function glyph(of: IconDefinition): (p: { spin?: boolean }) => ReactElement {
  const svg = typeof of.icon === 'function' ? of.icon('currentColor', 'currentColor') : of.icon;
  const paths = (svg.children ?? []).map((c) => c.attrs.d!);
  return function Glyph({ spin }) {
    return (
      <span className="anticon" aria-hidden>
        <svg viewBox={svg.attrs.viewBox} width="1em" height="1em" fill="currentColor" className={spin ? 'anticon-spin' : undefined}>
          {paths.map((d) => (
            <path key={d} d={d} />
          ))}
        </svg>
      </span>
    );
  };
}
