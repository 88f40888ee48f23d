import { Suspense } from 'react';
import { lazy } from '../../../shared/lazy';

const Editor = lazy(() => import('../../../shared/editor'));

interface Props {
  name?: string;
  label: string;
  value?: string;
  onChange?: (value: string) => void;
  invalid?: boolean;
  height: number;
}

/** JsonField edits a JSON text. Esc leaves the editor, not the panel that it stands in. */
export function JsonField({ name = 'pattern.json', label, value = '', onChange, invalid, height }: Props) {
  return (
    <div className={'json-field' + (invalid ? ' invalid' : '')} style={{ height }} onKeyDown={(e) => e.key === 'Escape' && e.stopPropagation()}>
      <Suspense>
        <Editor name={name} label={label} value={value} onChange={onChange} invalid={invalid} wrap />
      </Suspense>
    </div>
  );
}
