import { chmodSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { useEmbedded } from '../src/database/embedded/embedded.js';
import { migrateUp } from '../src/database/migrate.js';
import { ensureDatabase, ensureRole, withIdentity } from '../src/database/roles.js';

const owner = { user: 'tradewarden_owner', password: 'owner-of-the-bench' };
const writer = { user: 'tradewarden', password: 'writer-of-the-bench' };

/** A migrated database, and the ways into it. */
export interface BenchDatabase {
  name: string;
  /** As the application. */
  url: string;
  /** May make schemas: for peers, which bring tables of their own. */
  ownerUrl: string;
  /** As the superuser. */
  adminUrl: string;
  /** Rows of a statement, as the superuser. */
  query<R extends pg.QueryResultRow = pg.QueryResultRow>(text: string, values?: unknown[]): Promise<R[]>;
  close(): Promise<void>;
}

export interface DatabaseServer {
  folder: string;
  /** Of the postmaster. */
  pid: number;
  version: string;
  /** What a reader of the figures asks about first. */
  settings: Record<string, string>;
  newDatabase(name: string): Promise<BenchDatabase>;
  stop(): Promise<void>;
}

const SHOWN = ['fsync', 'synchronous_commit', 'shared_buffers', 'max_connections'];

/** The embedded PostgreSQL with the settings that users get, in a folder that is gone afterwards. */
export async function startDatabaseServer(parent: string = tmpdir()): Promise<DatabaseServer> {
  const folder = realpathSync(mkdtempSync(join(parent, 'tradewarden-bench-')));
  // As root the database runs as another user, who must be able to come in.
  chmodSync(folder, 0o755);
  const embedded = await useEmbedded({ dataDir: join(folder, 'data'), log: () => undefined });
  const { adminUrl, pid } = embedded;
  await ensureRole(adminUrl, owner);
  await ensureRole(adminUrl, writer);
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  const show = async (name: string) => String((await admin.query<Record<string, string>>(`show ${name}`)).rows[0]?.[name]);
  const settings: Record<string, string> = {};
  for (const name of SHOWN) settings[name] = await show(name);
  const version = await show('server_version');
  await admin.end();
  return {
    folder, pid, version, settings,
    newDatabase: (name) => newDatabase(adminUrl, name),
    async stop() {
      await embedded.release();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function newDatabase(serverUrl: string, name: string): Promise<BenchDatabase> {
  await ensureDatabase(serverUrl, name, owner.user);
  const adminUrl = withIdentity(serverUrl, { database: name });
  const ownerUrl = withIdentity(adminUrl, owner);
  await migrateUp(ownerUrl, { writer: writer.user });
  const pool = new pg.Pool({ connectionString: adminUrl, max: 2, application_name: 'bench-admin' });
  pool.on('error', () => undefined);
  return {
    name, adminUrl, ownerUrl, url: withIdentity(adminUrl, writer),
    query: async <R extends pg.QueryResultRow>(text: string, values: unknown[] = []) => (await pool.query<R>(text, values)).rows,
    close: () => pool.end(),
  };
}
