import type { Tx } from '../../database/transaction.js';
import { Ref, Reject } from '../profile.js';
import type { SourceTable } from '../source/cell.js';
import { importedId } from './imported-id.js';
import { ImportsSql } from './imports.repository.js';
import type { PreparedRow } from './table-reader.js';

/** Puts ids of ours in the place of references; of one whose row is not here, null and a note, or a reject where there must be one. */
export class References {
  constructor(
    private readonly source: string,
    /** Columns of ours that must be filled, by `table.column`. */
    private readonly needed: ReadonlySet<string>,
  ) {}

  async resolve(tx: Tx, table: SourceTable, prepared: readonly PreparedRow[]): Promise<void> {
    const asking = prepared.filter(({ hasRefs, reject }) => hasRefs && reject === null);
    if (asking.length === 0) return;
    const wanted = new Map<string, Ref>();
    for (const row of asking) for (const ref of refsOf(row)) wanted.set(`${ref.table}\0${ref.id}`, ref);
    const list = [...wanted.values()];
    const there = await ImportsSql.referred(tx, this.source, list.map((each) => each.table), list.map(({ id }) => id));
    // Of the same table and not stored yet.
    for (const { oldId, rows, reject } of prepared) if (rows.length > 0 && reject === null) there.add(`${table.name}\0${oldId}`);
    for (const row of asking) this.fill(row, there);
  }

  private fill(row: PreparedRow, there: ReadonlySet<string>): void {
    for (const target of row.rows) {
      for (const [column, value] of Object.entries(target.values)) {
        if (!(value instanceof Ref)) continue;
        if (there.has(`${value.table}\0${value.id}`)) target.values[column] = importedId(this.source, value.table, value.id);
        else if (this.needed.has(`${target.table}.${column}`)) row.reject ??= missing(target.table, column, value);
        else {
          Object.assign(target.values, { [column]: null }, value.without);
          row.notes.push(`REFERENCE_MISSING: ${column} was ${value.table} ${value.id.slice(0, 100)}, which is not here`);
        }
      }
    }
  }
}

function* refsOf({ rows }: PreparedRow): Iterable<Ref> {
  for (const { values } of rows) for (const name in values) if (values[name] instanceof Ref) yield values[name];
}

const missing = (table: string, column: string, { table: from, id }: Ref): Reject =>
  new Reject('REFERENCE_MISSING', `it belongs to ${from} ${id.slice(0, 100)}, which is not here, and ${table}.${column} must be filled`);
