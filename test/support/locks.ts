import pg from 'pg';
import type { TestDatabase } from './database.js';
import { until } from './timing.js';

/** Holds what a statement locks while `meanwhile` runs. */
export async function holding(db: TestDatabase, statement: string, values: unknown[], meanwhile: () => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: db.adminUrl });
  await client.connect();
  try {
    await client.query('begin');
    await client.query(statement, values);
    await meanwhile();
  } finally {
    await client.query('rollback').catch(() => undefined);
    await client.end();
  }
}

const WAITING_FOR_LOCKS = `from pg_stat_activity where datname = current_database() and application_name = 'tradewarden' and wait_event_type = 'Lock'`;

/** Resolves when so many statements of the application wait for a lock. */
export async function whenWaiting(db: TestDatabase, count: number): Promise<void> {
  await until(async () => (await db.query(`select 1 ${WAITING_FOR_LOCKS}`)).length >= count, 10_000);
}

/** Cuts the connections of all statements of the application that wait for a lock now. */
export async function cutWaiting(db: TestDatabase): Promise<void> {
  await db.query(`select pg_terminate_backend(pid) ${WAITING_FOR_LOCKS}`);
}
