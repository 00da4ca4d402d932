import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onConnection } from './cluster.js';
import { until } from './timing.js';
import { unprivileged } from './postgres15.js';
import { freePort } from './server-process.js';

/** Debian's, version 1.18: before the one that keeps prepared statements. */
const PROGRAM = '/usr/sbin/pgbouncer';
export const hasPgBouncer = existsSync(PROGRAM);

/** A PgBouncer in transaction mode with the configuration of deploy/pgbouncer, as what a user has. */
export interface PgBouncer {
  /** The given URL, through the pooler. */
  url: string;
  /** Ends it: at once and without a word, or as its service does (connections are cut either way). */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** On the same port. */
  start(): Promise<void>;
  /** Where it goes from now on, without being restarted. */
  pointAt(server: { host: string; port: number }): Promise<void>;
  /** Stops it and removes its folder. */
  remove(): Promise<void>;
}

/** Those that a failed test left running. */
const running = new Set<ChildProcess>();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/**
 * @param url of the database, as the writer; its line of the list of users is made by deploy/pgbouncer/userlist.sql
 * @param adminUrl as a superuser, who alone may read what PostgreSQL keeps of a password
 * @param settings that differ from those of deploy/pgbouncer/pgbouncer.ini
 * @param listed the list of users, when it is another
 */
export async function startPgBouncer(url: string, adminUrl: string, settings: Record<string, string> = {}, listed?: string): Promise<PgBouncer> {
  const folder = mkdtempSync(join(tmpdir(), 'tradewarden-pgbouncer-'));
  const user = unprivileged();
  const own = (path: string) => user && chownSync(path, user.uid, user.gid);
  own(folder);
  chmodSync(folder, 0o700);
  const { hostname, port: serverPort, username, pathname } = new URL(url);
  const database = decodeURIComponent(pathname.slice(1));
  const port = await freePort();
  const [list, file] = [join(folder, 'userlist.txt'), join(folder, 'pgbouncer.ini')];
  writeFileSync(list, listed ?? (await userLine(adminUrl, decodeURIComponent(username))), { mode: 0o600 });
  own(list);
  const write = (server: { host: string; port: number }) => {
    writeFileSync(file, iniWith(`${database} = host=${server.host} port=${server.port} dbname=${database}`, { listen_port: String(port), auth_file: list, ...settings }), { mode: 0o600 });
    own(file);
  };
  write({ host: hostname, port: Number(serverPort) });
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String(port);
  let child: ChildProcess | null = null;
  let output = '';
  const pgbouncer: PgBouncer = {
    url: through.href,
    async start() {
      if (child) return;
      output = '';
      child = spawn(PROGRAM, [file], { ...user, cwd: '/', env: { PATH: '/usr/bin:/bin' }, stdio: ['ignore', 'ignore', 'pipe'] });
      child.stderr?.on('data', (data: Buffer) => (output += data.toString()));
      running.add(child);
      // Whether PostgreSQL is there is another question: it is up when it has bound its port.
      await until(() => {
        if (child?.exitCode !== null) throw new Error(`PgBouncer did not start: ${output}`);
        return / process up: /.test(output);
      }, 20_000);
    },
    async stop(signal = 'SIGTERM') {
      if (!child) return;
      const ended = new Promise((resolve) => child?.once('exit', resolve));
      child.kill(signal);
      await ended;
      running.delete(child);
      child = null;
    },
    async pointAt(server) {
      write(server);
      output = '';
      child?.kill('SIGHUP');
      await until(() => /SIGHUP|RELOAD/.test(output), 2_000);
    },
    async remove() {
      await pgbouncer.stop('SIGKILL');
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  try {
    await pgbouncer.start();
  } catch (error) {
    await pgbouncer.remove();
    throw error;
  }
  return pgbouncer;
}

/** As deploy/pgbouncer/userlist.sql makes it, with psql's way to write a variable. */
export async function userLine(adminUrl: string, writer: string): Promise<string> {
  const text = readFileSync('deploy/pgbouncer/userlist.sql', 'utf8').replace(`:'writer'`, '$1');
  const rows = await onConnection(adminUrl, async (client) => (await client.query<{ format: string }>(text, [writer])).rows);
  if (rows.length !== 1) throw new Error(`there is no role ${writer}`);
  return `${rows[0]?.format}\n`;
}

/** deploy/pgbouncer/pgbouncer.ini with another database and other settings; no socket, so that none of Debian's is taken. */
function iniWith(database: string, settings: Record<string, string>): string {
  const all = { unix_socket_dir: '', ...settings };
  const kept = readFileSync('deploy/pgbouncer/pgbouncer.ini', 'utf8').split('\n').filter((line) => !(line.split(' =')[0]?.trim() as string in all));
  const text = kept.join('\n').replace(/^tradewarden = .*$/m, database);
  return `${text}\n${Object.entries(all).map(([name, value]) => `${name} = ${value}`).join('\n')}\n`;
}

/** Whether a statement gets through. */
export const serves = (url: string): Promise<boolean> => onConnection(url, async (client) => (await client.query('select 1')).rowCount === 1).catch(() => false);
