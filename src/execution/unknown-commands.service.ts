import { Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CommandsService } from '../commands/commands.service.js';
import { LeaseService } from '../commands/lease.service.js';
import { ServerCommands } from '../commands/server-commands.service.js';
import type { Caller } from '../common/http/caller.js';
import { Exact } from '../common/decimal.js';
import { Schedules } from '../database/schedules.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { Incidents } from '../incidents/incidents.service.js';
import type { ReportBody } from '../positions/reports.schemas.js';
import { ReservationsRepository } from '../risk/reservations.repository.js';
import { SHOWN_WITHIN_SECONDS } from '../trades/broker-lists.js';
import { secondsBetween } from '../trades/trade-times.js';
import type { DealBody, ReconcileAnswer } from './reconcile.schemas.js';
import { SHOWN_BY_BROKER, type UnknownCommand, UnknownCommandsRepository } from './unknown-commands.repository.js';

const ASK_EVERY_SECONDS = 60;
const AGENTS_AT_ONCE = 1_000;

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
    private readonly reservations: ReservationsRepository,
    private readonly events: Events,
    private readonly incidents: Incidents,
    leases: LeaseService,
    schedules: Schedules,
  ) {
    leases.onUnknown((agentId, type) => {
      if (SHOWN_BY_BROKER.includes(type)) this.ask([{ agent_id: agentId, order_tag: null }], 0).catch((error: Error) => this.log.warn(`asked later: ${error.message}`));
    });
    schedules.every(ASK_EVERY_SECONDS, 'reconcile.ask', () => this.askAll());
  }

  /** Also what an earlier answer did not settle. */
  async askAll(): Promise<void> {
    await this.ask(await this.unknown.agents(AGENTS_AT_ONCE), ASK_EVERY_SECONDS);
  }

  private async ask(agents: readonly { agent_id: string; order_tag: string | null }[], seconds: number): Promise<void> {
    if (agents.length === 0) return;
    const tags = new Map(agents.map(({ agent_id: id, order_tag: tag }) => [id, tag]));
    await inTransaction(this.dataSource, (tx) => this.asks.askToReconcile(tx, null, [...tags.keys()], seconds, (id) => {
      const orderTag = tags.get(id) ?? null;
      return orderTag === null ? { reason: 'STATE_UNKNOWN' } : { orderTag, reason: 'TRADE_NOT_TOLD' };
    }));
  }

  /** By a complete answer of their agent. What it does not decide stays unknown. */
  async settle(tx: Tx, caller: Caller, agentId: string, report: ReportBody, deals: readonly DealBody[]): Promise<ReconcileAnswer['settled']> {
    await this.release(tx, caller, agentId, report, deals);
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

  /** What was done without a trade, says the agent, and the broker shows nothing of it: nothing is to be expected of it any more. */
  private async release(tx: Tx, caller: Caller, agentId: string, { asOf, positions, orders }: ReportBody, deals: readonly DealBody[]): Promise<void> {
    const openings = (await this.unknown.untraded(tx, agentId)).filter(({ finished_at: at }) => secondsBetween(at, asOf) >= SHOWN_WITHIN_SECONDS);
    if (openings.length === 0) return;
    const tags = openings.map(({ order_tag }) => order_tag);
    const shown = new Set([...(await this.unknown.filledTags(tx, agentId, tags)), ...[...positions, ...orders, ...deals].flatMap(({ orderTag }) => orderTag ?? [])]);
    for (const { id, idea_id: ideaId, order_tag: tag, symbol, account_id: accountId } of openings) {
      if (shown.has(tag) || !(await this.reservations.release(tx, id))) continue;
      const reason = 'the broker does not show it';
      await this.events.append(tx, caller, [{ type: 'reservation.released', subjectId: id, agentId, accountId, data: { ideaId, commandId: id, symbol, reason } }]);
      await this.incidents.open(tx, caller, {
        kind: 'OPENING_NOT_SHOWN', severity: 'info', subjectId: id, agentId, accountId, data: { ideaId, orderTag: tag, symbol },
        summary: `An opening in ${symbol} was said to be done, no trade was told, and the broker shows nothing under its tag ${tag}: it does not count any more.`,
      });
    }
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
