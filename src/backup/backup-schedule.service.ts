import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { parseCron } from '../common/cron.js';
import { ENV } from '../config/env.token.js';
import type { Env } from '../config/env.js';
import { Schedules } from '../database/schedules.js';
import { inTransaction } from '../database/transaction.js';
import { BackupIncidents } from './backup-incidents.js';
import { AGAIN_AFTER_SECONDS, BackupRuns, Backups, Interrupted } from './backups.service.js';
import { BackupsRepository } from './backups.repository.js';

const LOOK_EVERY_SECONDS = 60;
const LEAVE_AFTER_MS = 5_000;

/** Looks once a minute what is due and what is overdue. A backup runs apart: other schedules do not wait hours for it. */
@Injectable()
export class BackupSchedule implements OnApplicationShutdown {
  private readonly log = new Logger('Backups');
  private readonly stopping = new AbortController();
  private running: Promise<void> | null = null;

  constructor(
    @Inject(ENV) private readonly env: Env,
    private readonly dataSource: DataSource,
    private readonly backups: Backups,
    private readonly repository: BackupsRepository,
    private readonly incidents: BackupIncidents,
    schedules: Schedules,
  ) {
    schedules.every(LOOK_EVERY_SECONDS, 'backups.watch', () => this.look());
  }

  async look(): Promise<void> {
    await inTransaction(this.dataSource, async (tx) => {
      await this.incidents.endLapsed(tx);
      await this.incidents.judge(tx);
    });
    if (this.running || this.stopping.signal.aborted) return;
    const isDue = await this.isDue();
    this.running ??= (isDue ? this.run() : this.copyAgain()).finally(() => (this.running = null));
  }

  /** Resolves when the backup that this instance runs is over; for tests. */
  async whenIdle(): Promise<void> {
    await this.running;
  }

  /** Whatever was missed is made up for once. Any run counts, whoever began it. */
  private async isDue(): Promise<boolean> {
    if (this.env.BACKUP_CRON === undefined) return false;
    const now = await this.repository.clock();
    const { last } = await inTransaction(this.dataSource, (tx) => this.repository.standing(tx));
    if (last === null || last.status === 'interrupted') return true;
    if (last.status === 'running') return false;
    const startedAt = Date.parse(last.started_at);
    // A clock was ahead when it began: until then there would be none.
    if (startedAt > now.getTime() + LOOK_EVERY_SECONDS * 1_000) return true;
    if (last.status === 'failed' && now.getTime() - startedAt >= AGAIN_AFTER_SECONDS * 1_000) return true;
    const due = parseCron(this.env.BACKUP_CRON).before(now);
    return due !== null && due.getTime() > startedAt;
  }

  private async run(): Promise<void> {
    try {
      const { manifest, bytes, seconds, offsiteError } = await this.backups.run({ origin: 'schedule', signal: this.stopping.signal });
      this.log.log(`backup ${manifest.id}: ${bytes} bytes, proven after ${seconds} s`);
      if (manifest.missing?.length) this.log.error(`backup ${manifest.id} lacks archives of decisions that are not in ARCHIVE_DIR: ${manifest.missing.join(', ')}`);
      if (offsiteError !== null) this.log.error(`backup ${manifest.id} was not copied to another machine: ${offsiteError}`);
    } catch (error) {
      if (error instanceof BackupRuns) return;
      if (error instanceof Interrupted) this.log.warn('the backup was interrupted: it is made after the next start');
      else this.log.error(`backup failed: ${(error as Error).message}`);
    }
  }

  private async copyAgain(): Promise<void> {
    try {
      const copied = await this.backups.copyAgain(this.stopping.signal);
      if (copied?.error === null) this.log.log(`backup ${copied.name} was copied to another machine`);
      else if (copied) this.log.error(`backup ${copied.name} was not copied to another machine, again: ${copied.error}`);
    } catch (error) {
      this.log.error(`the backup could not be copied to another machine: ${(error as Error).message}`);
    }
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort(new Interrupted());
    await Promise.race([this.running, pause(LEAVE_AFTER_MS, undefined, { ref: false })]);
  }
}
