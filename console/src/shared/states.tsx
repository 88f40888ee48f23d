// What became of a delivery or a job: a shape and a word, never a colour alone.
import {
  CheckCircleFilled, ClockCircleOutlined, CloseCircleFilled, DisconnectOutlined, FieldTimeOutlined, MinusCircleOutlined, PauseCircleOutlined,
  QuestionCircleOutlined, RedoOutlined, StopOutlined, SyncOutlined,
} from '@ant-design/icons';
import type { ComponentType, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import './states.css';

type Tone = 'good' | 'bad' | 'busy' | 'careful' | 'quiet';

const looks: Record<string, [ComponentType<{ spin?: boolean }>, Tone]> = {
  None: [MinusCircleOutlined, 'quiet'],
  Enqueued: [ClockCircleOutlined, 'quiet'],
  Running: [SyncOutlined, 'busy'],
  Retrying: [RedoOutlined, 'careful'],
  Succeeded: [CheckCircleFilled, 'good'],
  Failed: [CloseCircleFilled, 'bad'],
  Expired: [FieldTimeOutlined, 'bad'],
  Invalid: [DisconnectOutlined, 'bad'],
  Stopped: [StopOutlined, 'careful'],
  Paused: [PauseCircleOutlined, 'careful'],
  Done: [CheckCircleFilled, 'good'],
  Canceled: [StopOutlined, 'quiet'],
};

/** over reports whether nothing more will come of a delivery in this state. */
export function over(state: string): boolean {
  return state !== 'Enqueued' && state !== 'Running' && state !== 'Retrying';
}

export function StateIcon({ state }: { state: string }) {
  const [Icon, tone] = looks[state] ?? [QuestionCircleOutlined, 'quiet'];
  return (
    <span className={`state-icon tone-${tone}`} aria-hidden>
      <Icon spin={state === 'Running'} />
    </span>
  );
}

/** Note is a remark beside what it is about, with the sign of a state. */
export function Note({ state, title, children }: { state: string; title: ReactNode; children?: ReactNode }) {
  const [, tone] = looks[state] ?? [QuestionCircleOutlined, 'quiet'];
  return (
    <div className={`note tone-${tone}`}>
      <StateIcon state={state} />
      <div className="note-text">
        <div className="note-title">{title}</div>
        {children}
      </div>
    </div>
  );
}

/** StatePill says a state; with children, of what: the state's word is then read out and shown on hover. */
export function StatePill({ state, reason, children }: { state: string; reason?: string; children?: ReactNode }) {
  const { t } = useTranslation('events');
  const [, tone] = looks[state] ?? [QuestionCircleOutlined, 'quiet'];
  const word = t(`state.${state}`, { defaultValue: state });
  return (
    <span className={`pill tone-${tone}`} data-state={state} title={reason ? `${word}: ${reason}` : word}>
      <StateIcon state={state} />
      {children ? (
        <>
          <span className="pill-text">{children}</span>
          <span className="off-screen">{word}</span>
        </>
      ) : (
        <span className="pill-text">{word}</span>
      )}
    </span>
  );
}
