import { Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CommandsService } from '../commands/commands.service.js';
import { LeaseService } from '../commands/lease.service.js';
import { ServerCommands } from '../commands/server-commands.service.js';
import type { Caller } from '../common/http/caller.js';
import { Exact } from '../common/decimal.js';
import { Schedules } from '../database/schedules.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import type { ReportBody } from '../positions/reports.schemas.js';
import { secondsBetween } from '../trades/trade-times.js';
import type { DealBody, ReconcileAnswer } from './reconcile.schemas.js';
import { SHOWN_BY_BROKER, type UnknownCommand, UnknownCommandsRepository } from './unknown-commands.repository.js';

const ASK_EVERY_SECONDS = 60;
const AGENTS_AT_ONCE = 1_000;
/** An order takes its time to the broker's lists: what they lack so soon after may still come. */
const SHOWN_WITHIN_SECONDS = 10;

/** What the broker shows of orders, by their tags and ids. */
interface Shown {
  asOf: string;
  tags: ReadonlySet<string>;
  orders: ReadonlySet<string>;
}

/** Commands of which nobody knows whether they reached the broker: their agents are asked until what the broker shows says it. */
@Injectable()
export class UnknownCommandsService {
  private readonly log = new Logger('Reconcile');

  constructor(
    private readonly dataSource: DataSource,
    private readonly unknown: UnknownCommandsRepository,
    private readonly commands: CommandsService,
    private readonly asks: ServerCommands,
    leases: LeaseService,
    schedules: Schedules,
  ) {
    leases.onUnknown((agentId, type) => {
      if (SHOWN_BY_BROKER.includes(type)) this.ask([agentId], 0).catch((error: Error) => this.log.warn(`asked later: ${error.message}`));
    });
    schedules.every(ASK_EVERY_SECONDS, 'reconcile.ask', () => this.askAll());
  }

  /** Also what an earlier answer did not settle. */
  async askAll(): Promise<void> {
    await this.ask(await this.unknown.agents(AGENTS_AT_ONCE), ASK_EVERY_SECONDS);
  }

  private async ask(agentIds: readonly string[], seconds: number): Promise<void> {
    if (agentIds.length === 0) return;
    await inTransaction(this.dataSource, (tx) => this.asks.askToReconcile(tx, null, agentIds, seconds, () => ({ reason: 'STATE_UNKNOWN' })));
  }

  /** By a complete answer of their agent. What it does not decide stays unknown. */
  async settle(tx: Tx, caller: Caller, agentId: string, report: ReportBody, deals: readonly DealBody[]): Promise<ReconcileAnswer['settled']> {
    const commands = await this.unknown.lock(tx, agentId);
    if (commands.length === 0) return [];
    const { positions, orders } = report;
    const filled = await this.unknown.filledTags(tx, agentId, commands.flatMap(tagOf));
    const shown: Shown = {
      asOf: report.asOf, tags: new Set([...filled, ...[...positions, ...orders, ...deals].flatMap(({ orderTag }) => orderTag ?? [])]),
      orders: new Set(orders.map(({ brokerOrderId }) => brokerOrderId)),
    };
    const settled: ReconcileAnswer['settled'] = [];
    for (const command of commands) {
      const done = wasDone(command, shown);
      if (done === null) continue;
      settled.push({ commandId: command.id, status: await this.commands.settleWithin(tx, caller, command, done, done ? 'the broker shows it' : 'the broker does not show it') });
    }
    return settled;
  }
}

const tagOf = ({ payload }: UnknownCommand): string[] => (typeof payload['orderTag'] === 'string' ? [payload['orderTag']] : []);

/** Null: this answer does not say. */
function wasDone(command: UnknownCommand, { asOf, tags, orders }: Shown): boolean | null {
  const { type, payload, unknown_since, trade_status, trade_open_size, trade_left } = command;
  const late = unknown_since !== null && secondsBetween(unknown_since, asOf) >= SHOWN_WITHIN_SECONDS;
  const unlessLate = (done: boolean) => (done ? true : late ? false : null);
  if (type === 'open_trade') return unlessLate(tagOf(command).some((tag) => tags.has(tag)));
  if (type === 'close_trade') {
    const over = trade_status !== null && trade_status !== 'unknown' && new Exact(trade_open_size ?? 0).isZero();
    return unlessLate(over || trade_left);
  }
  if (type === 'cancel_order') {
    const names = [payload['brokerOrderId'], ...tagOf(command)].filter((name) => typeof name === 'string');
    if (names.length === 0) return null;
    const works = names.some((name) => orders.has(name) || tags.has(name));
    // While it works, it was not cancelled; that it is gone says nothing so soon.
    return late ? !works : null;
  }
  return null;
}
