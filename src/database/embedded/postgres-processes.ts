import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename } from 'node:path';

/** The `cluster_name` setting of a cluster: part of the title of every process that works for it. */
export function clusterName(cluster: string): string {
  return `tradewarden-${createHash('sha256').update(cluster).digest('hex').slice(0, 12)}`;
}

/**
 * Whether process `pid` is the server of `cluster`. A process id alone says little: after a crash or a reboot it can
 * belong to anything, also to another cluster's server, and a zombie keeps it while serving nobody.
 * `unknown` is a PostgreSQL server that does not show which folder it serves.
 */
export function whoIs(pid: number, cluster: string): 'server' | 'unknown' | 'other' {
  const command = commandLine(pid);
  if (!command) return 'other';
  if (command.includes(` -D ${cluster} `)) return 'server';
  if (command.startsWith('postgres: ')) return 'other';
  if (!['postgres', 'postmaster'].includes(basename(command.split(' ')[0] ?? ''))) return 'other';
  // Started by hand, or its folder was renamed meanwhile. A server works in its folder; its command line may be stale.
  const folder = workingFolder(pid) ?? /\s-D\s*(\/\S+)/.exec(command)?.[1];
  const [theirs, ours] = [folder, cluster].map((path) => path && statSync(path, { throwIfNoEntry: false }));
  if (!theirs || !ours) return 'unknown';
  return theirs.ino === ours.ino && theirs.dev === ours.dev ? 'server' : 'other';
}

/** Process ids of backends and workers that still run for `cluster`, from the titles that they give themselves. */
export function childrenOf(cluster: string): number[] {
  const title = `postgres: ${clusterName(cluster)}: `;
  return allProcesses().filter((pid) => commandLine(pid)?.startsWith(title));
}

// Readable for everyone; /proc/<pid>/cwd and exe are closed even to root in a container without CAP_SYS_PTRACE.
const hasProc = existsSync('/proc/self/cmdline');

function commandLine(pid: number): string | null {
  try {
    if (hasProc) return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return `${ps('-ww', '-o', 'command=', '-p', String(pid)).trim()} `;
  } catch {
    return null;
  }
}

function workingFolder(pid: number): string | undefined {
  try {
    return hasProc ? readlinkSync(`/proc/${pid}/cwd`) : undefined;
  } catch {
    return undefined;
  }
}

function allProcesses(): number[] {
  const names = hasProc ? readdirSync('/proc') : ps('-ax', '-o', 'pid=').split('\n');
  return names.map((name) => Number(name.trim())).filter((pid) => Number.isSafeInteger(pid) && pid > 1);
}

function ps(...args: string[]): string {
  return execFileSync('/bin/ps', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}
