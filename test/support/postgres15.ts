import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import { childrenOf, clusterName } from '../../src/database/embedded/postgres-processes.js';
import { onConnection } from './cluster.js';
import { freePort } from './server-process.js';
import { until } from './timing.js';

/** The oldest version that is supported, where the machine has it. */
const BINARIES = '/usr/lib/postgresql/15/bin';
export const hasPostgres15 = existsSync(join(BINARIES, 'postgres'));
export const describeOnPostgres15: typeof describe = (hasPostgres15 ? describe : describe.skip) as typeof describe;

export interface Postgres15 {
  /** As the superuser. */
  adminUrl: string;
  port: number;
  /** Path of the server's certificate, when it has one. */
  certificate: string;
  /** Ends all its processes without a word, as a machine that loses its power, but for what the disk already has. */
  kill(): Promise<void>;
  /** On the same port; resolves when it lets somebody in. */
  start(): Promise<void>;
  /** Makes a copy of it that follows it, on a port of its own. */
  standby(settings?: Record<string, string>): Promise<Postgres15>;
  /** Takes away its time: connections stay open and nothing answers. */
  freeze(): void;
  thaw(): void;
  remove(): Promise<void>;
}

/** Those that a failed test left running. */
const running = new Set<ChildProcess>();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

const PASSWORD = 'of-the-superuser';
const run = { cwd: '/', env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' } };

/**
 * @param tls makes a certificate that nobody signed, for the name `localhost`
 * @param settings of postgresql.conf
 */
export async function startPostgres15(tls = false, settings: Record<string, string> = {}): Promise<Postgres15> {
  const folder = newFolder();
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, `${PASSWORD}\n`);
  own(passwordFile);
  const options = { ...unprivileged(), ...run };
  execFileSync(join(BINARIES, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8', '--locale=C'], { ...options, stdio: 'ignore' });
  const certificate = join(data, 'server.crt');
  if (tls) {
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    execFileSync('openssl', [...request, '-keyout', join(data, 'server.key'), '-out', certificate], { ...options, stdio: 'ignore' });
    chmodSync(join(data, 'server.key'), 0o600);
  }
  return serverOf(folder, { ...(tls ? { ssl: 'on' } : {}), ...settings });
}

/** Starts the server whose files lie in `folder/data`. */
export async function serverOf(folder: string, settings: Record<string, string>): Promise<Postgres15> {
  const data = join(folder, 'data');
  const port = await freePort();
  const adminUrl = `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/postgres`;
  const all = { listen_addresses: '127.0.0.1', unix_socket_directories: '', fsync: 'off', cluster_name: clusterName(data), ...settings };
  let child: ChildProcess | null = null;
  let frozen: number[] = [];
  const ended = async (signal: NodeJS.Signals) => {
    if (!child) return;
    const own = child;
    const gone = new Promise((resolve) => own.once('exit', resolve));
    if (signal === 'SIGKILL') {
      // Stopped first, all of them: what outlives the postmaster for a moment would still write down what nobody promised to keep.
      if (frozen.length === 0) server.freeze();
      for (const pid of frozen.splice(0)) tell(pid, signal);
    } else {
      server.thaw();
      own.kill(signal);
    }
    await gone;
    child = null;
  };
  const server: Postgres15 = {
    adminUrl, port, certificate: join(data, 'server.crt'),
    kill: () => ended('SIGKILL'),
    async start() {
      if (child) return;
      await until(async () => {
        // What was killed may hold its memory for a moment longer: the next one is refused until then.
        if (!child || child.exitCode !== null) child = launched(data, port, all);
        return onConnection(adminUrl, async () => true).catch(() => false);
      }, 15_000);
    },
    async standby(more = {}) {
      const copy = newFolder();
      const source = `host=127.0.0.1 port=${port} user=postgres password=${PASSWORD}`;
      execFileSync(join(BINARIES, 'pg_basebackup'), ['-D', join(copy, 'data'), '-d', source, '-R', '-X', 'stream', '-c', 'fast'], { ...unprivileged(), ...run, stdio: 'ignore' });
      return serverOf(copy, { ...settings, ...more });
    },
    freeze() {
      // The postmaster first: it would answer for a process that is gone, and make new ones.
      frozen = [child?.pid ?? 0, ...childrenOf(data)].filter((pid) => pid > 0);
      for (const pid of frozen) tell(pid, 'SIGSTOP');
    },
    thaw() {
      for (const pid of frozen.splice(0)) tell(pid, 'SIGCONT');
    },
    async remove() {
      await ended('SIGINT');
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  await server.start();
  return server;
}

function launched(data: string, port: number, settings: Record<string, string>): ChildProcess {
  const child = spawn(join(BINARIES, 'postgres'), ['-D', data, '-p', String(port), ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])], { ...unprivileged(), ...run, stdio: 'ignore' });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

function tell(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Ended meanwhile.
  }
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tradewarden-pg15-'));
  own(folder);
  chmodSync(folder, 0o700);
  return folder;
}

function own(path: string): void {
  const user = unprivileged();
  if (user) chownSync(path, user.uid, user.gid);
}

/** PostgreSQL does not run as root; Debian's package brings a user. */
export function unprivileged(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
