import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Env } from '../config/env.js';
import { withClient } from '../database/client.js';
import { clusterLocation, openDataDir } from '../database/embedded/cluster-location.js';
import { runningEmbedded } from '../database/embedded/embedded.js';
import { identityOf, withIdentity } from '../database/roles.js';
import { NoPgTool, pgTool } from './pg-tools.js';
import type { Scratch } from './prove-backup.js';
import type { Source } from './write-backup.js';

export interface Plan {
  source: Source;
  scratch: Scratch;
}

export const backupDir = (env: Pick<Env, 'BACKUP_DIR' | 'DATA_DIR'>): string => resolve(env.BACKUP_DIR ?? join(env.DATA_DIR, 'backups'));

/** The folder of backups, there and open for writing. One that was named is never made: where a disk is not mounted it would lie on another. */
export function openBackupDir(env: Pick<Env, 'BACKUP_DIR' | 'DATA_DIR'>, named?: string): string {
  const dir = named === undefined ? backupDir(env) : resolve(named);
  if (named === undefined && env.BACKUP_DIR === undefined) mkdirSync(dir, { recursive: true, mode: 0o700 });
  try {
    if (!statSync(dir).isDirectory()) throw new Error(`${dir} is no folder`);
    accessSync(dir, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new Error(code === 'ENOENT' ? `there is no folder ${dir} for backups: make it, or mount its disk` : `the folder of backups ${dir} cannot be written (${code})`, { cause: error });
  }
  return dir;
}

/** How this database is backed up and proven from here. @throws with what is missing */
export async function planBackup(env: Env, ownerUrl: string, path?: string): Promise<Plan> {
  const embedded = env.embedded ? await embeddedServer(env) : null;
  const owner = env.DATABASE_OWNER_URL !== undefined ? 'DATABASE_OWNER_URL' : 'DATABASE_URL';
  const about = await named(owner, ownerUrl, () => withClient(ownerUrl, async (client) => (await client.query<About>(ABOUT)).rows[0]));
  if (!about) throw new Error('the server did not say what it is');
  try {
    const pgDump = await pgTool('pg_dump', about.version, ...(path === undefined ? [] : [path]));
    if (!about.mayRead) throw new Error(`the role ${identityOf(ownerUrl).user} may not read every table: set DATABASE_OWNER_URL, the owner's, where backups are made`);
    const scratchUrl = env.BACKUP_SCRATCH_URL ?? embedded?.adminUrl ?? ownerUrl;
    await mayProve(env.BACKUP_SCRATCH_URL !== undefined ? 'BACKUP_SCRATCH_URL' : owner, scratchUrl, about.version, path);
    return { source: { kind: 'dump', ownerUrl, pgDump }, scratch: { kind: 'dump', adminUrl: scratchUrl } };
  } catch (error) {
    if (!embedded || !(error instanceof NoPgTool)) throw error;
    const database = identityOf(ownerUrl).database;
    return { source: { kind: 'base', adminUrl: withIdentity(embedded.adminUrl, { database }), cluster: embedded.cluster }, scratch: { kind: 'base', cluster: embedded.cluster, dataDir: embedded.dataDir } };
  }
}

type About = { version: number; mayRead: boolean };

/** Also the partitions: the writer reads those through their table alone, and pg_dump does not. */
const ABOUT = `select current_setting('server_version_num')::int as version, not exists (
  select 1 from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not has_table_privilege(c.oid, 'select')) as "mayRead"`;

/** Of several addresses the one that is meant is named: what the server says names none, and the network's words name the writer's. */
async function named<T>(setting: string, url: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    // Without its cause: it is not the database of everybody that is away.
    // eslint-disable-next-line preserve-caught-error
    throw new Error(`${setting} (${new URL(url).host}): ${message || (code ?? 'it does not answer')}`);
  }
}

async function mayProve(setting: string, url: string, sourceVersion: number, path?: string): Promise<void> {
  const role = await named(setting, url, () => withClient(url, async (client) => (await client.query<{ name: string; may: boolean; version: number }>(
    `select rolname as name, rolcreatedb or rolsuper as may, current_setting('server_version_num')::int as version from pg_roles where rolname = current_user`)).rows[0]));
  if (!role?.may) throw new Error(`the role ${role?.name ?? ''} may not create databases, and a backup is proven by restoring it into one: alter role ${role?.name ?? ''} createdb, or set BACKUP_SCRATCH_URL`);
  if (Math.floor(role.version / 10_000) < Math.floor(sourceVersion / 10_000)) throw new Error('the server of BACKUP_SCRATCH_URL is older than the one that is backed up');
  await pgTool('pg_restore', role.version, ...(path === undefined ? [] : [path]));
}

async function embeddedServer(env: Env): Promise<{ adminUrl: string; cluster: string; dataDir: string }> {
  const dataDir = openDataDir(env.DATA_DIR);
  const running = await runningEmbedded(dataDir);
  const location = clusterLocation(dataDir);
  if (!running || !location) throw new Error('the embedded database does not run');
  return { adminUrl: running.adminUrl, cluster: location.cluster, dataDir };
}
