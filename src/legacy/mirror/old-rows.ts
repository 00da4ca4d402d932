import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { inTransaction, type Tx } from '../../database/transaction.js';
import type { EventRow } from '../../events/event-log.repository.js';
import { ExportRepository } from '../export/export.repository.js';
import type { LeftOut } from '../export/export-report.js';
import { TableExport } from '../export/table-export.js';
import { formOf, unknownTable } from '../export/unknown-table.js';
import { ExportIds } from '../shapes/export-ids.repository.js';
import type { Counter, OldStore, TableForm } from '../shapes/old-store.js';
import { OursRepository } from '../shapes/ours.repository.js';
import { plainName } from '../source/plain-name.js';
import { type Cells, oldRow, type OurRow, type ShapeRun, type ShapeTable, type Which } from '../shapes/shape.js';

const PAGE_ROWS = 500;

/** An event of many names none of them, but from when to when they are. */
interface Many {
  table: string;
  time: string;
  kind: string | undefined;
  byAgent: boolean;
}
const MANY: Readonly<Record<string, Many>> = {
  predictions: { table: 'predictions', time: 'predicted_at', kind: undefined, byAgent: true },
  snapshot_market: { table: 'snapshot_market', time: 'open_time', kind: 'market', byAgent: false },
  snapshot_account: { table: 'snapshot_account', time: 'captured_at', kind: 'account', byAgent: false },
};

interface Placed {
  id: string;
  at: string;
  seq: string;
}

/**
 * A part of an old table: rows of ours; or, of an import, old rows that became something else, and those that were only
 * kept. In this order everything that the old table has is read once. A table that no shape knows is one piece, `anew`: its
 * rows have no key that is known, so they are all written at once, when an import brings or changes them.
 */
export interface Piece {
  table: ShapeTable;
  of: 'ours' | { became: number } | { kept: number } | { anew: { id: number; name: string }[] };
}

/** What the old table cannot hold, or must not show. */
export interface LeftRow {
  /** Of ours, or of the old row; '' for rows that are only counted. */
  id: string;
  /** `CODE: sentence` */
  reason: string;
  /** To be taken out, where it was written before. */
  cells: Cells | null;
  count: number;
}

/** How the table is made where it is not there. */
export interface Made {
  table: ShapeTable;
  form: TableForm;
}

export interface OldPage {
  rows: Cells[];
  left: LeftRow[];
  next: readonly string[] | null;
}

/** What is kept of a source that SQLite makes by itself. */
const INTERNAL = /^sqlite_/;

/**
 * The rows of an old system's tables as they should be now. Each page is a transaction of its own, which takes no lock on
 * what others write; the ids that new rows are given there are all that it writes.
 */
@Injectable()
export class OldRows {
  constructor(
    private readonly dataSource: DataSource,
    private readonly ours: OursRepository,
    private readonly exportIds: ExportIds,
    private readonly kept: ExportRepository,
    private readonly tableExport: TableExport,
  ) {}

  /** Whose old rows keep their ids and cells: this source while an import of it stands, else the newest. Null: nothing is imported. */
  async sourceNow(system: string, source: string | null): Promise<string | null> {
    const [row] = await this.dataSource.sql<{ source: string }[]>`
      select source from import_runs where system = ${system} and status = 'finished' order by coalesce(source = ${source}::text, false) desc, seq desc limit 1`;
    return row?.source ?? null;
  }

  /** The tables that the file has, as an export makes them. */
  async tables(run: ShapeRun): Promise<{ made: Made[]; pieces: Piece[] }> {
    const [made, pieces]: [Made[], Piece[]] = [[], []];
    const tx = this.dataSource.manager;
    const theirs = run.source === null ? [] : (await this.kept.tables(tx, run.source)).map((table) => ({ ...table, base: table.name.replace(/^.*\//, '') })).filter(({ base }) => !INTERNAL.test(base));
    const known = Map.groupBy(run.shape.tables, ({ name }) => name);
    const isKnown = (base: string) => known.has(base) || known.has(plainName(base));
    for (const { base } of theirs) {
      const like = isKnown(base) ? null : run.shape.like?.(plainName(base));
      if (like) known.set(plainName(base), [like]);
    }
    for (const [name, parts] of known) {
      const [first] = parts;
      if (!first) continue;
      const ids = await this.exportIds.tableIds(tx, run, name);
      const form = await this.kept.form(tx, ids);
      made.push({ table: first, form: formOf(first, form) });
      pieces.push(...parts.map((table): Piece => ({ table, of: 'ours' })), ...ids.flatMap((id): Piece[] => [{ table: first, of: { became: id } }, { table: first, of: { kept: id } }]));
    }
    for (const [base, tables] of Map.groupBy(theirs.filter(({ base }) => !isKnown(base)), ({ base }) => base)) {
      pieces.push({ table: unknownTable(run.shape.medium, base, ''), of: { anew: tables } });
    }
    return { made, pieces };
  }

  /** All rows of a table that no shape knows. @returns where they stand: its name, or the files that its rows are in */
  async anew(run: ShapeRun, tables: readonly { id: number; name: string }[], store: OldStore): Promise<{ places: string[]; left: LeftOut[] }> {
    const places = new Map<string, ShapeTable>();
    const report: Parameters<TableExport['unknown']>[4] = { tables: [], leftOut: [], inexact: {} };
    await inTransaction(this.dataSource, async (tx) => {
      for (const table of tables) {
        await this.tableExport.unknown(tx, run, table, store, report, () => undefined, (made) => {
          const place = placeIn(made);
          if (!places.has(place)) store.drop(made);
          places.set(place, made);
        });
      }
    });
    return { places: [...places.keys()], left: report.leftOut };
  }

  /** What the counters of the old database must be at least. */
  counters(run: ShapeRun): Promise<Counter[]> {
    return this.tableExport.counters(this.dataSource.manager, run);
  }

  /** @param after null: from the beginning */
  page(run: ShapeRun, { table, of }: Piece, after: readonly string[] | null): Promise<OldPage> {
    return inTransaction(this.dataSource, async (tx) => {
      if (of === 'ours') return this.read(tx, run, table, { after, limit: PAGE_ROWS });
      if ('anew' in of) throw new Error(`${table.name} is written at once`);
      const from = after?.[0] ?? null;
      const rows = 'became' in of ? await this.kept.others(tx, of.became, table.ours?.table ?? null, from, PAGE_ROWS) : await this.kept.archived(tx, run.source ?? '', of.kept, from, PAGE_ROWS, 'id', table.untrue?.sql);
      const last = rows.at(-1);
      const page: OldPage = { rows: [], left: [], next: rows.length === PAGE_ROWS && last ? [last.oldId] : null };
      for (const { oldId: id, cells, isUntrue } of rows) {
        if (cells === null) page.left.push({ id, reason: 'ROW_GONE: the row that it became is not here any more, and nothing was kept beside it', cells: null, count: 1 });
        else if (isUntrue) page.left.push({ id, reason: table.untrue?.reason ?? '', cells, count: 1 });
        else if (table.key.some((name) => (cells[name] ?? null) === null)) page.left.push({ id, reason: 'KEY_MISSING: the old row has no key, so it could not be kept up to date; an export has it', cells: null, count: 1 });
        else page.rows.push(cells);
      }
      return page;
    });
  }

  /** Those of ours with these ids that are rows of this table. */
  byId(run: ShapeRun, table: ShapeTable, ids: readonly string[]): Promise<OldPage> {
    return inTransaction(this.dataSource, async (tx) => ({ ...(await this.read(tx, run, table, { ids })), next: null }));
  }

  /** Ids, a part at a time: those that were named, and those that an event of many stands for. They need not be of this table. */
  async *changed(table: ShapeTable, named: readonly string[], events: readonly EventRow[]): AsyncIterable<string[]> {
    for (let begin = 0; begin < named.length; begin += PAGE_ROWS) yield named.slice(begin, begin + PAGE_ROWS);
    const many = MANY[table.ours?.table ?? ''];
    if (!many) return;
    for (const { agent_id: agentId, data } of events) {
      const { from, to, kind } = JSON.parse(data) as { from?: string | null; to?: string | null; kind?: string };
      if (from == null || to == null || kind !== many.kind) continue;
      for (let after: Placed | undefined, more = true; more; ) {
        const rows: Placed[] = await this.between(many, agentId, from, to, after);
        if (rows.length > 0) yield rows.map(({ id }) => id);
        more = rows.length === PAGE_ROWS;
        after = rows.at(-1);
      }
    }
  }

  private between({ table, time, byAgent }: Many, agentId: string | null, from: string, to: string, after: Placed | undefined): Promise<Placed[]> {
    return this.dataSource.sql`
      select id, ${() => time}::text as at, seq::text as seq from ${() => table}
      where ${() => time} >= ${from}::timestamptz and ${() => time} <= ${to}::timestamptz and (${!byAgent}::boolean or agent_id = ${agentId}::uuid)
        and (${after === undefined}::boolean or (${() => time}, seq) > (${after?.at ?? from}::timestamptz, ${after?.seq ?? '0'}::bigint))
      order by ${() => time}, seq limit ${PAGE_ROWS}`;
  }

  private async read(tx: Tx, run: ShapeRun, table: ShapeTable, which: Which): Promise<OldPage> {
    await this.exportIds.lock(tx, run);
    const { rows, foreign, next } = await this.ours.page(tx, run, table, which);
    const page: OldPage = { rows: [], left: [], next };
    for (const row of rows) {
      const reason = whyNot(table, row);
      if (reason === null) page.rows.push(oldRow(table, row));
      // The id is that of a row which an import brought: that one stays.
      else page.left.push({ id: row.id, reason, cells: row.taken ? null : oldRow(table, row), count: 1 });
    }
    if (foreign > 0) page.left.push({ id: '', reason: 'OTHER_SOURCE: rows that were imported from another source stay there', cells: null, count: foreign });
    return page;
  }
}

function whyNot(table: ShapeTable, row: OurRow): string | null {
  if (row.taken) return `ID_TAKEN: an import brought a row with the id ${row.oldId} after it was given to this one`;
  if (table.openLive?.(row)) return 'OPEN_LIVE: an open trade with real money: the old program must not see it as its own to manage';
  return row.imported ? null : (table.cannot?.(row) ?? null);
}

/** Where rows of a table that no shape knows stand: in a file of their own, or in one table. */
const placeIn = ({ files, name }: ShapeTable): string => files?.path ?? name;
