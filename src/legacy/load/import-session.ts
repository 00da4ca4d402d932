import { DataSource, type QueryRunner } from 'typeorm';
import { WatchedClient } from '../../database/client.js';
import { mustKeepSession } from '../../database/kept-session.js';
import { dataSourceOptions } from '../../database/options.js';
import { isDatabaseAway } from '../../database/sql-state.js';
import type { Tx } from '../../database/transaction.js';
import { ImportFailure } from './import-run.js';

/** Any constant: everyone who imports into this database takes the same lock. */
export const IMPORT_LOCK = 7_263_410_035;
const DAY_SECONDS = 86_400;
const POLICY = { type: 'null' as const, size: 1, overflow: 1, timeoutSeconds: 30, recycleSeconds: 7 * DAY_SECONDS, prePing: false, queryTimeoutSeconds: 7 * DAY_SECONDS };
/** An import is one transaction for as long as it takes. What it waits for, others hold for milliseconds. */
const SETTINGS = `set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; set lock_timeout = '60s'; set timezone = 'UTC'`;

/** The only import of a database: its lock, on a connection that does nothing else, and the connection that it works on. */
export class ImportSession {
  private runner: QueryRunner | null = null;

  private constructor(
    private readonly lock: WatchedClient,
    private readonly db: DataSource,
  ) {}

  /** @throws {ImportFailure} IMPORT_RUNNING */
  static async open(url: string): Promise<ImportSession> {
    const lock = new WatchedClient({ connectionString: url, application_name: 'tradewarden-import-lock', keepAlive: true });
    try {
      await lock.connect();
      await mustKeepSession(lock, url, 'DATABASE_UNPOOLED_URL (DATABASE_URL where that is not set)');
      const { rows } = await lock.query<{ got: boolean }>('select pg_try_advisory_lock($1) as got', [IMPORT_LOCK]);
      if (rows[0]?.got !== true) throw new ImportFailure('IMPORT_RUNNING', 'Another import or rollback is under way on this database. One at a time: try again when it has ended.');
      const db = new DataSource(dataSourceOptions(url, POLICY, 'tradewarden-import', SETTINGS).options);
      await db.initialize();
      return new ImportSession(lock, db);
    } catch (error) {
      await lock.end().catch(() => undefined);
      throw error;
    }
  }

  get tx(): Tx {
    if (!this.runner) throw new Error('this session has not begun');
    return this.runner.manager;
  }

  async begin(): Promise<void> {
    this.runner ??= this.db.createQueryRunner();
    await this.runner.startTransaction();
  }

  async commit(): Promise<void> {
    if (this.lock.lost) throw new ImportFailure('DATABASE_LOST', 'The connection that holds the lock of imports was lost.');
    await this.runner?.commitTransaction();
  }

  /** Also when there is none, and when the connection is gone: then the server has done it. */
  async rollback(): Promise<void> {
    const { runner } = this;
    if (!runner?.isTransactionActive) return;
    try {
      await runner.rollbackTransaction();
    } catch (error) {
      this.runner = null;
      await runner.release().catch(() => undefined);
      if (!isDatabaseAway(error)) throw error;
    }
  }

  async close(): Promise<void> {
    await this.runner?.release().catch(() => undefined);
    await this.db.destroy().catch(() => undefined);
    await this.lock.end().catch(() => undefined);
  }
}
