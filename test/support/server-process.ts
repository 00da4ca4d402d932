import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ADMIN, TEST_SECRETS } from './app.js';

export interface ServerProcess {
  base: string;
  port: number;
  pid: number;
  /** All that it has written so far. */
  output(): string;
  kill(signal: NodeJS.Signals): void;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

const UP_WITHIN_MS = 20_000;

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The built server in a process of its own, up to its first answer on /livez. */
export async function startServerProcess({ env }: { env: Record<string, string> }): Promise<ServerProcess> {
  const port = Number(env['PORT'] ?? (await freePort()));
  const child = spawn(process.execPath, [join(process.cwd(), 'dist/src/main.js')], {
    env: {
      PATH: process.env['PATH'] ?? '', NODE_ENV: 'test', HOST: '127.0.0.1', LOG_LEVEL: 'warn', ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password, ...TEST_SECRETS, ...env, PORT: String(port),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
    child.once('exit', (code, signal) => resolve({ code, signal })));
  let ended = false;
  void exited.then(() => (ended = true));
  const base = `http://127.0.0.1:${port}`;
  for (const deadline = Date.now() + UP_WITHIN_MS; ; await pause(50)) {
    if (await fetch(`${base}/livez`).then((answer) => answer.ok, () => false)) break;
    if (ended || Date.now() > deadline) throw new Error(`the server did not come up:\n${text}`);
  }
  return { base, port, pid: child.pid ?? 0, output: () => text, kill: (signal) => void child.kill(signal), exited };
}

/** Resolves when the server says that it is ready. */
export async function whenReady(base: string, withinMs = UP_WITHIN_MS): Promise<void> {
  for (const deadline = Date.now() + withinMs; ; await pause(50)) {
    if (await fetch(`${base}/readyz`).then((answer) => answer.ok, () => false)) return;
    if (Date.now() > deadline) throw new Error('the server did not become ready');
  }
}
