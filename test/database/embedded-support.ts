import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type EmbeddedDatabase, useEmbedded } from '../../src/database/embedded/embedded.js';
import { childrenOf } from '../../src/database/embedded/postgres-processes.js';

export const asRoot = process.getuid?.() === 0 && process.platform === 'linux';
/** A checkout in root's home is closed to other users: they can run nothing of it, and the database gets copies. */
export const checkoutIsOpen = (): boolean => {
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
};
export const onLinux = process.platform === 'linux';

const folders: string[] = [];
const processes: ChildProcess[] = [];
const databases: EmbeddedDatabase[] = [];

/** `useEmbedded` in this process; released by `cleanUp` when a test has failed before it could. */
export async function use(
  dataDir: string,
  options: Partial<Parameters<typeof useEmbedded>[0]> = {},
): Promise<EmbeddedDatabase> {
  const database = await useEmbedded({ dataDir, log: () => undefined, ...options });
  databases.push(database);
  return database;
}

/** The path of a DATA_DIR that does not exist yet, in a new folder that is open to other users; `cleanUp` removes it. */
export function newDataDir(parent = '/tmp', mode = 0o755): string {
  const folder = realpathSync(mkdtempSync(join(parent, 'tradewarden-test-')));
  chmodSync(folder, mode);
  folders.push(folder);
  return join(folder, 'data');
}

let original: string | null = null;

/** As `newDataDir`, with an empty cluster already made: a copy is quicker than initdb. */
export async function madeDataDir(): Promise<string> {
  if (!original) {
    original = newDataDir();
    folders.splice(folders.indexOf(dirname(original)), 1);
    await (await use(original)).release();
  }
  const dataDir = newDataDir();
  execFileSync('cp', ['-a', original, dataDir]);
  return dataDir;
}

/** For `afterAll`: removes what `madeDataDir` copies from. */
export function removeOriginal(): void {
  if (original) rmSync(dirname(original), { recursive: true, force: true });
  original = null;
}

/** Kills what the tests started, databases included, and removes their folders. */
export async function cleanUp(): Promise<void> {
  await Promise.all(databases.splice(0).map((database) => database.release()));
  for (const child of processes.splice(0)) kill(-(child.pid ?? 0), 'SIGKILL');
  for (const folder of folders.splice(0)) {
    const dataDir = join(folder, 'data');
    const places = [folder, outsideOf(dataDir)];
    for (const pid of serversIn(places)) {
      kill(pid, 'SIGQUIT');
      // One that a test has frozen would never hear it.
      kill(pid, 'SIGCONT');
    }
    await until(() => serversIn(places).length === 0);
    const names = exists(outsideOf(dataDir)) ? readdirSync(outsideOf(dataDir)) : [];
    const clusters = [join(dataDir, 'postgres'), ...names.map((name) => join(outsideOf(dataDir), name))];
    for (const pid of clusters.flatMap((cluster) => childrenOf(cluster))) kill(pid, 'SIGKILL');
    for (const place of places) rmSync(place, { recursive: true, force: true, maxRetries: 10 });
  }
}

export function outsideOf(dataDir: string): string {
  return join('/var/lib/tradewarden', createHash('sha256').update(dataDir).digest('hex').slice(0, 16));
}

function serversIn(places: string[]): number[] {
  if (!onLinux) return [];
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 1 && places.some((place) => commandOf(pid).includes(` -D ${place}/`)));
}

export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** Servers and their children have ended for good; a zombie that its new parent has not reaped counts as ended. */
export function isRunning(pid: number): boolean {
  return commandOf(pid) !== '';
}

export function kill(pid: number, signal: NodeJS.Signals): void {
  if (pid === 0 || pid === 1 || pid === -1) return;
  try {
    process.kill(pid, signal);
  } catch {
    // Ended already.
  }
}

/** Polls until the condition holds; fails after `timeoutMs`. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 150_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Still not so after ${timeoutMs} ms: ${condition}`);
    await sleep(5);
  }
}

export interface Up {
  adminUrl: string;
  port: number;
  pid: number;
  started: boolean;
  cluster: string;
}

/** A process in a group of its own that uses the database of a DATA_DIR. */
export class UserProcess {
  readonly logged: string[] = [];
  readonly child: ChildProcess;
  #up: Up | null = null;
  #failure: string | null = null;
  #released = false;

  constructor(
    dataDir: string,
    options: {
      project?: string;
      times?: number;
      as?: { uid: number; gid: number };
      env?: Record<string, string>;
      through?: string[];
    } = {},
  ) {
    const folder = join(options.project ?? process.cwd(), 'test', 'database');
    const node = [
      process.execPath,
      '--import',
      join(folder, 'embedded-loader.mjs'),
      join(folder, 'embedded-user.mjs'),
      dataDir,
    ];
    const [command = '', ...args] = [
      ...(options.through ?? []),
      ...node,
      ...(options.times ? [String(options.times)] : []),
    ];
    this.child = spawn(command, args, {
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PATH: '/usr/bin:/bin', ...options.env },
      ...options.as,
    });
    processes.push(this.child);
    if (this.child.stdout) createInterface({ input: this.child.stdout }).on('line', (line) => this.#hear(line));
  }

  async up(): Promise<Up> {
    await until(() => this.#up !== null || this.#failure !== null, 250_000);
    if (!this.#up) throw new Error(this.#failure ?? 'not up');
    return this.#up;
  }

  async failure(): Promise<string> {
    await until(() => this.#up !== null || this.#failure !== null, 250_000);
    return this.#failure ?? 'it did not fail';
  }

  async release(): Promise<void> {
    this.child.stdin?.write('release\n');
    await this.released();
  }

  /** Resolves when the process has released and ended by itself. */
  async released(): Promise<void> {
    await until(() => this.#failure !== null || this.child.exitCode !== null, 250_000);
    if (this.#failure) throw new Error(this.#failure);
    if (!this.#released) throw new Error('It ended without a release');
  }

  /** Signals the whole process group, as a terminal, npm or a service manager does, and waits for the end. */
  async killGroup(signal: NodeJS.Signals): Promise<void> {
    kill(-(this.child.pid ?? 0), signal);
    await until(() => this.child.exitCode !== null || this.child.signalCode !== null);
  }

  #hear(line: string): void {
    const heard = JSON.parse(line) as { event: string; line: string; message: string } & Up;
    if (heard.event === 'up') this.#up = heard;
    if (heard.event === 'log') this.logged.push(heard.line);
    if (heard.event === 'failed') this.#failure = heard.message;
    if (heard.event === 'released') this.#released = true;
  }
}

/** Runs one statement on a connection of its own. */
export async function ask<Row extends object>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** True once the server answers on this url. */
export async function answers(url: string): Promise<boolean> {
  return await ask(url, 'SELECT 1').then(
    () => true,
    () => false,
  );
}

export function exists(...path: string[]): boolean {
  return existsSync(join(...path));
}
