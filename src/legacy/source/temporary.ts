import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

const HOST = hostname().replace(/[^\w.]/g, '_');
const OURS = /^tradewarden-(?:rejects|source)-(.+)-(\d{1,10})-[^-]{6}$/;

/** A folder of this process in the system's temporary one; what a process that was killed has left there goes first. */
export function temporaryFolder(kind: 'rejects' | 'source'): string {
  for (const name of readdirSync(tmpdir())) {
    const [, host, pid] = OURS.exec(name) ?? [];
    // Of another host (a container that shares the folder) nobody here knows whether it runs.
    if (host === HOST && !isRunning(Number(pid))) removed(join(tmpdir(), name));
  }
  return mkdtempSync(join(tmpdir(), `tradewarden-${kind}-${HOST}-${process.pid}-`));
}

/** Of another user it runs too, and is only not ours to ask. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code !== 'ESRCH';
  }
}

function removed(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // Another user's.
  }
}
