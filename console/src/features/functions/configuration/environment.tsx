import { DeleteOutlined, EyeInvisibleOutlined, EyeOutlined, PlusOutlined } from '@ant-design/icons';
import { useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Input, Modal, Switch } from 'antd';
import { useEffect, useRef, useState, type ClipboardEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { messageOf, Refusal, send } from '../../../shared/api';
import { count } from '../../../shared/format';
import { useMay, useResources } from '../../../shared/may';
import { Nothing } from '../../../shared/ui';
import { keys, path, type Fn } from '../api';
import { maxEnv, nameRule, settingOf, sizeOf, variablesIn, type Variable } from './rules';
import { Frozen, SaveBar, useSaving } from './save';

type Env = Record<string, string>;

let last = 0;
const rowsOf = (env: Env): Variable[] => Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => ({ id: ++last, name, value }));
const envOf = (rows: readonly Variable[]): Env => Object.fromEntries(rows.filter((r) => r.name !== '').map((r) => [r.name, r.value]));
const text = (env: Env) => JSON.stringify(Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Environment edits the variables that code sees. Values are hidden until they are asked for. */
export function Environment({ fn, qualifier }: { fn: Fn; qualifier: string }) {
  const { t } = useTranslation('functions');
  const client = useQueryClient();
  const now = fn.environmentVariables ?? {};
  const [first, setFirst] = useState(now);
  const [rows, setRows] = useState(() => rowsOf(now));
  const [shown, setShown] = useState<ReadonlySet<number>>(new Set());
  const [importing, setImporting] = useState(false);
  const [theirs, setTheirs] = useState<Env | null>(null);
  const [refused, setRefused] = useState('');
  const saving = useSaving(fn.functionName);
  const may = useMay('fc:UpdateFunction', useResources().fn(fn.functionName));
  const list = useRef<HTMLUListElement>(null);
  // Values of several lines, as keys in PEM have, would lose their ends in a field of one.
  const [lines, setLines] = useState<ReadonlySet<number>>(new Set());
  const entered = useRef(0); // the row whose field becomes another one under the cursor
  const frozen = qualifier !== 'LATEST';
  const changed = text(envOf(rows)) !== text(first);
  const size = sizeOf(rows);
  const bad = rows.some((r) => nameRule(r, rows) !== '') || size > maxEnv;
  const fresh = text(now);
  useEffect(() => {
    if (changed || saving.busy) return;
    const env = Object.fromEntries(JSON.parse(fresh) as [string, string][]);
    if (text(first) === fresh) return;
    setFirst(env);
    setRows(rowsOf(env));
  }, [fresh, changed, saving.busy, first]);
  const set = (id: number, part: Partial<Variable>) => {
    setRefused('');
    setRows((all) => all.map((r) => (r.id === id ? { ...r, ...part } : r)));
  };
  const paste = (r: Variable, e: ClipboardEvent<HTMLInputElement>) => {
    const pasted = e.clipboardData.getData('text').replace(/\r\n?/g, '\n');
    if (!pasted.trimEnd().includes('\n')) return;
    e.preventDefault();
    const { selectionStart, selectionEnd } = e.currentTarget;
    entered.current = r.id;
    setLines(new Set([...lines, r.id]));
    setShown(new Set([...shown, r.id]));
    set(r.id, { value: r.value.slice(0, selectionStart ?? 0) + pasted + r.value.slice(selectionEnd ?? r.value.length) });
  };
  const add = () => {
    setRows((all) => [...all, { id: ++last, name: '', value: '' }]);
    requestAnimationFrame(() => list.current?.querySelector<HTMLInputElement>('li:last-child input')?.focus());
  };
  const take = (env: Env) => {
    setFirst(env);
    setRows(rowsOf(env));
    setTheirs(null);
  };
  const at = '/fc/2023-03-30' + path(fn.functionName);
  // The whole set is replaced, so nobody else's change may be in between.
  const save = (over?: Env) =>
    saving.run(
      async () => {
        const r = await send(at);
        const there = ((await r.json()) as Fn).environmentVariables ?? {};
        if (text(there) !== text(over ?? first)) {
          setTheirs(there);
          throw new Refusal(412, 'PreconditionFailed', t('configuration.envMoved'));
        }
        const env = envOf(rows);
        await send(at, {
          method: 'PUT', headers: { 'Content-Type': 'application/json', 'If-Match': r.headers.get('ETag') ?? '' }, body: JSON.stringify({ environmentVariables: env }),
        });
        setFirst(env);
        setTheirs(null);
        await client.invalidateQueries({ queryKey: keys.one(fn.functionName) });
      },
      (err) => {
        if (!(err instanceof Refusal)) return false;
        if (err.status === 412) return true;
        if (settingOf(err.message) !== 'environmentVariables') return false;
        setRefused(messageOf(err));
        return true;
      },
    );
  const fixed = frozen || !may.allowed;
  const all = rows.length > 0 && rows.every((r) => shown.has(r.id));
  return (
    <>
      {frozen && <Frozen qualifier={qualifier} />}
      <p className="dim">{t('configuration.envLead')}</p>
      {rows.length === 0 ? (
        <div className="rows-empty gap-below">
          <Nothing text={t('configuration.envNone')}>{!fixed && <Button icon={<PlusOutlined />} onClick={add}>{t('configuration.envAdd')}</Button>}</Nothing>
        </div>
      ) : (
        <>
          <div className="env-head">
            <label className="row">
              <Switch size="small" checked={all} aria-label={t('configuration.envShow')} onChange={(on) => setShown(new Set(on ? rows.map((r) => r.id) : []))} /> {t('configuration.envShow')}
            </label>
            <span className={size > maxEnv ? 'field-error' : 'dim'}>{t('configuration.envSize', { n: count(size), most: count(maxEnv) })}</span>
          </div>
          <ul className="env" ref={list} aria-label={t('configuration.section.environment')}>
            {rows.map((r) => {
              const problem = nameRule(r, rows);
              const open = shown.has(r.id);
              const eye = (
                <Button
                  type="text" size="small" icon={open ? <EyeOutlined /> : <EyeInvisibleOutlined />} aria-label={t(open ? 'configuration.envHideOne' : 'configuration.envShowOne', { name: r.name })}
                  onClick={() => {
                    const next = new Set(shown);
                    if (!next.delete(r.id)) next.add(r.id);
                    setShown(next);
                  }}
                />
              );
              return (
                <li key={r.id}>
                  <Input
                    className="mono" aria-label={t('configuration.envName')} placeholder={t('configuration.envName')} value={r.name} disabled={fixed} status={problem ? 'error' : undefined}
                    aria-invalid={problem !== ''} aria-describedby={problem ? `env-${r.id}` : undefined} spellCheck={false} autoComplete="off"
                    onChange={(e) => set(r.id, { name: e.target.value })}
                  />
                  {open && (lines.has(r.id) || r.value.includes('\n')) ? (
                    <span className="env-lines">
                      <Input.TextArea
                        className="mono" aria-label={t('configuration.envValueOf', { name: r.name })} value={r.value} disabled={fixed} rows={Math.min(8, Math.max(2, r.value.split('\n').length))} autoFocus={entered.current === r.id}
                        spellCheck={false} onChange={(e) => (setLines(new Set([...lines, r.id])), set(r.id, { value: e.target.value }))}
                      />
                      {eye}
                    </span>
                  ) : (
                    <Input
                      className="mono" aria-label={t('configuration.envValueOf', { name: r.name })} placeholder={t('configuration.envValue')} value={r.value} disabled={fixed}
                      type={open || r.value === '' ? 'text' : 'password'} spellCheck={false} autoComplete="new-password"
                      onFocus={() => !open && !fixed && ((entered.current = r.id), setShown(new Set([...shown, r.id])))}
                      onPaste={(e) => paste(r, e)}
                      onChange={(e) => set(r.id, { value: e.target.value })}
                      suffix={eye}
                    />
                  )}
                  {!fixed && <Button type="text" icon={<DeleteOutlined />} aria-label={t('configuration.envRemove', { name: r.name })} onClick={() => setRows((old) => old.filter((o) => o.id !== r.id))} />}
                  {problem && (
                    <span className="field-error env-problem" id={`env-${r.id}`} role="alert">
                      {t(`configuration.rule.${problem}`)}
                    </span>
                  )}
                </li>
              );
            })}
          </ul>
        </>
      )}
      {refused && <p className="field-error" role="alert">{refused}</p>}
      {theirs && (
        <Alert
          type="warning"
          showIcon
          className="gap-below"
          title={t('configuration.envMoved')}
          action={
            <span className="row">
              <Button size="small" onClick={() => take(theirs)}>{t('configuration.envTheirs')}</Button>
              <Button size="small" onClick={() => void save(theirs)}>{t('configuration.envMine')}</Button>
            </span>
          }
        />
      )}
      {!frozen && (
        <SaveBar fn={fn.functionName} saving={saving} changed={changed && !bad} save={() => void save()}>
          {rows.length > 0 && <Button icon={<PlusOutlined />} onClick={add} disabled={fixed}>{t('configuration.envAdd')}</Button>}
          <Button onClick={() => setImporting(true)} disabled={fixed}>{t('configuration.envImport')}</Button>
          {changed && <Button type="text" onClick={() => setRows(rowsOf(first))}>{t('configuration.undo')}</Button>}
        </SaveBar>
      )}
      {importing && (
        <Import
          close={() => setImporting(false)}
          take={(env) => {
            setRows(rowsOf({ ...envOf(rows), ...env }));
            setImporting(false);
          }}
        />
      )}
    </>
  );
}

function Import({ close, take }: { close: () => void; take: (env: Env) => void }) {
  const { t } = useTranslation('functions');
  const [typed, setTyped] = useState('');
  const [tried, setTried] = useState(false);
  const env = variablesIn(typed);
  return (
    <Modal open title={t('configuration.envImport')} okText={t('common:ok')} onCancel={close} onOk={() => (env ? take(env) : setTried(true))}>
      <p>{t('configuration.envImportWhy')}</p>
      <Input.TextArea
        rows={8} className="mono" aria-label={t('configuration.envImport')} value={typed} status={tried && !env ? 'error' : undefined} aria-invalid={tried && !env} spellCheck={false}
        placeholder={'{ "NAME": "value" }'} onChange={(e) => setTyped(e.target.value)}
      />
      {tried && !env && <p className="field-error" role="alert">{t('configuration.envImportBad')}</p>}
      {env && <p className="dim">{t('configuration.envImportOf', { count: Object.keys(env).length })}</p>}
    </Modal>
  );
}
