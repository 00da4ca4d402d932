import { Injectable } from '@nestjs/common';
import { ServerCommands } from '../commands/server-commands.service.js';
import type { Caller } from '../common/http/caller.js';
import { actorOf } from '../common/principal.js';
import type { Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { Incidents } from '../incidents/incidents.service.js';
import { BrokerTradesRepository } from '../trades/broker-trades.repository.js';
import { BrokerTradesService, type Teller } from '../trades/broker-trades.service.js';
import type { Plan } from './compare.js';
import type { Known, Report, Trade } from './known.js';
import { type AdoptedTrade, adoptions, events, incidents, type Moved, moves, RESIZED, SEEN, SIDED, storable, toReconcile, writtenOrder, writtenPosition } from './plan-changes.js';
import { type Book, ReportsRepository } from './reports.repository.js';
import type { ToldOrder } from './told.js';

/** Carries out what a comparison found: trades one by one, since each follows from its fills too; rows, events, incidents and commands, each kind in one statement. */
@Injectable()
export class PlanService {
  constructor(
    private readonly reports: ReportsRepository,
    private readonly trades: BrokerTradesRepository,
    private readonly brokerTrades: BrokerTradesService,
    private readonly commands: ServerCommands,
    private readonly events: Events,
    private readonly incidents: Incidents,
  ) {}

  /** Answers what was adopted. */
  async carryOut(tx: Tx, caller: Caller, report: Report, book: Book, known: Known, plan: Plan): Promise<AdoptedTrade[]> {
    const adopted = adoptions(plan, known, book, report.asOf);
    const by = { actor: actorOf(caller.principal), correlationId: caller.correlationId };
    for (const { trade } of adopted) await this.brokerTrades.adopt(tx, trade, SEEN, by);
    const moved = await this.changeTrades(tx, report, plan, by);
    await this.writeRows(tx, report, book, known, plan, adopted);
    await this.events.append(tx, caller, events(plan, adopted, moved, book));
    await this.reconcile(tx, caller, plan);
    const rows = new Map(known.positions.map((row) => [row.key, row.id]));
    await this.incidents.openAll(tx, caller, incidents(plan, adopted, book, (told) => rows.get(told.key)));
    await this.resolve(tx, caller, plan, known);
    return adopted;
  }

  private async changeTrades(tx: Tx, { asOf }: Report, plan: Plan, by: Teller) {
    for (const { trade, outcome } of plan.sided) await this.brokerTrades.side(tx, trade.id, outcome, asOf, SIDED, by);
    for (const { trade, size, told } of plan.resized) {
      await this.brokerTrades.resize(tx, trade.id, storable(size), trade.status === 'pending' ? null : told.entryPrice, asOf, RESIZED, by);
    }
    const links = [
      ...plan.linked.map(({ trade, brokerPositionId }) => ({ id: trade.id, broker_position_id: brokerPositionId, broker_order_id: null })),
      ...plan.linkedOrders.map(({ trade, brokerOrderId }) => ({ id: trade.id, broker_position_id: null, broker_order_id: brokerOrderId })),
    ];
    if (links.length > 0) await this.trades.link(tx, links);
    const unknown = plan.missing.filter(({ status }) => status === 'unknown');
    if (unknown.length > 0) await this.trades.noteMissing(tx, unknown.map(({ id }) => id), asOf);
    const moved: Moved[] = [];
    for (const move of moves(plan, asOf)) {
      const row = await this.brokerTrades.move(tx, move, by);
      if (row) moved.push({ move, row });
    }
    return moved;
  }

  private async writeRows(tx: Tx, report: Report, book: Book, known: Known, plan: Plan, adopted: readonly AdoptedTrade[]): Promise<void> {
    const written = { book, reportedBy: report.agentId, asOf: report.asOf, complete: report.complete };
    const since = new Map(known.positions.map((row) => [row.key, row.mismatch_since]));
    const adoptedOf = ({ key, orderTag }: ToldOrder) =>
      (adopted.find(({ told }) => told.key === key) ?? adopted.find(({ trade }) => orderTag != null && trade.opening?.order_tag === orderTag))?.trade.id ?? null;
    const ofAdopted = new Map(adopted.map(({ told, trade }) => [told, trade.id]));
    const positions = plan.held.map((held) => writtenPosition(held, held.adopts ? (ofAdopted.get(held.told) ?? null) : null, report.asOf, since.get(held.told.key) ?? null));
    await this.reports.remove(tx, 'positions', plan.over.map(({ id }) => id));
    await this.reports.remove(tx, 'working_orders', plan.overOrders);
    await this.reports.writePositions(tx, written, positions);
    await this.reports.writeOrders(tx, written, plan.working.map(({ told, trade }) => writtenOrder(told, trade?.id ?? (told.role === 'entry' ? adoptedOf(told) : null))));
    await this.reports.markMissing(tx, 'positions', plan.stillMissing.filter(({ missing_since }) => missing_since === null).map(({ id }) => id), report.asOf);
    await this.reports.markMissing(tx, 'working_orders', plan.stillMissingOrders, report.asOf);
    await this.reports.noteReport(tx, written, report.positions.length, report.orders.length);
  }

  /** One question for an agent, however much is missing: it reports everything that the broker shows. */
  private async reconcile(tx: Tx, caller: Caller, plan: Plan): Promise<void> {
    const ofAgent = Map.groupBy(toReconcile(plan), ({ trade }) => trade.agent_id);
    if (ofAgent.size === 0) return;
    await this.commands.askToReconcile(tx, caller, [...ofAgent.keys()], 0, (agentId) => {
      const asked = ofAgent.get(agentId) ?? [];
      const [first, ...more] = asked;
      const reason = [...new Set(asked.map(({ why }) => why))].join(', ');
      return first && more.length === 0 ? { orderTag: first.trade.order_tag, reason } : { reason: `${reason}: ${asked.length} trades` };
    });
  }

  private async resolve(tx: Tx, caller: Caller, plan: Plan, known: Known): Promise<void> {
    const ids = (trades: readonly Trade[]) => trades.map(({ id }) => id);
    const opened = plan.opened.map(({ trade }) => trade);
    const back = [...opened, ...plan.restored].filter(({ missing_since }) => missing_since !== null);
    const claimed = plan.duplicates.map(({ trade }) => trade);
    const external = (trades: readonly Trade[]) => trades.filter(({ origin }) => origin === 'external');
    await this.incidents.resolve(tx, caller, 'POSITION_MISSING', ids(back), 'the broker shows it again');
    await this.incidents.resolve(tx, caller, 'POSITION_MISSING', ids([...plan.gone, ...plan.cancelledOrders]), 'it was gone from a second report');
    await this.incidents.resolve(tx, caller, 'EXTERNAL_POSITION', ids(external(plan.gone)), 'it is gone');
    await this.incidents.resolve(tx, caller, 'EXTERNAL_POSITION', ids([...claimed, ...plan.explained]), 'a trade claims it');
    await this.incidents.resolve(tx, caller, 'EXTERNAL_ORDER', ids(external([...plan.cancelledOrders, ...opened])), 'it is gone, or filled');
    const different = new Set(plan.differing.map(({ told }) => told.key));
    const shown = new Set(plan.held.map(({ told }) => told.key));
    const settled = known.positions.filter((row) => row.mismatch_since !== null && ((shown.has(row.key) && !different.has(row.key)) || plan.over.some(({ id }) => id === row.id)));
    await this.incidents.resolve(tx, caller, 'POSITION_MISMATCH', settled.map(({ id }) => id), 'sizes are equal, or the position is gone');
  }
}
