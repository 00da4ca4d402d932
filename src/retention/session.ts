import { setTimeout as pause } from 'node:timers/promises';
import { WatchedClient } from '../database/client.js';
import { types } from '../database/options.js';
import { sqlState } from '../database/sql-state.js';

export type Query = <Row extends object>(text: string, values?: readonly unknown[]) => Promise<Row[]>;

/** Counting a month of ten million rows takes seconds; one that takes longer than this is stuck. */
const STATEMENT_MINUTES = 10;
const LOCK_TIMEOUT_MS = 200;
const NO_LOCK = '55P03';
const DEADLOCK = '40P01';
/** With pauses between them of a quarter of a second and more: a transaction of the application has ended by then. */
const LOCK_TRIES = 10;
const LOCK_PAUSE_MS = 250;

/** A lock was not to be had: nothing is wrong, and the next run tries again. */
export class NoLock extends Error {}

/** Stopped by the end of the process. */
export class Stopped extends Error {}

/** A connection beside the pool: work that takes minutes takes none from those who are in a hurry. */
export class Session {
  constructor(
    private readonly client: WatchedClient,
    private readonly hurry: { isBusy: () => boolean; isStopped: () => boolean },
  ) {}

  /** One short transaction. Settings are of the transaction alone, since the connection may be a pooler's. */
  async transaction<T>(work: (query: Query) => Promise<T>): Promise<T> {
    if (this.hurry.isStopped()) throw new Stopped('The server is being stopped.');
    await this.client.query(`begin; set local lock_timeout = '${LOCK_TIMEOUT_MS}ms'; set local statement_timeout = '${STATEMENT_MINUTES}min'; set local idle_in_transaction_session_timeout = '60s'`);
    try {
      const result = await work(async <Row extends object>(text: string, values: readonly unknown[] = []) => (await this.client.query<Row>(text, [...values])).rows);
      await this.client.query('commit');
      return result;
    } catch (error) {
      await this.client.query('rollback').catch(() => undefined);
      throw error;
    }
  }

  /** The same, tried again while others hold what it needs. @throws {NoLock} */
  async whenFree<T>(what: string, work: (query: Query) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.transaction(work);
      } catch (error) {
        if (![NO_LOCK, DEADLOCK].includes(sqlState(error) ?? '')) throw error;
        if (attempt >= LOCK_TRIES) throw new NoLock(`${what} was in use by others each of ${LOCK_TRIES} times`, { cause: error });
        await pause(LOCK_PAUSE_MS * (attempt / 2 + Math.random() / 2));
      }
    }
  }

  /** Between two batches: as long as the last one took, and longer while requests wait for connections. */
  async breathe(tookMs: number): Promise<void> {
    await pause(Math.min(Math.max(tookMs, 5), 1_000));
    for (let waited = 0; this.hurry.isBusy() && waited < 20 && !this.hurry.isStopped(); waited++) await pause(250);
  }
}

export async function withSession<T>(url: string, hurry: { isBusy: () => boolean; isStopped: () => boolean }, work: (session: Session) => Promise<T>): Promise<T> {
  const client = new WatchedClient({ connectionString: url, application_name: 'tradewarden-retention', types, query_timeout: (STATEMENT_MINUTES + 1) * 60_000 });
  try {
    await client.connect();
    return await work(new Session(client, hurry));
  } finally {
    await client.end().catch(() => undefined);
  }
}
