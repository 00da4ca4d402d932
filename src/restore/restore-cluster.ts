import { randomBytes, randomUUID } from 'node:crypto';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Backup } from '../backup/read-backup.js';
import { recoverySettings, restoreBase } from '../backup/restore-base.js';
import { startScratchServer } from '../backup/scratch-server.js';
import { syncFolder } from '../config/durable-file.js';
import type { Env } from '../config/env.js';
import { lockFile } from '../config/file-lock.js';
import { keptSecret } from '../config/kept-secrets.js';
import { withClient } from '../database/client.js';
import { startLockPath } from '../database/embedded/acquire.js';
import { type ClusterLocation, clusterLocation, openDataDir, saveLocation } from '../database/embedded/cluster-location.js';
import { createCluster } from '../database/embedded/create-cluster.js';
import { whoIs } from '../database/embedded/postgres-processes.js';
import { readPostmasterFile } from '../database/embedded/postmaster-file.js';
import { setRoleSettings, withIdentity } from '../database/roles.js';
import type { DatabaseUrls } from '../database/urls.js';
import type { Arrived } from './arrival.service.js';
import { type Arrive, bringUp } from './bring-up.js';
import type { Mark } from './database-marks.js';
import { RestoreFailed } from './failed.js';
import type { Restored } from './restore-database.js';
import type { Steps } from './steps.js';

/** In a folder that was live before: PostgreSQL looks at no file that it does not know. */
export const KEPT = 'tradewarden-kept.json';
const PREFIX = { restore: 'postgres.restore-', drill: 'postgres.drill-' } as const;
const OWNER = 'tradewarden_owner';
const WRITER = 'tradewarden';
const LOCK_MS = 10_000;
const END_MS = 5_000;

export interface ClusterTask {
  env: Env;
  steps: Steps;
  arrive: Arrive;
}

/**
 * A copy of a whole embedded server becomes a folder beside the live one; then DATA_DIR names the new folder instead, which is
 * one replaced file: whoever is killed before it has changed nothing. The old folder is kept.
 * @throws {RestoreFailed} with nothing changed
 */
export async function restoreCluster({ env, steps, arrive }: ClusterTask, backup: Backup, { otherSystem }: { otherSystem: boolean }): Promise<Restored> {
  const dataDir = openDataDir(env.DATA_DIR);
  const lock = await lockFile(join(dataDir, '.restore.lock'), LOCK_MS);
  if (!lock) throw new RestoreFailed('RESTORE_RUNNING', `Another restore works in ${dataDir}.`);
  try {
    const live = await underStartLock(dataDir, async () => notRunning(clusterLocation(dataDir) ?? (await createCluster(dataDir, steps.note.bind(steps)))));
    const restoreId = randomUUID();
    const parent = dirname(live.cluster);
    await removeLeftovers(parent, 'restore');
    const work = workFolder(live.cluster, 'restore');
    try {
      const copy = join(work, 'cluster');
      const brought = await inCluster({ env, steps, arrive, dataDir }, backup, { live: live.cluster, copy, restoreId, drill: false, otherSystem }, async (_urls, arrived, more) => ({ arrived, ...more }));
      const next = join(parent, `postgres-${randomBytes(4).toString('hex')}`);
      await steps.run('swapping', () => underStartLock(dataDir, async () => {
        const now = notRunning(live);
        renameSync(copy, next);
        syncFolder(parent);
        keep(now.cluster, { tradewarden: 'before', of: WRITER, restoreId, backup: backup.manifest.id, at: new Date().toISOString() });
        saveLocation(dataDir, { cluster: next, port: now.port });
      }));
      return { backup: backup.manifest.id, backupAt: backup.manifest.snapshotAt, database: next, before: live.cluster, ...brought };
    } finally {
      rmSync(work, { recursive: true, force: true, maxRetries: 3 });
    }
  } finally {
    lock.release();
  }
}

/** Beside the live folder, and removed whatever comes of it. */
export async function inScratchCluster<T>({ env, steps, arrive }: ClusterTask, backup: Backup, work: (urls: DatabaseUrls, arrived: Arrived) => Promise<T>): Promise<T> {
  const dataDir = openDataDir(env.DATA_DIR);
  const live = env.embedded ? clusterLocation(dataDir) : null;
  if (!live) throw new RestoreFailed('WRONG_KIND', `${backup.manifest.id} is a copy of an embedded server, and this system has none.`);
  await removeLeftovers(dirname(live.cluster), 'drill');
  const folder = workFolder(live.cluster, 'drill');
  try {
    return await inCluster({ env, steps, arrive, dataDir }, backup, { live: live.cluster, copy: join(folder, 'cluster'), restoreId: randomUUID(), drill: true, otherSystem: false }, work);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

type Working = { live: string; copy: string; restoreId: string; drill: boolean; otherSystem: boolean };

/** The copy is started where only this process reaches it, brought up, given to `work`, and stopped. */
async function inCluster<T>({ env, steps, arrive, dataDir }: ClusterTask & { dataDir: string }, backup: Backup, { live, copy, restoreId, drill, otherSystem }: Working, work: (urls: DatabaseUrls, arrived: Arrived, more: { migrations: string[]; notes: string[] }) => Promise<T>): Promise<T> {
  const { uid, gid } = statSync(live);
  await steps.run('restoring', () => restoreBase(backup, copy, process.getuid?.() === 0 ? { uid, gid } : null));
  if (systemOf(copy) !== systemOf(live) && !otherSystem && !isNew(live)) throw new RestoreFailed('OTHER_SYSTEM', `${backup.manifest.id} is of another server than ${live}. Say --other-system if that is meant. Nothing was changed.`);
  const settings = { ...(drill ? { fsync: 'off', shared_buffers: '32MB' } : {}), ...recoverySettings(backup.manifest) };
  const server = await steps.run('starting the copy', () => startScratchServer({ cluster: copy, dataDir, settings, signal: steps.signal }));
  try {
    const on = (user: string) => withIdentity(server.adminUrl, { user, database: backup.manifest.database });
    const urls: DatabaseUrls = { url: on(WRITER), unpooledUrl: on(WRITER), ownerUrl: on(OWNER), adminUrl: server.adminUrl, roles: 'separate', release: async () => undefined };
    // On another machine the secrets of DATA_DIR are others than those that the copy knows.
    await withClient(server.adminUrl, async (client) => {
      for (const [role, secret] of [['postgres', 'postgresPassword'], [OWNER, 'ownerPassword'], [WRITER, 'writerPassword']] as const) await client.query(`alter role ${role} password ${client.escapeLiteral(keptSecret(env.DATA_DIR, secret))}`);
    });
    await setRoleSettings(server.adminUrl, WRITER, backup.manifest.database);
    const { arrived, ...more } = await bringUp({ backup, urls, restoreId, drill, live: null, otherSystem, steps, arrive });
    return await work(urls, arrived, more);
  } finally {
    await server.stop();
  }
}

/** Of the holder of the start lock. @throws {RestoreFailed} IN_USE */
function notRunning(location: ClusterLocation): ClusterLocation {
  const file = readPostmasterFile(location.cluster);
  if (file && whoIs(file.pid, location.cluster) !== 'other') throw new RestoreFailed('IN_USE', `The embedded database ${location.cluster} is running: stop the server, then restore.`);
  return location;
}

async function underStartLock<T>(dataDir: string, work: () => Promise<T>): Promise<T> {
  const lock = await lockFile(startLockPath(dataDir), LOCK_MS);
  if (!lock) throw new RestoreFailed('IN_USE', `Another process is starting or stopping the database in ${dataDir}.`);
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/** As the cluster itself: its owner must be able to come in. */
function workFolder(live: string, purpose: keyof typeof PREFIX): string {
  const folder = mkdtempSync(join(dirname(live), PREFIX[purpose]));
  const { uid, gid } = statSync(live);
  if (process.getuid?.() === 0) chownSync(folder, uid, gid);
  return folder;
}

/** Of runs that were killed, with the server that they may have left. Only for the holder of their lock. */
async function removeLeftovers(parent: string, purpose: keyof typeof PREFIX): Promise<void> {
  for (const name of readdirSync(parent).filter((each) => each.startsWith(PREFIX[purpose]))) {
    await endServerOf(join(parent, name, 'cluster'));
    rmSync(join(parent, name), { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Until it has ended it writes into its folder. */
async function endServerOf(cluster: string): Promise<void> {
  const pid = readPostmasterFile(cluster)?.pid;
  for (const deadline = performance.now() + END_MS; pid !== undefined && whoIs(pid, cluster) === 'server' && performance.now() < deadline; await pause(100)) {
    try {
      process.kill(pid, 'SIGQUIT');
    } catch {
      return;
    }
  }
}

/** PostgreSQL's own number of a server, which copies of it share: the first eight bytes of its control file. */
function systemOf(cluster: string): string {
  return readFileSync(join(cluster, 'global', 'pg_control')).readBigUInt64LE(0).toString();
}

/** Made a moment ago for this restore: there never was a database in it. */
const isNew = (cluster: string): boolean => readdirSync(join(cluster, 'base')).length <= 3;

function keep(cluster: string, mark: Mark): void {
  writeFileSync(join(cluster, KEPT), `${JSON.stringify(mark)}\n`, { mode: 0o600 });
}

/** Folders that were live before a restore, newest first. */
export function keptClusters(env: Env): { name: string; at: string; backup: string; path: string }[] {
  const live = clusterLocation(openDataDir(env.DATA_DIR));
  if (!live) return [];
  const parent = dirname(live.cluster);
  return readdirSync(parent).map((name) => join(parent, name)).filter((path) => path !== live.cluster && existsSync(join(path, KEPT)) && existsSync(join(path, 'PG_VERSION')))
    .map((path) => ({ ...(JSON.parse(readFileSync(join(path, KEPT), 'utf8')) as Mark), name: basename(path), path })).sort((a, b) => (a.at < b.at ? 1 : -1));
}

/** For good. @throws {RestoreFailed} NOT_KEPT */
export function dropKeptCluster(env: Env, name: string): void {
  const kept = keptClusters(env).find((each) => each.name === name);
  if (!kept) throw new RestoreFailed('NOT_KEPT', `${name} is no folder that a restore has put aside: "tradewarden restore:old" lists them.`);
  notRunning({ cluster: kept.path, port: null });
  rmSync(kept.path, { recursive: true, force: true, maxRetries: 3 });
}
