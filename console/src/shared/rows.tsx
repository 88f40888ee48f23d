// A long list: only the rows in sight are drawn, more are fetched as the end comes near.
import { useVirtualizer } from '@tanstack/react-virtual';
import { Checkbox, Spin } from 'antd';
import { useEffect, useRef, type KeyboardEvent, type ReactNode } from 'react';
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

export function Rows<T>(p: RowsProps<T>) {
  const { t } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  const v = useVirtualizer({
    count: p.items.length + (p.more || p.loading ? 1 : 0),
    getScrollElement: () => box.current,
    estimateSize: () => p.rowHeight ?? 41,
    overscan: 12,
  });
  const rows = v.getVirtualItems();
  const last = rows.at(-1)?.index ?? -1;
  const { more, loading, onMore } = p;
  useEffect(() => {
    if (more && !loading && last >= p.items.length - 20) onMore?.();
  }, [more, loading, onMore, last, p.items.length]);

  const some = p.selected && p.selected.size > 0;
  const selectableItems = () => p.items.filter((i) => p.selectable?.(i) ?? true);
  const toggle = (item: T) => {
    const next = new Set(p.selected);
    const k = p.keyOf(item);
    if (!next.delete(k)) next.add(k);
    p.onSelect?.(next);
  };
  const keys = (e: KeyboardEvent<HTMLDivElement>, item: T) => {
    if (e.target !== e.currentTarget) return;
    const row = e.currentTarget;
    if (e.key === 'Enter') p.onOpen?.(item);
    else if (e.key === ' ' && p.onSelect) toggle(item);
    else if (e.key === 'ArrowDown' || e.key === 'j') (row.nextElementSibling as HTMLElement | null)?.focus();
    else if (e.key === 'ArrowUp' || e.key === 'k') (row.previousElementSibling as HTMLElement | null)?.focus();
    else return;
    e.preventDefault();
  };
  // The tracks are set through the style object of the CSSOM, which the page's policy allows.
  const tracks = (wide: boolean) => (p.onSelect ? '40px ' : '') + p.columns.filter((c) => wide || !c.wide).map((c) => `minmax(0, ${c.width})`).join(' ');
  useEffect(() => {
    box.current?.style.setProperty('--tracks', tracks(true));
    box.current?.style.setProperty('--tracks-narrow', tracks(false));
  });
  if (p.items.length === 0 && !p.loading && !p.more && p.empty) return <div className="rows-empty">{p.empty}</div>;
  return (
    <div className="rows" ref={box} style={{ maxHeight: p.height ?? 'calc(100vh - 230px)' }} role="table" aria-label={p.label} aria-rowcount={p.more ? -1 : p.items.length + 1}>
      <div className="rows-head" role="row" aria-rowindex={1}>
        {p.onSelect && (
          <span role="columnheader" className="rows-check">
            <Checkbox
              aria-label={t('selectAll')}
              indeterminate={some && p.selected!.size < selectableItems().length}
              checked={!!some && p.selected!.size >= selectableItems().length}
              onChange={(e) => p.onSelect!(new Set(e.target.checked ? selectableItems().map(p.keyOf) : []))}
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
            <div
              key={k}
              role="row"
              aria-rowindex={r.index + 2}
              aria-selected={p.selected?.has(k) ?? p.current === k}
              className={'row-line' + (p.onOpen ? ' opens' : '') + (p.current === k ? ' current' : '')}
              style={{ transform: `translateY(${r.start}px)`, height: r.size }}
              tabIndex={0}
              onKeyDown={(e) => keys(e, item)}
              onClick={(e) => {
                if (!(e.target as HTMLElement).closest('a, button, input, label')) p.onOpen?.(item);
              }}
            >
              {p.onSelect && (
                <span role="cell" className="rows-check">
                  {(p.selectable?.(item) ?? true) && <Checkbox aria-label={t('select', { name: k })} checked={p.selected?.has(k) ?? false} onChange={() => toggle(item)} />}
                </span>
              )}
              {p.columns.map((c) => (
                <span key={c.key} role="cell" className={'clip' + (c.wide ? ' only-wide' : '') + (c.end ? ' end' : '')}>
                  {c.render(item)}
                </span>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}
