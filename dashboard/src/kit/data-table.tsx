import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useRef } from 'react';
import css from './data-table.module.css';
import { Empty } from './panel.js';

export interface Column<T> {
  name: string;
  cell: (row: T) => ReactNode;
  /** Figures stand on the right. */
  number?: boolean;
  /** Left out where the table has less than 640 px: a table stays a table on a phone, with fewer columns. */
  wide?: boolean;
}

interface Props<T> {
  /** Of what the rows are, for those who hear the page. */
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  rowKey: (row: T) => string;
  /** What is to be said and done where there are none. */
  empty: ReactNode;
  /** For keyset lists: whether there is more, and how to read on. */
  more?: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown };
  tone?: (row: T) => 'danger' | 'doubt' | undefined;
}

/** Above this, only the rows in view are in the document. */
const VIRTUAL_FROM = 200;
const ROW_PX = 37;

export function DataTable<T>(props: Props<T>) {
  const { label, columns, rows, rowKey, empty, more, tone } = props;
  const box = useRef<HTMLDivElement>(null);
  const isVirtual = rows.length > VIRTUAL_FROM;
  const virtual = useVirtualizer({ count: isVirtual ? rows.length : 0, getScrollElement: () => box.current, estimateSize: () => ROW_PX, overscan: 12 });
  if (rows.length === 0) return <Empty>{empty}</Empty>;
  const seen = virtual.getVirtualItems();
  const shown = isVirtual ? seen.map(({ index }) => rows[index]!) : rows;
  const above = seen[0]?.start ?? 0;
  const below = isVirtual ? virtual.getTotalSize() - (seen.at(-1)?.end ?? 0) : 0;
  return (
    <>
      <div ref={box} className={isVirtual ? css.long : css.box} tabIndex={0} role="region" aria-label={label}>
        <table className={css.table} aria-rowcount={rows.length}>
          <thead>
            <tr>{columns.map(({ name, number, wide }) => <th key={name} scope="col" className={`${number ? css.number : ''} ${wide ? css.wide : ''}`}>{name}</th>)}</tr>
          </thead>
          <tbody>
            {isVirtual && above > 0 ? <tr style={{ height: above }} aria-hidden="true" /> : null}
            {shown.map((row) => (
              <tr key={rowKey(row)} className={css[tone?.(row) ?? 'plain']}>
                {columns.map(({ name, cell, number, wide }) => <td key={name} className={`${number ? css.number : ''} ${wide ? css.wide : ''}`}>{cell(row)}</td>)}
              </tr>
            ))}
            {isVirtual && below > 0 ? <tr style={{ height: below }} aria-hidden="true" /> : null}
          </tbody>
        </table>
      </div>
      {more?.hasNextPage ? <button type="button" disabled={more.isFetchingNextPage} onClick={() => void more.fetchNextPage()}>{more.isFetchingNextPage ? 'Reading …' : 'Show more'}</button> : null}
    </>
  );
}
