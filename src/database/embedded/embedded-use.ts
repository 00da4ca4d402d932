import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { lockFile } from '../../config/file-lock.js';
import { acquire, type Acquired, type AcquireOptions, startLockPath } from './acquire.js';
import type { EmbeddedDatabase } from './embedded.js';
import { whoIs } from './postgres-processes.js';
import { stopPostmaster } from './postmaster.js';
import { readPostmasterFile } from './postmaster-file.js';
import { connectToRunning } from './running.js';
import { boundLog } from './server-log.js';
import { close, isLastUser } from './user-lock.js';

const LOG_CHECK_MS = 60_000;
const FIRST_BACKOFF_MS = 50;
const LAST_BACKOFF_MS = 5_000;
/** A server that lived this long did not crash from the start: the next restart is tried at once again. */
const HEALTHY_MS = 30_000;
/** Beside the server's own time to stop: waiting for the lock, and for connections that do not answer. */
const RELEASE_EXTRA_MS = 8_000;
/** Who holds the start lock for longer is starting the server, and will stop it. */
const RELEASE_LOCK_MS = 3_000;
const STOP_RETRY_MS = 250;

/** One process's use of a running server: its registered connection is also how it notices that the server is lost. */
export class EmbeddedUse implements EmbeddedDatabase {
  readonly started: boolean;
  readonly #options: AcquireOptions;
  readonly #stopTimeoutMs: number;
  readonly #ending = new AbortController();
  readonly #logTimer: NodeJS.Timeout;
  #held: Acquired;
  #heldSince = performance.now();
  #connected = true;
  #backoffMs = FIRST_BACKOFF_MS;
  #recovery: Promise<void> | null = null;
  #release: Promise<void> | null = null;

  constructor(options: AcquireOptions, stopTimeoutMs: number, held: Acquired) {
    this.#options = options;
    this.#stopTimeoutMs = stopTimeoutMs;
    this.#held = held;
    this.started = held.started;
    this.#logTimer = setInterval(() => this.#boundLog(), LOG_CHECK_MS).unref();
    this.#watch(held.client);
  }

  get adminUrl(): string {
    return this.#held.adminUrl;
  }

  get port(): number {
    return this.#held.port;
  }

  get pid(): number {
    return this.#held.pid;
  }

  get cluster(): string {
    return this.#held.cluster;
  }

  release(): Promise<void> {
    this.#release ??= this.#releaseInTime();
    return this.#release;
  }

  #watch(client: pg.Client): void {
    client.once('end', () => {
      this.#connected = false;
      if (!this.#ending.signal.aborted) this.#recovery = this.#recover();
    });
  }

  /** Starts the server again, or finds it, until that succeeds or the use ends; on the same port, where pools retry. */
  async #recover(): Promise<void> {
    const lostAt = performance.now();
    if (lostAt - this.#heldSince > HEALTHY_MS) this.#backoffMs = FIRST_BACKOFF_MS;
    const { port, pid } = this.#held;
    let said = '';
    while (!this.#ending.signal.aborted) {
      const backoffMs = this.#backoffMs;
      this.#backoffMs = Math.min(2 * backoffMs, LAST_BACKOFF_MS);
      try {
        await sleep(backoffMs, undefined, { signal: this.#ending.signal });
        const held = await acquire({ ...this.#options, port, signal: this.#ending.signal });
        this.#hold(held);
        const ms = Math.round(performance.now() - lostAt);
        const what = held.pid === pid ? 'broke off the connection' : 'ended unexpectedly';
        this.#options.log(
          `The embedded PostgreSQL ${what}; it takes connections again on port ${held.port} after ${ms} ms`,
        );
        return;
      } catch (error) {
        const { message } = error as Error;
        if (this.#ending.signal.aborted || message === said) continue;
        this.#options.log(`The embedded PostgreSQL ended unexpectedly and is tried again: ${message}`);
        said = message;
      }
    }
  }

  #hold(held: Acquired): void {
    this.#held = held;
    this.#heldSince = performance.now();
    this.#connected = true;
    this.#watch(held.client);
  }

  async #releaseInTime(): Promise<void> {
    this.#ending.abort();
    clearInterval(this.#logTimer);
    const timer = new AbortController();
    try {
      await Promise.race([
        this.#leave(),
        sleep(this.#stopTimeoutMs + RELEASE_EXTRA_MS, undefined, { signal: timer.signal }),
      ]);
    } catch (error) {
      this.#options.log(`Leaving the embedded PostgreSQL failed: ${(error as Error).message}`);
    } finally {
      timer.abort();
      await close(this.#held.client);
    }
  }

  async #leave(): Promise<void> {
    await this.#recovery;
    const lock = await lockFile(startLockPath(this.#options.dataDir), RELEASE_LOCK_MS);
    if (!lock) return;
    const deadline = performance.now() + this.#stopTimeoutMs;
    try {
      while (this.#serverLives() && performance.now() < deadline) {
        const client = this.#connected ? this.#held.client : (await connectToRunning(this.#options.dataDir))?.client;
        if (client && (await this.#stopIfLast(client))) return;
        await sleep(STOP_RETRY_MS);
      }
    } finally {
      lock.release();
    }
  }

  /** False when the connection broke before it could tell, as while the server recovers from a backend's crash. */
  async #stopIfLast(client: pg.Client): Promise<boolean> {
    try {
      const file = (await isLastUser(client)) ? readPostmasterFile(this.cluster) : null;
      if (file && !(await stopPostmaster(file.pid, this.cluster, this.#stopTimeoutMs))) {
        this.#options.log(`The embedded PostgreSQL (process ${file.pid}) is still shutting down`);
      }
      return true;
    } catch {
      this.#connected = false;
      return false;
    } finally {
      await close(client);
    }
  }

  #serverLives(): boolean {
    const file = readPostmasterFile(this.cluster);
    return file !== null && whoIs(file.pid, this.cluster) !== 'other';
  }

  #boundLog(): void {
    try {
      boundLog(this.#options.dataDir);
    } catch {
      // A full disk is told by the database itself; the next minute tries again.
    }
  }
}
