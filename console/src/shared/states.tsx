// What became of a delivery or a job: a shape and a word, never a colour alone.
import CheckCircleFilled from '@ant-design/icons-svg/es/asn/CheckCircleFilled';
import ClockCircleOutlined from '@ant-design/icons-svg/es/asn/ClockCircleOutlined';
import CloseCircleFilled from '@ant-design/icons-svg/es/asn/CloseCircleFilled';
import DisconnectOutlined from '@ant-design/icons-svg/es/asn/DisconnectOutlined';
import FieldTimeOutlined from '@ant-design/icons-svg/es/asn/FieldTimeOutlined';
import MinusCircleOutlined from '@ant-design/icons-svg/es/asn/MinusCircleOutlined';
import PauseCircleOutlined from '@ant-design/icons-svg/es/asn/PauseCircleOutlined';
import QuestionCircleOutlined from '@ant-design/icons-svg/es/asn/QuestionCircleOutlined';
import RetweetOutlined from '@ant-design/icons-svg/es/asn/RetweetOutlined';
import RedoOutlined from '@ant-design/icons-svg/es/asn/RedoOutlined';
import StopOutlined from '@ant-design/icons-svg/es/asn/StopOutlined';
import SyncOutlined from '@ant-design/icons-svg/es/asn/SyncOutlined';
import type { ComponentType, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { glyph } from './glyph';
import './states.css';

type Tone = 'good' | 'bad' | 'busy' | 'careful' | 'quiet';

const unknown = glyph(QuestionCircleOutlined);
const looks: Record<string, [ComponentType<{ spin?: boolean }>, Tone]> = {
  None: [glyph(MinusCircleOutlined), 'quiet'],
  Enqueued: [glyph(ClockCircleOutlined), 'quiet'],
  Running: [glyph(SyncOutlined), 'busy'],
  Retrying: [glyph(RedoOutlined), 'careful'],
  Succeeded: [glyph(CheckCircleFilled), 'good'],
  Failed: [glyph(CloseCircleFilled), 'bad'],
  Expired: [glyph(FieldTimeOutlined), 'bad'],
  Invalid: [glyph(DisconnectOutlined), 'bad'],
  LoopStopped: [glyph(RetweetOutlined), 'careful'],
  Stopped: [glyph(StopOutlined), 'careful'],
  Paused: [glyph(PauseCircleOutlined), 'careful'],
  Done: [glyph(CheckCircleFilled), 'good'],
  Canceled: [glyph(StopOutlined), 'quiet'],
};

/** over reports whether nothing more will come of a delivery in this state. */
export function over(state: string): boolean {
  return state !== 'Enqueued' && state !== 'Running' && state !== 'Retrying';
}

/** told is the state that readers are told: a run that was refused to end a loop failed, and nothing is wrong with it. */
export function told(state: string, reason?: string): string {
  return state === 'Failed' && reason === 'RecursiveInvocation' ? 'LoopStopped' : state;
}

export function StateIcon({ state }: { state: string }) {
  const [Icon, tone] = looks[state] ?? [unknown, 'quiet'];
  return (
    <span className={`state-icon tone-${tone}`} aria-hidden>
      <Icon spin={state === 'Running'} />
    </span>
  );
}

/** Note is a remark beside what it is about, with the sign of a state. */
export function Note({ state, title, children }: { state: string; title: ReactNode; children?: ReactNode }) {
  const [, tone] = looks[state] ?? [unknown, 'quiet'];
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
export function StatePill({ state: of, reason, children }: { state: string; reason?: string; children?: ReactNode }) {
  const { t } = useTranslation('events');
  const state = told(of, reason);
  const [, tone] = looks[state] ?? [unknown, 'quiet'];
  const word = t(`state.${state}`, { defaultValue: state });
  const why = reason && state !== 'LoopStopped' ? t(`reason.${reason}`, { defaultValue: reason }) : '';
  return (
    <span className={`pill tone-${tone}`} data-state={state} title={why ? `${word}: ${why}` : word}>
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
