import { accessSync, constants } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

const sqlite = process.getBuiltinModule('node:sqlite');

/** A lock between processes; the kernel drops it when its holder dies, however it dies. */
export interface FileLock {
  release(): void;
}

const SQLITE_BUSY = 5;
const SQLITE_FULL = 13;
const POLL_MS = 20;

/**
 * Takes the lock on `path` (an empty file, made when missing and never removed), waiting at most `waitMs` while
 * blocking this thread. Returns null when another process, or another caller here, still holds it.
 *
 * Node has no flock of its own; SQLite brings a record lock that survives neither `kill -9` nor a reboot, so there
 * is no stale lock to guess about, as there would be with a file that names a process id.
 */
export function lockFileNow(path: string, waitMs = 0): FileLock | null {
  const database = open(path, waitMs);
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    const { errcode } = error as { errcode?: number };
    if (errcode === SQLITE_BUSY) return null;
    // Its own words are of a database, and name no place.
    throw errcode === SQLITE_FULL ? new Error(`${path} cannot be locked: No space left on device`, { cause: error }) : error;
  }
  return { release: () => database.isOpen && database.close() };
}

/** As `lockFileNow`, but waits at most `timeoutMs` without blocking; null when the time is over or `signal` aborts. */
export async function lockFile(path: string, timeoutMs: number, signal?: AbortSignal): Promise<FileLock | null> {
  const deadline = performance.now() + timeoutMs;
  while (!signal?.aborted) {
    const lock = lockFileNow(path);
    if (lock) return lock;
    if (performance.now() >= deadline) return null;
    await sleep(POLL_MS);
  }
  return null;
}

function open(path: string, waitMs: number): DatabaseSync {
  try {
    const database = new sqlite.DatabaseSync(path, { timeout: waitMs });
    // SQLite opens what it may not write for reading, and then "exclusive" quietly excludes nobody.
    accessSync(path, constants.W_OK);
    return database;
  } catch (error) {
    throw new Error(`${path} cannot be written by this user`, { cause: error });
  }
}
