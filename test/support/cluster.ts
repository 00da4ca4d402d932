import { existsSync, mkdtempSync, realpathSync, rmSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type EmbeddedDatabase, useEmbedded } from '../../src/database/embedded/embedded.js';
import { childrenOf } from '../../src/database/embedded/postgres-processes.js';
import { migrateUp } from '../../src/database/migrate.js';
import { ensureDatabase, ensureRole, setRoleSettings, withIdentity } from '../../src/database/roles.js';
import type { TestDatabase } from './database.js';

/** A PostgreSQL server of one's own that may be stopped, frozen and started again, always on the same port. */
export interface Cluster {
  /** As the superuser, in the database `postgres`. */
  adminUrl: string;
  /** Shuts the server down; resolves when it has ended. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Takes away the server's time: connections stay open and nothing answers. */
  freeze(): void;
  thaw(): void;
  /** Stops the server and removes its data. */
  remove(): Promise<void>;
}

export async function startCluster(settings: Record<string, string> = {}): Promise<Cluster> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tradewarden-cluster-')));
  chmodSync(folder, 0o755);
  const start = () => useEmbedded({ dataDir: join(folder, 'data'), log: () => undefined, settings: { fsync: 'off', ...settings } });
  let running: EmbeddedDatabase | null = await start();
  const { adminUrl, cluster: dataFolder } = running;
  let frozen: number[] = [];
  const signal = (pid: number, name: NodeJS.Signals) => {
    try {
      process.kill(pid, name);
    } catch {
      // Ended meanwhile.
    }
  };
  const cluster: Cluster = {
    adminUrl,
    async stop() {
      cluster.thaw();
      await running?.release();
      running = null;
    },
    async start() {
      running ??= await start();
      if (running.adminUrl !== adminUrl) throw new Error('the server came back on another port');
    },
    freeze() {
      if (!running) throw new Error('there is no server to freeze');
      // The postmaster first: it would answer for a backend that is gone, and fork new ones.
      frozen = [running.pid, ...childrenOf(dataFolder)];
      for (const pid of frozen) signal(pid, 'SIGSTOP');
    },
    thaw() {
      for (const pid of frozen.splice(0)) signal(pid, 'SIGCONT');
    },
    async remove() {
      await cluster.stop();
      if (existsSync(folder)) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  return cluster;
}

/** A migrated database on this server, for `startTestApp`; its clock is the real one. */
export async function databaseOn({ adminUrl }: Cluster, name = 'tradewarden'): Promise<TestDatabase> {
  const owner = { user: 'owner', password: 'owner-of-the-cluster' };
  const writer = { user: 'writer', password: 'writer-of-the-cluster' };
  await ensureRole(adminUrl, owner);
  await ensureRole(adminUrl, writer);
  await ensureDatabase(adminUrl, name, owner.user);
  const own = withIdentity(adminUrl, { database: name });
  const ownerUrl = withIdentity(own, owner);
  await migrateUp(ownerUrl, { writer: writer.user });
  // As the guide makes them, and PostgreSQL 15 of Debian compiles what it plans otherwise: fifty agents got 23 answers a second.
  await setRoleSettings(adminUrl, writer.user, name);
  return {
    name, adminUrl: own, ownerUrl, url: withIdentity(own, writer),
    query: (text, values) => onConnection(own, async (client) => (await client.query(text, values)).rows),
    advance: () => Promise.reject(new Error('the clock of this database is the real one')),
    drop: async () => undefined,
  };
}

/** Runs `work` on a connection of its own: the server may have been away in between. */
export async function onConnection<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'test' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
