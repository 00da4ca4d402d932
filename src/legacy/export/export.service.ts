import { accessSync, constants, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { DataSource, type QueryRunner } from 'typeorm';
import { timeText } from '../../database/answer-text.js';
import type { Tx } from '../../database/transaction.js';
import type { System } from '../profile.js';
import { lockName } from '../shapes/export-ids.repository.js';
import { FolderStore, isOurFolder } from '../shapes/folder-store.js';
import { plainName } from '../source/plain-name.js';
import type { OldStore } from '../shapes/old-store.js';
import type { Shape } from '../shapes/shape.js';
import { SHAPES } from '../shapes/shapes.js';
import { ExportFailure, type ExportOptions, type ExportReport } from './export-report.js';
import { ExportRepository } from './export.repository.js';
import { TableExport } from './table-export.js';

const LOCK_WITHIN_MS = 10_000;
const LOCK_AGAIN_MS = 100;

/** What is kept of a source that the old system's own file has anyway: SQLite makes these itself. */
const INTERNAL = /^sqlite_/;

/** Everything that is ours, in one look, as the old application opens it. */
@Injectable()
export class ExportService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly repository: ExportRepository,
    private readonly tableExport: TableExport,
  ) {}

  /** Whether it may be written there. @throws {ExportFailure} NOT_OURS, OUT_EXISTS, OUT_NOT_WRITABLE */
  mustBeFree(options: ExportOptions): Promise<void> {
    return refuseForeign(options, shapeOf(options.system));
  }

  /** @throws {ExportFailure} and then nothing is at `out` that was not there before */
  async export(options: ExportOptions): Promise<ExportReport> {
    const shape = shapeOf(options.system);
    await this.mustBeFree(options);
    const runner = this.dataSource.createQueryRunner();
    const beside = `${options.out}.${process.pid}.part`;
    rmSync(beside, { recursive: true, force: true });
    await runner.connect();
    let locked: string | null = null;
    try {
      const source = await this.sourceOf(runner.manager, shape, options.source);
      const name = lockName({ shape, source });
      // Before the look begins: ids that are given by another meanwhile would not be seen in it.
      if (!(await this.locked(runner, name))) throw new ExportFailure('EXPORT_RUNNING', 'Another export of this system is running: wait for it, or try again.');
      locked = name;
      await runner.startTransaction('REPEATABLE READ');
      await runner.query(`set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0`);
      const report = await this.write(runner.manager, shape, source, beside, options);
      // First the ids, then the file: a file whose ids nobody remembers would differ from the next one.
      await runner.commitTransaction();
      replace(beside, options.out);
      return report;
    } catch (error) {
      if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
      rmSync(beside, { recursive: true, force: true });
      throw error;
    } finally {
      if (locked !== null) await runner.query(`select pg_advisory_unlock(hashtextextended($1, 0))`, [locked]).catch(() => undefined);
      await runner.release();
    }
  }

  /** A mirror holds it for a moment with each page that it reads; another export until it is done. */
  private async locked(runner: QueryRunner, name: string): Promise<boolean> {
    for (const until = performance.now() + LOCK_WITHIN_MS; ; await pause(LOCK_AGAIN_MS)) {
      const [lock] = (await runner.query(`select pg_try_advisory_lock(hashtextextended($1, 0)) as taken`, [name])) as { taken: boolean }[];
      if (lock?.taken) return true;
      if (performance.now() > until) return false;
    }
  }

  private async sourceOf(tx: Tx, shape: Shape, asked: string | null): Promise<string | null> {
    const sources = await this.repository.sources(tx, shape.system);
    if (asked !== null && !sources.includes(asked)) throw new ExportFailure('SOURCE_UNKNOWN', `No import of ${shape.system} is called ${asked}; there is ${sources.join(', ') || 'none'}.`);
    if (asked === null && sources.length > 1) throw new ExportFailure('SOURCE_NEEDED', `--source: is needed, since ${shape.system} was imported as ${sources.join(' and ')}`, 2);
    return asked ?? sources[0] ?? null;
  }

  private async write(tx: Tx, shape: Shape, source: string | null, path: string, options: ExportOptions): Promise<ExportReport> {
    const run = { shape, source };
    const open = await this.repository.openLive(tx);
    if (open.length > 0 && !options.withOpenTrades) throw new ExportFailure('OPEN_LIVE_TRADES', `Trades with real money are open: the old system would manage them too. Close them, or say --with-open-trades.`, 1, open);
    const [{ at = '' } = {}] = (await tx.query(`select ${timeText('app_clock()', 'us')} as at`)) as { at: string }[];
    const report: ExportReport = { system: shape.system, source, out: options.out, at, tables: [], leftOut: [], inexact: {}, openTrades: open.length };
    const store: OldStore = shape.medium === 'sqlite' ? new (await sqlite()).SqliteStore(path, true) : new FolderStore(path);
    try {
      const names = [...new Set(shape.tables.map(({ name }) => name))];
      for (const name of names) await this.tableExport.known(tx, run, shape.tables.filter((table) => table.name === name), store, report, options.progress);
      const known = new Set(names.map(plainName));
      for (const table of source === null ? [] : await this.repository.tables(tx, source)) {
        const base = plainName(table.name.replace(/^.*\//, ''));
        if (known.has(base) || INTERNAL.test(base)) continue;
        const like = shape.like?.(base);
        if (like) {
          known.add(base);
          await this.tableExport.known(tx, run, [like], store, report, options.progress);
        } else await this.tableExport.unknown(tx, run, table, store, report, options.progress);
      }
      store.sequences?.(await this.tableExport.counters(tx, run));
      store.commit();
    } finally {
      store.close();
    }
    return report;
  }
}

/** Loaded when it is used: a server never does, and its runtime may be older than SQLite in it. */
const sqlite = () => import('../shapes/sqlite-store.js');

function shapeOf(system: System): Shape {
  const shape = SHAPES.find((each) => each.system === system);
  if (!shape) throw new ExportFailure('SHAPE_UNKNOWN', `--shape: must be one of ${SHAPES.map((each) => each.system).join(', ')}`, 2);
  return shape;
}

/** What is not ours is never written over: it may be the only copy of the old system. */
async function refuseForeign({ out, overwrite }: ExportOptions, { medium }: Shape): Promise<void> {
  refuseNoFolder(out, medium);
  if (!existsSync(out)) return;
  const isOurs = medium === 'sqlite' ? (await sqlite()).isOurSqlite(out) : isOurFolder(out);
  if (!isOurs) throw new ExportFailure('NOT_OURS', `${out} is there and was not written by an export: it stays as it is. Name another place.`);
  if (!overwrite) throw new ExportFailure('OUT_EXISTS', `${out} is there from an earlier export: say --overwrite, or name another place.`);
}

/** Where nothing can be written, nothing is stopped for it either. */
function refuseNoFolder(out: string, medium: Shape['medium']): void {
  let folder = dirname(out);
  // Folders are made with those around them.
  while (medium !== 'sqlite' && !existsSync(folder)) folder = dirname(folder);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    if (!statSync(folder).isDirectory()) throw new ExportFailure('OUT_NOT_WRITABLE', `--out: ${folder} is no folder.`);
  } catch (error) {
    if (error instanceof ExportFailure) throw error;
    throw new ExportFailure('OUT_NOT_WRITABLE', `--out: the folder ${folder} ${(error as { code?: string }).code === 'ENOENT' ? 'is not there: make it first' : 'may not be written by this user'}.`);
  }
}

/** A folder cannot be renamed over one that has files: the earlier goes aside first. */
function replace(beside: string, out: string): void {
  const aside = `${out}.${process.pid}.old`;
  const isFolder = existsSync(out) && isOurFolder(out);
  if (isFolder) renameSync(out, aside);
  renameSync(beside, out);
  if (isFolder) rmSync(aside, { recursive: true, force: true });
}
