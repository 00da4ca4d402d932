import type { Tx } from '../../database/transaction.js';
import type { SourceTable } from '../source/cell.js';
import { encodeRow } from '../source/encode.js';
import type { PreparedRow } from './table-reader.js';

/** Where a note of an archived row begins so, it was not stored a second time. */
export const EXPORTED_HERE = 'EXPORTED_HERE';

/** Exports of what was never imported have no source. */
const OF = `from export_ids where source in ($1, '') and table_name = $2`;

/** Whether the old system was ever given rows of this table from here. */
export async function wasExported(tx: Tx, source: string, { base }: SourceTable): Promise<boolean> {
  const [row] = await tx.query<{ there: boolean }[]>(`select exists (select ${OF}) as there`, [source, base]);
  return row?.there ?? false;
}

/**
 * A row that an export gave to the old system, and that comes back with an import, is here already: as a second trade it
 * would count twice. What the old system made of it since is kept, for a person to look at.
 */
export async function keepExported(tx: Tx, source: string, { base }: SourceTable, rows: readonly PreparedRow[]): Promise<void> {
  const mapped = new Map(rows.filter((row) => row.rows.length > 0).map((row) => [row.oldId, row]));
  if (mapped.size === 0) return;
  const found = await tx.query<{ old_id: string; target_id: string }[]>(`select old_id, target_id ${OF} and old_id = any($3::text[])`, [source, base, [...mapped.keys()]]);
  for (const { old_id: oldId, target_id: id } of found) {
    const row = mapped.get(oldId);
    if (!row) continue;
    row.notes.push(`${EXPORTED_HERE}: it is ${id} here, and was exported from here; compare what the old system made of it since`);
    row.rows = [];
    row.original = encodeRow(row.cells);
  }
}
