import { CheckCircleFilled, CheckOutlined, CloseCircleFilled, CloseOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { AutoComplete, Button, Input, Segmented, Skeleton } from 'antd';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { Explanation } from '../../api/gen';
import { useSession } from '../../app/session';
import { useMay, useResources } from '../../shared/may';
import { Copy, Problem } from '../../shared/ui';
import { checkable, resourceKind } from './actions';
import { explained, roleList, userList } from './api';
import { build, take } from './resource';

const kinds = ['user', 'role', 'key'] as const;
type Kind = (typeof kinds)[number];

const actions = Object.keys(checkable).map((value) => ({ value }));

/** CheckTab answers "can X do Y on Z, and why": the question stands in the URL. */
export function CheckTab() {
  const { t } = useTranslation('access');
  const search = useSearch({ from: '/access/{-$tab}' });
  const navigate = useNavigate({ from: '/access/{-$tab}' });
  const { session } = useSession();
  const of = useResources();
  const [kind, setKind] = useState<Kind>(kinds.find((k) => k === search.kind) ?? 'user');
  const [who, setWho] = useState(search.who ?? '');
  const [action, setAction] = useState(search.action ?? 'oss:GetObject');
  const [parts, setParts] = useState(() => take(resourceKind(search.action ?? 'oss:GetObject'), search.resource ?? '') ?? { name: '', key: '' });
  const [ip, setIp] = useState(search.ip ?? '');
  const [tried, setTried] = useState(false);
  const mayUsers = useMay('ram:ListUsers', of.user());
  const mayRoles = useMay('ram:ListRoles', of.role());
  const users = useQuery(userList(kind === 'user' && mayUsers.allowed && !mayUsers.loading));
  const roles = useQuery(roleList(kind === 'role' && mayRoles.allowed && !mayRoles.loading));
  const what = resourceKind(action);
  const resource = build(what, parts, session);
  const problems = {
    who: who.trim() === '',
    action: !/^[A-Za-z0-9-]+:[A-Za-z0-9-]+$/.test(action),
    name: (what === 'object' || what === 'other') && parts.name.trim() === '',
  };
  const submit = (e: FormEvent) => {
    e.preventDefault();
    setTried(true);
    if (problems.who || problems.action || problems.name) return;
    void navigate({ search: { kind, who: who.trim(), action, resource, ip: ip.trim() || undefined } });
  };
  const names = kind === 'user' ? users.data?.map((u) => u.name) : kind === 'role' ? roles.data?.map((r) => r.name) : undefined;
  const contains = (input: string, option?: { value: string }) => !!option?.value.toLowerCase().includes(input.toLowerCase());
  return (
    <div className="asking">
      <form onSubmit={submit} noValidate aria-label={t('check.title')}>
        <p className="dim">{t('check.lead')}</p>
        <div className="field">
          <span className="label" id="check-kind">{t('check.who')}</span>
          <Segmented<Kind> aria-labelledby="check-kind" aria-label={t('check.who')} value={kind} onChange={(k) => { setKind(k); setWho(''); }} options={kinds.map((k) => ({ value: k, label: t(`check.kind.${k}`) }))} />
        </div>
        <Field id="check-who" label={t(`check.kind.${kind}`)} problem={tried && problems.who ? t('check.whoNeeded') : undefined}>
          <AutoComplete id="check-who" value={who} onChange={setWho} options={names?.map((value) => ({ value }))} showSearch={{ filterOption: contains }} aria-describedby="check-who-why" status={tried && problems.who ? 'error' : undefined} className="wide" />
        </Field>
        <Field id="check-action" label={t('check.action')} problem={tried && problems.action ? t('check.actionNeeded') : undefined}>
          <AutoComplete id="check-action" value={action} onChange={setAction} options={actions} showSearch={{ filterOption: contains }} aria-describedby="check-action-why" status={tried && problems.action ? 'error' : undefined} className="wide mono" />
        </Field>
        <Field id="check-name" label={t(`check.on.${what}`)} problem={tried && problems.name ? t('check.nameNeeded') : undefined}>
          <Input id="check-name" value={parts.name} onChange={(e) => setParts({ ...parts, name: e.target.value })} spellCheck={false} autoComplete="off" placeholder={what === 'object' || what === 'other' ? undefined : t('check.all')} aria-describedby="check-name-why" status={tried && problems.name ? 'error' : undefined} />
        </Field>
        {what === 'object' && (
          <Field id="check-key" label={t('check.key')}>
            <Input id="check-key" value={parts.key} onChange={(e) => setParts({ ...parts, key: e.target.value })} spellCheck={false} autoComplete="off" />
          </Field>
        )}
        <div className="field check-arn">
          <span className="dim">{t('check.resource')}</span> <code>{resource}</code> <Copy text={resource} label={t('check.copyResource')} />
        </div>
        <Field id="check-ip" label={t('check.ip')}>
          <Input id="check-ip" value={ip} onChange={(e) => setIp(e.target.value)} spellCheck={false} autoComplete="off" placeholder={t('check.ipAny')} />
        </Field>
        <Button type="primary" htmlType="submit">
          {t('check.go')}
        </Button>
      </form>
      <section aria-label={t('check.answer')} aria-live="polite" className="check-answer">
        {search.who && search.action && search.resource ? (
          <Answer kind={kinds.find((k) => k === search.kind) ?? 'user'} who={search.who} action={search.action} resource={search.resource} ip={search.ip} />
        ) : (
          <p className="dim">{t('check.none')}</p>
        )}
      </section>
    </div>
  );
}

function Field({ id, label, problem, children }: { id: string; label: string; problem?: string; children: React.ReactNode }) {
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children}
      <div id={id + '-why'}>{problem && <div className="findings finding-error">{problem}</div>}</div>
    </div>
  );
}

const grantable = new Set(['oss:GetObject', 'oss:PutObject', 'oss:DeleteObject', 'oss:AbortMultipartUpload']);

function Answer({ kind, who, action, resource, ip }: { kind: Kind; who: string; action: string; resource: string; ip?: string }) {
  const { t } = useTranslation('access');
  const q = useQuery(explained({ principal: { type: kind, name: who }, action, resource, ...(ip ? { conditions: { sourceIp: ip } } : {}) }));
  if (q.error) return <Problem error={q.error} retry={() => void q.refetch()} />;
  if (!q.data) return <Skeleton active />;
  const e = q.data;
  return (
    <>
      <h2 className={e.allowed ? 'verdict verdict-yes' : 'verdict verdict-no'}>
        <span aria-hidden>{e.allowed ? <CheckCircleFilled /> : <CloseCircleFilled />}</span> {t(e.allowed ? 'check.yes' : 'check.no')}
      </h2>
      <p>
        {t(e.allowed ? 'check.yesWhat' : 'check.noWhat', { who: e.principal, action, resource })}
      </p>
      <p>{why(e, t)}</p>
      {!e.allowed && e.statement === undefined && grantable.has(action) && <p className="dim">{t('check.acl')}</p>}
      {kind === 'role' && <p className="dim">{t('check.session')}</p>}
      {!!e.considered?.length && (
        <>
          <h3>{t('check.considered', { count: e.considered.length })}</h3>
          <ol className="considered">
            {e.considered.map((s, i) => {
              const decided = s.policy === e.policy && s.statement === e.statement;
              return (
                <li key={i} className={decided ? 'decided' : undefined}>
                  <div className="row">
                    <strong>{t('check.statement', { policy: s.policy, n: s.statement })}</strong>
                    <span>{s.deny ? 'Deny' : 'Allow'}</span>
                    {decided && <span className="pill-decided">{t('check.decided')}</span>}
                  </div>
                  <ul className="fits">
                    <Fit ok={s.action} text={t(s.action ? 'check.actionFits' : 'check.actionNot')} />
                    <Fit ok={s.resource} text={t(s.resource ? 'check.resourceFits' : 'check.resourceNot')} />
                    <Fit ok={s.condition} text={t(s.condition ? 'check.conditionHolds' : 'check.conditionNot')} />
                  </ul>
                  <details>
                    <summary>{t('check.show')}</summary>
                    <pre tabIndex={0}>{JSON.stringify(s.document, null, 2)}</pre>
                  </details>
                </li>
              );
            })}
          </ol>
        </>
      )}
    </>
  );
}

function Fit({ ok, text }: { ok: boolean; text: string }) {
  return (
    <li className={ok ? 'fit-yes' : 'fit-no'}>
      <span aria-hidden>{ok ? <CheckOutlined /> : <CloseOutlined />}</span> {text}
    </li>
  );
}

/** why says in the reader's words what decided. */
function why(e: Explanation, t: (key: string, params?: Record<string, unknown>) => string): string {
  if (e.policy && e.statement) return t(e.allowed ? 'check.byAllow' : 'check.byDeny', { policy: e.policy, n: e.statement });
  if (e.allowed) return t('check.byRoot');
  if (!e.considered?.length) return t('check.byNothing');
  return t('check.bySilence');
}
