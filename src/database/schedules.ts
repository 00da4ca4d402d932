import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { ENV } from '../config/env.token.js';
import type { Env } from '../config/env.js';
import { DatabaseService } from './database.service.js';

interface Schedule {
  name: string;
  everySeconds: number;
  run: () => Promise<unknown>;
}

const LOOK_EVERY_MS = 60_000;
const LEASE_SECONDS = 300;
const LEAVE_AFTER_MS = 1_000;
const RENEW_EVERY_MS = (LEASE_SECONDS / 3) * 1000;
/** A daily job that failed does not wait for tomorrow. */
const AFTER_FAILURE_SECONDS = 300;
/** Behind the time at which it was due, also while it runs. */
const LATE_SECONDS = { quick: 90, slow: 600 };

/**
 * Recurring work, one instance at a time: a schedule is claimed by a guarded UPDATE, a claim lapses by itself when
 * its holder dies, and a run that was missed is caught up once. Nothing is locked while the work runs.
 */
@Injectable()
export class Schedules implements OnApplicationShutdown {
  private readonly log = new Logger('Schedules');
  private readonly schedules: Schedule[] = [];
  private timer?: NodeJS.Timeout;
  private quickTimer?: NodeJS.Timeout;
  private stopped = false;
  private running: Promise<void> = Promise.resolve();
  /** Apart: last night's work takes minutes, and positions are watched meanwhile. */
  private runningQuick: Promise<void> = Promise.resolve();

  constructor(
    @Inject(ENV) private readonly env: Pick<Env, 'WATCH_EVERY_SECONDS'>,
    private readonly dataSource: DataSource,
    database: DatabaseService,
  ) {
    // Not awaited: nobody waits with his request until last night's work is caught up.
    database.onReady(async () => {
      this.timer ??= setInterval(() => this.look(() => this.runSlow()), LOOK_EVERY_MS);
      this.quickTimer ??= setInterval(() => this.look(() => this.runQuick()), this.env.WATCH_EVERY_SECONDS * 1_000);
      this.look(() => this.runDue());
    });
  }

  /** What cannot wait a minute is looked at as often as WATCH_EVERY_SECONDS says, whatever is slow beside it. */
  every(everySeconds: number, name: string, run: () => Promise<unknown>): void {
    this.schedules.push({ name, everySeconds, run });
  }

  get known(): readonly { name: string; everySeconds: number }[] {
    return this.schedules;
  }

  /**
   * Names of those that are late, that failed the last time, or that have never run: on whichever instance it was. A quick
   * one is late after 90 s, another after ten: the longest work of a night is shorter.
   */
  async unwell(except: string): Promise<string[]> {
    const all = this.schedules.filter(({ name }) => name !== except);
    const known = JSON.stringify(all.map((schedule) => ({ name: schedule.name, late: isQuick(schedule) ? LATE_SECONDS.quick : LATE_SECONDS.slow })));
    const rows: { name: string }[] = await this.dataSource.sql`
      select k.name from jsonb_to_recordset(${known}::jsonb) as k (name text, late int) left join schedules s on s.name = k.name
      where s.last_finished_at is null or s.last_error is not null or s.next_run_at < app_clock() - make_interval(secs => k.late) order by k.name`;
    return rows.map(({ name }) => name);
  }

  /** Runs what is due and not claimed by another instance. */
  async runDue(): Promise<void> {
    await Promise.all([this.runSlow(), this.runQuick()]);
  }

  private runSlow(): Promise<void> {
    return (this.running = this.inTurn(this.running, false));
  }

  private runQuick(): Promise<void> {
    return (this.runningQuick = this.inTurn(this.runningQuick, true));
  }

  private inTurn(before: Promise<void>, quick: boolean): Promise<void> {
    return before.catch(() => undefined).then(async () => {
      for (const schedule of this.schedules) if (!this.stopped && isQuick(schedule) === quick) await this.runIfClaimed(schedule);
    });
  }

  private look(run: () => Promise<void>): void {
    run().catch((error: Error) => this.log.warn(error.message));
  }

  private async runIfClaimed(schedule: Schedule): Promise<void> {
    const { name, everySeconds, run } = schedule;
    const token = randomUUID();
    const claimed: unknown[] = await this.dataSource.sql`
      with claimed as (
        insert into schedules as s (name, next_run_at, lease_until, token)
        values (${name}, app_clock(), app_clock() + make_interval(secs => ${LEASE_SECONDS}), ${token})
        on conflict (name) do update set lease_until = excluded.lease_until, token = excluded.token
        where s.next_run_at <= app_clock() and (s.lease_until is null or s.lease_until <= app_clock())
        returning 1
      ) select * from claimed`;
    if (claimed.length === 0) return;
    const renewal = setInterval(() => void this.renew(name, token), RENEW_EVERY_MS);
    let failure: string | null = null;
    try {
      await run();
    } catch (error) {
      failure = (error as Error).message.slice(0, 500);
      this.log.warn(`${name} failed: ${failure}`);
    } finally {
      clearInterval(renewal);
    }
    // Due before the next quick look, not just after it.
    const nextSeconds = isQuick(schedule) ? this.env.WATCH_EVERY_SECONDS - 0.5 : failure === null ? everySeconds : Math.min(everySeconds, AFTER_FAILURE_SECONDS);
    await this.dataSource.sql`
      with finished as (
        update schedules set lease_until = null, token = null, last_error = ${failure}, last_finished_at = app_clock(),
          next_run_at = app_clock() + make_interval(secs => ${nextSeconds})
        where name = ${name} and token = ${token} returning 1
      ) select * from finished`;
  }

  /** Work may take longer than a lease; only a holder that died lets it lapse. */
  private async renew(name: string, token: string): Promise<void> {
    await this.dataSource
      .sql`update schedules set lease_until = app_clock() + make_interval(secs => ${LEASE_SECONDS}) where name = ${name} and token = ${token}`.catch(
      (error: Error) => this.log.warn(`${name}: the claim was not renewed: ${error.message}`),
    );
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    clearInterval(this.quickTimer);
    // Whoever takes over finds the claim lapsed: a statement that hangs must not hold the shutdown up.
    await Promise.race([Promise.allSettled([this.running, this.runningQuick]), pause(LEAVE_AFTER_MS, undefined, { ref: false })]);
  }
}

const isQuick = ({ everySeconds }: Schedule): boolean => everySeconds * 1000 < LOOK_EVERY_MS;
