// A long list: only the rows in sight are drawn, more are fetched as the end comes near.
// A row is drawn again only when something of it changes, and what stands in a row is
// plain HTML: on a page of forty rows that is what a click waits for.
// The Tab key stops once in a list: at its current row, and at what stands in that one.
import { useRouter } from '@tanstack/react-router';
import { defaultRangeExtractor, useVirtualizer, type Range } from '@tanstack/react-virtual';
import { Spin } from 'antd';
import { memo, startTransition, useCallback, useContext, useEffect, useLayoutEffect, useMemo, useRef, useState, type CSSProperties, type FocusEvent, type KeyboardEvent, type MouseEvent, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useShortcut } from '../app/shortcuts';
import { InRow } from './in-row';
import { NoMore } from './ui';

export interface Column<T> {
  key: string;
  title: ReactNode;
  /** a track of CSS grid: "2fr", "120px" */
  width: string;
  render: (item: T) => ReactNode;
  /** only: not drawn on narrow screens */
  wide?: boolean;
  end?: boolean; // aligned to the right: numbers
}

export interface RowsProps<T> {
  label: string;
  /** which list it is, where a page shows several under one label: another one begins at its top */
  of?: string;
  /** The same array as before (useMemo) spares drawing rows again. */
  columns: Column<T>[];
  items: readonly T[];
  keyOf: (item: T) => string;
  onOpen?: (item: T) => void;
  current?: string;
  selected?: ReadonlySet<string>;
  onSelect?: (selected: Set<string>) => void;
  selectable?: (item: T) => boolean;
  more?: boolean;
  loading?: boolean;
  onMore?: () => void;
  /** why more did not come; they are fetched again when the reader asks for it, or the server is back */
  error?: unknown;
  empty?: ReactNode;
  height?: string;
  rowHeight?: number;
}

const ahead = 12; // rows drawn beyond what is in sight, for whoever scrolls
const near = 40; // rows before the end at which more are fetched
const head = 38; // pixels of the names of the columns, which cover what is beneath

export function Rows<T>(p: RowsProps<T>) {
  return <List key={`${p.rowHeight} ${p.of}`} {...p} />;
}

function List<T>(p: RowsProps<T>) {
  const { t } = useTranslation();
  const router = useRouter();
  const box = useRef<HTMLDivElement>(null);
  // What is in sight comes first, what is beyond it a moment later.
  const any = p.items.length > 0;
  const [beyond, setBeyond] = useState(1);
  useEffect(() => {
    if (any) startTransition(() => setBeyond(ahead));
    else setBeyond(1);
  }, [any]);
  // The current row is the one with the focus, or that had it. It is drawn even out of sight.
  const [at, setAt] = useState<string>();
  const { items, keyOf } = p;
  const stop = useMemo(() => {
    const find = (key?: string) => (key === undefined ? -1 : items.findIndex((i) => keyOf(i) === key));
    return Math.max(0, find(at) >= 0 ? find(at) : find(p.current));
  }, [items, keyOf, at, p.current]);
  const drawn = useCallback(
    (range: Range) => {
      const list = defaultRangeExtractor(range);
      return stop >= range.count || list.includes(stop) ? list : [...list, stop].sort((a, b) => a - b);
    },
    [stop],
  );
  const v = useVirtualizer({
    count: p.items.length + (p.more || p.loading ? 1 : 0),
    getScrollElement: () => box.current,
    estimateSize: () => p.rowHeight ?? 41,
    overscan: beyond,
    scrollPaddingEnd: head,
    rangeExtractor: drawn,
    initialRect: { width: 1000, height: 800 },
  });
  const rows = v.getVirtualItems();
  const last = v.range ? Math.min(v.range.endIndex + beyond, p.items.length) : -1;
  const { more, loading, onMore, error } = p;
  const nears = (row: number) => more && !loading && !error && row >= p.items.length - near;
  const asked = useRef(false); // by a key, and not seen yet to be on the way
  useEffect(() => {
    if (!asked.current && nears(last)) onMore?.();
    asked.current = false;
  }, [more, loading, error, onMore, last, p.items.length]);

  // A row that is to have the focus has it as soon as it is drawn.
  const wanted = useRef<number>(undefined);
  const [, draw] = useState({});
  useLayoutEffect(() => {
    if (wanted.current === undefined) return;
    const row = box.current?.querySelector<HTMLElement>(`.row-line[aria-rowindex="${wanted.current + 2}"]`);
    if (!row) return;
    wanted.current = undefined;
    row.focus({ preventScroll: true });
  });
  const go = (to: number) => {
    const n = Math.min(Math.max(to, 0), p.items.length - 1);
    if (n < 0) return;
    wanted.current = n;
    if (!asked.current && nears(n)) {
      asked.current = true;
      onMore?.(); // the server answers while what is there is drawn
    }
    setAt(p.keyOf(p.items[n]!));
    v.scrollToIndex(n, { align: 'auto' });
    draw({}); // it may be the current row already, without the focus
  };
  const page = () => Math.max(1, Math.floor(((box.current?.clientHeight ?? 0) - head) / (p.rowHeight ?? 41)) - 1);
  const within = () => !!box.current?.contains(document.activeElement);
  const step = (by: number) => {
    if (!document.activeElement?.closest('[role="dialog"]') || within()) go(within() ? stop + by : stop);
  };
  useShortcut('j', t('rows.next'), () => step(1), { also: 'arrowdown' });
  useShortcut('k', t('rows.previous'), () => step(-1), { also: 'arrowup' });
  useShortcut('home', t('rows.ends'), undefined, { also: 'end' });
  useShortcut('pageup', t('rows.pages'), undefined, { also: 'pagedown' });
  useShortcut('arrowright', t('rows.within'), undefined, { also: 'arrowleft' });
  useShortcut('enter', t('rows.open'), undefined, { off: !p.onOpen });
  useShortcut('space', t('rows.select'), undefined, { off: !p.onSelect });
  const keys = (e: KeyboardEvent<HTMLDivElement>) => {
    if (e.defaultPrevented || e.metaKey || e.ctrlKey || e.altKey || typing(e.target)) return;
    const row = (e.target as HTMLElement).closest<HTMLElement>('.row-line');
    if (!row) return;
    if (e.key === 'ArrowDown' || e.key === 'j') go(stop + 1);
    else if (e.key === 'ArrowUp' || e.key === 'k') go(stop - 1);
    else if (e.key === 'PageDown') go(stop + page());
    else if (e.key === 'PageUp') go(stop - page());
    else if (e.key === 'Home') go(0);
    else if (e.key === 'End') go(p.items.length - 1);
    else if (e.key === 'ArrowRight' || e.key === 'ArrowLeft') {
      const all = [row, ...row.querySelectorAll<HTMLElement>('a, button, input')].filter((x) => x.offsetParent !== null);
      all[all.indexOf(e.target as HTMLElement) + (e.key === 'ArrowRight' ? 1 : -1)]?.focus();
    } else return;
    e.preventDefault();
  };
  const focused = (e: FocusEvent<HTMLDivElement>) => {
    const row = (e.target as HTMLElement).closest('.row-line');
    const item = row && p.items[Number(row.getAttribute('aria-rowindex')) - 2];
    if (item) setAt(p.keyOf(item));
  };

  const some = p.selected && p.selected.size > 0;
  const selectableItems = () => p.items.filter((i) => p.selectable?.(i) ?? true);
  // Rows keep what they were given; what they call is always of the last drawing.
  const latest = useRef(p);
  latest.current = p;
  const calls = useMemo(
    (): Calls<T> => ({
      open: (item) => latest.current.onOpen?.(item),
      toggle: (item) => {
        const { selected, keyOf, onSelect } = latest.current;
        const next = new Set(selected);
        const k = keyOf(item);
        if (!next.delete(k)) next.add(k);
        onSelect?.(next);
      },
    }),
    [],
  );
  const follow = (e: MouseEvent<HTMLDivElement>) => {
    const a = (e.target as HTMLElement).closest<HTMLAnchorElement>('a[data-go]');
    if (!a || e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    e.preventDefault();
    router.history.push(a.getAttribute('href')!);
  };
  // The tracks are set through the style object of the CSSOM, which the page's policy allows.
  const tracks = (wide: boolean) => (p.onSelect ? '40px ' : '') + p.columns.filter((c) => wide || !c.wide).map((c) => `minmax(0, ${c.width})`).join(' ');
  if (p.items.length === 0 && !p.loading && !p.more && p.empty) return <div className="rows-empty">{p.empty}</div>;
  return (
    <div
      className="rows"
      ref={box}
      style={{ maxHeight: p.height ?? 'calc(100vh - 230px)', '--tracks': tracks(true), '--tracks-narrow': tracks(false) } as CSSProperties}
      // The router puts a list where it was when the reader comes back, and any other that stands in its place: a name of its own tells them apart.
      data-scroll-restoration-id={encodeURIComponent(`${p.label} ${p.of ?? ''}`)}
      role="table"
      aria-label={p.label}
      aria-rowcount={p.more ? -1 : p.items.length + 1}
      onClick={follow}
      onKeyDown={keys}
      onFocus={focused}
    >
      <div className="rows-head" role="row" aria-rowindex={1}>
        {p.onSelect && (
          <span role="columnheader" className="rows-check">
            <Check
              label={t('selectAll')}
              some={!!some && p.selected!.size < selectableItems().length}
              checked={!!some && p.selected!.size >= selectableItems().length}
              onChange={(on) => p.onSelect!(new Set(on ? selectableItems().map(p.keyOf) : []))}
            />
          </span>
        )}
        {p.columns.map((c) => (
          <span key={c.key} role="columnheader" className={(c.wide ? 'only-wide' : '') + (c.end ? ' end' : '')}>
            {c.title}
          </span>
        ))}
      </div>
      <div className="rows-body" role="rowgroup" style={{ height: v.getTotalSize() }}>
        {rows.map((r) => {
          const item = p.items[r.index];
          if (item === undefined) {
            return (
              <div key="more" className="row-line" role="row" style={{ transform: `translateY(${r.start}px)`, height: r.size }}>
                <span role="cell" className="rows-more">
                  {p.error ? (
                    <NoMore error={p.error} retry={() => p.onMore?.()} />
                  ) : (
                    <Spin size="small" />
                  )}
                </span>
              </div>
            );
          }
          const k = p.keyOf(item);
          return (
            <Line
              key={k}
              item={item}
              columns={p.columns as Column<unknown>[]}
              index={r.index + 2}
              start={r.start}
              size={r.size}
              current={p.current === k}
              opens={!!p.onOpen}
              stop={r.index === stop}
              selected={p.selected?.has(k)}
              check={p.onSelect ? ((p.selectable?.(item) ?? true) ? t('select', { name: k }) : '') : undefined}
              calls={calls as Calls<unknown>}
            />
          );
        })}
      </div>
    </div>
  );
}

/** typing: keys are letters there, and move its own cursor. */
const typing = (of: EventTarget) => of instanceof HTMLElement && (of.isContentEditable || of.matches('input:not([type="checkbox"]), textarea, select'));

interface Calls<T> {
  open: (item: T) => void;
  toggle: (item: T) => void;
}

interface LineProps {
  item: unknown;
  columns: Column<unknown>[];
  index: number;
  start: number;
  size: number;
  current: boolean;
  opens: boolean;
  stop: boolean;
  selected?: boolean;
  check?: string; // the name of its check box; empty: it has none, undefined: none has
  calls: Calls<unknown>;
}

const Line = memo(function Line({ item, columns, index, start, size, current, opens, stop, selected, check, calls }: LineProps) {
  const keys = (e: KeyboardEvent<HTMLDivElement>) => {
    if (e.target !== e.currentTarget || e.metaKey || e.ctrlKey || e.altKey) return;
    if (e.key === 'Enter') calls.open(item);
    else if (e.key === ' ' && check) calls.toggle(item);
    else return;
    e.preventDefault();
  };
  return (
    <div
      role="row"
      aria-rowindex={index}
      aria-selected={selected ?? current}
      className={'row-line' + (opens ? ' opens' : '') + (current ? ' current' : '')}
      style={{ transform: `translateY(${start}px)`, height: size }}
      tabIndex={stop ? 0 : -1}
      onKeyDown={keys}
      onClick={(e) => {
        if (!(e.target as HTMLElement).closest('a, button, input, label')) calls.open(item);
      }}
    >
      <InRow value={stop}>
        {check !== undefined && (
          <span role="cell" className="rows-check">
            {check && <Check label={check} checked={selected ?? false} onChange={() => calls.toggle(item)} />}
          </span>
        )}
        {columns.map((c) => (
          <span key={c.key} role="cell" className={'clip' + (c.wide ? ' only-wide' : '') + (c.end ? ' end' : '')}>
            {c.render(item)}
          </span>
        ))}
      </InRow>
    </div>
  );
});

function Check({ label, checked, some = false, onChange }: { label: string; checked: boolean; some?: boolean; onChange: (on: boolean) => void }) {
  const tab = useContext(InRow);
  const set = (e: HTMLInputElement | null) => {
    if (e) e.indeterminate = some;
  };
  return <input type="checkbox" tabIndex={tab === false ? -1 : undefined} className="check" aria-label={label} ref={set} checked={checked} onChange={(e) => onChange(e.target.checked)} />;
}

/** RowLink is a link within Rows to a page of the console; href() writes where to. label is its name where what it shows is cut into pieces. */
export function RowLink({ to, className, title, label, children }: { to: string; className?: string; title?: string; label?: string; children: ReactNode }) {
  const tab = useContext(InRow);
  return (
    <a href={to} data-go tabIndex={tab === false ? -1 : undefined} className={className} title={title} aria-label={label}>
      {children}
    </a>
  );
}

/** RowButton is a button within Rows: an icon, and what it does with what. */
export function RowButton({ label, onClick, children, ...more }: { label: string; onClick: (e: MouseEvent<HTMLButtonElement>) => void; children: ReactNode; disabled?: boolean; 'aria-haspopup'?: 'menu'; 'aria-expanded'?: boolean; title?: string }) {
  const tab = useContext(InRow);
  return (
    <button type="button" className="row-button" tabIndex={tab === false ? -1 : undefined} aria-label={label} onClick={onClick} {...more}>
      {children}
    </button>
  );
}
