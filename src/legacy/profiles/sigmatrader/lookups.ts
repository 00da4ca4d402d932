import { wholeDigits } from '../../convert/columns.js';
import { type Cell, JsonNumber, type Source, type SourceRow, type SourceTable } from '../../source/cell.js';

/** What is joined by: an id is an integer in one file, a text in a damaged one, and `5.0` where pandas wrote it. */
export function keyOf(cell: Cell | undefined): string | null {
  if (cell === null || cell === undefined || (typeof cell === 'object' && !(cell instanceof JsonNumber))) return null;
  const written = cell instanceof JsonNumber ? cell.text : String(cell);
  return wholeDigits(written) ?? written;
}

/** What stands before a table's own name in its whole name. */
export const fileOf = ({ name, base }: SourceTable): string => (name.endsWith(base) ? name.slice(0, -base.length) : '');

/** Rows of other tables that a row is only whole with. Where a table can find a row by its id, ids alone are held in memory. */
export class Lookups {
  private readonly indexes = new Map<string, Map<string, (SourceRow | string)[]>>();

  /** @param file what stands before the names of its tables: a folder may hold two databases, whose ids mean different rows */
  constructor(
    private readonly source: Source,
    private readonly file: string,
  ) {}

  /** By the column `id`. */
  row(base: string, id: Cell | undefined): SourceRow | undefined {
    const key = keyOf(id);
    const table = this.table(base);
    if (key === null || table === undefined) return undefined;
    if (table.find !== undefined && table.key.length === 1 && table.key[0] === 'id') return table.find(key);
    return this.by(base, 'id', key)[0];
  }

  by(base: string, column: string, value: string): readonly SourceRow[] {
    const table = this.table(base);
    if (table === undefined) return [];
    const found = this.indexOf(table, column).get(value) ?? [];
    return found.map((each) => (typeof each === 'string' ? table.find?.(each) : each)).filter((row) => row !== undefined);
  }

  all(base: string): Iterable<SourceRow> {
    return this.table(base)?.rows() ?? [];
  }

  private table(base: string): SourceTable | undefined {
    return this.source.tables.find((each) => each.base === base && fileOf(each) === this.file);
  }

  private indexOf(table: SourceTable, column: string): Map<string, (SourceRow | string)[]> {
    const name = `${table.base}.${column}`;
    let index = this.indexes.get(name);
    if (index !== undefined) return index;
    this.indexes.set(name, (index = new Map()));
    if (!table.columns.includes(column)) return index;
    for (const row of table.rows()) {
      const key = keyOf(row.cells[column]);
      if (key === null) continue;
      const entry = table.find === undefined ? row : row.id;
      const others = index.get(key);
      if (others === undefined) index.set(key, [entry]);
      else others.push(entry);
    }
    return index;
  }
}
