// Small pieces that every page uses.
import { CheckOutlined, CopyOutlined, ReloadOutlined } from '@ant-design/icons';
import { Alert, Button, Empty, Tooltip } from 'antd';
import { useContext, useState, useSyncExternalStore, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useSettings } from '../app/settings';
import { messageOf, Refusal } from './api';
import { ago, moment } from './format';
import { InRow } from './in-row';
import { faultTitle } from './said';
import './hint';

/** Page is a page's frame: its one h1, what can be done, and its content. */
export function Page({ title, extra, lead, children }: { title: ReactNode; extra?: ReactNode; lead?: ReactNode; children: ReactNode }) {
  return (
    <div className="page">
      <header className="page-head">
        <div className="page-title">
          <h1>{title}</h1>
          {lead && <div className="page-lead">{lead}</div>}
        </div>
        {extra && <div className="row">{extra}</div>}
      </header>
      {children}
    </div>
  );
}

// How the server says that no policy of the key allows something; what a statement denies, it says otherwise.
const lacking = /^(\w+:\w+) on (\S+) is not allowed\. No attached policy allows it\./;

/** Problem shows why something could not be done, with its request id and a way on: retry if it only had to be read, next what else there is to do. */
export function Problem({ error, retry, next }: { error: unknown; retry?: () => void; next?: ReactNode }) {
  const { t } = useTranslation();
  const r = error instanceof Refusal ? error : new Refusal(-1, 'Error', messageOf(error));
  const title = faultTitle(r.code);
  const lacks = r.status === 403 && lacking.exec(r.message);
  const onward = next ?? (lacks ? t('problem.askFor') : undefined);
  const why = lacks ? t('access:may.missing', { action: lacks[1], resource: lacks[2] }) : messageOf(r);
  return (
    <Alert
      type="error"
      showIcon
      role="alert"
      title={r.unreachable ? t('problem.unreachable') : title ? <>{title} <code className="dim">{r.code}</code></> : r.code}
      description={
        <>
          <div>{r.unreachable ? t(retry ? 'problem.unreachableWhy' : 'problem.unreachableAct') : why}</div>
          {onward && <div className="problem-next">{onward}</div>}
          {r.requestId && (
            <div className="dim">
              {t('problem.request')} {r.requestId} <Copy text={r.requestId} />
            </div>
          )}
        </>
      }
      action={
        retry && (
          <Button size="small" icon={<ReloadOutlined />} onClick={retry}>
            {t('problem.retry')}
          </Button>
        )
      }
    />
  );
}

/** NoMore stands at the end of a list that could not go on. */
export function NoMore({ error, retry }: { error: unknown; retry: () => void }) {
  const { t } = useTranslation();
  return (
    <span role="alert">
      {error instanceof Refusal && error.unreachable ? t('problem.unreachable') : messageOf(error)}{' '}
      <button type="button" className="as-link" onClick={retry}>
        {t('problem.retry')}
      </button>
    </span>
  );
}

/** Reload loads the console anew, as the server has it now. */
export function Reload() {
  const { t } = useTranslation();
  return (
    <Button size="small" onClick={() => location.reload()}>
      {t('problem.reload')}
    </Button>
  );
}

/** Nothing is an empty state that says what to do next. */
export function Nothing({ text, children }: { text: ReactNode; children?: ReactNode }) {
  return (
    <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={text}>
      {children}
    </Empty>
  );
}

// One clock for every time on the page.
const clocks = new Set<() => void>();
let now = Date.now();
let ticking: ReturnType<typeof setInterval> | undefined;

function tick(f: () => void): () => void {
  clocks.add(f);
  ticking ??= setInterval(() => {
    now = Date.now();
    for (const g of clocks) g();
  }, 10_000);
  return () => {
    clocks.delete(f);
    if (clocks.size > 0) return;
    clearInterval(ticking);
    ticking = undefined;
  };
}

/** Time shows how long ago something was, and exactly when on hover and focus: its own, or that of the row that it stands in. */
export function Time({ at, exact }: { at: number; exact?: boolean }) {
  const { zone } = useSettings();
  const row = useContext(InRow) !== undefined;
  useSyncExternalStore(tick, () => now);
  const full = moment(at, zone, true);
  const iso = new Date(at).toISOString();
  return exact ? (
    <time dateTime={iso}>{full}</time>
  ) : (
    <time dateTime={iso} tabIndex={row ? undefined : 0} data-hint={full}>
      {ago(at)}
    </time>
  );
}

/** Copy copies a text. */
export function Copy({ text, label }: { text: string; label?: string }) {
  const { t } = useTranslation();
  const [done, setDone] = useState(false);
  return (
    <Tooltip title={done ? t('copied') : (label ?? t('copy'))}>
      <Button
        type="text"
        size="small"
        aria-label={label ?? t('copy')}
        icon={done ? <CheckOutlined /> : <CopyOutlined />}
        onClick={() => {
          void toClipboard(text).then(() => {
            setDone(true);
            setTimeout(() => setDone(false), 1500);
          });
        }}
      />
    </Tooltip>
  );
}

/** toClipboard copies; browsers keep the clipboard's API from pages over plain HTTP. */
export async function toClipboard(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'off-screen';
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}
