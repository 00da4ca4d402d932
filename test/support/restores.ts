import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pgTool } from '../../src/backup/pg-tools.js';
import { proveBackup } from '../../src/backup/prove-backup.js';
import { writeBackup } from '../../src/backup/write-backup.js';
import type { ChildProcess } from 'node:child_process';
import { APP_VERSION } from '../../src/common/version.js';
import { cli, type CliRun } from './cli.js';
import { databaseOn, onConnection } from './cluster.js';
import type { TestDatabase } from './database.js';
import { type Postgres15, startPostgres15 } from './postgres15.js';

export interface RestoreRun {
  backup: string; backupAt: string; database: string; before: string | null; haltId: string; arrival: Record<string, number>; migrations: string[]; notes: string[]; seconds: number;
  steps: { name: string; seconds: number }[]; error: { code: string; message: string };
}

/** A server with a database of Tradewarden's, whose owner may make others, and a folder of its backups. */
export interface Restorable {
  server: Postgres15;
  db: TestDatabase;
  folder: string;
  env: Record<string, string>;
  /** Written and proven; answers its name. */
  backUp(verified?: boolean): Promise<string>;
  restore(args: string[], hear?: (stderr: string, child: ChildProcess) => void, more?: Record<string, string>): Promise<CliRun<RestoreRun>>;
  databases(): Promise<string[]>;
  end(): Promise<void>;
}

export async function restorable(): Promise<Restorable> {
  const server = await startPostgres15();
  const db = await databaseOn({ adminUrl: server.adminUrl } as Parameters<typeof databaseOn>[0]);
  await onConnection(server.adminUrl, (admin) => admin.query('alter role owner createdb createrole'));
  await db.query(`update circuit_breakers set parameters = parameters || '{"millisecondsMost": 60000}' where name = 'database_latency'`);
  const folder = mkdtempSync(join(tmpdir(), 'tradewarden-restores-'));
  const env = { DATABASE_URL: db.url, DATABASE_OWNER_URL: db.ownerUrl, BACKUP_DIR: folder, DATA_DIR: join(folder, 'data') };
  return {
    server, db, folder, env,
    async backUp(verified = true) {
      const signal = new AbortController().signal;
      const written = await writeBackup({ dir: folder, source: { kind: 'dump', ownerUrl: db.ownerUrl, pgDump: await pgTool('pg_dump', 150_000) }, appVersion: APP_VERSION, signal });
      if (verified) await proveBackup(written.folder, { kind: 'dump', adminUrl: db.ownerUrl }, { signal });
      return written.manifest.id;
    },
    restore: (args, hear, more) => cli<RestoreRun>(['restore', ...args, '--json'], { ...env, ...more }, '', hear),
    databases: () => onConnection(server.adminUrl, async (admin) => (await admin.query<{ name: string }>(`select datname as name from pg_database where datname ~ 'tradewarden' order by 1`)).rows.map(({ name }) => name)),
    async end() {
      await server.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
