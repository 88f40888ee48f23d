// A long list: only the rows in sight are drawn, more are fetched as the end comes near.
// A row is drawn again only when something of it changes, and what stands in a row is
// plain HTML: on a page of forty rows that is what a click waits for.
import { useRouter } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { Spin } from 'antd';
import { memo, startTransition, useEffect, useMemo, useRef, useState, type CSSProperties, type KeyboardEvent, type MouseEvent, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

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
  empty?: ReactNode;
  height?: string;
  rowHeight?: number;
}

const ahead = 12; // rows drawn beyond what is in sight, for whoever scrolls
const near = 40; // rows before the end at which more are fetched

export function Rows<T>(p: RowsProps<T>) {
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
  const v = useVirtualizer({
    count: p.items.length + (p.more || p.loading ? 1 : 0),
    getScrollElement: () => box.current,
    estimateSize: () => p.rowHeight ?? 41,
    overscan: beyond,
    initialRect: { width: 1000, height: 800 },
  });
  const rows = v.getVirtualItems();
  const last = rows.at(-1)?.index ?? -1;
  const { more, loading, onMore } = p;
  useEffect(() => {
    if (more && !loading && last >= p.items.length - near) onMore?.();
  }, [more, loading, onMore, last, p.items.length]);

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
      role="table"
      aria-label={p.label}
      aria-rowcount={p.more ? -1 : p.items.length + 1}
      onClick={follow}
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
                  <Spin size="small" />
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
  selected?: boolean;
  check?: string; // the name of its check box; empty: it has none, undefined: none has
  calls: Calls<unknown>;
}

const Line = memo(function Line({ item, columns, index, start, size, current, opens, selected, check, calls }: LineProps) {
  const keys = (e: KeyboardEvent<HTMLDivElement>) => {
    if (e.target !== e.currentTarget) return;
    const row = e.currentTarget;
    if (e.key === 'Enter') calls.open(item);
    else if (e.key === ' ' && check) calls.toggle(item);
    else if (e.key === 'ArrowDown' || e.key === 'j') (row.nextElementSibling as HTMLElement | null)?.focus();
    else if (e.key === 'ArrowUp' || e.key === 'k') (row.previousElementSibling as HTMLElement | null)?.focus();
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
      tabIndex={0}
      onKeyDown={keys}
      onClick={(e) => {
        if (!(e.target as HTMLElement).closest('a, button, input, label')) calls.open(item);
      }}
    >
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
    </div>
  );
});

function Check({ label, checked, some = false, onChange }: { label: string; checked: boolean; some?: boolean; onChange: (on: boolean) => void }) {
  const set = (e: HTMLInputElement | null) => {
    if (e) e.indeterminate = some;
  };
  return <input type="checkbox" className="check" aria-label={label} ref={set} checked={checked} onChange={(e) => onChange(e.target.checked)} />;
}

/** RowLink is a link within Rows to a page of the console; href() writes where to. label is its name where what it shows is cut into pieces. */
export function RowLink({ to, className, title, label, children }: { to: string; className?: string; title?: string; label?: string; children: ReactNode }) {
  return (
    <a href={to} data-go className={className} title={title} aria-label={label}>
      {children}
    </a>
  );
}

/** RowButton is a button within Rows: an icon, and what it does with what. */
export function RowButton({ label, onClick, children, ...more }: { label: string; onClick: (e: MouseEvent<HTMLButtonElement>) => void; children: ReactNode; disabled?: boolean; 'aria-haspopup'?: 'menu'; 'aria-expanded'?: boolean; title?: string }) {
  return (
    <button type="button" className="row-button" aria-label={label} onClick={onClick} {...more}>
      {children}
    </button>
  );
}
