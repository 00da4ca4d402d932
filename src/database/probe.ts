import pg from 'pg';
import { type MigrationStatus, migrationStatus } from './migrate.js';

export interface DatabaseReport {
  available: boolean;
  latency_ms: number | null;
  schema_version: string | null;
  tables: string[];
  connections: number | null;
  error: string | null;
  migrations: MigrationStatus | null;
}

/** A probe that takes longer is itself a fault: load balancers give up after a second or two. */
const DEADLINE_MS = 900;

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
  const client = new pg.Client({ connectionString: url, application_name: 'tradewarden-probe', connectionTimeoutMillis: DEADLINE_MS });
  client.on('error', () => undefined);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<DatabaseReport>((resolve) => {
    timer = setTimeout(() => resolve(unavailable('no answer within a second')), DEADLINE_MS);
  });
  try {
    return await Promise.race([ask(client), late]);
  } catch (error) {
    return unavailable(plainReason(error));
  } finally {
    clearTimeout(timer);
    // Not awaited: ending a connection to a server that hangs would hang too.
    void client.end().catch(() => undefined);
    setTimeout(() => destroy(client), 1_000).unref();
  }
}

function destroy(client: pg.Client): void {
  (client as unknown as { connection?: { stream?: { destroy(): void } } }).connection?.stream?.destroy();
}

async function ask(client: pg.Client): Promise<DatabaseReport> {
  await client.connect();
  const started = performance.now();
  await client.query('select 1');
  const latency = performance.now() - started;
  const migrations = await migrationStatus(async (text) => (await client.query(text)).rows);
  const { rows } = await client.query<{ tables: string[]; connections: number }>(`select
    (select coalesce(array_agg(relname::text order by relname), '{}') from pg_class
      where relnamespace = 'public'::regnamespace and relkind in ('r','p') and not relispartition) as tables,
    (select count(*)::int from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()) as connections`);
  return {
    available: true,
    latency_ms: Math.round(latency * 100) / 100,
    schema_version: migrations.applied.at(-1) ?? null,
    tables: rows[0]?.tables ?? [],
    connections: rows[0]?.connections ?? null,
    error: null,
    migrations,
  };
}

/** What went wrong, without the address, user or text of the driver. */
function plainReason(error: unknown): string {
  const { code } = error as { code?: string };
  if (code === '28P01' || code === '28000') return 'the database refused the credentials';
  if (code === '3D000') return 'the database does not exist';
  if (code === '53300') return 'the database has no connection left';
  if (code?.startsWith('57P')) return 'the database is starting up or shutting down';
  return code ? `the database cannot be reached (${code})` : 'the database cannot be reached';
}
