import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { askAside } from './aside.js';
import type { WatchedClient } from './client.js';
import { DatabaseService } from './database.service.js';

interface Waiting {
  run: (client: WatchedClient) => Promise<void>;
  reject: (error: unknown) => void;
}

const SOON_MS = 90;
/** What failed is not asked for again at once by each of many probes. */
const FAILED_KEPT_MS = 2_000;

/**
 * Looks beside the pool, for what people and probes are shown. Those that begin in one moment go over one connection, one after the
 * other and 0.9 s at most in all: fifty people before the page must not take the connections of those who trade.
 */
@Injectable()
export class Looks {
  private waiting: Waiting[] = [];

  constructor(private readonly database: DatabaseService) {}

  /** @param keptMs how long an answer is good for whoever asks later; those that ask together share one in any case */
  of<T>(ask: (client: WatchedClient) => Promise<T>, keptMs = 0): KeptLook<T> {
    return new KeptLook(() => this.begin(ask), keptMs);
  }

  private begin<T>(ask: (client: WatchedClient) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = (client: WatchedClient) => ask(client).then(resolve, async (error: unknown) => {
        reject(error);
        // What failed within a transaction would fail the next one too.
        await client.query('rollback');
      });
      const first = this.waiting.push({ run, reject }) === 1;
      if (first) setImmediate(() => void this.carryOut());
    });
  }

  private async carryOut(): Promise<void> {
    const asked = this.waiting.splice(0);
    try {
      const { url } = this.database;
      if (url === undefined) throw new Error('the database has not been reached yet');
      await askAside(url, 'tradewarden-shown', async (client) => {
        for (const { run } of asked) await run(client);
      });
    } catch (error) {
      // Those that were answered before stay answered.
      for (const { reject } of asked) reject(error);
    }
  }
}

/** One thing that is looked up again and again, and its last answer. */
export class KeptLook<T> {
  private kept: T | null = null;
  private goodUntil = -Infinity;
  private lookedAt = -Infinity;
  private looking: Promise<T | null> | null = null;

  constructor(
    private readonly ask: () => Promise<T>,
    private readonly keptMs: number,
  ) {}

  /** Null: not known. */
  get(): Promise<T | null> {
    if (performance.now() < this.goodUntil) return Promise.resolve(this.kept);
    this.looking ??= this.look().finally(() => (this.looking = null));
    return this.looking;
  }

  /** For whoever must answer now: null when it takes longer than a moment. */
  async soon(): Promise<T | null> {
    const enough = new AbortController();
    const late = pause(SOON_MS, null, { signal: enough.signal }).catch(() => null);
    return Promise.race([this.get(), late]).finally(() => enough.abort());
  }

  /** For whoever waits for nothing: what was known within `ms`; and a look, where that is old. */
  lately(ms: number): T | null {
    if (performance.now() >= this.goodUntil) void this.get();
    return performance.now() - this.lookedAt < ms ? this.kept : null;
  }

  private async look(): Promise<T | null> {
    try {
      const found = await this.ask();
      [this.kept, this.lookedAt, this.goodUntil] = [found, performance.now(), performance.now() + this.keptMs];
      return found;
    } catch {
      this.goodUntil = performance.now() + Math.min(this.keptMs, FAILED_KEPT_MS);
      this.kept = null;
      return null;
    }
  }
}
