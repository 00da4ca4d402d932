import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** What a server says about itself in `postmaster.pid`, the lock file of a cluster. */
export interface PostmasterFile {
  pid: number;
  /** The lines that never change while this server lives: process id, cluster, start time. */
  identity: string;
  port: number | null;
  status: 'starting' | 'stopping' | 'ready' | 'standby' | 'unknown';
}

const STATUSES = ['starting', 'stopping', 'ready', 'standby'] as const;
const IDENTITY_LINES = 3;

/** The lock file of `cluster`, or null when there is none or it names no process (a power cut can leave it empty). */
export function readPostmasterFile(cluster: string): PostmasterFile | null {
  let text: string;
  try {
    text = readFileSync(join(cluster, 'postmaster.pid'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const lines = text.split('\n').map((line) => line.trim());
  // A server in single-user mode writes its process id as a negative number.
  const pid = Math.abs(Number(lines[0]));
  if (!Number.isSafeInteger(pid) || pid === 0) return null;
  return {
    pid,
    identity: identityIn(text),
    port: Number(lines[3]) || null,
    status: STATUSES.find((status) => status === lines[7]) ?? 'unknown',
  };
}

/** The identity lines of a lock file's text, wherever that text was read. */
export function identityIn(text: string): string {
  return text.split('\n').slice(0, IDENTITY_LINES).join('\n');
}

/** Removes the lock file of a server that is gone. Only for the holder of the start lock. */
export function removePostmasterFile(cluster: string): void {
  rmSync(join(cluster, 'postmaster.pid'), { force: true });
}
