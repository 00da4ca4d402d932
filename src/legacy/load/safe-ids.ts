import { hash } from 'node:crypto';
import type { TableMapping } from '../profile.js';
import type { Source, SourceRow, SourceTable } from '../source/cell.js';
import { mayHoldSecret } from './secret-texts.js';

/** A row that is named by a secret (a session by its token) is named by its hash here: ids are stored, and shown. */
export function withSafeIds(source: Source, mappingOf: (table: SourceTable) => TableMapping | null): Source {
  const tables = source.tables.map((table) => (isNamedBySecret(table, mappingOf(table)) ? withHashedIds(table) : table));
  return { ...source, medium: source.medium, sha256: source.sha256, tables, close: () => source.close(), ...(source.unchanged ? { unchanged: () => source.unchanged?.() ?? Promise.resolve() } : {}) };
}

const isNamedBySecret = (table: SourceTable, mapping: TableMapping | null): boolean =>
  table.key.some((column) => mayHoldSecret(column) || (mapping?.secrets ?? []).includes(column));

const hashed = (row: SourceRow): SourceRow => ({ ...row, id: `\\s${hash('sha256', row.id).slice(0, 32)}` });

function withHashedIds(table: SourceTable): SourceTable {
  const { name, base, columns, declared, key, notes } = table;
  return {
    name, base, columns, declared, key, ...(notes ? { notes } : {}),
    count: () => table.count(),
    *rows(after) {
      // Which row a hash is of is known by reading it.
      let isWaiting = after !== undefined;
      for (const row of table.rows()) {
        const safe = hashed(row);
        if (!isWaiting) yield safe;
        else if (safe.id === after) isWaiting = false;
      }
    },
  };
}
