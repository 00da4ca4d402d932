import { setTimeout as pause } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { type WatchedClient, withClient } from './client.js';
import { mustKeepSession } from './kept-session.js';
import { MIGRATIONS } from './migrations.js';
import { dataSourceOptions } from './options.js';
import { applyGrants } from './roles.js';

/** Any constant: everyone who migrates this database takes the same lock. */
export const MIGRATION_LOCK = 7_263_410_001;
const LOCK_POLL_MS = 100;
const SAY_WAITING_AFTER_MS = 2_000;

const ownerPolicy = {
  type: 'null' as const, size: 1, overflow: 1, timeoutSeconds: 30, recycleSeconds: 3600, prePing: false, queryTimeoutSeconds: 3600,
};

/**
 * Where one role owns and writes, the writer's timeouts are the owner's too, and would cut a long migration. Waiting
 * for a lock is bounded: whoever waits for a table in ACCESS EXCLUSIVE mode makes all others wait behind him.
 */
const OWNER_SESSION = `set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; set lock_timeout = '10s'`;

export interface MigrationStatus {
  applied: string[];
  pending: string[];
  /** In the database but not in this build: a newer version was here. Fine, since migrations only expand. */
  ahead: string[];
}

export interface MigrateOptions {
  /** Role that gets its grants after the migrations, under the same lock: concurrent GRANTs on a table fail. */
  writer?: string | undefined;
  signal?: AbortSignal | undefined;
  log?: ((line: string) => void) | undefined;
}

/** Runs `work` with an owner DataSource while holding the migration lock. */
async function withMigrationLock<T>(ownerUrl: string, { signal, log }: MigrateOptions, work: (db: DataSource) => Promise<T>): Promise<T> {
  return withClient(
    ownerUrl,
    async (lock) => {
      await mustKeepSession(lock, ownerUrl, 'DATABASE_OWNER_URL (DATABASE_URL where that is not set)');
      const started = performance.now();
      let said = false;
      // Polled: a blocked pg_advisory_lock() beside CREATE INDEX CONCURRENTLY is a deadlock.
      while (!(await tryLock(lock))) {
        if (!said && performance.now() - started > SAY_WAITING_AFTER_MS) log?.('another process is migrating: waiting for it');
        said ||= performance.now() - started > SAY_WAITING_AFTER_MS;
        await pause(LOCK_POLL_MS, undefined, signal ? { signal } : {});
      }
      const db = new DataSource(dataSourceOptions(ownerUrl, ownerPolicy, 'tradewarden-migrate', OWNER_SESSION).options);
      try {
        await db.initialize();
        return await work(db);
      } finally {
        if (db.isInitialized) await db.destroy();
      }
    },
    'tradewarden-migrate',
  );
}

async function tryLock(client: WatchedClient): Promise<boolean> {
  const { rows } = await client.query<{ got: boolean }>('select pg_try_advisory_lock($1) as got', [MIGRATION_LOCK]);
  return rows[0]?.got === true;
}

/**
 * Applies what is pending, each migration in a transaction of its own; safe from any number of processes at once.
 * @returns the names of what was applied, and sentences about grants that could not be made
 */
export function migrateUp(ownerUrl: string, options: MigrateOptions = {}): Promise<{ applied: string[]; notes: string[] }> {
  return withMigrationLock(ownerUrl, options, async (db) => {
    const applied = (await db.runMigrations()).map((migration) => migration.name);
    const notes = options.writer === undefined ? [] : await applyGrants(ownerUrl, options.writer);
    return { applied, notes };
  });
}

/**
 * Takes back the newest migration, with the tables and rows that it made. Returns its name, or null when there is none.
 * @throws when the newest one came from a newer version, which alone knows how to take it back
 */
export function migrateDown(ownerUrl: string, options: MigrateOptions = {}): Promise<string | null> {
  return withMigrationLock(ownerUrl, options, async (db) => {
    const { applied, ahead } = await migrationStatus((text) => db.query(text));
    const newest = applied.at(-1) ?? null;
    if (newest === null) return null;
    if (ahead.includes(newest)) throw new Error(`${newest} came from a newer version: take it back with that one`);
    await db.undoLastMigration();
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
