import { copyFileSync, closeSync, openSync, readSync, renameSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

const MAX_BYTES = 10 * 1024 * 1024;
const TAIL_BYTES = 64 * 1024;

/** The server's log; the file before it is kept as `postgres.log.1`, so both together stay near 20 MB. */
export function logPath(dataDir: string): string {
  return join(dataDir, 'postgres.log');
}

export function logSize(dataDir: string): number {
  return statSync(logPath(dataDir), { throwIfNoEntry: false })?.size ?? 0;
}

/** Opens the log for a server that is about to start. The caller closes the descriptor. */
export function openLog(dataDir: string): number {
  if (logSize(dataDir) > MAX_BYTES) renameSync(logPath(dataDir), `${logPath(dataDir)}.1`);
  return openSync(logPath(dataDir), 'a', 0o600);
}

/** Shortens the log under a running server: it appends, so it goes on at the new end of the same file. */
export function boundLog(dataDir: string): void {
  if (logSize(dataDir) <= MAX_BYTES) return;
  copyFileSync(logPath(dataDir), `${logPath(dataDir)}.1`);
  truncateSync(logPath(dataDir), 0);
}

/** What the server wrote from byte `offset` on, at most the last 64 KB. */
export function logSince(dataDir: string, offset: number): string {
  const size = logSize(dataDir);
  const from = Math.max(Math.min(offset, size), size - TAIL_BYTES);
  if (size === from) return '';
  const file = openSync(logPath(dataDir), 'r');
  try {
    const buffer = Buffer.alloc(size - from);
    return buffer.toString('utf8', 0, readSync(file, buffer, 0, buffer.length, from));
  } finally {
    closeSync(file);
  }
}
