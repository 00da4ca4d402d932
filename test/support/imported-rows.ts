import type { Cell } from '../../src/legacy/source/cell.js';
import { encodeRow } from '../../src/legacy/source/encode.js';
import type { TestDatabase } from './database.js';

/** What an import leaves beside the rows of ours, put there by hand. */
export interface ImportedRows {
  table: string;
  /** Each with the row of ours that it became; without one it is in the archive. */
  rows: { oldId: string; cells: Record<string, Cell> | null; target?: string; targetId?: string }[];
}

export async function storeImported(db: TestDatabase, system: string, source: string, tables: ImportedRows[]): Promise<void> {
  const [{ seq = '' } = {}] = await db.query<{ seq: string }>(
    `insert into import_runs (id, source, system, shape, file_name, sha256, options, status, actor, app_version, finished_at)
     values (gen_random_uuid(), $1, $2, 'x', 'old.db', repeat('0', 64), '{}', 'finished', 'test', '0', app_clock()) returning seq`, [source, system]);
  for (const { table, rows } of tables) {
    const [{ id = 0 } = {}] = await db.query<{ id: number }>(`insert into import_tables (source, name) values ($1, $2) returning id`, [source, table]);
    for (const { oldId, cells, target, targetId } of rows) {
      const original = cells === null ? null : encodeRow(cells);
      if (target === undefined) await db.query(`insert into import_archive (table_id, old_id, run_seq, source_hash, original) values ($1, $2, $3, '\\x00000000000000000000000000000000', $4)`, [id, oldId, seq, original]);
      else await db.query(`insert into import_rows (table_id, old_id, run_seq, target, target_id, source_hash, original) values ($1, $2, $3, $4, $5, '\\x00000000000000000000000000000000', $6)`, [id, oldId, seq, target, targetId, original]);
    }
  }
}
