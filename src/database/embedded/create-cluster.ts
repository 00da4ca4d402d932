import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { syncFolder } from '../../config/durable-file.js';
import { keptSecret } from '../../config/kept-secrets.js';
import { type Binaries, binariesFor, cannotRun, findBinaries } from './binaries.js';
import { type ClusterLocation, openFolderOutside, saveLocation } from './cluster-location.js';
import { canWorkIn, type DatabaseUser, databaseUser, giveTo } from './database-user.js';

const run = promisify(execFile);

const WORK_PREFIX = 'postgres.new-';

/**
 * Makes the cluster of `dataDir` (absolute). It grows in a folder of its own and gets its name at the end, so that
 * an end in the middle leaves nothing that looks like a cluster. Only for the holder of the start lock.
 */
export async function createCluster(dataDir: string, log: (line: string) => void): Promise<ClusterLocation> {
  const inside = join(dataDir, 'postgres');
  if (existsSync(inside) && readdirSync(inside).length > 0) throw new Error(`${inside} is there and is not a database`);
  const user = await databaseUser();
  const found = await findBinaries();
  const work = await workFolder(dataDir, user, log);
  try {
    const binaries = user ? await binariesFor(user, found, () => openFolderOutside(dataDir)) : found;
    await initdb(binaries, work.path, keptSecret(dataDir, 'postgresPassword'), user);
    const made = join(work.path, 'cluster');
    if (user && user.uid !== user.initdb.uid) giveTo(user, made);
    const name = `postgres-${randomBytes(4).toString('hex')}`;
    const cluster = work.parent === dataDir ? inside : join(work.parent, name);
    renameSync(made, cluster);
    syncFolder(work.parent);
    saveLocation(dataDir, { cluster, port: null });
    return { cluster, port: null };
  } finally {
    rmSync(work.path, { recursive: true, force: true });
  }
}

async function workFolder(dataDir: string, user: DatabaseUser | null, log: (line: string) => void) {
  const inside = makeWorkFolder(dataDir, user);
  if (inside && (!user || (await canWorkIn(inside, user.initdb)))) return { parent: dataDir, path: inside };
  if (inside) rmSync(inside, { recursive: true });
  if (!user) throw new Error(`${dataDir} cannot be written`);
  const parent = openFolderOutside(dataDir);
  const left = readdirSync(parent).filter((name) => /^postgres-[0-9a-f]+$/.test(name));
  if (left.length > 0)
    log(`${parent} holds databases of an earlier ${dataDir}: ${left.join(', ')}; remove what is not needed`);
  const path = makeWorkFolder(parent, user);
  if (!path || !(await canWorkIn(path, user.initdb))) {
    throw new Error(`User ${user.name}, which PostgreSQL runs as, can work neither in ${dataDir} nor in ${parent}`);
  }
  log(`User ${user.name}, which PostgreSQL runs as, cannot work in ${dataDir}: the database is placed in ${parent}`);
  return { parent, path };
}

/** Null where the folder cannot be given to the user (some network and shared mounts know no owners). */
function makeWorkFolder(parent: string, user: DatabaseUser | null): string | null {
  for (const name of readdirSync(parent)) {
    // What an interrupted start left. Its initdb may still be ending, and then the next start removes the rest.
    if (name.startsWith(WORK_PREFIX)) removeLeftover(join(parent, name));
  }
  const path = mkdtempSync(join(parent, WORK_PREFIX));
  if (!user) return path;
  try {
    chownSync(path, user.initdb.uid, user.initdb.gid);
    return path;
  } catch {
    rmSync(path, { recursive: true });
    return null;
  }
}

function removeLeftover(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true, maxRetries: 2 });
  } catch {
    // Only disk space is lost.
  }
}

async function initdb(binaries: Binaries, work: string, password: string, user: DatabaseUser | null): Promise<void> {
  const passwordFile = join(work, 'password');
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600, flag: 'wx' });
  if (user) chownSync(passwordFile, user.initdb.uid, user.initdb.gid);
  const options = [
    // The builtin provider sorts and compares the same on every machine; a C library's order changes with its version.
    ...['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
    ...[
      '--data-checksums',
      '--auth=scram-sha-256',
      '--username=postgres',
      `--pwfile=${passwordFile}`,
      '--no-instructions',
    ],
    `--pgdata=${join(work, 'cluster')}`,
  ];
  try {
    const as = user ? { uid: user.initdb.uid, gid: user.initdb.gid } : {};
    await run(binaries.initdb, options, { ...as, cwd: '/', env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' } });
  } catch (error) {
    const { code, stderr } = error as { code?: string | number; stderr?: string };
    if (typeof code === 'string') throw new Error(cannotRun(code), { cause: error });
    throw new Error(`initdb failed: ${(stderr ?? '').trim() || `exit code ${code}`}`, { cause: error });
  } finally {
    rmSync(passwordFile, { force: true });
  }
}
