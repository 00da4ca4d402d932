import { setImmediate as turn } from 'node:timers/promises';
import type { Tx } from '../../database/transaction.js';
import { Reject } from '../profile.js';
import { ExactSum } from '../proof/plain-decimal.js';
import { beginningOf } from '../proof/canonical.js';
import type { SeenRows } from '../proof/seen.js';
import type { SourceTable } from '../source/cell.js';
import { encodeRow } from '../source/encode.js';
import { parseJson } from '../source/json-text.js';
import { type Target, TARGETS, type TargetTable } from '../targets.js';
import { BulkLane } from './bulk-lane.js';
import { type ChunkLoader, complete } from './chunk-loader.js';
import { keepExported, wasExported } from './exported.js';
import { FreshMonths } from './fresh-months.js';
import type { ImportRun, RejectReport, TableReport } from './import-run.js';
import { ImportsSql, type KnownRow } from './imports.repository.js';
import type { OwnersMade } from './owners.repository.js';
import type { References } from './references.js';
import type { Secrets } from './secrets.js';
import { codeOf, type PreparedRow, type TableReader } from './table-reader.js';
import { Updates } from './updates.js';

/** In one COPY, at most. With 5,000 the rows of a chunk outlived the young generation: a fifth more processor time, and 520 MB in place of 310. */
export const CHUNK_ROWS = 1_000;
/** Of JSON: a chunk is no more than this, however few rows it has. */
const CHUNK_BYTES = 8 << 20;
/** The server's socket wants to be filled while rows are read; every turn costs some microseconds. */
const ROWS_A_TURN = 250;

const FIRST_MONTH = '1990-01';
/** How often rows that are not as the others of a bulk table are gone round, until all are looked at. */
const DETOURS_MOST = 20;

/** What all tables of a run have in common. */
export interface LoadContext {
  tx: Tx;
  run: ImportRun;
  chunks: ChunkLoader;
  owners: OwnersMade;
  references: References;
  updates: Updates | null;
  secrets: Secrets;
  /** The first day that is too late for a month of its own. */
  monthsEnd: string;
  /** Run by batches and gone on with: what is here of this run was imported before. */
  isResumed: boolean;
  isByBatches: boolean;
  /** So many rows at most in a chunk, and in one of a bulk table. */
  chunkRows: number;
  bulkRows: number;
  reject(reject: RejectReport): void;
  /** After each chunk, when it is stored. */
  stored(rows: number): Promise<void>;
}

/** Loads one table: reads a chunk while the one before is being stored. */
export class TableLoader {
  readonly report: TableReport;
  readonly notes = new Map<string, number>();
  /** By code: the first row of which it was said, and the sentence. */
  readonly noteExamples = new Map<string, string>();
  readonly sums = new Map<string, { to: string; sum: ExactSum }>();
  tableId = 0;
  /** The tables of ours that its rows went to. */
  readonly targets = new Set<string>();
  /** Of all its rows, where they came the short way. */
  seen: SeenRows | null = null;
  private isNew = true;
  private wasExported = false;
  private readonly months = new Map<string, Set<string>>();
  private fresh: FreshMonths | null = null;

  constructor(
    private readonly context: LoadContext,
    private readonly table: SourceTable,
    private readonly reader: TableReader,
    /** Reads as that does, and counts no secrets. */
    private readonly uncounted: TableReader,
  ) {
    this.report = {
      name: table.name, target: reader.because === null ? '' : 'archive', because: reader.because, read: 0, imported: 0, unchanged: 0, archived: 0, rejected: 0, updated: 0, columns: reader.report(), ...(table.primary?.length ? { primary: table.primary } : {}),
    };
    for (const [column, to] of Object.entries(reader.mapping?.sums ?? {})) this.sums.set(column, { to, sum: new ExactSum() });
  }

  get isBulk(): boolean {
    return this.reader.isBulk;
  }

  async load(): Promise<void> {
    ({ id: this.tableId, isNew: this.isNew } = await ImportsSql.table(this.context.tx, this.context.run.source, this.table.name));
    this.wasExported = await wasExported(this.context.tx, this.context.run.source, this.table);
    await (this.reader.isBulk && this.isNew && !this.wasExported && this.sums.size === 0 ? this.inBulk() : this.each(undefined, Infinity));
    if (this.report.because === null) this.report.target = [...this.targets].sort().join(', ');
  }

  /** Rows that are not as all others are looked at with those around them, and then it goes on. */
  private async inBulk(): Promise<void> {
    let lane = this.lane();
    let isAll = await this.intoFreshMonths(lane);
    if (isAll === null) {
      lane = this.lane();
      isAll = await lane.load();
    }
    for (let detours = 1; !isAll; detours += 1) {
      const last = await this.each(lane.lastId, detours < DETOURS_MOST ? this.context.bulkRows : Infinity);
      if (last === null) return;
      lane.lastId = last;
      isAll = await lane.load();
    }
    this.seen = lane.seen;
  }

  /** The lane's first way, as far as it goes. Null: a row has its like in such a month, and nothing of the table is here. */
  private async intoFreshMonths(lane: BulkLane): Promise<boolean | null> {
    const { tx, owners, isByBatches } = this.context;
    // A batch is committed, and then its months are to be seen.
    if (isByBatches) return lane.load();
    this.fresh = new FreshMonths(tx, owners);
    await this.fresh.begin();
    const isAll = await lane.load();
    const isKept = await this.fresh.keep();
    this.fresh = null;
    if (isKept) return isAll;
    for (const each of [this.notes, this.targets, this.months]) each.clear();
    [this.report.read, this.report.imported] = [0, 0];
    return null;
  }

  private lane(): BulkLane {
    const { tx, run, owners, bulkRows, stored } = this.context;
    return new BulkLane({
      tx, run, tableId: this.tableId, table: this.table, reader: this.uncounted, chunkRows: bulkRows, beginning: beginningOf(run.at),
      makeOwners: () => owners.make(tx),
      makeMonths: (table, days) => this.makeMonthsOf(table, days),
      isFresh: (day) => this.fresh?.has(day.slice(0, 7)) === true,
      stored: async ({ count, notes }, { table }) => {
        this.report.read += count;
        this.report.imported += count;
        this.targets.add(table);
        for (const [code, times] of notes) this.notes.set(code, (this.notes.get(code) ?? 0) + times);
        await stored(count);
      },
    });
  }

  /** So many rows from after one on, each looked at by itself. Returns the last one's id; null where there are no more. */
  private async each(after: string | undefined, most: number): Promise<string | null> {
    let storing: Promise<void> = Promise.resolve();
    let chunk: PreparedRow[] = [];
    let [bytes, left] = [0, most];
    try {
      for (const row of this.table.rows(after)) {
        const prepared = this.reader.prepare(row);
        chunk.push(prepared);
        bytes += prepared.original?.length ?? 0;
        if ((left -= 1) === 0) break;
        if (chunk.length >= this.context.chunkRows || bytes > CHUNK_BYTES) {
          await storing;
          storing = this.store(chunk);
          // Whoever waits for it next hears of it.
          storing.catch(() => undefined);
          [chunk, bytes] = [[], 0];
        } else if (chunk.length % ROWS_A_TURN === 0) await turn();
      }
    } finally {
      await storing.catch(() => undefined);
    }
    await storing;
    await this.store(chunk);
    return left === 0 ? (chunk.at(-1)?.oldId ?? null) : null;
  }

  private async store(rows: PreparedRow[]): Promise<void> {
    if (rows.length === 0) return;
    const { tx, chunks, owners, references } = this.context;
    const fresh = await this.unknown(this.oncePerChunk(rows));
    if (this.wasExported) await keepExported(tx, this.context.run.source, this.table, fresh);
    for (const row of fresh) complete(this.context.run.source, this.table.name, row, (table) => TARGETS[table as TargetTable] as Target);
    await references.resolve(tx, this.table, fresh);
    await owners.make(tx);
    await this.makeMonths(fresh);
    await chunks.store(tx, this.tableId, fresh.filter(({ reject }) => reject === null));
    for (const row of rows) this.count(row);
    await this.context.stored(rows.length);
  }

  /** Two of one id in a chunk: the first stands. Later ones are found by the key of `import_rows`. */
  private oncePerChunk(rows: readonly PreparedRow[]): PreparedRow[] {
    const seen = new Set<string>();
    for (const row of rows) {
      if (seen.has(row.oldId)) row.reject ??= new Reject('ROW_TWICE', 'another row of its table has the same id');
      else seen.add(row.oldId);
    }
    return rows.filter(({ reject }) => reject === null);
  }

  /** Those that were never here. Of the others it is settled what they are. */
  private async unknown(rows: PreparedRow[]): Promise<PreparedRow[]> {
    if (this.isNew || rows.length === 0) return rows;
    const { tx, references } = this.context;
    const known = Map.groupBy(await ImportsSql.known(tx, this.tableId, rows.map(({ oldId }) => oldId)), ({ oldId }) => oldId);
    const fresh: PreparedRow[] = [];
    const changed: [PreparedRow, KnownRow][] = [];
    const loose: [PreparedRow, KnownRow][] = [];
    for (const row of rows) {
      const [before, older] = known.get(row.oldId) ?? [];
      if (!before) fresh.push(row);
      else if (isOther(row, before)) {
        if (this.context.updates && older === undefined && mayMove(row, before)) fresh.push(row);
        else row.reject = nowOther(row, before);
      }
      else if (before.hash !== row.hash.toString('hex')) changed.push([row, before]);
      else if (before.isLoose && row.hasRefs) loose.push([row, before]);
      else this.stands(row, before);
    }
    await references.resolve(tx, this.table, loose.map(([row]) => row));
    for (const [row, before] of loose) {
      if (row.notes.some((note) => note.startsWith('REFERENCE_MISSING'))) this.stands(row, before);
      else changed.push([row, before]);
    }
    await this.change(changed);
    return fresh;
  }

  /** As it was; in a run that is gone on with it may be of this run. */
  private stands(row: PreparedRow, { runSeq, target }: KnownRow): void {
    row.standing = this.context.isResumed && runSeq === this.context.run.seq ? (target === null ? 'archived' : 'imported') : 'unchanged';
  }

  private async change(changed: readonly [PreparedRow, KnownRow][]): Promise<void> {
    const { tx, references, run } = this.context;
    const updates = this.context.updates ?? (isOfSqlite(this.table) ? new Updates(run) : null);
    if (!updates) {
      for (const [row] of changed) row.reject = new Reject('ROW_CHANGED', 'it, or a row beside it that it hangs on, differs from what was imported before; --update takes it over');
      return;
    }
    await references.resolve(tx, this.table, changed.map(([row]) => row));
    for (const [row, before] of changed) {
      if (row.reject) continue;
      complete(this.context.run.source, this.table.name, row, (table) => TARGETS[table as TargetTable] as Target);
      await updates.apply(tx, this.tableId, row, before);
      if (row.reject === null) row.standing = before.target === null ? 'archived' : 'updated';
    }
  }

  private async makeMonths(rows: readonly PreparedRow[]): Promise<void> {
    const wanted = new Map<TargetTable, Set<string>>();
    for (const row of rows) {
      for (const { table, values } of row.rows) {
        const { month: column } = TARGETS[table] as Target;
        if (column === undefined) continue;
        const day = String(values[column] as string).slice(0, 10);
        if (!this.hasMonth(table, day)) row.reject ??= new Reject('TIME_OUT_OF_RANGE', `${column} is ${day}; ${table} takes 1990 to a year ahead`, column);
        else if (!this.months.get(table)?.has(day.slice(0, 7))) wanted.set(table, (wanted.get(table) ?? new Set()).add(day.slice(0, 7)));
      }
    }
    for (const [table, months] of wanted) await this.monthsMade(table, months);
  }

  private hasMonth(table: string, day: string): boolean {
    return this.months.get(table)?.has(day.slice(0, 7)) === true || (day.slice(0, 7) >= FIRST_MONTH && day <= this.context.monthsEnd);
  }

  private async monthsMade(table: TargetTable, months: ReadonlySet<string>): Promise<void> {
    await (this.fresh ? this.fresh.make(table, [...months]) : ImportsSql.months(this.context.tx, table, [...months]));
    this.months.set(table, new Set([...(this.months.get(table) ?? []), ...months]));
  }

  /** False: one of these days is of no month that there may be. */
  private async makeMonthsOf(table: TargetTable, days: ReadonlySet<string>): Promise<boolean> {
    if ((TARGETS[table] as Target).month === undefined) return true;
    const wanted = new Set<string>();
    for (const day of days) {
      if (!this.hasMonth(table, day)) return false;
      if (!this.months.get(table)?.has(day.slice(0, 7))) wanted.add(day.slice(0, 7));
    }
    if (wanted.size > 0) await this.monthsMade(table, wanted);
    return true;
  }

  private count(row: PreparedRow): void {
    const { report } = this;
    report.read += 1;
    if (row.reject) {
      report.rejected += 1;
      this.context.reject(this.rejectOf(row, row.reject));
      return;
    }
    if (row.standing === 'unchanged') {
      report.unchanged += 1;
      return;
    }
    for (const note of row.notes) {
      const code = codeOf(note);
      const before = this.notes.get(code) ?? 0;
      if (before === 0) this.noteExamples.set(code, this.context.secrets.safe(`${this.table.name} ${row.oldId}: ${note.slice(code.length).replace(/^: /, '')}`));
      this.notes.set(code, before + 1);
    }
    const [own] = row.rows;
    if (row.standing === 'archived' || !own) {
      report.archived += 1;
      return;
    }
    report.imported += 1;
    if (row.standing === 'updated') report.updated += 1;
    this.targets.add(own.table);
    for (const [column, { sum }] of this.sums) {
      const value = row.values?.[column];
      if (typeof value === 'string') sum.add(value);
    }
  }

  private rejectOf({ oldId, cells }: PreparedRow, { code, column, detail }: Reject): RejectReport {
    return { table: this.table.name, oldId, code, column, detail: this.context.secrets.safe(detail), original: parseJson(encodeRow(cells)).value };
  }
}

/** SQLite's own counters: they move with every row that the application adds, and nobody changed them. */
const isOfSqlite = ({ base }: SourceTable): boolean => /^sqlite_/i.test(base);

/** From the archive into a table of ours, or out of one: what was stored before stays, as of an older copy. */
function mayMove(row: PreparedRow, { target, targetId }: KnownRow): boolean {
  if (target !== null && row.rows.length > 0) return false;
  if (target !== null) row.notes.push(`STILL_HERE: it became ${targetId} of ${target} before, which stays as it is: look at it`);
  return true;
}

const nowOther = ({ rows: [own] }: PreparedRow, { target }: KnownRow): Reject =>
  new Reject('ROW_CHANGED', `it would now be ${own ? `a row of ${own.table}` : 'only kept'}, and was ${target ? `imported into ${target}` : 'only kept'}: roll its run back and import again`);

/** What becomes of a row may hang on others of its source: a position whose trade stands in another table is only kept. */
function isOther({ rows: [own] }: PreparedRow, { target, isTwice }: KnownRow): boolean {
  return target === null ? own !== undefined && !isTwice : own?.table !== target;
}
