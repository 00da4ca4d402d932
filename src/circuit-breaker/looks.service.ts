import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { AccountReport } from '../accounts/account-reports.repository.js';
import { AccountDaysService } from '../accounts/account-days.service.js';
import { DatabaseService } from '../database/database.service.js';
import { afterCommit, type Tx } from '../database/transaction.js';
import { TradeWatch } from '../trades/trade-watch.js';
import { AgentFiguresRepository } from './agent-figures.repository.js';
import { BreakerBooksRepository } from './breaker-books.repository.js';
import { BreakerStatesRepository } from './breaker-states.repository.js';
import { EquityBounds } from './equity-bounds.js';
import { BreakerEvaluation } from './evaluation.service.js';
import { Hearing } from './hearing.js';
import type { Book } from './trade-figures.repository.js';

const LOOK_EVERY_MS = 5_000;
/** While nothing goes on: an idle server holds no connection. What moves on this instance is looked at at once. */
const IDLE_EVERY_MS = 60_000;
/** Also what other tables say of books in which nothing seems to go on. */
const ALL_EVERY_MS = 60_000;
/** A look that begins so much later than planned says that this process could not hear either. */
const LATE_MS = 10_000;
const BOOKS_AT_ONCE = 500;
const LEAVE_AFTER_MS = 1_000;

const textOf = ({ account_id, execution_mode }: Book) => `${account_id} ${execution_mode}`;

/**
 * When breakers are looked at: after each move of a trade, before who told it is answered; on an equity report that
 * crosses what the last look found to matter; every 5 s while something goes on. On every instance: two find the same.
 */
@Injectable()
export class BreakerLooks implements OnApplicationShutdown {
  private readonly log = new Logger('Breakers');
  private readonly bounds = new EquityBounds();
  private readonly waiting = new Map<string, Book>();
  private readonly moving = new WeakMap<Tx, Set<string>>();
  private running: Promise<void> = Promise.resolve();
  private next: Promise<void> | null = null;
  private timer?: NodeJS.Timeout | undefined;
  private plannedAt = Infinity;
  private allAt = 0;
  private stopped = false;

  constructor(
    private readonly dataSource: DataSource,
    private readonly books: BreakerBooksRepository,
    private readonly evaluation: BreakerEvaluation,
    private readonly agents: AgentFiguresRepository,
    private readonly states: BreakerStatesRepository,
    private readonly hearing: Hearing,
    trades: TradeWatch,
    days: AccountDaysService,
    database: DatabaseService,
  ) {
    trades.onMoved((tx, trade) => this.moved(tx, trade));
    days.onReport((report) => this.reported(report));
    database.onReady(async () => this.expectIn(LOOK_EVERY_MS));
  }

  /** In the transaction of the trade its book is noted. The account is not locked there, so the look comes after the commit. */
  private async moved(tx: Tx, { account_id, execution_mode }: Book): Promise<void> {
    const book = { account_id, execution_mode };
    await this.books.note(tx, book);
    // Once for all that a sync tells.
    const known = this.moving.get(tx) ?? new Set();
    if (known.has(textOf(book))) return;
    this.moving.set(tx, known.add(textOf(book)));
    afterCommit(tx, () => this.lookAt(book));
  }

  private async reported({ accountId, mode, equity }: AccountReport): Promise<void> {
    const book: Book = { account_id: accountId, execution_mode: mode };
    if (equity !== null && this.bounds.isCrossed(book, equity)) await this.lookAt(book);
  }

  /** Those that ask while a look runs go into the next one together. Never fails: what was noted is looked at again. */
  lookAt(book: Book): Promise<void> {
    this.waiting.set(textOf(book), book);
    this.expectIn(LOOK_EVERY_MS);
    this.next ??= this.running.then(() => {
      this.next = null;
      const books = [...this.waiting.values()];
      this.waiting.clear();
      return (this.running = this.lookAtAll(books).catch((error: Error) => this.log.warn(`books were not looked at, and will be: ${error.message}`)));
    });
    return this.next;
  }

  /** All books: what breakers are held against has changed. */
  async lookEverywhere(): Promise<void> {
    await this.evaluation.lookAtDatabase();
    await this.lookAtAll(await this.books.all());
  }

  /** One look of the schedule. Answers whether something goes on. */
  async look(): Promise<boolean> {
    try {
      if (this.hearing.since === 'infinity' || Date.now() > this.plannedAt + LATE_MS) this.hearing.since = await this.states.clock();
      await this.measure();
      await this.evaluation.lookAtDatabase();
      const isAll = Date.now() >= this.allAt;
      const busy = await this.books.busy();
      await this.lookAtAll(isAll ? await this.books.all() : busy);
      if (isAll) this.allAt = Date.now() + ALL_EVERY_MS;
      return busy.length > 0;
    } catch (error) {
      // Nobody was heard meanwhile.
      this.hearing.since = 'infinity';
      throw error;
    }
  }

  private async lookAtAll(books: readonly Book[]): Promise<void> {
    for (let from = 0; from < books.length; from += BOOKS_AT_ONCE) {
      const some = books.slice(from, from + BOOKS_AT_ONCE);
      this.bounds.learn(some, await this.evaluation.look(some));
    }
  }

  private async measure(): Promise<void> {
    const begun = performance.now();
    await this.states.clock();
    await this.agents.keepLatency(this.dataSource.manager, (performance.now() - begun).toFixed(3));
  }

  private expectIn(ms: number): void {
    const at = Date.now() + ms;
    if (this.stopped || at >= this.plannedAt) return;
    clearTimeout(this.timer);
    this.plannedAt = at;
    this.timer = setTimeout(() => void this.run(), ms);
    this.timer.unref();
  }

  private run(): Promise<void> {
    this.running = this.running.then(async () => {
      let isBusy = true;
      try {
        isBusy = await this.look();
      } catch (error) {
        this.log.warn(`the look failed, and comes again: ${(error as Error).message}`);
      }
      this.plannedAt = Infinity;
      this.expectIn(isBusy ? LOOK_EVERY_MS : IDLE_EVERY_MS);
    });
    return this.running;
  }

  /** No look by the clock any more: tests say when. */
  rest(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    // A look that nobody planned is not late.
    this.plannedAt = Infinity;
  }

  async onApplicationShutdown(): Promise<void> {
    this.rest();
    await Promise.race([this.running, pause(LEAVE_AFTER_MS, undefined, { ref: false })]);
  }
}
