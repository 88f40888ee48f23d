import { Alert, Button } from 'antd';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Refusal } from '../../shared/api';

/** Facts are names and values, in two columns where there is room. */
export function Facts({ of }: { of: [ReactNode, ReactNode][] }) {
  return (
    <dl className="access-facts">
      {of.map(([name, value], i) => (
        <div key={i}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Saving stays in sight while something is not saved. */
export function Saving({ changed, busy, refused, invalid, save, discard }: { changed: boolean; busy: boolean; refused: Refusal | null; invalid: boolean; save: () => void; discard: () => void }) {
  const { t } = useTranslation('access');
  if (!changed) return null;
  return (
    <div className="saving">
      {refused && <Alert type="error" showIcon role="alert" title={refused.message} />}
      <div className="row">
        <span className={invalid ? 'finding-error' : 'dim'} role="status">
          {t(invalid ? 'fixFirst' : 'notSaved')}
        </span>
        <span className="grow" />
        <Button onClick={discard} disabled={busy}>
          {t('discard')}
        </Button>
        <Button type="primary" onClick={save} loading={busy}>
          {t('common:save')}
        </Button>
      </div>
    </div>
  );
}
