import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { BenchDatabase } from './database-server.js';

export const ADMIN = { email: 'admin@example.com', password: 'correct horse battery' };
const SECRETS = { JWT_SECRET: 'q8Zt1xW5vK2mN7rB4cY9uH3jL6pD0sFa', AUDIT_KEY: 'e5Rw2Tz8Uq1Xv6Cn3Bm9Lk4Jh7Gf0Dsy' };
const UP_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 40_000;

/** Seen from `dist/bench`. */
const DIST = join(dirname(fileURLToPath(import.meta.url)), '..');
const MAIN = join(DIST, 'src', 'main.js');
/** So that a bench that is killed leaves no server behind. */
const STOP_WITH_PARENT = pathToFileURL(join(DIST, 'clients', 'typescript', 'stop-with-parent.js')).href;

export interface TradewardenProcess {
  base: string;
  pid: number;
  stop(): Promise<void>;
}

let started = 0;
const running = new Set<TradewardenProcess>();

/** For the end, also of a scenario that failed: ends what still runs. */
export async function stopTradewardens(): Promise<void> {
  await Promise.all([...running].map((server) => server.stop()));
}

/**
 * Tradewarden as users run it: a process of its own in production, its log as it ships, into a file. Settings that are
 * not named here or given have their defaults.
 */
export async function startTradewarden(folder: string, database: BenchDatabase, settings: Record<string, string> = {}, main = MAIN): Promise<TradewardenProcess> {
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const logFile = join(folder, `server-${++started}.log`);
  const log = openSync(logFile, 'w', 0o600);
  const child = spawn(process.execPath, ['--import', STOP_WITH_PARENT, main], {
    // A folder of its own: a `.env` in the checkout would be read.
    cwd: folder,
    stdio: ['pipe', log, log],
    env: {
      PATH: process.env['PATH'], NODE_ENV: 'production', HOST: '127.0.0.1', PORT: String(port), DATA_DIR: join(folder, 'server-data'),
      DATABASE_URL: database.url, DATABASE_OWNER_URL: database.ownerUrl, ADMIN_EMAIL: ADMIN.email, ADMIN_PASSWORD: ADMIN.password, ...SECRETS, ...settings,
    },
  });
  closeSync(log);
  let ended = false;
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  void exited.then(() => (ended = true));
  const server: TradewardenProcess = { base, pid: child.pid ?? 0, stop: () => stop() };
  running.add(server);
  const stop = async () => {
    running.delete(server);
    if (ended) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
    await exited;
    clearTimeout(timer);
  };
  for (const deadline = performance.now() + UP_WITHIN_MS; ; await pause(30)) {
    if ((await fetch(`${base}/readyz`).catch(() => null))?.ok) return server;
    if (!ended && performance.now() < deadline) continue;
    await stop();
    throw new Error(`the server did not become ready: ${readFileSync(logFile, 'utf8').slice(-2_000)}`);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
