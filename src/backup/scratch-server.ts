import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { withClient } from '../database/client.js';
import { binariesFor, cannotRun, findBinaries } from '../database/embedded/binaries.js';
import { openFolderOutside } from '../database/embedded/cluster-location.js';

/** A server on a folder of data that only this process and root can reach. */
export interface ScratchServer {
  /** As the superuser, in the database `postgres`, on a socket: without a password. */
  adminUrl: string;
  /** Of the server. */
  pid: number;
  /** Flushes and ends; quicker without what is to be thrown away anyway. */
  stop(): Promise<void>;
}

const POLL_MS = 50;
const SMART_MS = 60_000;
/** Recovery goes through what was written during the copy. */
const START_MS = 30 * 60_000;

/**
 * Starts the embedded PostgreSQL on a folder of data, on a socket in a folder of its own that is closed to everybody
 * else. Resolves when it takes connections, that is, behind its recovery.
 * @param dataDir where copies of the binaries lie if this process is root (absolute)
 * @param settings beside ours, such as the target of a recovery
 */
export async function startScratchServer(options: { cluster: string; dataDir: string; settings?: Record<string, string>; signal?: AbortSignal | undefined }): Promise<ScratchServer> {
  const { cluster, dataDir, settings = {}, signal } = options;
  const { uid, gid } = statSync(cluster);
  const user = process.getuid?.() === 0 ? { uid, gid } : null;
  const found = await findBinaries();
  const { postgres } = user ? await binariesFor(user, found, () => openFolderOutside(dataDir)) : found;
  // A socket's path must be shorter than 108 bytes.
  const own = mkdtempSync(join(tmpdir(), 'tradewarden-s-'));
  const hba = join(own, 'hba');
  writeFileSync(hba, 'local all all trust\n', { mode: 0o600 });
  if (user) for (const path of [hba, own]) chownSync(path, user.uid, user.gid);
  const logPath = join(own, 'log');
  const log = openSync(logPath, 'a', 0o600);
  const all = {
    listen_addresses: '', unix_socket_directories: own, unix_socket_permissions: '0700', hba_file: hba, cluster_name: 'tradewarden-scratch', ssl: 'off',
    // Nobody is let in before everything is there.
    hot_standby: 'off', archive_mode: 'off', logging_collector: 'off', log_destination: 'stderr', log_min_error_statement: 'panic', timezone: 'UTC', ...settings,
  };
  const args = ['-D', cluster, '-p', '5432', ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const server = spawn(postgres, args, { stdio: ['ignore', log, log], cwd: '/', env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }, ...user });
  closeSync(log);
  const adminUrl = `postgres://postgres@localhost:5432/postgres?host=${encodeURIComponent(own)}`;
  const stop = async () => {
    await end(server);
    rmSync(own, { recursive: true, force: true });
  };
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('spawn', resolve);
      server.once('error', (error: NodeJS.ErrnoException) => reject(new Error(cannotRun(error.code ?? error.message))));
    });
    await ready(server, adminUrl, logPath, signal);
    return { adminUrl, pid: server.pid ?? 0, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function ready(server: ChildProcess, adminUrl: string, logPath: string, signal: AbortSignal | undefined): Promise<void> {
  for (const deadline = performance.now() + START_MS; performance.now() < deadline; ) {
    signal?.throwIfAborted();
    if (hasEnded(server)) throw new Error(`the copy does not start: ${lastWords(logPath)}`);
    const isUp = await withClient(adminUrl, async (client) => (await client.query<{ up: boolean }>('select not pg_is_in_recovery() as up')).rows[0]?.up === true).catch(() => false);
    if (isUp) return;
    await pause(POLL_MS);
  }
  throw new Error(`the copy was not there within ${START_MS / 60_000} minutes: ${lastWords(logPath)}`);
}

const hasEnded = (server: ChildProcess) => server.exitCode !== null || server.signalCode !== null;

function lastWords(path: string): string {
  const lines = readFileSync(path, 'utf8').split('\n').filter((line) => /FATAL|PANIC|ERROR|postgres:/.test(line));
  return lines.slice(-2).join('; ').replaceAll(/\d{4}-\d\d-\d\d \S+ UTC \[\d+\] /g, '') || 'it ended without a word';
}

async function end(server: ChildProcess): Promise<void> {
  if (hasEnded(server) || server.pid === undefined) return;
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGINT');
  if ((await Promise.race([ended.then(() => true), pause(SMART_MS, false, { ref: false })])) === true) return;
  server.kill('SIGQUIT');
  await ended;
}
