import { setTimeout as pause } from 'node:timers/promises';
import { askAside, NoAnswerInTime } from './aside.js';
import { type MigrationStatus, migrationStatus } from './migrate.js';
import { plainReason, sqlState } from './sql-state.js';

export interface DatabaseReport {
  available: boolean;
  latency_ms: number | null;
  schema_version: string | null;
  tables: string[];
  connections: number | null;
  error: string | null;
  migrations: MigrationStatus | null;
}

type Query = <Row extends object>(text: string) => Promise<Row[]>;

const NO_CONNECTION_LEFT = '53300';
const POOL_WITHIN_MS = 500;
const POOL_AGAIN_MS = 25;

const unavailable = (error: string): DatabaseReport => ({
  available: false, latency_ms: null, schema_version: null, tables: [], connections: null, error, migrations: null,
});

/**
 * Asks the database on a connection of its own: an exhausted pool is not an absent database. Probes that arrive
 * together share one look, so that a flood of them opens one connection.
 */
export class DatabaseProbe {
  private running: Promise<DatabaseReport> | null = null;

  /** @param pooled over the connections that the pool has; null while it has none */
  look(url: string | undefined, pooled: Query | null): Promise<DatabaseReport> {
    if (!url) return Promise.resolve(unavailable('the database has not been reached yet'));
    this.running ??= look(url, pooled).finally(() => (this.running = null));
    return this.running;
  }
}

async function look(url: string, pooled: Query | null): Promise<DatabaseReport> {
  try {
    return await askAside(url, 'tradewarden-probe', (client) => ask(async <Row extends object>(text: string) => (await client.query<Row>(text)).rows));
  } catch (error) {
    const report = sqlState(error) === NO_CONNECTION_LEFT && pooled ? await overPool(pooled) : null;
    return report ?? unavailable(error instanceof NoAnswerInTime ? 'no answer within a second' : plainReason(error));
  }
}

/**
 * A database that lets nobody in any more answers those who are in: to send their requests elsewhere would help nobody. While
 * the pool's connections are all at work it would open one more, and be refused: so it is asked again. Null: no answer in time.
 */
async function overPool(pooled: Query): Promise<DatabaseReport | null> {
  const enough = new AbortController();
  const { signal } = enough;
  const answered = async (): Promise<DatabaseReport> => {
    for (;;) {
      const report = await ask(pooled).catch(() => null);
      if (report) return report;
      await pause(POOL_AGAIN_MS, null, { signal });
    }
  };
  const late = pause(POOL_WITHIN_MS, null, { signal });
  return Promise.race([answered(), late]).catch(() => null).finally(() => enough.abort());
}

async function ask(query: Query): Promise<DatabaseReport> {
  const started = performance.now();
  await query('select 1');
  const latency = performance.now() - started;
  const migrations = await migrationStatus(query);
  const [row] = await query<{ tables: string[]; connections: number }>(`select
    (select coalesce(array_agg(relname::text order by relname), '{}') from pg_class
      where relnamespace = 'public'::regnamespace and relkind in ('r','p') and not relispartition) as tables,
    (select count(*)::int from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()) as connections`);
  const behind = migrations.pending.length;
  return {
    available: behind === 0,
    latency_ms: Math.round(latency * 100) / 100,
    schema_version: migrations.applied.at(-1) ?? null,
    tables: row?.tables ?? [],
    connections: row?.connections ?? null,
    error: behind === 0 ? null : `the schema is behind by ${behind} migration(s)`,
    migrations,
  };
}
