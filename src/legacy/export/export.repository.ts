import { Injectable } from '@nestjs/common';
import { REMOVED } from '../../auth/credentials.js';
import type { Tx } from '../../database/transaction.js';
import type { TableReport } from '../load/import-run.js';
import type { System } from '../profile.js';
import type { Cells } from '../shapes/shape.js';
import { decodeRow } from '../source/encode.js';
import { parseJson } from '../source/json-text.js';

export interface KeptRow {
  oldId: string;
  /** Null where nothing was kept beside the row of ours. */
  cells: Cells | null;
  /** What happened here since makes it say what is not so. */
  isUntrue: boolean;
}

/** How a source's table was, and what its rows have in common. */
export interface KeptForm {
  /** Columns that a row has, as they stood in the old table. */
  names: string[];
  /** All that the old table had, with rows or without, and their types. */
  declared: Readonly<Record<string, string>>;
  /** Its primary key; empty where rows cannot have it any more: two tables of one name, or secrets that were removed from it. */
  primary: string[];
  nullable: string[];
  /** Rows of which nothing was kept: all columns have their place in ours. */
  bare: boolean;
  /** Names that are spelled otherwise in the old file than here: of the table, where one is, and of its columns. */
  spelled: { table: string | null; columns: Readonly<Record<string, string>> };
}

export interface OpenTrade {
  id: string;
  account: string;
  agent: string;
  symbol: string;
  status: string;
}

const OPEN_MOST = 100;

/** What imports left: old rows as they were, and where they came from. */
@Injectable()
export class ExportRepository {
  /** Sources of this system that an import brought, and did not take back. */
  async sources(tx: Tx, system: System): Promise<string[]> {
    const rows = await tx.query<{ source: string }[]>(`select distinct source from import_runs where system = $1 and status in ('finished', 'running') order by source`, [system]);
    return rows.map(({ source }) => source);
  }

  tables(tx: Tx, source: string): Promise<{ id: number; name: string }[]> {
    return tx.query(`select id, name from import_tables where source = $1 order by name`, [source]);
  }

  /** Reads every row that was kept: one that has a null must find a column that takes it. */
  async form(tx: Tx, tableIds: readonly number[]): Promise<KeptForm> {
    const [row = { names: [], nullable: [], removed: [], bare: false }] = await tx.query<{ names: string[]; nullable: string[]; removed: string[]; bare: boolean }[]>(
      `with kept as (select original from import_rows where table_id = any($1::int[]) union all select original from import_archive where table_id = any($1::int[]))
       select coalesce(array_agg(key), '{}') as names, coalesce(array_agg(key) filter (where has_null), '{}') as nullable, coalesce(array_agg(key) filter (where has_removed), '{}') as removed,
         exists (select 1 from kept where original is null) as bare
       from (select key, bool_or(value = 'null') as has_null, bool_or(value = to_jsonb($2::text)) as has_removed from kept, jsonb_each(original) group by key) columns`,
      [tableIds, REMOVED],
    );
    const told = await this.told(tx, tableIds);
    const declared = Object.fromEntries(told.flatMap(({ columns }) => columns.flatMap(({ name, declared }) => (declared === undefined ? [] : [[name, declared]]))));
    const inOrder = Object.keys(declared);
    const place = (name: string) => (inOrder.includes(name) ? inOrder.indexOf(name) : inOrder.length);
    const primary = tableIds.length === 1 ? (told[0]?.primary ?? []) : [];
    const columns = Object.fromEntries(told.flatMap((each) => each.columns.flatMap(({ name, spelled }) => (spelled === undefined ? [] : [[name, spelled]]))));
    const spelled = { table: tableIds.length === 1 ? (told[0]?.name.replace(/^.*\//, '') ?? null) : null, columns };
    return { ...row, spelled, names: row.names.sort((one, other) => place(one) - place(other)), declared, primary: primary.some((name) => row.removed.includes(name)) ? [] : [...primary] };
  }

  /** What the newest import of each table said of it. */
  private told(tx: Tx, tableIds: readonly number[]): Promise<Pick<TableReport, 'name' | 'columns' | 'primary'>[]> {
    return tx.query(
      `select i.name, told.columns, told.primary from import_tables i cross join lateral (
         select t -> 'columns' as columns, t -> 'primary' as primary from import_runs r, jsonb_array_elements(r.tables) t
         where r.source = i.source and r.status in ('finished', 'running') and t ->> 'name' = i.name order by r.seq desc limit 1) told
       where i.id = any($1::int[]) order by i.id`,
      [tableIds],
    );
  }

  /** Old rows whose row of ours is not of that table, or is gone. */
  async others(tx: Tx, tableId: number, ours: string | null, after: string | null, limit: number): Promise<KeptRow[]> {
    const isElsewhere = ours === null ? 'true' : `(r.target <> $4 or not exists (select 1 from ${ours} t where t.id = r.target_id))`;
    return kept(await tx.query(
      `select r.old_id, r.original::text as original from import_rows r where r.table_id = $1 and ($2::text is null or r.old_id > $2) and ${isElsewhere} order by r.old_id limit $3`,
      ours === null ? [tableId, after, limit] : [tableId, after, limit, ours],
    ));
  }

  /** Rows of files in the order of their lines: `a.csv#10` is behind `a.csv#9`. */
  async archived(tx: Tx, source: string, tableId: number, after: string | null, limit: number, order: 'id' | 'line', untrue = 'false'): Promise<KeptRow[]> {
    const [key, last] = order === 'id' ? ['a.old_id', '$2::text'] : ['(length(a.old_id), a.old_id)', '(length($2::text), $2::text)'];
    return kept(await tx.query(
      `select a.old_id, a.original::text as original, (${untrue}) and $4::text is not null as is_untrue from import_archive a where a.table_id = $1 and ($2::text is null or ${key} > ${last}) order by ${key} limit $3`, [tableId, after, limit, source],
    ));
  }

  /** With real money, wherever they came from. */
  openLive(tx: Tx): Promise<OpenTrade[]> {
    return tx.query(
      `select t.id, a.name as account, g.name as agent, t.symbol, t.status from trades t join accounts a on a.id = t.account_id join agents g on g.id = t.agent_id
       where t.execution_mode = 'live' and t.status in ('pending', 'open', 'closing', 'unknown') order by t.seq limit ${OPEN_MOST}`,
    );
  }
}

const kept = (rows: { old_id: string; original: string | null; is_untrue?: boolean }[]): KeptRow[] =>
  rows.map(({ old_id: oldId, original, is_untrue: isUntrue = false }) => ({ oldId, isUntrue, cells: original === null ? null : decodeRow(parseJson(original).value) }));
