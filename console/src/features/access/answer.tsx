import { CheckCircleFilled, CheckOutlined, CloseCircleFilled, CloseOutlined, QuestionCircleFilled } from '@ant-design/icons';
import type { UseQueryResult } from '@tanstack/react-query';
import { Skeleton } from 'antd';
import { useTranslation } from 'react-i18next';
import type { ConsideredStatement, Explanation, TrustExplanation } from '../../api/gen';
import { Refusal } from '../../shared/api';
import { Said } from '../../shared/said';
import { Problem } from '../../shared/ui';
import type { Kind } from './question';

type T = (key: string, params?: Record<string, unknown>) => string;

// What an ACL can grant to everybody.
const grantable = new Set(['oss:GetObject', 'oss:PutObject', 'oss:DeleteObject', 'oss:AbortMultipartUpload']);

/** Answer tells whether something may be done, what decides, and how everything else stands to it. */
export function Answer({ kind, who, action, resource, own, trust }: {
  kind: Kind;
  who: string;
  action: string;
  resource: string;
  /** own is what the principal's policies say; a service has none */
  own: UseQueryResult<Explanation>;
  /** trust is what the role's trust policy says; undefined if no role is assumed */
  trust?: UseQueryResult<TrustExplanation>;
}) {
  const { t } = useTranslation('access');
  const service = kind === 'service';
  const hidden = !!trust?.error && trust.error instanceof Refusal && trust.error.status === 403 && !service;
  if (!service && own.error && !own.data) return <Problem error={own.error} retry={() => void own.refetch()} />;
  if (trust?.error && !trust.data && !hidden) return <Problem error={trust.error} retry={() => void trust.refetch()} />;
  if ((!service && !own.data) || (trust && !trust.data && !hidden)) return <Skeleton active />;
  const e = service ? undefined : own.data;
  const half = hidden && e!.allowed;
  const allowed = (e?.allowed ?? true) && (trust?.data?.allowed ?? true);
  const principal = e?.principal ?? who;
  return (
    <>
      <h2 className={'answer-verdict ' + (half ? 'answer-verdict-half' : allowed ? 'answer-verdict-yes' : 'answer-verdict-no')}>
        <span aria-hidden>{half ? <QuestionCircleFilled /> : allowed ? <CheckCircleFilled /> : <CloseCircleFilled />}</span> {t(half ? 'check.half' : allowed ? 'check.yes' : 'check.no')}
      </h2>
      <p>{t(half ? 'check.halfWhat' : allowed ? 'check.yesWhat' : 'check.noWhat', { who: principal, action, resource })}</p>
      {e && <p>{e.why?.reason === 'NoPolicyAllows' && !e.considered?.length ? t('check.byNothing') : <Said why={e.why} message={e.reason} />}</p>}
      {trust && <p>{hidden ? t('check.trust.hidden') : whyTrust(trust.data!, t)}</p>}
      {e && !e.allowed && e.statement === undefined && grantable.has(action) && <p className="dim">{t('check.acl')}</p>}
      {kind === 'role' && <p className="dim">{t('check.session')}</p>}
      {trust && <p className="dim">{t('check.trust.address')}</p>}
      {!!e?.considered?.length && <Considered title={t('check.considered', { count: e.considered.length })} list={e.considered} decided={(s) => s.policy === e.policy && s.statement === e.statement} />}
      {!!trust?.data?.considered?.length && <Considered trust title={t('check.trust.considered', { count: trust.data.considered.length })} list={trust.data.considered} decided={(s) => s.statement === trust.data.statement} />}
    </>
  );
}

function Considered({ title, list, decided, trust }: { title: string; list: ConsideredStatement[]; decided: (s: ConsideredStatement) => boolean; trust?: boolean }) {
  const { t } = useTranslation('access');
  const on = trust ? 'principal' : 'resource';
  return (
    <>
      <h3>{title}</h3>
      <ol className="considered">
        {list.map((s, i) => (
          <li key={i} className={decided(s) ? 'decided' : undefined}>
            <div className="row">
              <strong>{trust ? t('check.trust.statement', { n: s.statement }) : t('check.statement', { policy: s.policy, n: s.statement })}</strong>
              <span className={s.deny ? 'effect-deny' : undefined}>{s.deny ? 'Deny' : 'Allow'}</span>
              {decided(s) && <span className="pill-decided">{t('check.decided')}</span>}
            </div>
            <ul className="fits">
              <Fit ok={s.action} text={t(s.action ? 'check.actionFits' : 'check.actionNot')} />
              <Fit ok={s.resource} text={t(s.resource ? `check.${on}Fits` : `check.${on}Not`)} />
              <Fit ok={s.condition} text={t(s.condition ? (asks(s) ? 'check.conditionHolds' : 'check.conditionNone') : 'check.conditionNot')} />
            </ul>
            {!s.condition && <pre tabIndex={0}>{JSON.stringify((s.document as { Condition?: unknown }).Condition, null, 2)}</pre>}
            <details>
              <summary>{t('check.show')}</summary>
              <pre tabIndex={0}>{JSON.stringify(s.document, null, 2)}</pre>
            </details>
          </li>
        ))}
      </ol>
    </>
  );
}

const asks = (s: ConsideredStatement) => !!(s.document as { Condition?: unknown } | undefined)?.Condition;

function Fit({ ok, text }: { ok: boolean; text: string }) {
  return (
    <li className={ok ? 'fit-yes' : 'fit-no'}>
      <span aria-hidden>{ok ? <CheckOutlined /> : <CloseOutlined />}</span> {text}
    </li>
  );
}

function whyTrust(e: TrustExplanation, t: T): string {
  if (e.statement) return t(e.allowed ? 'check.trust.byAllow' : 'check.trust.byDeny', { n: e.statement });
  return t('check.trust.bySilence');
}
