import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Draining } from '../../common/draining.js';
import type { Env } from '../../config/env.js';
import { ENV } from '../../config/env.token.js';
import { DatabaseService } from '../../database/database.service.js';
import { StoredAlerts } from '../intake/stored-alerts.js';
import { AlertMapping } from './mapping.service.js';
import { type Stream, StreamsRepository } from './streams.repository.js';
import { AlertTurns } from './turns.service.js';

/** Finds what is due again, and what an instance that died has left. Two statements that find nothing when nothing waits. */
const LOOK_EVERY_MS = 1_000;
/** In a burst each pass takes what has come since the last one: passes without a pause would cost the requests their processor. */
const PASS_EVERY_MS = 15;
/** Streams that this instance works on at a time; each holds a connection. */
const LANES = 4;
const STREAMS_AT_ONCE = 100;
/** Then a lane looks for what is more urgent: an exit in another stream. */
const TURNS_IN_A_ROW = 20;
/** Whoever works on the stream may have looked for more just before there was more. */
const ELSEWHERE_MS = 50;
/** What hangs then is rolled back with its connection, and has not happened. */
const LEAVE_AFTER_MS = 2_000;

const textOf = ({ source_id, symbol }: Stream) => `${source_id} ${symbol}`;

/**
 * Carries out what was accepted: maps what is new, then gives each stream its turns, several streams at a time. Any number of instances may do so;
 * which does what is decided by locks of the database, so nothing depends on what one of them remembers.
 */
@Injectable()
export class Inbox implements OnApplicationShutdown {
  private readonly log = new Logger('Inbox');
  private readonly lanes = new Map<string, Promise<void>>();
  private timer?: NodeJS.Timeout | undefined;
  private plannedAt = Infinity;
  private lastPassAt = 0;
  private running: Promise<void> = Promise.resolve();
  private isAsked = false;
  private stopped = false;
  private rests = false;
  private saidAway = false;

  constructor(
    @Inject(ENV) private readonly env: Env,
    private readonly mapping: AlertMapping,
    private readonly streams: StreamsRepository,
    private readonly turns: AlertTurns,
    stored: StoredAlerts,
    draining: Draining,
    database: DatabaseService,
  ) {
    stored.onStored(() => this.soon());
    draining.signal.addEventListener('abort', () => this.stop());
    database.onReady(async () => this.soon());
  }

  /** There is something to do. Returns at once. */
  soon(): void {
    if (this.isAsked || this.stopped) return;
    this.expectIn(Math.max(0, this.lastPassAt + PASS_EVERY_MS - performance.now()));
  }

  /** Nothing by the clock from here on; for tests, which count connections and move time. */
  rest(): void {
    this.rests = true;
    clearTimeout(this.timer);
    this.plannedAt = Infinity;
  }

  /** Everything that is due now, also what comes up meanwhile; for tests, and for who wants to wait. */
  async settle(): Promise<void> {
    await (this.running = this.running.then(() => this.pass()));
    while (this.lanes.size > 0) {
      await Promise.all(this.lanes.values());
      await (this.running = this.running.then(() => this.pass()));
    }
  }

  private expectIn(ms: number): void {
    const at = performance.now() + ms;
    if (this.stopped || at >= this.plannedAt) return;
    clearTimeout(this.timer);
    this.plannedAt = at;
    this.timer = setTimeout(() => this.begin(), ms);
    this.timer.unref();
  }

  /** One pass at a time; who asks during one gets the next. */
  private begin(): void {
    this.plannedAt = Infinity;
    this.isAsked = true;
    this.running = this.running.then(async () => {
      this.isAsked = false;
      if (this.stopped) return;
      this.lastPassAt = performance.now();
      await this.pass();
      if (!this.rests) this.expectIn(this.restMs());
    });
  }

  private async pass(): Promise<void> {
    try {
      // In turn: alerts that come faster than they are mapped would otherwise keep every exit waiting for as long as they come.
      for (let isMoreLeft = true; isMoreLeft && !this.stopped;) {
        isMoreLeft = await this.mapping.run(() => !this.stopped);
        await this.giveTurns();
      }
      this.saidAway = false;
    } catch (error) {
      // Once: a database that is away for a night would fill the log.
      if (!this.saidAway) this.log.warn(`the inbox could not be looked at, trying again: ${(error as Error).message}`);
      this.saidAway = true;
    }
  }

  private async giveTurns(): Promise<void> {
    while (!this.stopped) {
      const runnable = await this.streams.runnable([...this.lanes.keys()], STREAMS_AT_ONCE);
      for (const stream of runnable) {
        if (this.lanes.size >= LANES) {
          await Promise.race(this.lanes.values());
          // What has come meanwhile is mapped first: it may hold an exit. But free lanes are filled, however much comes.
          if (this.isAsked) return;
        }
        if (this.stopped) return;
        if (!this.lanes.has(textOf(stream))) this.open(stream);
      }
      if (runnable.length < STREAMS_AT_ONCE) return;
    }
  }

  private open(stream: Stream): void {
    const lane = this.work(stream).catch((error: Error) => {
      this.log.warn(`alerts about ${stream.symbol || 'an unknown symbol'} wait, trying again: ${error.message}`);
      return null;
    }).then((againInMs) => {
      this.lanes.delete(textOf(stream));
      if (againInMs !== null) this.expectIn(againInMs);
    });
    this.lanes.set(textOf(stream), lane);
  }

  /** Answers when to look again; null: the look of every second does. */
  private async work(stream: Stream): Promise<number | null> {
    for (let turn = 0; turn < TURNS_IN_A_ROW; turn++) {
      if (this.stopped) return null;
      const result = await this.turns.take(stream);
      if (result === 'elsewhere') return ELSEWHERE_MS;
      if (result === 'nothing') return null;
      // Others may come before it now: an exit, or what stands behind one that has failed for long enough.
    }
    return 0;
  }

  /** With the null pool an idle server should hold no connection. */
  private restMs(): number {
    return this.env.DB_POOL_TYPE === 'null' && this.lanes.size === 0 ? this.env.WATCH_EVERY_SECONDS * 1_000 : LOOK_EVERY_MS;
  }

  /** No look by the clock any more: what is under way ends, nothing new begins. */
  private stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  async onApplicationShutdown(): Promise<void> {
    this.stop();
    await Promise.race([this.running.then(() => Promise.all(this.lanes.values())), pause(LEAVE_AFTER_MS, undefined, { ref: false })]);
  }
}
