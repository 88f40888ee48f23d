import { CloseCircleFilled, ExclamationCircleFilled, InfoCircleFilled } from '@ant-design/icons';
import { Skeleton } from 'antd';
import { Suspense, useId, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { complete } from './complete';
import { at } from './json';
import { validate, type Finding, type PolicyKind } from './policy';
import { lazy } from '../../shared/lazy';

const Editor = lazy(() => import('../../shared/editor'));

const icons = { error: <CloseCircleFilled />, warning: <ExclamationCircleFilled />, info: <InfoCircleFilled /> };
const shown = 5;

/** DocumentField edits a policy's JSON and says beneath it what is wrong and where. */
export function DocumentField({ label, name, value, change, kind, readOnly, problem }: {
  label: string;
  /** name tells documents apart: each has its own undo */
  name: string;
  value: string;
  change: (text: string) => void;
  kind: PolicyKind;
  readOnly?: boolean;
  /** problem is what the server said of this document */
  problem?: string;
}) {
  const { t } = useTranslation('access');
  const id = useId();
  const findings = useMemo(() => (readOnly ? [] : validate(value, kind)), [value, kind, readOnly]);
  const say = (f: Finding) => t(`policy.finding.${f.code}`, f.params);
  const bad = !!problem || findings.some((f) => f.severity === 'error');
  return (
    <div className={'document' + (bad ? ' document-bad' : '')}>
      {/* Esc is the editor's own here, as its hint says: the drawer stays. */}
      <div className="document-editor" onKeyDown={(e) => e.key === 'Escape' && e.stopPropagation()}>
        <Suspense fallback={<Skeleton active />}>
          <Editor
            label={label}
            name={name + '.json'}
            value={value}
            onChange={change}
            readOnly={readOnly}
            wrap
            lint={(text) => validate(text, kind).map((f) => ({ from: f.from, to: f.to, severity: f.severity, message: say(f) }))}
            complete={(text, pos) => complete(text, pos, kind)}
            invalid={bad}
            describedBy={id}
          />
        </Suspense>
      </div>
      <ul id={id} className="findings" aria-live="polite">
        {problem && (
          <li className="finding-error">
            <span aria-hidden>{icons.error}</span> <span>{problem}</span>
          </li>
        )}
        {findings.slice(0, shown).map((f, i) => (
          <li key={i} className={'finding-' + f.severity}>
            <span aria-hidden>{icons[f.severity]}</span> <span>{t('policy.at', { ...at(value, f.from), what: say(f) })}</span>
          </li>
        ))}
        {findings.length > shown && <li className="dim">{t('policy.moreFindings', { count: findings.length - shown })}</li>}
      </ul>
    </div>
  );
}
