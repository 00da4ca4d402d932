import { setImmediate as turn } from 'node:timers/promises';
import { sqlState } from '../../database/sql-state.js';
import type { Tx } from '../../database/transaction.js';
import { SeenRows } from '../proof/seen.js';
import type { SourceTable } from '../source/cell.js';
import { BulkChunk, type BulkForm, formOf } from './bulk-chunk.js';
import { clientOf, copyBytes } from './copy-in.js';
import { FreshMonths } from './fresh-months.js';
import type { PreparedRow, TableReader } from './table-reader.js';

/** In one COPY. Nothing is held of a row but its bytes, and with more rows the server's work for each COPY is less. */
export const BULK_ROWS = 5_000;
/** The server's socket wants to be filled while rows are read. */
const ROWS_A_TURN = 500;

const IDENTITY = ['table_id', 'old_id', 'run_seq', 'target', 'target_id', 'source_hash', 'notes'];

export interface BulkAsk {
  tx: Tx;
  run: { seq: string; source: string };
  tableId: number;
  table: SourceTable;
  /** That counts nothing: what is read here may be read again. */
  reader: TableReader;
  /** In one COPY, at most. */
  chunkRows: number;
  beginning: string;
  /** The months of these days; false: a row is of a day that has none. */
  makeMonths(table: BulkForm['table'], days: ReadonlySet<string>): Promise<boolean>;
  /** Months that nobody sees yet, by a day of theirs. */
  isFresh(day: string): boolean;
  makeOwners(): Promise<void>;
  stored(chunk: BulkChunk, form: BulkForm): Promise<void>;
}

/**
 * The short way of tables of millions of rows, of which all are alike: each is written as the bytes of its COPY when it is read. A
 * chunk in which one row is not so, or which the database refuses, is left to the loader, which looks at each row.
 */
export class BulkLane {
  /** What was read, for the proof; null where it went another way for a part of the rows. */
  seen: SeenRows | null = null;
  /** Of the last row that is stored: after it is gone on. */
  lastId: string | undefined = undefined;
  private form: BulkForm | null = null;

  constructor(private readonly ask: BulkAsk) {}

  /** False: the row after `lastId`, or one soon behind it, must be looked at. */
  async load(): Promise<boolean> {
    const { table, run, tableId, chunkRows } = this.ask;
    const chunks = [0, 1].map(() => new BulkChunk(run.source, table.name, String(tableId), run.seq));
    let [filled, isOdd, storing] = [0, false, Promise.resolve(true)];
    try {
      for (const row of table.rows(this.lastId)) {
        const chunk = chunks[filled] as BulkChunk;
        const prepared = this.ask.reader.prepare(row);
        // What a secret was taken out of is counted by the loader.
        if (prepared.cells !== row.cells || !this.add(chunk, prepared)) {
          isOdd = true;
          break;
        }
        if (chunk.count >= chunkRows) {
          if (!(await storing)) return this.over(false);
          storing = this.store(chunk);
          // Whoever waits for it next hears of it.
          storing.catch(() => undefined);
          filled = 1 - filled;
          (chunks[filled] as BulkChunk).clear();
        } else if (chunk.count % ROWS_A_TURN === 0) await turn();
      }
    } finally {
      await storing.catch(() => undefined);
    }
    return this.over((await storing) && (await this.store(chunks[filled] as BulkChunk)) && !isOdd);
  }

  private over(isAll: boolean): boolean {
    if (!isAll) this.seen = null;
    return isAll;
  }

  private add(chunk: BulkChunk, row: PreparedRow): boolean {
    const [own] = row.rows;
    if (row.reject !== null || own === undefined || row.rows.length > 1 || row.hasRefs || row.original !== null) return false;
    if (this.form === null) {
      this.form = formOf(own);
      if (this.form !== null && this.lastId === undefined) this.seen = new SeenRows(this.ask.table, this.ask.reader.mapping, own, this.ask.beginning);
    }
    if (this.form?.table !== own.table) return false;
    const expected = chunk.add(this.form, row, own.values);
    if (expected === null) return false;
    this.seen?.add({ ...expected, rows: row.rows, cells: row.cells }, own);
    return true;
  }

  /** False: the database refuses a row of it, and nothing of it is stored. @throws what is not about a row */
  private async store(chunk: BulkChunk): Promise<boolean> {
    const { form } = this;
    const { tx, makeMonths, makeOwners, isFresh, stored } = this.ask;
    if (form === null || chunk.count === 0) return true;
    await makeOwners();
    if (!(await makeMonths(form.table, chunk.days))) return false;
    await tx.query('savepoint chunk');
    try {
      const client = await clientOf(tx);
      const columns = ['id', ...form.columns];
      const [fresh, others] = chunk.partsBy(isFresh);
      if (fresh.length > 0) await copyBytes(client, FreshMonths.nameOf(form.table), columns, fresh);
      if (others.length > 0) await copyBytes(client, form.table, columns, others);
      await copyBytes(client, 'import_rows', IDENTITY, chunk.identities.taken());
      await tx.query('release savepoint chunk');
    } catch (error) {
      if (!/^2[23]/.test(sqlState(error) ?? '')) throw error;
      await tx.query('rollback to savepoint chunk');
      await tx.query('release savepoint chunk');
      return false;
    }
    this.lastId = chunk.lastId;
    await stored(chunk, form);
    return true;
  }
}
