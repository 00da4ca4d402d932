import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Metrics } from '../common/metrics.js';
import { DatabaseService } from '../database/database.service.js';
import { LAPSES_MOST, LeaseRepository } from './lease.repository.js';
import { Parking } from './parking.js';

/** Without any deadline in sight it still looks: another instance may have died with leases it handed out. */
const LOOK_AGAIN_MS = 60_000;
const AT_ONCE_MS = 50;
/** A statement that hangs must not hold the shutdown up. */
const LEAVE_AFTER_MS = 1_000;

/**
 * Takes back leases and ends commands when their time is over. It sleeps until the next deadline instead of asking
 * every second: with the null pool an idle server must hold no connection.
 */
@Injectable()
export class Sweeper implements OnApplicationShutdown {
  private readonly log = new Logger('Sweeper');
  private timer?: NodeJS.Timeout | undefined;
  private wakesAt = Infinity;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly leases: LeaseRepository,
    private readonly parking: Parking,
    private readonly metrics: Metrics,
    database: DatabaseService,
  ) {
    database.onReady(async () => this.expectIn(0));
  }

  /** Something runs out in so many seconds. */
  expectIn(seconds: number): void {
    const at = Date.now() + Math.max(seconds * 1000, 0) + AT_ONCE_MS;
    if (this.stopped || at >= this.wakesAt) return;
    clearTimeout(this.timer);
    this.wakesAt = at;
    this.timer = setTimeout(() => void this.run(), at - Date.now());
    this.timer.unref();
  }

  /** All that has run out by now, in bounded batches. */
  async sweep(): Promise<void> {
    for (;;) {
      const lapsed = await this.leases.lapse(null);
      this.metrics.leaseOutcome('lapsed', lapsed.length);
      for (const agentId of new Set(lapsed.filter((row) => row.status === 'queued').map((row) => row.agent_id))) this.parking.wake(agentId);
      const expired = await this.leases.expire(LAPSES_MOST);
      if (lapsed.length < LAPSES_MOST && expired.length < LAPSES_MOST) return;
    }
  }

  private run(): Promise<void> {
    this.running = this.running.then(async () => {
      this.wakesAt = Infinity;
      let next = LOOK_AGAIN_MS / 1000;
      try {
        await this.sweep();
        next = Math.min(next, (await this.leases.nextDeadlineSeconds()) ?? next);
      } catch (error) {
        next = 1;
        this.log.warn(`sweep failed, trying again: ${(error as Error).message}`);
      }
      this.expectIn(next);
    });
    return this.running;
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await Promise.race([this.running, pause(LEAVE_AFTER_MS, undefined, { ref: false })]);
  }
}
