import { Injectable } from '@nestjs/common';
import type { Tx } from '../../database/transaction.js';
import { ExportIds } from '../shapes/export-ids.repository.js';
import { type Counter, type OldStore, RowRefused } from '../shapes/old-store.js';
import { OursRepository } from '../shapes/ours.repository.js';
import { type Cells, oldRow, type OurRow, type ShapeRun, type ShapeTable } from '../shapes/shape.js';
import { plainName } from '../source/plain-name.js';
import type { ExportReport, TableReport } from './export-report.js';
import { ExportRepository, type KeptRow } from './export.repository.js';
import { formOf, placeOf, unknownTable } from './unknown-table.js';

/** Rows in memory at once. */
const PAGE = 1_000;
const LEFT_OUT_MOST = 1_000;

type Progress = (table: string, written: number) => void;

/** One table of the old system: rows of ours, then old rows that none of ours stands for, then those that were only kept. */
@Injectable()
export class TableExport {
  constructor(
    private readonly repository: ExportRepository,
    private readonly ours: OursRepository,
    private readonly exportIds: ExportIds,
  ) {}

  async known(tx: Tx, run: ShapeRun, parts: readonly ShapeTable[], store: OldStore, report: ExportReport, progress: Progress): Promise<void> {
    const [first] = parts;
    if (!first) return;
    const { name } = first;
    const tableIds = await this.exportIds.tableIds(tx, run, name);
    const form = await this.repository.form(tx, tableIds);
    // Where all its rows came from there, the table has the columns that it had there; a row of ours brings what it needs.
    store.make(first, formOf(first, form));
    const counts = new Counts(first, store, report, progress);
    for (const table of parts) await this.ofOurs(tx, run, table, counts);
    for (const id of tableIds) {
      await this.pages((after) => this.repository.others(tx, id, first.ours?.table ?? null, after, PAGE), counts);
      const source = run.source ?? '';
      await this.pages((after) => this.repository.archived(tx, source, id, after, PAGE, run.shape.medium === 'sqlite' ? 'id' : 'line', first.untrue?.sql), counts);
    }
    if (run.source === null) for (const row of run.shape.first) if (row.table === name) counts.put('', row.cells);
    report.tables.push(counts.table);
  }

  /** A table that the shape does not know: it comes back with its names, types and values. @param made is told of each place before it is made */
  async unknown(tx: Tx, run: ShapeRun, { id, name }: { id: number; name: string }, store: OldStore, report: Pick<ExportReport, 'tables' | 'leftOut' | 'inexact'>, progress: Progress, made: (table: ShapeTable) => void = () => undefined): Promise<void> {
    const form = await this.repository.form(tx, [id]);
    const { medium } = run.shape;
    const tables = new Map<string, ShapeTable>();
    const counts = new Counts(unknownTable(medium, name, '', form), store, report, progress);
    const make = (table: ShapeTable) => {
      made(table);
      store.make(table);
    };
    const at = (oldId: string): ShapeTable => {
      const place = placeOf(medium, oldId, name);
      const table = tables.get(place) ?? unknownTable(medium, name, oldId, form);
      if (!tables.has(place)) make(table);
      tables.set(place, table);
      return table;
    };
    await this.pages((after) => this.repository.others(tx, id, null, after, PAGE), counts, at);
    await this.pages((after) => this.repository.archived(tx, run.source ?? '', id, after, PAGE, medium === 'sqlite' ? 'id' : 'line'), counts, at);
    // Of one that was imported without rows before its columns were kept, nothing is known that SQLite could make.
    if (tables.size === 0 && medium === 'sqlite' && counts.of.columns.length > 0) make(counts.of);
    report.tables.push(counts.table);
  }

  /** The next id of the old application is above every id that its table ever had, and above those given here. */
  async counters(tx: Tx, run: ShapeRun): Promise<Counter[]> {
    const counters: Counter[] = [];
    for (const id of await this.exportIds.tableIds(tx, run, 'sqlite_sequence')) {
      for (const { oldId, cells } of await this.repository.archived(tx, run.source ?? '', id, null, PAGE, 'line')) {
        const [table, seq, rowid] = [cells?.name, cells?.seq, /^#(\d+)$/.exec(oldId)?.[1]];
        if (typeof table !== 'string' || typeof seq !== 'bigint') continue;
        // Of a folder each database has its own, and their places and names overlap.
        const known = counters.find((each) => each.table === table);
        const place = rowid === undefined || counters.some((each) => each.rowid === BigInt(rowid)) ? null : BigInt(rowid);
        if (!known) counters.push({ table, rowid: place, least: seq });
        else if (known.least < seq) known.least = seq;
      }
    }
    const given = run.shape.tables.filter(({ name, columns }) => columns.some(({ declared }) => /AUTOINCREMENT/i.test(declared)) && !counters.some(({ table }) => plainName(table) === name));
    for (const { name } of given) {
      const least = await this.exportIds.greatest(tx, run, name);
      if (least > 0n) counters.push({ table: name, rowid: null, least });
    }
    return counters;
  }

  private async ofOurs(tx: Tx, run: ShapeRun, table: ShapeTable, counts: Counts): Promise<void> {
    for (let after: readonly string[] | null = null; ; ) {
      const page = await this.ours.page(tx, run, table, { after, limit: PAGE });
      counts.foreign(page.foreign);
      for (const row of page.rows) counts.ours(table, row);
      if (page.next === null) return;
      after = page.next;
    }
  }

  private async pages(read: (after: string | null) => Promise<KeptRow[]>, counts: Counts, at?: (oldId: string) => ShapeTable): Promise<void> {
    for (let after: string | null = null; ; ) {
      const rows = await read(after);
      for (const row of rows) counts.kept(row, at?.(row.oldId));
      const last = rows.at(-1);
      if (rows.length < PAGE || !last) return;
      after = last.oldId;
    }
  }
}

class Counts {
  readonly table: TableReport;

  constructor(readonly of: ShapeTable, private readonly store: OldStore, private readonly report: Pick<ExportReport, 'tables' | 'leftOut' | 'inexact'>, private readonly progress: Progress) {
    this.table = { name: of.name, read: 0, written: 0, leftOut: 0, added: 0 };
  }

  ours(table: ShapeTable, row: OurRow): void {
    const reason = row.taken ? `ID_TAKEN: an import brought a row with the id ${row.oldId} after it was given to this one` : row.imported ? null : (table.cannot?.(row) ?? null);
    if (reason !== null) return this.leftOut(row.id, reason);
    if (this.put(row.id, oldRow(table, row), table, row.imported ? row.oldId : '') && !row.imported) this.table.added++;
    this.inexact(table, row.inexact);
  }

  kept({ oldId, cells, isUntrue }: KeptRow, table = this.of): void {
    if (isUntrue) return this.leftOut(oldId, table.untrue?.reason ?? '');
    if (cells === null) return this.leftOut(oldId, 'ROW_GONE: the row that it became is not here any more, and nothing was kept beside it');
    this.put(oldId, table.key[0] === 'rowid' ? { rowid: BigInt(oldId.slice(1)), ...cells } : cells, table, oldId);
  }

  /** Rows that another source brought stay with it. */
  foreign(count: number): void {
    if (count > 0) this.leftOut('', 'OTHER_SOURCE: rows that were imported from another source stay there', count);
  }

  put(id: string, cells: Cells, table = this.of, from = ''): boolean {
    try {
      this.inexact(table, this.store.insert(table, cells, from));
    } catch (error) {
      if (!(error instanceof RowRefused)) throw error;
      this.leftOut(id, `OLD_CONSTRAINT: ${error.message}`);
      return false;
    }
    this.table.read++;
    this.table.written++;
    if (this.table.written % PAGE === 0) this.progress(this.of.name, this.table.written);
    return true;
  }

  private inexact({ name }: ShapeTable, columns: Iterable<string>): void {
    for (const column of columns) this.report.inexact[`${name}.${column}`] = (this.report.inexact[`${name}.${column}`] ?? 0) + 1;
  }

  private leftOut(id: string, reason: string, count = 1): void {
    this.table.read += count;
    this.table.leftOut += count;
    const [code = '', ...detail] = reason.split(': ');
    if (this.report.leftOut.length < LEFT_OUT_MOST) this.report.leftOut.push({ table: this.of.name, id, code, detail: detail.join(': ') });
  }
}
