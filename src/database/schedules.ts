import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { during } from '../common/work.js';
import { ENV } from '../config/env.token.js';
import type { Env } from '../config/env.js';
import { DatabaseService } from './database.service.js';

interface Schedule {
  name: string;
  everySeconds: number;
  run: () => Promise<unknown>;
}

/** What runs more often is quick. */
const QUICK_BELOW_MS = 60_000;
/** Finer than the minute of the shortest: looked at once a minute, what is due a moment after a look waits for another minute. */
const LOOK_EVERY_MS = 10_000;
/** Where who watches open trades is killed in the middle of it, the next one does not wait for minutes. */
const LEASE_SECONDS = { quick: 30, slow: 300 };
const LEAVE_AFTER_MS = 1_000;
/** A daily job that failed does not wait for tomorrow. */
const AFTER_FAILURE_SECONDS = 300;
/** The most that WATCH_EVERY_SECONDS can be, by which quick ones are planned whatever they say themselves. */
const AHEAD_SECONDS = 60;
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
  /** Done, and not written down: the database was away. Their claims are still those of this process. */
  private readonly unwritten = new Map<Schedule, { token: string; failure: string | null }>();
  private timer?: NodeJS.Timeout;
  private quickTimer?: NodeJS.Timeout;
  private stopped = false;
  private isLooking = false;
  private isLookingQuick = false;
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
      this.timer ??= setInterval(() => this.lookSlow(), LOOK_EVERY_MS);
      this.quickTimer ??= setInterval(() => this.lookQuick(), this.env.WATCH_EVERY_SECONDS * 1_000);
      this.look(() => this.runDue());
    });
  }

  /** What cannot wait a minute is looked at as often as WATCH_EVERY_SECONDS says, whatever is slow beside it. */
  every(everySeconds: number, name: string, run: () => Promise<unknown>): void {
    this.schedules.push({ name, everySeconds, run });
  }

  /** What this version runs. */
  get known(): readonly { name: string; everySeconds: number; lateSeconds: number }[] {
    return this.schedules.map((schedule) => ({ ...schedule, lateSeconds: lateSeconds(schedule) }));
  }

  /**
   * Names of those that are late, that failed the last time, or that have never run: on whichever instance it was. A quick
   * one is late after 90 s, another after ten: the longest work of a night is shorter.
   */
  async unwell(except: string): Promise<string[]> {
    const all = this.schedules.filter(({ name }) => name !== except);
    const known = JSON.stringify(all.map((schedule) => ({ name: schedule.name, late: lateSeconds(schedule) })));
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

  /** One look waits for the round that runs, not hundreds behind work that takes hours. */
  private lookSlow(): void {
    if (this.isLooking) return;
    this.isLooking = true;
    this.look(() => this.runSlow().finally(() => (this.isLooking = false)));
  }

  private lookQuick(): void {
    if (this.isLookingQuick) return;
    this.isLookingQuick = true;
    this.look(() => this.runQuick().finally(() => (this.isLookingQuick = false)));
  }

  private runQuick(): Promise<void> {
    return (this.runningQuick = this.inTurn(this.runningQuick, true));
  }

  private inTurn(before: Promise<void>, quick: boolean): Promise<void> {
    return before.catch(() => undefined).then(async () => {
      for (const [schedule, { token, failure }] of [...this.unwritten]) if (isQuick(schedule) === quick) await this.finish(schedule, token, failure).catch(() => undefined);
      const due = await this.due(this.schedules.filter((schedule) => isQuick(schedule) === quick));
      for (const schedule of due) if (!this.stopped) await this.runIfClaimed(schedule);
    });
  }

  /** In one look that writes nothing: most are not due. */
  private async due(schedules: readonly Schedule[]): Promise<Schedule[]> {
    if (this.stopped || schedules.length === 0) return [];
    const rows: { name: string }[] = await this.dataSource.sql`
      select k.name from unnest(${schedules.map(({ name }) => name)}::text[], ${schedules.map(({ everySeconds }) => everySeconds)}::int[]) as k (name, every) left join schedules s on s.name = k.name
      where s.name is null or (${() => isDue('k.every')})`;
    const names = new Set(rows.map(({ name }) => name));
    return schedules.filter(({ name }) => names.has(name));
  }

  private look(run: () => Promise<void>): void {
    run().catch((error: Error) => this.log.warn(error.message));
  }

  private runIfClaimed(schedule: Schedule): Promise<void> {
    return during({ caller: `schedule ${schedule.name}`, correlationId: null }, () => this.claimAndRun(schedule));
  }

  private async claimAndRun(schedule: Schedule): Promise<void> {
    const { name, everySeconds, run } = schedule;
    const [token, lease] = [randomUUID(), leaseSeconds(schedule)];
    const claimed: unknown[] = await this.dataSource.sql`
      with claimed as (
        insert into schedules as s (name, next_run_at, lease_until, token)
        values (${name}, app_clock(), app_clock() + make_interval(secs => ${lease}), ${token})
        on conflict (name) do update set lease_until = excluded.lease_until, token = excluded.token, next_run_at = least(s.next_run_at, app_clock())
        where ${() => isDue(String(everySeconds))}
        returning 1
      ) select * from claimed`;
    if (claimed.length === 0) return;
    const renewal = setInterval(() => void this.renew(name, token, lease), (lease / 3) * 1_000);
    let failure: string | null = null;
    try {
      await run();
    } catch (error) {
      failure = (error as Error).message.slice(0, 500);
      this.log.warn(`${name} failed: ${failure}`);
    } finally {
      clearInterval(renewal);
    }
    await this.finish(schedule, token, failure);
  }

  /** What cannot be written down is written down by a later look: a claim that nobody works on would stand in everybody's way until it lapses. */
  private async finish(schedule: Schedule, token: string, failure: string | null): Promise<void> {
    const { name } = schedule;
    this.unwritten.set(schedule, { token, failure });
    await this.dataSource.sql`
      with finished as (
        update schedules set lease_until = null, token = null, last_error = ${failure}, last_finished_at = app_clock(), next_run_at = ${() => this.nextRun(schedule, failure !== null)}
        where name = ${name} and token = ${token} returning 1
      ) select * from finished`;
    this.unwritten.delete(schedule);
  }

  /**
   * Counted from when it was due, not from when it ended: what runs every minute would otherwise miss the look a minute
   * later, and run every two. What was missed meanwhile is not made up for.
   */
  private nextRun(schedule: Schedule, hasFailed: boolean): string {
    // Due before the next quick look, not just after it.
    const every = isQuick(schedule) ? this.env.WATCH_EVERY_SECONDS - 0.5 : schedule.everySeconds;
    if (hasFailed && !isQuick(schedule)) return `app_clock() + interval '${Math.min(every, AFTER_FAILURE_SECONDS)} seconds'`;
    return `case when isfinite(next_run_at) then next_run_at + (floor(extract(epoch from app_clock() - next_run_at) / ${every}) + 1) * interval '${every} seconds' else app_clock() + interval '${every} seconds' end`;
  }

  /** Work may take longer than a lease; only a holder that died lets it lapse. */
  private async renew(name: string, token: string, lease: number): Promise<void> {
    await this.dataSource
      .sql`update schedules set lease_until = app_clock() + make_interval(secs => ${lease}) where name = ${name} and token = ${token}`.catch(
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

/**
 * Nobody plans further ahead than one turn, or claims for longer than a lease: what says so was written by a clock that was
 * ahead and is right again, and would stand still until then: an hour of that would be an hour in which nobody watches open
 * trades. Infinity is said on purpose.
 */
const isDue = (everySeconds: string): string =>
  `(s.next_run_at <= app_clock() or (isfinite(s.next_run_at) and s.next_run_at > app_clock() + make_interval(secs => ${everySeconds} + ${AHEAD_SECONDS})))
    and (s.lease_until is null or s.lease_until <= app_clock() or s.lease_until > app_clock() + make_interval(secs => ${2 * LEASE_SECONDS.slow}))`;

const isQuick = ({ everySeconds }: Schedule): boolean => everySeconds * 1000 < QUICK_BELOW_MS;
const leaseSeconds = (schedule: Schedule): number => (isQuick(schedule) ? LEASE_SECONDS.quick : LEASE_SECONDS.slow);
const lateSeconds = (schedule: Schedule): number => (isQuick(schedule) ? LATE_SECONDS.quick : LATE_SECONDS.slow);
