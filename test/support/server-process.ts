import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ADMIN, TEST_SECRETS, type TestApp } from './app.js';
import { type Client, clientOf } from './http.js';

/** A server in a process of its own: for what kills it. */
export interface ServerProcess {
  /** http://127.0.0.1:port */
  base: string;
  port: number;
  pid: number;
  /** What it wrote so far, to both streams. */
  output(): string;
  kill(signal: NodeJS.Signals): void;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** On a machine that does nothing else two seconds are enough. */
const UP_WITHIN_MS = 300_000;

/** Above 10080, which no browser and no fetch asks, and below those of embedded databases. */
const FIRST_PORT = 11_000;
const PORTS_OF_A_WORKER = 1_000;
let nextPort = Math.floor(Math.random() * PORTS_OF_A_WORKER);

const children = new Set<ChildProcess>();
const folders: string[] = [];

/**
 * Starts the built server. Without DATABASE_URL it brings an embedded database in a folder of its own (or in
 * `DATA_DIR`). Nothing of this process's environment is passed on.
 * @param options.waitForLive false for a server that is expected to refuse
 */
export async function startServerProcess(options: { env?: Record<string, string>; waitForLive?: boolean } = {}): Promise<ServerProcess> {
  const port = Number(options.env?.['PORT'] ?? (await freePort()));
  const child = spawn(process.execPath, [join(process.cwd(), 'dist', 'src', 'main.js')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], NODE_ENV: 'test', HOST: '127.0.0.1', LOG_LEVEL: 'warn', WATCH_EVERY_SECONDS: '60', DB_QUERY_TIMEOUT: '45', PORT: String(port), ADMIN_EMAIL: ADMIN.email, ADMIN_PASSWORD: ADMIN.password,
      ...TEST_SECRETS, ...(options.env?.['DATABASE_URL'] || options.env?.['DATA_DIR'] ? {} : { DATA_DIR: newDataDir() }), ...options.env,
    },
  });
  children.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    // 'close' comes after the last output.
    child.once('close', (code, signal) => {
      children.delete(child);
      resolve({ code, signal });
    });
  });
  const base = `http://127.0.0.1:${port}`;
  if (options.waitForLive !== false) {
    const live = await Promise.race([whenOk(`${base}/livez`, UP_WITHIN_MS), exited.then(() => false)]);
    if (!live) throw new Error(`the server did not come up: ${output}`);
  }
  return { base, port, pid: child.pid ?? 0, output: () => output, kill: (signal) => void child.kill(signal), exited };
}

/** A second server on the database of a test, in a process of its own: what memory the two share is none. */
export async function startServerBeside({ db, adminToken }: TestApp): Promise<ServerProcess & { http: Client }> {
  const server = await startServerProcess({ env: { DATABASE_URL: db.url, DATABASE_OWNER_URL: db.ownerUrl, MIGRATE_ON_START: 'off' } });
  await whenReady(server.base);
  return { ...server, http: clientOf(server.base, adminToken) };
}

/** For `afterAll`: ends what still runs, and removes the folders. */
export async function stopServerProcesses(): Promise<void> {
  await Promise.all(
    [...children].map(async (child) => {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGTERM');
      await Promise.race([ended, pause(60_000, undefined, { ref: false })]);
      child.kill('SIGKILL');
    }),
  );
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** The path of a DATA_DIR that does not exist yet; removed by `stopServerProcesses`. */
export function newDataDir(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tradewarden-server-')));
  folders.push(folder);
  return join(folder, 'data');
}

/**
 * One of the worker's own, below those that systems give to who asks for any: until who is told it listens, which may take
 * half a minute, and while it is stopped, nobody else is given it.
 */
export async function freePort(): Promise<number> {
  const first = FIRST_PORT + (Number(process.env['JEST_WORKER_ID'] ?? 0) % 9) * PORTS_OF_A_WORKER;
  for (let tries = 0; tries < PORTS_OF_A_WORKER; tries++) {
    // Where it begins differs from file to file: what the last one left may still be closing.
    nextPort = (nextPort + 1) % PORTS_OF_A_WORKER;
    const port = first + nextPort;
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true)));
    await new Promise((resolve) => server.close(resolve));
    if (isFree) return port;
  }
  throw new Error(`no port is free from ${first} on`);
}

/** Resolves when the server says that it is ready. */
export async function whenReady(base: string, withinMs = UP_WITHIN_MS): Promise<void> {
  if (!(await whenOk(`${base}/readyz`, withinMs))) throw new Error('the server did not become ready');
}

/** Answers true when a request to `url` is answered well, false when that did not happen in time. */
async function whenOk(url: string, withinMs: number): Promise<boolean> {
  for (const deadline = performance.now() + withinMs; performance.now() < deadline; await pause(30)) {
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok) return true;
  }
  return false;
}
