import { performance } from 'node:perf_hooks';
import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { askAside } from '../database/aside.js';
import { DatabaseService } from '../database/database.service.js';
import { type Sample, SAMPLE_SECONDS, SAMPLES_MOST } from './system.schemas.js';

/** What the pool of this instance looked like over the last hour, and how fast the database answered: kept in memory, 40 kB. */
@Injectable()
export class PoolHistory implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly kept: Sample[] = [];
  private timer: NodeJS.Timeout | undefined;
  private timeoutsBefore = 0;
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly database: DatabaseService) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.sample(), SAMPLE_SECONDS * 1_000).unref();
  }

  /** Oldest first. */
  get samples(): readonly Sample[] {
    return this.kept;
  }

  /** Never fails: a database that does not answer is what a sample says. */
  sample(): Promise<void> {
    return (this.running = this.running.then(() => this.take()));
  }

  private async take(): Promise<void> {
    const at = new Date().toISOString();
    const { size, max, total, active, idle, waiting, timeoutsTotal } = this.database.pool();
    const timeouts = timeoutsTotal - this.timeoutsBefore;
    this.timeoutsBefore = timeoutsTotal;
    this.kept.push({ at, size, max, total, active, idle, waiting, timeouts, latencyMs: await this.latency() });
    if (this.kept.length > SAMPLES_MOST) this.kept.splice(0, this.kept.length - SAMPLES_MOST);
  }

  /** Of a statement, without the connecting, beside the pool: one that is exhausted is not a slow database. */
  private async latency(): Promise<number | null> {
    const { url } = this.database;
    if (url === undefined) return null;
    try {
      return await askAside(url, 'tradewarden-sample', async (client) => {
        const started = performance.now();
        await client.query('select 1');
        return Math.round((performance.now() - started) * 100) / 100;
      });
    } catch {
      return null;
    }
  }

  /** For tests that count connections: what goes by the clock rests. */
  rest(): void {
    clearInterval(this.timer);
  }

  async onApplicationShutdown(): Promise<void> {
    this.rest();
    await this.running;
  }
}
