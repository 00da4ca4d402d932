import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { inTransaction, type Tx } from '../../database/transaction.js';
import type { EventRow } from '../../events/event-log.repository.js';
import { ExportRepository } from '../export/export.repository.js';
import { unknownTable } from '../export/unknown-table.js';
import { ExportIds } from '../shapes/export-ids.repository.js';
import type { TableForm } from '../shapes/old-store.js';
import { OursRepository } from '../shapes/ours.repository.js';
import { type Cells, oldRow, type ShapeRun, type ShapeTable, type Which } from '../shapes/shape.js';

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
 * kept. In this order everything that the old table has is read once.
 */
export interface Piece {
  table: ShapeTable;
  of: 'ours' | { became: number } | { kept: number };
}

/** How the table is made where it is not there. */
export interface Made {
  table: ShapeTable;
  form: TableForm;
}

export interface OldPage {
  rows: Cells[];
  /** Rows of ours that the old table cannot hold, or must not show: whoever has them takes them out. */
  left: Cells[];
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
  ) {}

  /** The newest run of this system that stands: whose old rows keep their ids and cells. Null: nothing was imported. */
  async newestSource(system: string): Promise<string | null> {
    const [row] = await this.dataSource.sql<{ source: string }[]>`select source from import_runs where system = ${system} and status = 'finished' order by seq desc limit 1`;
    return row?.source ?? null;
  }

  /** The tables that the file has, as an export makes them. */
  async tables(run: ShapeRun): Promise<{ made: Made[]; pieces: Piece[] }> {
    const [made, pieces]: [Made[], Piece[]] = [[], []];
    const tx = this.dataSource.manager;
    const names = [...new Set(run.shape.tables.map(({ name }) => name))];
    for (const name of names) {
      const parts = run.shape.tables.filter((table) => table.name === name);
      const [first] = parts;
      if (!first) continue;
      const ids = await this.exportIds.tableIds(tx, run, name);
      const form = await this.kept.form(tx, ids);
      const own = new Set(form.names);
      made.push({ table: first, form: { ...(own.size > 0 && !form.bare ? { only: own } : {}), further: form.names.filter((each) => !first.columns.some((column) => column.name === each)), nullable: new Set(form.nullable) } });
      pieces.push(...parts.map((table): Piece => ({ table, of: 'ours' })), ...ids.flatMap((id): Piece[] => [{ table: first, of: { became: id } }, { table: first, of: { kept: id } }]));
    }
    for (const { id, name } of run.source === null ? [] : await this.kept.tables(tx, run.source)) {
      const base = name.replace(/^.*\//, '');
      if (names.includes(base) || INTERNAL.test(base)) continue;
      const form = await this.kept.form(tx, [id]);
      const [sample] = await this.kept.archived(tx, run.source ?? '', id, null, 1, 'id');
      const table = unknownTable(run.shape.medium, name, sample?.oldId ?? '', form.names);
      // Without a key a row cannot be written twice and stay one: it is there after an export, and not in a mirror.
      if (table === null || table.key.length === 0) continue;
      made.push({ table, form: {} });
      pieces.push({ table, of: { became: id } }, { table, of: { kept: id } });
    }
    return { made, pieces };
  }

  /** @param after null: from the beginning */
  page(run: ShapeRun, { table, of }: Piece, after: readonly string[] | null): Promise<OldPage> {
    return inTransaction(this.dataSource, async (tx) => {
      if (of === 'ours') return this.read(tx, run, table, { after, limit: PAGE_ROWS });
      const from = after?.[0] ?? null;
      const rows = 'became' in of ? await this.kept.others(tx, of.became, table.ours?.table ?? null, from, PAGE_ROWS) : await this.kept.archived(tx, run.source ?? '', of.kept, from, PAGE_ROWS, 'id', table.untrue?.sql);
      const last = rows.at(-1);
      const as = (isLeft: boolean) => rows.flatMap(({ oldId, cells, isUntrue }) => (cells === null || isUntrue !== isLeft ? [] : [withRowid(table, oldId, cells)]));
      return { rows: as(false), left: as(true), next: rows.length === PAGE_ROWS && last ? [last.oldId] : null };
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

  private async read(tx: Tx, run: ShapeRun, table: ShapeTable, which: Which): Promise<{ rows: Cells[]; left: Cells[]; next: readonly string[] | null }> {
    await this.exportIds.lock(tx, run);
    const { rows, next } = await this.ours.page(tx, run, table, which);
    const stays = rows.filter((row) => !row.taken);
    const shown = stays.filter((row) => (row.imported || !table.cannot?.(row)) && !table.openLive?.(row));
    return { rows: shown.map((row) => oldRow(table, row)), left: stays.filter((row) => !shown.includes(row)).map((row) => oldRow(table, row)), next };
  }
}

const withRowid = (table: ShapeTable, oldId: string, cells: Cells): Cells => (table.key[0] === 'rowid' && /^#\d+$/.test(oldId) ? { rowid: BigInt(oldId.slice(1)), ...cells } : cells);
