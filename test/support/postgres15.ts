import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onConnection } from './cluster.js';
import { freePort } from './server-process.js';
import { until } from './pool.js';

/** The oldest version that is supported, where the machine has it. */
const BINARIES = '/usr/lib/postgresql/15/bin';
export const hasPostgres15 = existsSync(join(BINARIES, 'postgres'));

export interface Postgres15 {
  /** As the superuser. */
  adminUrl: string;
  /** Path of the server's certificate, when it has one. */
  certificate: string;
  remove(): Promise<void>;
}

/** @param tls makes a certificate that nobody signed, for the name `localhost` */
export async function startPostgres15(tls = false): Promise<Postgres15> {
  const folder = mkdtempSync(join(tmpdir(), 'tradewarden-pg15-'));
  const user = unprivileged();
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, 'of-the-superuser\n');
  if (user) for (const path of [folder, passwordFile]) chownSync(path, user.uid, user.gid);
  chmodSync(folder, 0o700);
  const data = join(folder, 'data');
  const options = { ...user, cwd: '/', env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' } };
  execFileSync(join(BINARIES, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8', '--locale=C'], { ...options, stdio: 'ignore' });
  const port = await freePort();
  const certificate = join(data, 'server.crt');
  if (tls) {
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    execFileSync('openssl', [...request, '-keyout', join(data, 'server.key'), '-out', certificate], { ...options, stdio: 'ignore' });
    chmodSync(join(data, 'server.key'), 0o600);
  }
  const server: ChildProcess = spawn(
    join(BINARIES, 'postgres'), ['-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'fsync=off', ...(tls ? ['-c', 'ssl=on'] : [])],
    { ...options, stdio: 'ignore' },
  );
  const adminUrl = `postgres://postgres:of-the-superuser@127.0.0.1:${port}/postgres`;
  await until(() => onConnection(adminUrl, async () => true).catch(() => false), 15_000);
  return {
    adminUrl, certificate,
    async remove() {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGINT');
      await ended;
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** PostgreSQL does not run as root; Debian's package brings a user. */
export function unprivileged(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
