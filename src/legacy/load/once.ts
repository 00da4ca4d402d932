import { sqlState } from '../../database/sql-state.js';
import type { Tx } from '../../database/transaction.js';
import { Reject, type TargetRow, type Value } from '../profile.js';
import { encodeRow } from '../source/encode.js';
import { type Target, TARGETS } from '../targets.js';
import { valueText } from './copy-text.js';
import { ImportsSql } from './imports.repository.js';
import type { PreparedRow } from './table-reader.js';

const onceOf = (row: TargetRow | undefined): readonly string[] | undefined => (row ? (TARGETS[row.table] as Target).once : undefined);

/** A unique constraint was in the way. */
export const isTwice = (error: unknown): boolean => sqlState(error) === '23505';

/** Rows whose id an earlier one of their table has: they are refused, and not kept as those are whose like another table brought. Returns how many. */
export async function refuseKnown(tx: Tx, tableId: number, rows: readonly PreparedRow[]): Promise<number> {
  const known = new Set((await ImportsSql.known(tx, tableId, rows.map(({ oldId }) => oldId))).map(({ oldId }) => oldId));
  const found = rows.filter(({ oldId }) => known.has(oldId));
  for (const row of found) row.reject = new Reject('ROW_TWICE', 'another row of its table has the same id');
  return found.length;
}

/**
 * Of what there is one of, an old row whose like is here already, or came just before, is only kept: asked for all rows at
 * once, since a file of candles that an agent has sent too has a million of them. Returns how many.
 */
export async function keepTwice(tx: Tx, rows: readonly PreparedRow[]): Promise<number> {
  let kept = 0;
  for (const [table, group] of Map.groupBy(rows.filter(({ rows: [own], reject }) => reject === null && onceOf(own) !== undefined), ({ rows: [own] }) => own?.table ?? '')) {
    const columns = onceOf(group[0]?.rows[0]) ?? [];
    const types: Record<string, string> = TARGETS[table as TargetRow['table']].columns;
    const text = (row: PreparedRow, column: string) => valueText((row.rows[0]?.values[column] ?? null) as Value, 'text');
    const found = await tx.query<{ place: number }[]>(
      `select place::int from (
         select w.*, row_number() over (partition by ${columns.join(', ')} order by place) as nth
         from unnest(${columns.map((column, n) => `$${n + 1}::${types[column]}[]`).join(', ')}) with ordinality as w (${columns.join(', ')}, place)
       ) w where nth > 1 or exists (select 1 from ${table} t where ${columns.map((column) => `t.${column} = w.${column}`).join(' and ')})`,
      columns.map((column) => group.map((row) => text(row, column))),
    );
    for (const { place } of found) {
      const row = group[place - 1];
      if (!row) continue;
      row.notes.push(`DUPLICATE: ${table} has this ${columns.join(', ')} already`);
      row.rows = [];
      row.original = encodeRow(row.cells);
      kept += 1;
    }
  }
  return kept;
}
