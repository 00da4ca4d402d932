import { Injectable } from '@nestjs/common';
import { timeText } from '../../database/answer-text.js';
import type { Tx } from '../../database/transaction.js';
import { decodeRow } from '../source/encode.js';
import { parseJson } from '../source/json-text.js';
import { ExportIds } from './export-ids.repository.js';
import type { OurRow, Ours, Page, ShapeRun, ShapeTable, Which } from './shape.js';



interface Raw {
  id: string;
  at: string[];
  old_id: string | null;
  original: string | null;
  foreign_source: string | null;
  changed: boolean;
  [column: string]: unknown;
}

/** Rows of ours as an old table sees them, with the old row of each that was imported into it. */
@Injectable()
export class OursRepository {
  constructor(private readonly exportIds: ExportIds) {}

  /** Ids that are given here are kept when `tx` commits. */
  async page(tx: Tx, run: ShapeRun, table: ShapeTable, which: Which): Promise<Page> {
    const { ours } = table;
    if (!ours) return { rows: [], foreign: 0, elsewhere: 0, next: null };
    const tableIds = table.part === '' ? await this.exportIds.tableIds(tx, run, table.name) : [];
    const raw = await this.raw(tx, run, ours, tableIds, which);
    const mine = raw.filter(({ foreign_source: foreign }) => foreign === null || run.source === null);
    const { given, taken } = await this.exportIds.give(tx, run, table, mine.filter(({ old_id: id }) => id === null).map((row) => ({ id: row.id, values: row })));
    const refs = await this.refs(tx, run, ours, mine);
    const rows = mine.map((row): OurRow => ({
      id: row.id, values: row, oldId: row.old_id ?? given.get(row.id) ?? '', imported: row.old_id !== null, taken: taken.has(row.id),
      old: row.original === null ? null : decodeRow(parseJson(row.original).value), changed: row.changed, inexact: new Set(),
      refs: Object.fromEntries([...refs].map(([name, { column, ids }]) => [name, ids.get(row[column] as string) ?? null])),
    }));
    const last = raw.at(-1);
    return {
      rows, next: 'limit' in which && new Set(raw.map(({ id }) => id)).size === which.limit && last ? last.at : null,
      // Of another source: rows that stay there. Of this one, in another old table: they are written with that one.
      foreign: raw.filter(({ foreign_source: foreign }) => run.source !== null && foreign !== null && foreign !== run.source).length,
      elsewhere: raw.filter(({ foreign_source: foreign }) => run.source !== null && foreign === run.source).length,
    };
  }

  private raw(tx: Tx, run: ShapeRun, ours: Ours, tableIds: number[], which: Which): Promise<Raw[]> {
    const columns = Object.entries(ours.columns).map(([name, kind]) => `${selected(name, kind)} as "${name}"`).join(', ');
    const order = ours.order.map(({ column }) => `t.${column}`).join(', ');
    const values: unknown[] = [tableIds, run.source];
    const behind = () => `(${order}) > (${ours.order.map(({ type }, index) => `$${index + 3}::${type}`).join(', ')})`;
    let asked = 'true';
    if ('ids' in which) asked = `t.id = any($${values.push(which.ids)}::uuid[])`;
    else if (which.after) {
      values.push(...which.after);
      asked = behind();
    }
    // The limit is on rows of ours: one that two old rows stand for must not be cut in two.
    return tx.query(
      `select t.id::text as id, array[${ours.order.map(({ column, type }) => (type === 'timestamptz' ? timeText(`t.${column}`, 'us') : `t.${column}::text`)).join(', ')}] as at, ${columns},
        mine.old_id, mine.original::text as original, case when mine.old_id is null and not (elsewhere.source = $2 and (${ours.also ?? 'false'})) then elsewhere.source end as foreign_source, (mine.old_id is not null and (${ours.changed})) as changed
       from (select t.* from ${ours.table} t where ${asked} order by ${order} ${'limit' in which ? `limit ${which.limit}` : ''}) t
       left join import_rows mine on mine.target_id = t.id and mine.table_id = any($1::int[])
       left join lateral (select i.source from import_rows r join import_tables i on i.id = r.table_id where r.target_id = t.id
         order by i.source = $2 desc limit 1) elsewhere on mine.old_id is null
       where mine.old_id is not null or (${ours.where ?? 'true'})
       order by ${order}`,
      values,
    );
  }

  private async refs(tx: Tx, run: ShapeRun, ours: Ours, rows: readonly Raw[]): Promise<Map<string, { column: string; ids: Map<string, string> }>> {
    const found = new Map<string, { column: string; ids: Map<string, string> }>();
    for (const [name, { column, table: of, part = '' }] of Object.entries(ours.refs ?? {})) {
      const table = run.shape.tables.find((each) => each.name === of && each.part === part);
      const ids = [...new Set(rows.map((row) => row[column] as string | null).filter((id) => id !== null))];
      if (table) found.set(name, { column, ids: await this.exportIds.find(tx, run, table, ids) });
    }
    return found;
  }
}

function selected(name: string, kind: Ours['columns'][string]): string {
  if (typeof kind === 'object') return kind.sql;
  if (kind === 'time') return timeText(`t.${name}`, 'us');
  return kind === 'text' ? `t.${name}::text` : `t.${name}`;
}
