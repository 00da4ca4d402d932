import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { DatabaseService } from '../database/database.service.js';
import { Schedules } from '../database/schedules.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { QuotesService } from '../market-data/quotes.service.js';
import { GateService } from '../risk/gate/gate.service.js';
import { ReservationsRepository } from '../risk/reservations.repository.js';
import { ApprovalsService } from './approvals.service.js';
import { decisionTypeOf, isOpen, statusOf } from './idea-status.js';
import { IdeasRepository } from './ideas.repository.js';
import { bound, IdeaOutcomes, priceNow, requestOf } from './outcomes.service.js';

/** Quotes are looked at when they come; this finds those of other instances, and what has run out. Only while an idea is open. */
const LOOK_EVERY_MS = 5_000;
const COMPACT_EVERY_SECONDS = 60;
const IDEAS_AT_ONCE = 200;
const ACCOUNTS_AT_ONCE = 100;
/** A statement that hangs must not hold the shutdown up. */
const LEAVE_AFTER_MS = 1_000;

/** Ideas that wait for a price or a person: whichever instance sees it first asks the gate, or ends them. */
@Injectable()
export class WaitingIdeas implements OnApplicationShutdown {
  private readonly log = new Logger('WaitingIdeas');
  private timer?: NodeJS.Timeout | undefined;
  private stopped = false;
  private running: Promise<void> = Promise.resolve();
  private isAsked = false;

  constructor(
    private readonly dataSource: DataSource,
    private readonly ideas: IdeasRepository,
    private readonly outcomes: IdeaOutcomes,
    private readonly approvals: ApprovalsService,
    private readonly gate: GateService,
    private readonly reservations: ReservationsRepository,
    quotes: QuotesService,
    database: DatabaseService,
    schedules: Schedules,
  ) {
    quotes.onTaken(() => this.ask());
    database.onReady(async () => this.ask());
    // An instance that died with open ideas leaves them to the others.
    schedules.every(COMPACT_EVERY_SECONDS, 'ideas.look', () => this.look());
    schedules.every(COMPACT_EVERY_SECONDS, 'reservations.compact', () => this.compact());
  }

  /** One look at a time; who asks during one gets the next. */
  ask(): void {
    if (this.isAsked || this.stopped) return;
    this.isAsked = true;
    this.running = this.running.then(async () => {
      this.isAsked = false;
      await this.look().catch((error: Error) => this.log.warn(`ideas were not looked at, trying again: ${error.message}`));
      const isAnyOpen = await this.ideas.isAnyOpen().catch(() => true);
      clearTimeout(this.timer);
      if (isAnyOpen && !this.stopped) this.timer = setTimeout(() => this.ask(), LOOK_EVERY_MS).unref();
    });
  }

  /** All that a quote has reached or whose time is over. One that fails does not keep the others waiting. */
  async look(): Promise<void> {
    const due = await this.ideas.toLookAt(null, IDEAS_AT_ONCE);
    for (const { id } of due) {
      if (this.stopped) return;
      await inTransaction(this.dataSource, (tx) => this.lookAt(tx, id)).catch((error: Error) => this.log.warn(`idea ${id}: ${error.message}`));
    }
  }

  private async lookAt(tx: Tx, id: string): Promise<void> {
    const idea = await this.approvals.hold(tx, id);
    if (!isOpen(idea.status) || (await this.approvals.expireIfLate(tx, idea)) || idea.status !== 'waiting') return;
    const decided = await this.gate.decide(tx, requestOf(idea, false));
    const { verdict, reasons } = decided.assessment;
    if (verdict === 'waiting') return;
    const status = statusOf(verdict);
    const commandId = status === 'auto_executed' && decided.input.idea.lotSize !== '0' ? uuidv7() : null;
    const reduced = await this.outcomes.reduce(tx, null, idea, decided);
    if (commandId !== null) await this.outcomes.carryOut(tx, null, idea, decided, commandId);
    const now = status === 'needs_approval' ? bound({ ...idea, strategy_version: decided.input.strategy?.version ?? null }, priceNow(decided)) : {};
    await this.outcomes.step(tx, null, idea, { status, reasons, command_id: commandId, ...reduced, ...now }, { type: decisionTypeOf(status), decided });
  }

  /** Accounts on which nobody decides anything keep no ended reservations either. */
  private async compact(): Promise<void> {
    if (this.stopped) return;
    for (const accountId of await this.reservations.toCompact(ACCOUNTS_AT_ONCE)) {
      await inTransaction(this.dataSource, async (tx) => {
        await this.gate.holdAccount(tx, accountId);
        await this.reservations.compact(tx, accountId);
      });
    }
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await Promise.race([this.running.catch(() => undefined), pause(LEAVE_AFTER_MS, undefined, { ref: false })]);
  }
}
