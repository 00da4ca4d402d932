import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { parseCron } from '../common/cron.js';
import { ENV } from '../config/env.token.js';
import type { Env } from '../config/env.js';
import { Schedules } from '../database/schedules.js';
import { Drills } from './drills.service.js';
import { DrillsRepository } from './drills.repository.js';
import { RestoreFailed } from './failed.js';

const LOOK_EVERY_SECONDS = 60;
const LEAVE_AFTER_MS = 5_000;

/** Looks once a minute whether a drill is due. It runs apart: other schedules do not wait for it. */
@Injectable()
export class DrillSchedule implements OnApplicationShutdown {
  private readonly log = new Logger('Restore');
  private readonly stopping = new AbortController();
  private running: Promise<void> | null = null;
  private isLooking = false;

  constructor(
    @Inject(ENV) private readonly env: Pick<Env, 'RESTORE_DRILL_CRON'>,
    private readonly drills: Drills,
    private readonly repository: DrillsRepository,
    schedules: Schedules,
  ) {
    schedules.every(LOOK_EVERY_SECONDS, 'restores.drill', () => this.look());
  }

  async look(): Promise<void> {
    if (this.running || this.isLooking || this.stopping.signal.aborted) return;
    this.isLooking = true;
    try {
      if (await this.isDue()) this.running = this.run().finally(() => (this.running = null));
    } finally {
      this.isLooking = false;
    }
  }

  /** Resolves when the drill that this instance runs is over; for tests. */
  async whenIdle(): Promise<void> {
    await this.running;
  }

  /** What was missed is made up for once; one that failed waits for its next time. A first one waits for it too. */
  private async isDue(): Promise<boolean> {
    if (this.env.RESTORE_DRILL_CRON === undefined) return false;
    const [now, last] = [await this.repository.clock(), await this.repository.last()];
    const due = parseCron(this.env.RESTORE_DRILL_CRON).before(new Date(now));
    if (due === null) return false;
    // A clock was ahead when it began: until then there would be none.
    if (last !== null && Date.parse(last.started_at) > Date.parse(now) + LOOK_EVERY_SECONDS * 1_000) return true;
    return last === null ? Date.parse(now) - due.getTime() < 2 * LOOK_EVERY_SECONDS * 1_000 : due.getTime() > Date.parse(last.started_at);
  }

  private async run(): Promise<void> {
    try {
      const { backup, seconds } = await this.drills.run({ signal: this.stopping.signal });
      this.log.log(`backup ${backup} was restored and came up halted, in ${seconds} s`);
    } catch (error) {
      if (error instanceof RestoreFailed && error.code === 'RESTORE_RUNNING') return;
      if (!this.stopping.signal.aborted) this.log.error(`the drill of a restore failed: ${(error as Error).message}`);
    }
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await Promise.race([this.running, pause(LEAVE_AFTER_MS, undefined, { ref: false })]);
  }
}
