import { Injectable } from '@nestjs/common';
import type { Tx } from '../../database/transaction.js';
import type { ShapeRun, ShapeTable } from './shape.js';

export interface Unnamed {
  id: string;
  values: Readonly<Record<string, unknown>>;
}

/** Of a file in a folder the table's name has the file before it; to SQLite capitals are the same letters. */
const BASE = (name: string) => `lower(regexp_replace(${name}, '^.*/', ''))`;

/** An id of 63 bits; above those at the very end of them, 2^63 - 1 say, there would be no room for another. */
const NUMBER = (text: string) => `case when ${text} ~ '^\\d{1,19}$' then case when (${text})::numeric < 9200000000000000000 then (${text})::numeric end end`;

/** What is not named by a source is named for the system as a whole. */
const sourceOf = ({ source }: ShapeRun) => source ?? '';

/** Old ids of rows of ours: given once, above all that were ever there, and for ever. */
@Injectable()
export class ExportIds {
  /** Of a transaction that holds the lock: the greatest is asked for once, not for each page. */
  private readonly last = new WeakMap<Tx, Map<string, bigint>>();

  /** Held until `tx` ends: two that give ids of one system wait for each other. */
  async lock(tx: Tx, run: ShapeRun): Promise<void> {
    await tx.query(`select pg_advisory_xact_lock(hashtextextended($1, 0))`, [lockName(run)]);
  }

  /** Of `import_tables`: of a folder with several files there may be several of one name. */
  async tableIds(tx: Tx, run: ShapeRun, name: string): Promise<number[]> {
    if (run.source === null) return [];
    const rows = await tx.query<{ id: number }[]>(`select id from import_tables where source = $1 and ${BASE('name')} = lower($2) order by id`, [run.source, name]);
    return rows.map(({ id }) => id);
  }

  /** Old ids of rows that have one, and new ones for the others. `taken`: an import brought a row with that id since. */
  async give(tx: Tx, run: ShapeRun, table: ShapeTable, rows: readonly Unnamed[]): Promise<{ given: Map<string, string>; taken: Set<string> }> {
    if (rows.length === 0) return { given: new Map(), taken: new Set() };
    const given = await this.known(tx, run, table, rows.map(({ id }) => id));
    const missing = rows.filter(({ id }) => !given.has(id));
    if (missing.length > 0) {
      const named = table.newId === 'number' ? await this.numbers(tx, run, table, missing) : await this.names(tx, run, table, missing, table.newId);
      await tx.query(
        `insert into export_ids (system, source, table_name, part, target_id, old_id) select $1, $2, $3, $4, row.id, row.old_id from unnest($5::uuid[], $6::text[]) as row (id, old_id)`,
        [run.shape.system, sourceOf(run), table.name, table.part, [...named.keys()], [...named.values()]],
      );
      for (const [id, oldId] of named) given.set(id, oldId);
    }
    const there = run.source === null ? new Set<string>() : await this.imported(tx, run, table, [...given.values()]);
    return { given, taken: new Set([...given].filter(([, oldId]) => there.has(oldId)).map(([id]) => id)) };
  }

  /** Old ids of rows of ours that others refer to: the imported ones, else given ones. */
  async find(tx: Tx, run: ShapeRun, table: ShapeTable, ids: readonly string[]): Promise<Map<string, string>> {
    if (ids.length === 0) return new Map();
    const found = await this.known(tx, run, table, ids);
    if (run.source === null) return found;
    const rows = await tx.query<{ target_id: string; old_id: string }[]>(
      `select r.target_id, min(r.old_id) as old_id from import_rows r join import_tables i on i.id = r.table_id
       where i.source = $1 and ${BASE('i.name')} = lower($2) and r.target_id = any($3::uuid[]) group by r.target_id`,
      [run.source, table.name, ids],
    );
    for (const { target_id: id, old_id: oldId } of rows) found.set(id, oldId);
    return found;
  }

  private async known(tx: Tx, run: ShapeRun, table: ShapeTable, ids: readonly string[]): Promise<Map<string, string>> {
    const rows = await tx.query<{ target_id: string; old_id: string }[]>(
      `select target_id, old_id from export_ids where system = $1 and source = $2 and table_name = $3 and part = $4 and target_id = any($5::uuid[])`,
      [run.shape.system, sourceOf(run), table.name, table.part, ids],
    );
    return new Map(rows.map(({ target_id: id, old_id: oldId }) => [id, oldId]));
  }

  /** Above every id that the old table ever had, also of rows that are gone from it (AUTOINCREMENT remembers them), and above those given. */
  async greatest(tx: Tx, run: ShapeRun, name: string): Promise<bigint> {
    const [row] = await tx.query<{ greatest: string }[]>(
      `select greatest(
        (select max(${NUMBER('old_id')}) from import_rows where table_id = any(mine.ids)),
        (select max(${NUMBER('old_id')}) from import_archive where table_id = any(mine.ids)),
        (select max(${NUMBER("a.original ->> 'seq'")}) from import_archive a join import_tables i on i.id = a.table_id
         where i.source = $2 and ${BASE('i.name')} = 'sqlite_sequence' and lower(a.original ->> 'name') = lower($3)),
        (select max(${NUMBER('old_id')}) from export_ids where system = $1 and source = $2 and table_name = $3), 0)::text as greatest
       from (select array(select id from import_tables where source = $2 and ${BASE('name')} = lower($3)) as ids) mine`,
      [run.shape.system, sourceOf(run), name],
    );
    return BigInt(row?.greatest ?? '0');
  }

  private async numbers(tx: Tx, run: ShapeRun, table: ShapeTable, rows: readonly Unnamed[]): Promise<Map<string, string>> {
    const above = await this.above(tx, run, table.name);
    this.last.get(tx)?.set(table.name, above + BigInt(rows.length));
    return new Map(rows.map(({ id }, index) => [id, String(above + BigInt(index) + 1n)]));
  }

  private async above(tx: Tx, run: ShapeRun, name: string): Promise<bigint> {
    const known = this.last.get(tx) ?? new Map<string, bigint>();
    this.last.set(tx, known);
    return known.get(name) ?? this.greatest(tx, run, name);
  }

  /** Two that would have one name: the later is told apart by a number behind it. */
  private async names(tx: Tx, run: ShapeRun, table: ShapeTable, rows: readonly Unnamed[], nameOf: (values: Unnamed['values']) => string): Promise<Map<string, string>> {
    const named = new Map<string, string>();
    const taken = await this.starting(tx, run, table, [...new Set(rows.map(({ values }) => nameOf(values)))]);
    for (const { id, values } of rows) {
      const wish = nameOf(values);
      let name = wish;
      for (let count = 2; taken.has(name); count++) name = `${wish}_${count}`;
      taken.add(name);
      named.set(id, name);
    }
    return named;
  }

  private async starting(tx: Tx, run: ShapeRun, table: ShapeTable, names: readonly string[]): Promise<Set<string>> {
    const rows = await tx.query<{ old_id: string }[]>(
      `select old_id from export_ids, unnest($4::text[]) as wish where system = $1 and source = $2 and table_name = $3 and (old_id = wish or starts_with(old_id, wish || '_'))
       union all select r.old_id from import_rows r join import_tables i on i.id = r.table_id, unnest($4::text[]) as wish
       where i.source = $2 and ${BASE('i.name')} = lower($3) and (r.old_id = wish or starts_with(r.old_id, wish || '_'))`,
      [run.shape.system, sourceOf(run), table.name, names],
    );
    return new Set(rows.map(({ old_id: oldId }) => oldId));
  }

  private async imported(tx: Tx, run: ShapeRun, table: ShapeTable, oldIds: readonly string[]): Promise<Set<string>> {
    const rows = await tx.query<{ old_id: string }[]>(
      `select old_id from import_tables i join import_rows r on r.table_id = i.id and r.old_id = any($3::text[]) where i.source = $1 and ${BASE('i.name')} = lower($2)
       union all select old_id from import_tables i join import_archive r on r.table_id = i.id and r.old_id = any($3::text[]) where i.source = $1 and ${BASE('i.name')} = lower($2)`,
      [run.source, table.name, oldIds],
    );
    return new Set(rows.map(({ old_id: oldId }) => oldId));
  }
}

export const lockName = (run: ShapeRun): string => `export_ids ${run.shape.system} ${sourceOf(run)}`;
