import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { MIGRATIONS } from './migrations.js';
import { dataSourceOptions } from './options.js';

/** Any constant: everyone who migrates this database takes the same lock. */
const MIGRATION_LOCK = 7_263_410_001;

const ownerPolicy = {
  type: 'null' as const, size: 1, overflow: 1, timeoutSeconds: 30, recycleSeconds: 3600, prePing: false, queryTimeoutSeconds: 3600,
};

export interface MigrationStatus {
  applied: string[];
  pending: string[];
  /** In the database but not in this build: a newer version was here. Fine, since migrations only expand. */
  ahead: string[];
}

/** Runs `work` with an owner DataSource while holding the migration lock. */
async function withMigrationLock<T>(ownerUrl: string, work: (db: DataSource) => Promise<T>): Promise<T> {
  const db = new DataSource(dataSourceOptions(ownerUrl, ownerPolicy, 'tradewarden-migrate').options);
  const lock = new pg.Client({ connectionString: ownerUrl, application_name: 'tradewarden-migrate' });
  lock.on('error', () => undefined);
  try {
    await lock.connect();
    await db.initialize();
    // Polled: a blocked pg_advisory_lock() beside CREATE INDEX CONCURRENTLY is a deadlock.
    while (!(await tryLock(lock))) await pause(100);
    return await work(db);
  } finally {
    await lock.end().catch(() => undefined);
    if (db.isInitialized) await db.destroy();
  }
}

async function tryLock(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ got: boolean }>('select pg_try_advisory_lock($1) as got', [MIGRATION_LOCK]);
  return rows[0]?.got === true;
}

/** Applies what is pending and returns its names; safe from any number of processes at once. */
export function migrateUp(ownerUrl: string): Promise<string[]> {
  return withMigrationLock(ownerUrl, async (db) => (await db.runMigrations()).map((migration) => migration.name));
}

/** Takes back the newest migration and returns its name, or null when there is none. */
export function migrateDown(ownerUrl: string): Promise<string | null> {
  return withMigrationLock(ownerUrl, async (db) => {
    const newest = (await migrationStatus((text) => db.query(text))).applied.at(-1) ?? null;
    if (newest) await db.undoLastMigration();
    return newest;
  });
}

export async function migrationStatus(query: (text: string) => Promise<unknown>): Promise<MigrationStatus> {
  const known = MIGRATIONS.map((migration) => migration.name);
  const found = (await query(`select to_regclass('migrations')::text as found`)) as { found: string | null }[];
  if (!found[0]?.found) return { applied: [], pending: known, ahead: [] };
  const rows = (await query(`select name from migrations order by id`)) as { name: string }[];
  const applied = rows.map((row) => row.name);
  return {
    applied,
    pending: known.filter((name) => !applied.includes(name)),
    ahead: applied.filter((name) => !known.includes(name)),
  };
}
