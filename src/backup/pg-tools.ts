import { execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { ofSystem } from '../config/env.js';

const run = promisify(execFile);

export type PgTool = 'pg_dump' | 'pg_restore';

/** No client of PostgreSQL for this server. The message names the package. */
export class NoPgTool extends Error {}

/** A tool of PostgreSQL that failed, in its own first words. */
export class PgToolFailed extends Error {
  constructor(message: string, readonly lines: readonly string[]) {
    super(message);
  }
}

const VERSION_MS = 5_000;
/** Behind a SIGTERM. */
const KILL_AFTER_MS = 5_000;
/** Of what a tool complains: a restore that fails row by row would fill the memory. */
const LINES_MOST = 200;
const LINE_MOST = 500;
const ERROR = /error:|fatal:|could not/i;
const GIVES_UP = /^pg_restore: error: /;

/** Where packages put each version: Debian, Red Hat, Homebrew on both processors. */
const PLACES: readonly { folder: string; name: RegExp; bin: string }[] = [
  { folder: '/usr/lib/postgresql', name: /^\d+$/, bin: 'bin' },
  { folder: '/usr', name: /^pgsql-\d+$/, bin: 'bin' },
  { folder: '/opt/homebrew/opt', name: /^(postgresql(@\d+)?|libpq)$/, bin: 'bin' },
  { folder: '/usr/local/opt', name: /^(postgresql(@\d+)?|libpq)$/, bin: 'bin' },
  { folder: '/usr/libexec', name: /^postgresql\d+$/, bin: '.' },
];

/**
 * Path of a client that understands this server: of its own major version, else of the next newer one, since a newer
 * pg_dump writes settings that an older server does not know.
 * @param serverVersionNum as `show server_version_num`, such as 170010
 * @throws {NoPgTool}
 */
export async function pgTool(tool: PgTool, serverVersionNum: number, path = ofSystem().PATH): Promise<string> {
  const major = Math.floor(serverVersionNum / 10_000);
  const found: { path: string; major: number }[] = [];
  for (const candidate of candidates(tool, path)) {
    const version = await majorOf(candidate);
    if (version !== null && version >= major) found.push({ path: candidate, major: version });
    if (version === major) break;
  }
  const [best] = found.sort((a, b) => a.major - b.major);
  if (best) return best.path;
  throw new NoPgTool(`There is no ${tool} for PostgreSQL ${major} on this machine: install postgresql-client-${major} (Debian, Ubuntu; from apt.postgresql.org where the system has only older ones), postgresql${major}-client (Alpine) or postgresql@${major} (Homebrew)`);
}

function candidates(tool: PgTool, path: string): string[] {
  const folders = path.split(delimiter).filter(Boolean);
  for (const { folder, name, bin } of PLACES) {
    if (existsSync(folder)) folders.push(...readdirSync(folder).filter((entry) => name.test(entry)).map((entry) => join(folder, entry, bin)));
  }
  const all = [...new Set(folders.map((folder) => join(folder, tool)))].filter((candidate) => existsSync(candidate));
  // Debian's own pg_dump asks which cluster is meant and takes that one's version: what it says of itself is of another.
  return all.filter((candidate) => !realpathSync(candidate).endsWith('pg_wrapper'));
}

async function majorOf(path: string): Promise<number | null> {
  try {
    const { stdout } = await run(path, ['--version'], { timeout: VERSION_MS, env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' } });
    const [, major] = /\(PostgreSQL\) (\d+)/.exec(stdout) ?? [];
    return major === undefined ? null : Number(major);
  } catch {
    return null;
  }
}

/** As the tool says it: `pg_dump (PostgreSQL) 17.5`. */
export const toolVersion = async (path: string): Promise<string> => (await run(path, ['--version'], { timeout: VERSION_MS, env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' } })).stdout.trim();

const SYSTEM_CERTIFICATES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem'];

/**
 * How a tool reaches the database of a URL: in its environment, which only the same user and root can read; an argument
 * everybody on the machine can.
 */
export function pgEnvironment(url: string): Record<string, string> {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url);
  const of = (name: string) => searchParams.get(name) ?? undefined;
  // `no-verify` is the driver's word; the tools call it `require`.
  const sslMode = of('sslmode') === 'no-verify' ? 'require' : of('sslmode');
  const rootCertificate = of('sslrootcert') ?? (sslMode?.startsWith('verify') ? SYSTEM_CERTIFICATES.find((path) => existsSync(path)) : undefined);
  const given = {
    PGHOST: of('host') ?? hostname.replace(/^\[|\]$/g, ''), PGPORT: port || '5432', PGUSER: decodeURIComponent(username), PGPASSWORD: decodeURIComponent(password),
    PGDATABASE: decodeURIComponent(pathname.slice(1)), PGSSLMODE: sslMode, PGSSLROOTCERT: rootCertificate, PGSSLCERT: of('sslcert'), PGSSLKEY: of('sslkey'), PGOPTIONS: of('options'),
    PGAPPNAME: 'tradewarden-backup', PGCONNECT_TIMEOUT: '10', PGCLIENTENCODING: 'UTF8',
  };
  const set = Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '');
  return { ...Object.fromEntries(set), ...ofSystem(), LC_ALL: 'C', TZ: 'UTC' };
}

/**
 * Runs a tool to its end; what it says on stderr comes line by line.
 * @param allowed lines of errors that do not count
 * @throws {PgToolFailed} with its first error; the signal's reason when that ended it
 */
export async function runPgTool(path: string, args: readonly string[], options: { url?: string; signal?: AbortSignal | undefined; onLine?: ((line: string) => void) | undefined; allowed?: RegExp }): Promise<void> {
  const { url, signal, onLine, allowed } = options;
  signal?.throwIfAborted();
  const child = spawn(path, args, { stdio: ['ignore', 'ignore', 'pipe'], env: url === undefined ? { LC_ALL: 'C' } : pgEnvironment(url) });
  const lines: string[] = [];
  const take = (line: string) => {
    // An error may come behind hundreds of lines of what is done: those make room for it.
    const place = lines.length < LINES_MOST ? 0 : lines.findIndex((each) => !ERROR.test(each));
    if (lines.length >= LINES_MOST && place >= 0) lines.splice(place, 1);
    if (place >= 0) lines.push(line.slice(0, LINE_MOST));
    onLine?.(line.slice(0, LINE_MOST));
    // It would go on with all the rest, on a disk that is full.
    if (GIVES_UP.test(line) && !allowed?.test(line)) stop();
  };
  const stop = () => {
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS).unref();
  };
  let rest = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = (parts.pop() ?? '').slice(0, LINE_MOST);
    parts.forEach(take);
  });
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const code = await new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (status, by) => resolve(status ?? by));
    });
    if (rest !== '') take(rest);
    signal?.throwIfAborted();
    if (code === 0) return;
    const errors = lines.filter((line) => ERROR.test(line));
    if (code === 1 && allowed && errors.length > 0 && errors.every((line) => allowed.test(line))) return;
    const said = errors.find((line) => !allowed?.test(line)) ?? lines.at(-1);
    throw new PgToolFailed(said ?? `${path} ended with ${String(code)}`, lines);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
