import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { binariesFor, cannotRun, findBinaries } from './binaries.js';
import { openFolderOutside } from './cluster-location.js';
import { databaseUser, giveTo, type ProcessUser } from './database-user.js';
import { clusterName, whoIs } from './postgres-processes.js';
import { logSince, logSize, openLog } from './server-log.js';

/** A server that this process has just started; it lives on when this process ends. */
export interface Postmaster {
  process: ChildProcess;
  /** Size of the log before it wrote its first line. */
  logOffset: number;
}

const POLL_MS = 20;
/** Below what Linux (from 32768) and macOS (from 49152) give to outgoing connections, which could sit on ours. */
const FIRST_PORT = 20_000;
const PORTS = 10_000;

/** Starts the server of `cluster` on `port`, in a session of its own, so that no signal to our group reaches it. */
export async function startPostmaster(options: {
  dataDir: string;
  cluster: string;
  port: number;
  settings: Record<string, string>;
}): Promise<Postmaster> {
  const { dataDir, cluster, port } = options;
  const user = await ownerOf(cluster);
  const found = await findBinaries();
  const binaries = user ? await binariesFor(user, found, () => openFolderOutside(dataDir)) : found;
  const settings = Object.entries({ ...serverSettings(cluster), ...options.settings });
  const log = openLog(dataDir);
  const logOffset = logSize(dataDir);
  try {
    const args = [
      '-D',
      cluster,
      '-p',
      String(port),
      ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ];
    const server = spawn(binaries.postgres, args, {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: '/',
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
      ...(user ? { uid: user.uid, gid: user.gid } : {}),
    });
    await new Promise<void>((resolve, reject) => {
      server.once('spawn', resolve);
      server.once('error', (error: NodeJS.ErrnoException) => reject(new Error(cannotRun(error.code ?? error.message))));
    });
    server.unref();
    return { process: server, logOffset };
  } finally {
    closeSync(log);
  }
}

export function hasEnded(postmaster: Postmaster): boolean {
  return postmaster.process.exitCode !== null || postmaster.process.signalCode !== null;
}

/**
 * Why a server that was started has ended: `port taken`; `cluster busy` when another server, or what a killed one
 * left behind, still holds the cluster; else its last words.
 */
export function whyEnded(postmaster: Postmaster, dataDir: string): 'port taken' | 'cluster busy' | { message: string } {
  const text = logSince(dataDir, postmaster.logOffset);
  if (/could not create any TCP\/IP sockets/.test(text)) return 'port taken';
  if (/lock file ".*" (already exists|is empty)|pre-existing shared memory block/.test(text)) return 'cluster busy';
  const last = text.split('\n').filter((line) => /FATAL|PANIC|ERROR|HINT|postgres:/.test(line));
  return {
    message:
      last.slice(-3).join('\n') ||
      `it ended without a word (${postmaster.process.exitCode ?? postmaster.process.signalCode})`,
  };
}

/** Asks the server to end now (`fast`: sessions are cut, data is flushed); false if it still runs after `timeoutMs`. */
export async function stopPostmaster(pid: number, cluster: string, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  if (whoIs(pid, cluster) === 'other') return true;
  process.kill(pid, 'SIGINT');
  while (whoIs(pid, cluster) !== 'other') {
    if (performance.now() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}

/** A port on 127.0.0.1 that nobody listens on: `previous` if it is free, else one that follows from the path. */
export async function choosePort(previous: number | null, cluster: string, taken: Set<number>): Promise<number> {
  const start = createHash('sha256').update(cluster).digest().readUInt32BE(0);
  const candidates = previous === null ? [] : [previous];
  for (let step = 0; step < PORTS; step++) candidates.push(FIRST_PORT + ((start + step) % PORTS));
  for (const port of candidates) if (!taken.has(port) && (await isFree(port))) return port;
  throw new Error(`No free port from ${FIRST_PORT} to ${FIRST_PORT + PORTS - 1} on 127.0.0.1`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

function serverSettings(cluster: string): Record<string, string> {
  return {
    listen_addresses: '127.0.0.1',
    // A path of a socket must be shorter than 108 bytes, and /tmp can be shared: TCP alone has neither worry.
    unix_socket_directories: '',
    max_connections: '100',
    timezone: 'UTC',
    log_timezone: 'UTC',
    cluster_name: clusterName(cluster),
    // Statements and rows can hold passwords and keys; the log says what failed, not with which values.
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_checkpoints: 'off',
  };
}

/** As root the server runs as the owner of its cluster; a cluster that came to belong to root is given back. */
async function ownerOf(cluster: string): Promise<ProcessUser | null> {
  const me = process.getuid?.();
  const { uid, gid } = statSync(cluster);
  if (me === 0 && uid !== 0) return { uid, gid };
  if (me === 0) {
    const user = await databaseUser();
    if (user) giveTo(user, cluster);
    return user;
  }
  if (me !== undefined && uid !== me) {
    throw new Error(
      `${cluster} belongs to user id ${uid}, and this is ${me}: start Tradewarden as the user that made it`,
    );
  }
  return null;
}
