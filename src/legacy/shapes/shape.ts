import { own } from '../../common/own.js';
import type { System } from '../profile.js';
import type { Cell } from '../source/cell.js';
import { means } from './means.js';
import type { TableForm } from './old-store.js';

export type Cells = Record<string, Cell>;

/**
 * A row of ours as a shape sees it. Decimals and 64-bit numbers are text, times RFC 3339 in UTC with six digits, JSON is
 * its value; `refs` are the old ids of the rows that it refers to.
 */
export interface OurRow {
  id: string;
  values: Readonly<Record<string, unknown>>;
  /** In the old table: the imported one, or the one that was given to it for ever (export_ids). */
  oldId: string;
  /** Whether it came from that old table. */
  imported: boolean;
  /** An old row came later with the id that was given here. */
  taken: boolean;
  /** The old row as it was imported; null where it was not, or where nothing of it had to be kept. */
  old: Cells | null;
  /** Whether anything of it has changed here since its import. */
  changed: boolean;
  /** Columns of the old table whose number has more digits than a double holds: found while it is written. */
  inexact: Set<string>;
  /** By the names of `Ours.refs`: the old id of the row that is referred to; null where that row has none. */
  refs: Readonly<Record<string, string | null>>;
}

export interface ShapeColumn {
  name: string;
  /** As the old application declares it: `VARCHAR(20) NOT NULL`. '' in files. */
  declared: string;
  /** In the old units and spelling. Without it we do not hold the column: imported rows keep theirs, others have its default. */
  write?: (ours: OurRow) => Cell;
}

/** Rows of ours that are rows of an old table. */
export interface Ours {
  table: string;
  /** Columns that are read, and how: each is cast so that nothing is lost (text, or JSON). `t` is the table. */
  columns: Readonly<Record<string, 'text' | 'time' | 'json' | 'boolean' | { sql: string }>>;
  /** Of `t`, for each row that was not imported into this old table: which are rows of it. All by default. */
  where?: string;
  /** Of `t`: rows that this source brought into another old table, and that are rows of this one as well by what became of them here. */
  also?: string;
  /** In what order rows are read and new ids given: columns of `t` that together name a row and have an index. */
  order: readonly { column: string; type: string }[];
  /** SQL: whether an imported row has changed since. */
  changed: string;
  /** Columns of ours that refer to rows with an old id: in which old table, and in which part of it. */
  refs?: Readonly<Record<string, { column: string; table: string; part?: string }>>;
}

/** Where rows of a folder's table are. */
export interface Files {
  /** `config/ai/strategies/{id}.json`: by row; without braces all rows are in the one file. */
  path: string;
  form: 'csv' | 'json' | 'json-list' | 'json-lines' | 'whole';
  /** Field of the document that holds the rows: `accounts`. */
  at?: string;
}

export interface ShapeTable {
  /** As in the old system. Two may have one name: orders that opened, and orders that closed, by `part`. */
  name: string;
  /** Tells apart the rows that one of ours becomes in one old table; '' for the one that imports make. */
  part: string;
  columns: readonly ShapeColumn[];
  /** Columns of the old key: what `upsert` replaces by. */
  key: readonly string[];
  /** After the columns, inside `create table`: `PRIMARY KEY (id)`. */
  constraints: readonly string[];
  /** Further statements, indexes. */
  indexes: readonly string[];
  files?: Files;
  /** Null: no row of ours is one of these. Its rows come back from what was imported. */
  ours: Ours | null;
  /** Types of events whose subject is such a row, by the id of ours. */
  events: readonly string[];
  /** How a row that was not imported is named there: numbers are given above the old maximum; text is made here. */
  newId: 'number' | ((values: Readonly<Record<string, unknown>>) => string);
  /** Why the old table cannot hold this row, `CODE: sentence`, or null. Asked of rows that were not imported. */
  cannot?: (ours: OurRow) => string | null;
  /** SQL of a row `a` of the archive, `$4` the source: whether what happened here since makes it untrue, so that it stays out. */
  untrue?: { sql: string; reason: string };
  /** Says whether it is an open trade with real money: exported only when that is asked for. */
  openLive?: (ours: OurRow) => boolean;
}

export interface Shape {
  system: System;
  medium: 'sqlite' | 'folder';
  /** What is referred to comes first. */
  tables: readonly ShapeTable[];
  /** A table of a source that goes by a name of its own, `btc_1m_master_5y`; null where it is none of these. */
  like?: (name: string) => ShapeTable | null;
  /** Rows that a new file of the old application has from its beginning: `alembic_version`. Only where nothing was imported. */
  first: readonly { table: string; cells: Cells }[];
  /** `table.column` that a round trip does not give back as it was, and why. Printed in the documentation. */
  differs: Readonly<Record<string, string>>;
}

/** The statements that make the table with these columns. An older revision lacks some: keys and indexes over those are left out. */
export function createStatements(table: ShapeTable, columns: readonly { name: string; declared: string }[], spelled: TableForm['spelled'] = { table: table.name, columns: {} }): string[] {
  const lacking = table.columns.filter(({ name }) => !columns.some((column) => column.name === name)).map(({ name }) => name);
  const isWhole = (statement: string) => !(/\(([^)]*)\)/.exec(statement)?.[1] ?? '').split(',').some((part) => lacking.includes(part.trim().replace(/ .*$/, '').replaceAll('"', '')));
  const lines = [...columns.map(({ name, declared }) => `${quoted(own(spelled.columns, name) ?? name)} ${declared}`.trimEnd()), ...table.constraints.filter(isWhole)];
  return [`CREATE TABLE IF NOT EXISTS ${quoted(spelled.table)} (\n\t${lines.join(',\n\t')}\n)`, ...table.indexes.filter(isWhole)];
}

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/**
 * The old row. One that was imported stays as it was; where something of it has changed since, the cells that say
 * something else now are written anew, in the old units, and those that we do not hold stay.
 */
export function oldRow(table: ShapeTable, ours: OurRow): Cells {
  if (ours.old && !ours.changed) return ours.old;
  const cells: Cells = { ...ours.old };
  for (const { name, write } of table.columns) {
    const before = ours.old && name in ours.old ? (ours.old[name] ?? null) : undefined;
    // Of a new row what we do not hold is left to the old default; of an old one it stays.
    if (!write) continue;
    const now = write(ours);
    cells[name] = before !== undefined && means(before) === means(now) ? before : now;
  }
  return cells;
}

/** Of what rows are read: one source's rows and those that no import brought; without a source, all of ours. */
export interface ShapeRun {
  shape: Shape;
  source: string | null;
}

/** Rows by their ids, for events; or the page behind this one, for everything. */
export type Which = { ids: readonly string[] } | { after: readonly string[] | null; limit: number };

/** `next` is null at the end. `foreign`: rows that another source brought. `elsewhere`: rows that this source brought into another old table. */
export interface Page {
  rows: OurRow[];
  foreign: number;
  elsewhere: number;
  next: readonly string[] | null;
}
