import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { apart } from '../common/work.js';
import { Listener } from '../database/listener.js';
import { isDatabaseAway, plainReason } from '../database/sql-state.js';
import { CommitOrder } from './commit-order.js';
import { EventLog, type EventPosition, type EventRow, type EventWriter } from './event-log.repository.js';

/** What is told of the log. Calls come one after the other; `before` is awaited, the others must not fail. */
export interface EventFollower {
  /** After each look at the log, before anything of it is told: what it throws puts the telling off. */
  before(): Promise<void>;
  /** From here on everything is told; what stands at or before this position has been committed or never will be. */
  started(at: EventPosition): void;
  /** In order, each row once. */
  take(rows: readonly EventRow[]): void;
  /** The row that was told last is gone: the database is not the one that it was, and nothing follows from here. */
  lost(): void;
}

/** The truth; a wake is only faster. */
const RECHECK_MS = 1_000;
/** Wakes that arrive together are one look: 3,000 writing requests a second would be 3,000. */
const AFTER_WAKE_MS = 15;
/** Transactions take milliseconds: at a missing number it is asked soon, then less often. */
const GAP_LOOK_MS = { first: 10, most: 250 };
/** A missing number is old after this long: it is said in the log. The writer role's own timeouts end a transaction that idles for 30 s. */
const GAP_OLD_MS = 5_000;
/** So often all months are read, and the last row is looked up: for a clock that was set back, and a database that was restored. */
const ALL_MONTHS_EVERY_MS = 10_000;
const LEAVE_AFTER_MS = 1_000;

/** A missing number that holds everything up, or at the start the numbers of those who were writing then. */
interface Gap {
  upTo: number;
  writers: EventWriter[];
  since: number;
  lookAgainMs: number;
  said: boolean;
}

/**
 * Follows the event log in the order in which nothing comes late, once for everybody in this process who wants to
 * know, and only while somebody does. At a missing number it asks who is writing at that moment, waits until they
 * have ended, and goes on: what is missing then was rolled back. It waits between statements, holding neither a
 * transaction nor a connection.
 */
@Injectable()
export class EventFeed implements OnApplicationShutdown {
  private readonly log = new Logger('EventFeed');
  private readonly followers = new Set<EventFollower>();
  private running: Promise<void> | null = null;
  private stopped = false;
  private wakeUp: (() => void) | null = null;
  private woken = false;
  private saidAway = false;

  private at: EventPosition | null = null;
  private order = new CommitOrder(0);
  private gap: Gap | null = null;
  private beginning: EventPosition | null = null;
  private allMonthsAt = -Infinity;
  private wholeAsOf = -Infinity;

  constructor(
    private readonly events: EventLog,
    listener: Listener,
  ) {
    // Whatever another instance tells of has usually written an event.
    listener.onMessage(() => this.wake());
  }

  /** The last row that was told; null while nobody follows, or while it is not yet known where to begin. */
  get position(): EventPosition | null {
    return this.at;
  }

  /** Milliseconds since which there may be rows that were not told; infinite before the first look. */
  get behindMs(): number {
    return performance.now() - this.wholeAsOf;
  }

  /** For how long it has waited at a missing number for those who write to end; 0 when it does not wait, null while nobody follows. */
  get gapSeconds(): number | null {
    if (this.followers.size === 0) return null;
    return this.gap ? (performance.now() - this.gap.since) / 1_000 : 0;
  }

  follow(follower: EventFollower): void {
    this.followers.add(follower);
    // Not the work of the first who follows.
    this.running ??= apart(() => this.run());
  }

  unfollow(follower: EventFollower): void {
    this.followers.delete(follower);
    if (this.followers.size === 0) this.wakeUp?.();
  }

  /** There may be new rows. Costs nothing while nobody follows. */
  wake(): void {
    if (this.followers.size === 0 || this.woken) return;
    this.woken = true;
    if (this.wakeUp) setTimeout(() => this.wakeUp?.(), AFTER_WAKE_MS);
  }

  private async run(): Promise<void> {
    while (this.followers.size > 0 && !this.stopped) {
      let nextMs = RECHECK_MS;
      this.woken = false;
      try {
        nextMs = this.at ? await this.look(this.at) : await this.begin();
        this.saidAway = false;
      } catch (error) {
        this.lookedInVain(error);
      }
      if (nextMs > 0) await this.rest(nextMs);
    }
    this.running = null;
    this.at = this.beginning = this.gap = null;
    this.wholeAsOf = -Infinity;
  }

  /**
   * What was known of writers is void: another server may have taken over, which lacks the last commits and draws their
   * numbers anew.
   */
  private lookedInVain(error: unknown): void {
    if (!isDatabaseAway(error)) this.log.error({ err: error }, 'the event log was not read');
    else if (!this.saidAway) this.log.warn(`the event log cannot be read, trying until it can: ${plainReason(error)}`);
    this.saidAway = true;
    this.gap = this.beginning = null;
    if (this.at) this.order = new CommitOrder(this.at.seq);
    this.allMonthsAt = -Infinity;
  }

  private rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const over = () => {
        clearTimeout(timer);
        this.wakeUp = null;
        resolve();
      };
      // Woken while it looked: what was written then may not have been seen.
      const timer = setTimeout(over, this.woken ? Math.min(ms, AFTER_WAKE_MS) : ms);
      this.wakeUp = over;
      if (this.followers.size === 0 || this.stopped) over();
    });
  }

  /**
   * Where to begin: behind the newest row, once everyone has ended who was writing when it was seen. Whoever reads
   * state after `started` and follows from there has missed nothing.
   * @returns when to look again
   */
  private async begin(): Promise<number> {
    this.beginning ??= await this.events.newest();
    this.gap ??= gapOf(await this.events.writers(), this.beginning.seq);
    await this.askFollowers();
    if (!(await this.gapIsClear(this.gap, this.beginning))) return this.waitAtGap(this.gap);
    this.at = this.beginning;
    this.order = new CommitOrder(this.at.seq);
    this.gap = this.beginning = null;
    for (const follower of this.followers) follower.started(this.at);
    return 0;
  }

  private async look(at: EventPosition): Promise<number> {
    if (this.gap && !(await this.gapIsClear(this.gap, at))) {
      await this.askFollowers();
      return this.waitAtGap(this.gap);
    }
    const began = performance.now();
    const allMonths = began - this.allMonthsAt > ALL_MONTHS_EVERY_MS;
    if (allMonths && !(await this.events.knows(at))) return this.lose();
    let { rows, more } = await this.events.after(at, allMonths);
    // A number is given up only after it was looked for in every month.
    if (!allMonths && this.order.skips(rows)) ({ rows, more } = await this.events.after(at, true));
    if (allMonths) this.allMonthsAt = began;
    await this.askFollowers();
    const told = this.tell(rows);
    const held = rows[told.length];
    if (held) return this.holdAt(held, rows.at(-1)?.seq ?? held.seq);
    this.gap = null;
    if (more) return 0;
    this.wholeAsOf = began;
    return RECHECK_MS;
  }

  private async askFollowers(): Promise<void> {
    for (const follower of this.followers) await follower.before();
  }

  private tell(rows: readonly EventRow[]): EventRow[] {
    const told = this.order.take(rows);
    const last = told.at(-1);
    if (!last) return told;
    this.at = { seq: last.seq, atUs: last.at_us };
    for (const follower of this.followers) follower.take(told);
    return told;
  }

  /** Numbers are missing before this row. Who draws one from now on gets a higher one than was seen. */
  private async holdAt({ seq }: EventRow, seen: number): Promise<number> {
    if (this.gap && this.gap.upTo >= seq) return this.waitAtGap(this.gap);
    this.gap = gapOf(await this.events.writers(), seen);
    return this.gap.writers.length === 0 ? 0 : this.waitAtGap(this.gap);
  }

  /** True when there is something to read: everyone has ended, or the next number has come. */
  private async gapIsClear(gap: Gap, at: EventPosition): Promise<boolean> {
    if (gap.writers.length > 0) {
      const { writers, nextIsThere } = await this.events.stillWriting(gap.writers, at);
      gap.writers = writers;
      if (writers.length > 0) return nextIsThere && this.at !== null;
    }
    if (gap.said) this.log.log(`the event log goes on after ${secondsSince(gap.since)} s`);
    this.order.clear(gap.upTo);
    return true;
  }

  private waitAtGap(gap: Gap): number {
    if (!gap.said && performance.now() - gap.since > GAP_OLD_MS) {
      gap.said = true;
      const who = gap.writers.map(({ pid }) => (pid === null ? 'a prepared transaction' : `server process ${pid}`)).join(', ');
      this.log.warn(`the event log waits behind number ${this.at?.seq ?? 'zero'} for a transaction to end, since ${secondsSince(gap.since)} s: ${who}`);
    }
    gap.lookAgainMs = Math.min(gap.lookAgainMs * 1.5, GAP_LOOK_MS.most);
    return gap.lookAgainMs;
  }

  private lose(): number {
    this.log.error(`row ${this.at?.seq} of the event log is gone: was another state of the database restored?`);
    this.at = this.gap = this.beginning = null;
    for (const follower of this.followers) follower.lost();
    return RECHECK_MS;
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    this.wakeUp?.();
    // A statement that hangs must not hold the shutdown up.
    await Promise.race([this.running, pause(LEAVE_AFTER_MS, undefined, { ref: false })]);
  }
}

const gapOf = (writers: EventWriter[], upTo: number): Gap => ({ writers, upTo, since: performance.now(), lookAgainMs: GAP_LOOK_MS.first, said: false });

const secondsSince = (time: number) => Math.round((performance.now() - time) / 1000);
