import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { AutoComplete, Checkbox, Input, Segmented } from 'antd';
import { useState, type FormEvent, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useSession } from '../../app/session';
import { useSettings } from '../../app/settings';
import { Refusal } from '../../shared/api';
import { MayButton, useResources } from '../../shared/may';
import { fromInput, toInput } from '../../shared/span';
import { Copy } from '../../shared/ui';
import { checkable, resourceKind } from './actions';
import { Answer } from './answer';
import { explained, trusted } from './api';
import { useNames } from './names';
import { actionOf, asked, assumes, flaws, kinds, lists, unknownAction, type Asked, type Kind, type Question } from './question';
import { take } from './resource';

const actions = Object.keys(checkable).map((value) => ({ value }));
const contains = (input: string, option?: { value: string }) => !!option?.value.toLowerCase().includes(input.toLowerCase());
const spelt = (s: Asked) => JSON.stringify([s.kind, s.who, s.action, s.resource, s.ip, s.at, s.secure, s.prefix, s.delimiter]);
const kindOf = (text?: string): Kind => kinds.find((k) => k === text) ?? 'user';

const questionOf = (s: Asked): Question => {
  const action = s.action ?? 'oss:GetObject';
  return {
    kind: kindOf(s.kind),
    who: s.who ?? '',
    action,
    parts: take(resourceKind(action), s.resource ?? '') ?? { name: '', key: '' },
    ip: s.ip ?? '',
    at: s.at,
    secure: !!s.secure,
    prefix: s.prefix ?? '',
    delimiter: s.delimiter ?? '',
  };
};

/** CheckTab answers "can X do Y on Z, and why": the question stands in the URL. */
export function CheckTab() {
  const search: Asked = useSearch({ from: '/access/{-$tab}' });
  const { t } = useTranslation('access');
  const { zone } = useSettings();
  const navigate = useNavigate({ from: '/access/{-$tab}' });
  const { session } = useSession();
  const of = useResources();
  const [q, setQ] = useState(() => questionOf(search));
  const [tried, setTried] = useState(false);
  const [settled, setSettled] = useState(q.who); // whom a permission is asked for
  // Back and forward, or a link, ask another question: the form follows. It does not follow itself: it may have been typed on.
  const url = spelt(search);
  const [mine, setMine] = useState(''); // what it has just asked
  const [shown, setShown] = useState(url);
  if (url !== shown) {
    setShown(url);
    setTried(false);
    setMine('');
    if (url !== mine) {
      setQ(questionOf(search));
      setSettled(search.who ?? '');
    }
  }
  const set = (change: Partial<Question>) => setQ({ ...q, ...change });

  const action = actionOf(q);
  const what = resourceKind(action);
  const now = asked(q, session);
  const wrong = flaws(q);
  const people = useNames(q.kind, q.who);
  const things = useNames(what === 'object' ? 'bucket' : what, q.parts.name);

  const complete = !!search.who && !!search.action && !!search.resource;
  const principal = { type: kindOf(search.kind), name: search.who ?? '' };
  const listing = lists(search.action ?? '');
  const role = assumes(search.action ?? '') ? take('role', search.resource ?? '')?.name : undefined;
  const conditions = {
    ...(search.ip ? { sourceIp: search.ip } : {}),
    ...(search.secure ? { secureTransport: true } : {}),
    ...(search.at ? { time: search.at } : {}),
    ...(listing ? { list: true, prefix: search.prefix ?? '', delimiter: search.delimiter ?? '' } : {}),
  };
  const own = useQuery(explained({ principal, action: search.action ?? '', resource: search.resource ?? '', conditions }, complete && principal.type !== 'service'));
  const trust = useQuery(trusted({ principal, role: role ?? '', ...(search.at ? { time: search.at } : {}) }, complete && !!role));

  // What the server does not know is said at the field that names it, until that changes.
  const missing = (e: unknown) => (e instanceof Refusal && e.status === 404 ? e : undefined);
  const gone = [missing(own.error), missing(trust.error)].find(Boolean);
  const goneRole = gone?.code === 'EntityNotExist.Role' && principal.type !== 'role';
  const said = {
    who: (tried && wrong.who && t(`check.${wrong.who}`)) || (gone && !goneRole && q.who === search.who && q.kind === principal.type ? gone.message : undefined),
    action: tried && wrong.action ? t(`check.${wrong.action}`) : undefined,
    name: ((tried || q.parts.name !== '') && wrong.name && t(`check.${wrong.name}`)) || (goneRole && now.resource === search.resource ? gone!.message : undefined),
    ip: wrong.ip ? t(`check.${wrong.ip}`) : undefined,
  };
  const submit = (e: FormEvent) => {
    e.preventDefault();
    setTried(true);
    const first = (['who', 'action', 'name', 'ip'] as const).find((f) => wrong[f]);
    if (first) document.getElementById('check-' + first)?.focus();
    else {
      setMine(spelt(now));
      setSettled(q.who);
      void navigate({ search: now });
    }
  };
  const name = (text: string) => {
    // A whole resource may be pasted: it is taken apart.
    const taken = text.startsWith('acs:') && what !== 'other' ? take(what, text.trim()) : undefined;
    set({ parts: taken ?? { ...q.parts, name: text } });
  };
  const needed: [string, string] = q.kind === 'service' ? [q.parts.name ? 'ram:GetRole' : '', of.role(q.parts.name)] : q.kind === 'role' ? ['ram:GetRole', of.role(settled.trim())] : ['ram:GetUser', of.user(settled.trim())];
  return (
    <div className="asking">
      <form onSubmit={submit} noValidate aria-label={t('check.title')}>
        <p className="dim">{t('check.lead')}</p>
        <div className="field">
          <span className="label" id="check-kind">{t('check.who')}</span>
          <Segmented<Kind> aria-labelledby="check-kind" aria-label={t('check.who')} value={q.kind} onChange={(kind) => { set({ kind, who: '', ...(kind === 'service' || q.kind === 'service' ? { parts: { name: '', key: '' } } : {}) }); setSettled(''); setTried(false); }} options={kinds.map((k) => ({ value: k, label: t(`check.kind.${k}`) }))} />
        </div>
        <Field id="check-who" label={t(`check.kind.${q.kind}`)} problem={said.who}>
          <AutoComplete
            id="check-who" value={q.who} onChange={(who: string) => set({ who })} onSelect={(who: string) => setSettled(who)} onBlur={() => setSettled(q.who)} options={people.map((value) => ({ value }))} defaultActiveFirstOption={false}
            showSearch={{ filterOption: contains }} aria-describedby="check-who-why" aria-invalid={!!said.who} status={said.who ? 'error' : undefined} className="wide"
          />
        </Field>
        {q.kind === 'service' ? (
          <p className="dim">{t('check.serviceWhy')}</p>
        ) : (
          <Field id="check-action" label={t('check.action')} problem={said.action} hint={!wrong.action && unknownAction(action) ? t('policy.finding.actionUnknown', { value: action }) : undefined}>
            <AutoComplete
              id="check-action" value={q.action} onChange={(a: string) => set({ action: a })} options={actions} defaultActiveFirstOption={false}
              showSearch={{ filterOption: contains }} aria-describedby="check-action-why" aria-invalid={!!said.action} status={said.action ? 'error' : undefined} className="wide mono"
            />
          </Field>
        )}
        <Field id="check-name" label={t(`check.on.${what}`)} problem={said.name}>
          <AutoComplete
            id="check-name" value={q.parts.name} onChange={name} options={things.map((value) => ({ value }))} defaultActiveFirstOption={false}
            showSearch={{ filterOption: contains }} aria-describedby="check-name-why" aria-invalid={!!said.name} status={said.name ? 'error' : undefined} className="wide"
            placeholder={what === 'object' || what === 'other' || assumes(action) ? undefined : t('check.all')}
          />
        </Field>
        {what === 'object' && (
          <Field id="check-key" label={t('check.key')}>
            <Input id="check-key" value={q.parts.key} onChange={(e) => set({ parts: { ...q.parts, key: e.target.value } })} spellCheck={false} autoComplete="off" placeholder={t('check.keyExample')} aria-describedby="check-key-why" />
          </Field>
        )}
        <div className="field check-arn">
          <span className="dim">{t('check.resource')}</span> <code>{now.resource}</code> <Copy text={now.resource ?? ''} label={t('check.copyResource')} />
        </div>
        {lists(action) && (
          <>
            <Field id="check-prefix" label={t('check.prefix')}>
              <Input id="check-prefix" value={q.prefix} onChange={(e) => set({ prefix: e.target.value })} spellCheck={false} autoComplete="off" aria-describedby="check-prefix-why" />
            </Field>
            <Field id="check-delimiter" label={t('check.delimiter')}>
              <Input id="check-delimiter" value={q.delimiter} onChange={(e) => set({ delimiter: e.target.value })} spellCheck={false} autoComplete="off" className="short" aria-describedby="check-delimiter-why" />
            </Field>
          </>
        )}
        {!assumes(action) && (
          <>
            <Field id="check-ip" label={t('check.ip')} problem={said.ip}>
              <Input id="check-ip" value={q.ip} onChange={(e) => set({ ip: e.target.value })} spellCheck={false} autoComplete="off" placeholder={t('check.ipAny')} aria-describedby="check-ip-why" aria-invalid={!!said.ip} status={said.ip ? 'error' : undefined} />
            </Field>
          </>
        )}
        <Field id="check-at" label={t('check.at')}>
          <Input id="check-at" type="datetime-local" step={1} className="check-moment" value={toInput(q.at, zone)} onChange={(e) => set({ at: fromInput(e.target.value, zone) })} aria-describedby="check-at-why" />
        </Field>
        {!assumes(action) && (
          <div className="field">
            <Checkbox checked={q.secure} onChange={(e) => set({ secure: e.target.checked })}>{t('check.secure')}</Checkbox>
          </div>
        )}
        <MayButton action={q.kind !== 'service' && settled.trim() === '' ? '' : q.kind === 'key' ? '' : needed[0]} resource={needed[1]} type="primary" htmlType="submit">
          {t('check.go')}
        </MayButton>
      </form>
      <section aria-label={t('check.answer')} aria-live="polite" className="check-answer">
        {!complete ? (
          <p className="dim">{t('check.none')}</p>
        ) : gone ? (
          <p className="dim">{t('check.noAnswer')}</p>
        ) : (
          <Answer kind={principal.type} who={principal.name} action={search.action!} resource={search.resource!} own={own} trust={role ? trust : undefined} />
        )}
      </section>
    </div>
  );
}

function Field({ id, label, problem, hint, children }: { id: string; label: string; problem?: string; hint?: string; children: ReactNode }) {
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children}
      <div id={id + '-why'}>{problem ? <div className="findings finding-error">{problem}</div> : hint && <div className="findings finding-warning">{hint}</div>}</div>
    </div>
  );
}
