// What every section of the configuration needs to save what was typed.
import { useQueryClient } from '@tanstack/react-query';
import { Alert } from 'antd';
import { useEffect, useState, type ReactNode } from 'react';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { MayButton, useResources } from '../../../shared/may';
import { Problem } from '../../../shared/ui';
import { keys } from '../api';

export interface Saving {
  busy: boolean;
  saved: boolean;
  problem: unknown;
  /** run saves; what it throws is handed to told, which returns true if it said so at a field. */
  run: (f: () => Promise<unknown>, told?: (err: unknown) => boolean) => Promise<void>;
  clear: () => void;
}

/** useSaving runs one save at a time and says what came of it. */
export function useSaving(fn: string, done?: () => void): Saving {
  const client = useQueryClient();
  const [state, setState] = useState<{ busy: boolean; saved: boolean; problem: unknown }>({ busy: false, saved: false, problem: null });
  useEffect(() => {
    if (!state.saved) return;
    const id = setTimeout(() => setState((s) => ({ ...s, saved: false })), 4000);
    return () => clearTimeout(id);
  }, [state.saved]);
  const run: Saving['run'] = async (f, told) => {
    setState({ busy: true, saved: false, problem: null });
    try {
      await f();
      await client.invalidateQueries({ queryKey: keys.one(fn) });
      setState({ busy: false, saved: true, problem: null });
      done?.();
    } catch (err) {
      setState({ busy: false, saved: false, problem: told?.(err) ? null : err });
    }
  };
  return { ...state, run, clear: () => setState((s) => ({ ...s, problem: null })) };
}

/** SaveBar is the end of a section: what came of the last save, and the next. */
export function SaveBar({ saving, save, changed, children, fn, action = 'fc:UpdateFunction' }: { saving: Saving; save?: () => void; changed: boolean; children?: ReactNode; fn: string; action?: string }) {
  const resource = useResources();
  const { t } = useTranslation('functions');
  return (
    <>
      {saving.problem ? (
        <div className="gap-below">
          <Problem error={saving.problem} />
        </div>
      ) : null}
      <div className="row save-bar">
        <MayButton action={action} resource={resource.fn(fn)} type="primary" htmlType={save ? 'button' : 'submit'} onClick={save} loading={saving.busy} disabled={!changed}>
          {t('common:save')}
        </MayButton>
        {children}
        <span role="status" className="saved">
          {saving.saved && t('configuration.saved')}
        </span>
      </div>
    </>
  );
}

/** Frozen says that a version's settings do not change. */
export function Frozen({ qualifier }: { qualifier: string }) {
  const { t } = useTranslation('functions');
  return (
    <Alert
      type="info"
      showIcon
      className="gap-below"
      title={t('configuration.frozen', { qualifier })}
      action={
        <Link to="." search={(s) => ({ ...s, qualifier: undefined })}>
          {t('toLatest')}
        </Link>
      }
    />
  );
}
