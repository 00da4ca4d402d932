import { askAside, NoAnswerInTime } from './aside.js';
import type { WatchedClient } from './client.js';
import { type MigrationStatus, migrationStatus } from './migrate.js';
import { plainReason } from './sql-state.js';

export interface DatabaseReport {
  available: boolean;
  latency_ms: number | null;
  schema_version: string | null;
  tables: string[];
  connections: number | null;
  error: string | null;
  migrations: MigrationStatus | null;
}

const unavailable = (error: string): DatabaseReport => ({
  available: false, latency_ms: null, schema_version: null, tables: [], connections: null, error, migrations: null,
});

/**
 * Asks the database on a connection of its own: an exhausted pool is not an absent database. Probes that arrive
 * together share one look, so that a flood of them opens one connection.
 */
export class DatabaseProbe {
  private running: Promise<DatabaseReport> | null = null;

  look(url: string | undefined): Promise<DatabaseReport> {
    if (!url) return Promise.resolve(unavailable('the database has not been reached yet'));
    this.running ??= look(url).finally(() => (this.running = null));
    return this.running;
  }
}

async function look(url: string): Promise<DatabaseReport> {
  try {
    return await askAside(url, 'tradewarden-probe', ask);
  } catch (error) {
    return unavailable(error instanceof NoAnswerInTime ? 'no answer within a second' : plainReason(error));
  }
}

async function ask(client: WatchedClient): Promise<DatabaseReport> {
  const started = performance.now();
  await client.query('select 1');
  const latency = performance.now() - started;
  const migrations = await migrationStatus(async (text) => (await client.query(text)).rows);
  const { rows } = await client.query<{ tables: string[]; connections: number }>(`select
    (select coalesce(array_agg(relname::text order by relname), '{}') from pg_class
      where relnamespace = 'public'::regnamespace and relkind in ('r','p') and not relispartition) as tables,
    (select count(*)::int from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()) as connections`);
  const behind = migrations.pending.length;
  return {
    available: behind === 0,
    latency_ms: Math.round(latency * 100) / 100,
    schema_version: migrations.applied.at(-1) ?? null,
    tables: rows[0]?.tables ?? [],
    connections: rows[0]?.connections ?? null,
    error: behind === 0 ? null : `the schema is behind by ${behind} migration(s)`,
    migrations,
  };
}
