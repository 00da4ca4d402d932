import { createHash } from 'node:crypto';
import { accessSync, chmodSync, existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { replaceFile } from '../../config/durable-file.js';

/** Where root puts what the database user cannot reach in DATA_DIR. */
const OUTSIDE = '/var/lib/tradewarden';

/** DATA_DIR/embedded.json: where the cluster of this DATA_DIR lies, and the port that it listened on last. */
export interface ClusterLocation {
  /** Absolute path of the cluster. */
  cluster: string;
  port: number | null;
}

interface Pointer {
  cluster: string;
  port: number | null;
  dataDir: string;
}

/** DATA_DIR as one absolute path without links, made when missing, so that every process names it alike. */
export function openDataDir(dataDir: string): string {
  mkdirSync(dataDir, { recursive: true });
  return realpathSync(resolve(dataDir));
}

/**
 * The cluster of `dataDir` (absolute), or null when none was made yet. Throws when one was made and is not there:
 * an empty database in its place would look like a server without data.
 */
export function clusterLocation(dataDir: string): ClusterLocation | null {
  const inside = join(dataDir, 'postgres');
  const pointer = readPointer(dataDir);
  if (!pointer) return isCluster(inside) ? { cluster: inside, port: null } : null;
  const cluster = resolve(dataDir, pointer.cluster);
  if (!isCluster(cluster)) {
    throw new Error(
      `${pointerPath(dataDir)} names the database ${cluster}, which is gone. ` +
        `Put it back, or remove ${pointerPath(dataDir)} to begin with an empty database.`,
    );
  }
  if (!liesIn(dataDir, cluster)) refuseCopy(dataDir, pointer, cluster);
  return { cluster, port: pointer.port };
}

/** Remembers the cluster's place and port; inside DATA_DIR as a relative path, so that the folder can move. */
export function saveLocation(dataDir: string, location: ClusterLocation): void {
  const cluster = liesIn(dataDir, location.cluster) ? relative(dataDir, location.cluster) : location.cluster;
  const pointer: Pointer = { cluster, port: location.port, dataDir };
  replaceFile(pointerPath(dataDir), `${JSON.stringify(pointer, null, 2)}\n`, 0o644);
}

/**
 * The folder of this DATA_DIR under /var/lib/tradewarden, made when missing and open enough for the database user to
 * pass through. Only for root.
 */
export function openFolderOutside(dataDir: string): string {
  const folder = join(OUTSIDE, createHash('sha256').update(dataDir).digest('hex').slice(0, 16));
  mkdirSync(folder, { recursive: true });
  for (const path of [OUTSIDE, folder]) chmodSync(path, 0o755);
  return folder;
}

/** A copied DATA_DIR points to the cluster of its original: two folders, one database, until somebody resets one. */
function refuseCopy(dataDir: string, pointer: Pointer, cluster: string): void {
  if (pointer.dataDir === dataDir || !existsSync(pointer.dataDir)) return;
  const original = readPointer(pointer.dataDir);
  if (original?.cluster !== cluster) return;
  throw new Error(
    `${dataDir} is a copy of ${pointer.dataDir}, whose database is ${cluster}: the database itself was not copied. ` +
      `Remove ${pointerPath(dataDir)} and ${dataDir}/secrets.json to begin with an empty database.`,
  );
}

/** `postgres`, or beside it what a restore has put there. */
const liesIn = (dataDir: string, cluster: string): boolean => !relative(dataDir, cluster).startsWith('..');

function isCluster(path: string): boolean {
  try {
    accessSync(join(path, 'PG_VERSION'));
    return true;
  } catch (error) {
    // Closed to us is not gone: it is another user's, and the start says so.
    return (error as NodeJS.ErrnoException).code === 'EACCES';
  }
}

function pointerPath(dataDir: string): string {
  return join(dataDir, 'embedded.json');
}

function readPointer(dataDir: string): Pointer | null {
  let text: string;
  try {
    text = readFileSync(pointerPath(dataDir), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const { cluster, port, dataDir: madeIn } = JSON.parse(text) as Partial<Pointer>;
    if (typeof cluster !== 'string' || typeof madeIn !== 'string') throw new Error('not a pointer');
    return { cluster, port: typeof port === 'number' ? port : null, dataDir: madeIn };
  } catch {
    throw new Error(`${pointerPath(dataDir)} cannot be read as the place of the embedded database`);
  }
}
