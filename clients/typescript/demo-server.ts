import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pause } from './backoff.js';
import { readIfThere } from './durable-file.js';

export interface DemoServerOptions {
  baseUrl: string;
  dataDir: string;
  env: NodeJS.ProcessEnv;
  say: (line: string) => void;
  /** True once somebody wants to leave: then nobody waits for a server that is still starting. */
  isLeaving: () => boolean;
  /** Called when the server cannot be kept up. */
  onGivenUp: (error: Error) => void;
}

const here = dirname(fileURLToPath(import.meta.url));
const READY_WITHIN_MS = 120_000;
/** A little more than the server's own SHUTDOWN_TIMEOUT of 30 s. */
const STOP_WITHIN_MS = 40_000;
const SHORT_LIFE_MS = 10_000;
const SHORT_LIVES_MAX = 3;

/** True when anything answers HTTP there. */
export async function answers(baseUrl: string, path = '/livez'): Promise<number | null> {
  try {
    const response = await fetch(`${baseUrl}${path}`, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return null;
  }
}

/** The server as a child process: started, waited for, started again if it dies, and stopped in good order. */
export class DemoServer {
  private child: ChildProcess | null = null;
  private stopping = false;
  private startedMs = 0;
  private shortLives = 0;
  private readonly logFile: string;

  constructor(private readonly options: DemoServerOptions) {
    mkdirSync(options.dataDir, { recursive: true });
    this.logFile = join(options.dataDir, 'demo-server.log');
  }

  /** Resolves when the server is ready to work. @throws Error with the end of its log when it does not get there. */
  async start(): Promise<void> {
    this.launch('w');
    const deadline = Date.now() + READY_WITHIN_MS;
    while ((await answers(this.options.baseUrl, '/readyz')) !== 200) {
      if (this.options.isLeaving()) return;
      if (this.child === null || Date.now() > deadline) {
        const what = this.child === null ? 'ended while it was starting' : 'was not ready within two minutes';
        throw new Error(`The server ${what}. The end of ${this.logFile}:\n${this.lastLines()}`);
      }
      await pause(150);
    }
  }

  /** SIGTERM, and wait; the database that the server started is stopped by the server. */
  async stop(): Promise<void> {
    this.stopping = true;
    const { child } = this;
    if (!child) return;
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    const waited = new AbortController();
    const tooLong = pause(STOP_WITHIN_MS, waited.signal).then(() => {
      if (!waited.signal.aborted) child.kill('SIGKILL');
    });
    await exited;
    waited.abort();
    await tooLong;
  }

  private launch(logMode: 'w' | 'a'): void {
    const log = openSync(this.logFile, logMode, 0o600);
    // A group of its own: Ctrl-C reaches the demo only, which lets the agent say its last word before the server stops.
    this.child = spawn(
      process.execPath,
      ['--import', new URL('./stop-with-parent.js', import.meta.url).href, join(here, '..', '..', 'src', 'main.js')],
      { env: this.options.env, stdio: ['pipe', log, log], detached: true },
    );
    closeSync(log);
    this.startedMs = Date.now();
    const { child } = this;
    child.on('error', (error) => this.options.onGivenUp(error));
    child.on('exit', (code, signal) => void this.onExit(child, signal ?? `code ${code}`));
    child.stdin?.on('error', () => undefined);
  }

  private async onExit(child: ChildProcess, how: string): Promise<void> {
    if (this.child === child) this.child = null;
    if (this.stopping) return;
    this.shortLives = Date.now() - this.startedMs < SHORT_LIFE_MS ? this.shortLives + 1 : 0;
    // A server that never became ready is start()'s to report.
    if ((this.shortLives > 0 && how === 'code 1') || this.shortLives >= SHORT_LIVES_MAX) {
      this.options.onGivenUp(new Error(`The server ended (${how}). The end of ${this.logFile}:\n${this.lastLines()}`));
      return;
    }
    this.options.say(`the server ended (${how}); starting it again`);
    await pause(500);
    if (!this.stopping) this.launch('a');
  }

  private lastLines(): string {
    return (readIfThere(this.logFile) ?? '').trimEnd().split('\n').slice(-12).join('\n');
  }
}
