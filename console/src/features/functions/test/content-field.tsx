import { Spin } from 'antd';
import { Suspense, useId } from 'react';
import { useTranslation } from 'react-i18next';
import { wrongJSON } from './session';
import { lazy } from '../../../shared/lazy';

const Editor = lazy(() => import('../../../shared/editor'));

function Waits() {
  const { t } = useTranslation('functions');
  return (
    <div className="content-waits" role="status" aria-label={t('common:loading')}>
      <Spin />
    </div>
  );
}

/** EditorWaits stands where a ContentField will, and takes as much room. */
export function EditorWaits() {
  return (
    <div className="content-field">
      <div className="content-editor">
        <Waits />
      </div>
    </div>
  );
}

/** ContentField edits an event; what is wrong with its JSON stands below it. */
export function ContentField({ value, onChange, error, name = 'event.json' }: { value: string; onChange: (v: string) => void; error?: string; name?: string }) {
  const { t } = useTranslation('functions');
  const id = useId();
  const wrong = wrongJSON(value);
  const shown = error || (wrong && t('test.notJSON', { line: value.slice(0, wrong.at).split('\n').length, why: wrong.message }));
  return (
    <div className="content-field">
      <div className="content-editor">
        <Suspense fallback={<Waits />}>
          <Editor
            name={name}
            label={t('test.content')}
            value={value}
            onChange={onChange}
            wrap
            invalid={!!shown}
            describedBy={shown ? id : undefined}
            lint={(text) => {
              const w = wrongJSON(text);
              return w ? [{ from: Math.min(w.at, text.length), to: Math.min(w.at + 1, text.length), severity: 'error', message: w.message }] : [];
            }}
          />
        </Suspense>
      </div>
      {shown && (
        <div id={id} role="alert" className="content-error">
          {shown}
        </div>
      )}
    </div>
  );
}
