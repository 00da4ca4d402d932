import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { ENV } from '../config/env.token.js';
import type { Env } from '../config/env.js';
import { DatabaseService } from '../database/database.service.js';
import { UptimeRepository } from './uptime.repository.js';

/** A database that comes back is noticed before agents' other copies notice that leases have lapsed. */
const AGAIN_AFTER_MS = 500;
const LEAVE_AFTER_MS = 1_000;

/** Without a beat for longer, no server was well: one beat may be late, and a busy server is not away. */
export const gapSecondsOf = ({ WATCH_EVERY_SECONDS: every }: Pick<Env, 'WATCH_EVERY_SECONDS'>): number => Math.max(10, 2 * every);

/**
 * Writes down that this server reaches its database. Time in which none did is nobody's silence: leases that ran out in it get three
 * heartbeats of grace, during which another copy is still refused.
 */
@Injectable()
export class Uptime implements OnApplicationShutdown {
  private readonly log = new Logger('Uptime');
  private timer?: NodeJS.Timeout | undefined;
  private beating: Promise<void> = Promise.resolve();
  private lastAt: number | null = null;
  private stopped = false;

  constructor(
    @Inject(ENV) private readonly env: Env,
    private readonly uptime: UptimeRepository,
    database: DatabaseService,
  ) {
    // Before requests are let in: the first of them may be that other copy.
    database.onReady(async () => {
      await this.beat();
      this.next(this.everyMs);
    });
  }

  private get everyMs(): number {
    return this.env.WATCH_EVERY_SECONDS * 1_000;
  }

  async beat(): Promise<void> {
    const since = this.lastAt === null ? null : (performance.now() - this.lastAt) / 1_000;
    const gap = await this.uptime.transaction(async (tx) => {
      const found = await this.uptime.beat(tx, since, gapSecondsOf(this.env));
      return found && { ...found, leases: await this.uptime.extendLeases(tx, found) };
    });
    this.lastAt = performance.now();
    if (gap) this.log.warn(`no server was well from ${gap.began_at} to ${gap.ended_at}; ${gap.leases} trading lease(s) extended`);
  }

  private next(ms: number): void {
    clearTimeout(this.timer);
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.beating = this.beat().then(() => this.next(this.everyMs), (error: Error) => {
        this.log.debug(`not well: ${error.message}`);
        this.next(AGAIN_AFTER_MS);
      });
    }, ms);
    this.timer.unref();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await Promise.race([this.beating, pause(LEAVE_AFTER_MS, undefined, { ref: false })]);
  }
}
