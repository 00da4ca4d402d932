import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { Caller } from '../common/http/caller.js';
import { actorOf } from '../common/principal.js';
import type { Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { Incidents } from '../incidents/incidents.service.js';
import { type Book, ReportsRepository } from '../positions/reports.repository.js';
import { namingBy } from '../positions/told.js';
import { BrokerTradesService } from '../trades/broker-trades.service.js';
import type { FillBody } from '../trades/fills.schemas.js';
import { FillsService } from '../trades/fills.service.js';
import { differs } from '../trades/let-through.js';
import { type Opening, OpeningsRepository } from '../trades/openings.repository.js';
import { stepEvent } from '../trades/trade-change.js';
import { FACT_AGE_SECONDS_MAX, secondsBetween } from '../trades/trade-times.js';
import { TradesRepository, type TradeRow } from '../trades/trades.repository.js';
import { assignDeals, type Deal } from './assign-deals.js';
import { DealsRepository } from './deals.repository.js';
import type { DealBody, ReconcileAnswer } from './reconcile.schemas.js';

type NamedDeal = DealBody & Deal;

const FOUND = 'FOUND_IN_DEALS';

/** What the broker did becomes fills of the trades that it did it to. */
@Injectable()
export class DealsService {
  constructor(
    private readonly deals: DealsRepository,
    private readonly reports: ReportsRepository,
    private readonly trades: TradesRepository,
    private readonly brokerTrades: BrokerTradesService,
    private readonly fills: FillsService,
    private readonly incidents: Incidents,
    private readonly events: Events,
    private readonly openings: OpeningsRepository,
  ) {}

  /** Known ones change nothing. The account must be locked. */
  async take(tx: Tx, caller: Caller, agentId: string, book: Book, netting: boolean, told: readonly DealBody[]): Promise<ReconcileAnswer['deals']> {
    const now = await this.trades.now(tx);
    const recent = told.filter(({ at }) => secondsBetween(at, now) <= FACT_AGE_SECONDS_MAX);
    const known = recent.length > 0 ? await this.deals.known(tx, book.id, recent) : new Set<string>();
    const fresh = [...new Map(recent.filter(({ role, brokerDealId }) => !known.has(`${role} ${brokerDealId}`)).map((deal) => [`${deal.role} ${deal.brokerDealId}`, deal])).values()];
    const adopted = fresh.length > 0 ? await this.assign(tx, caller, agentId, book, netting, await this.named(tx, book, fresh)) : [];
    return {
      stored: fresh.length, known: recent.length - fresh.length, tooOld: told.length - recent.length,
      adopted: adopted.map(({ id, deal: { brokerDealId, role, symbol, size } }) => ({ tradeId: id, brokerDealId, role, symbol, size })),
    };
  }

  private async named(tx: Tx, book: Book, deals: readonly DealBody[]): Promise<NamedDeal[]> {
    const nameOf = namingBy(await this.reports.listed(tx, book.accountId, [...new Set(deals.map(({ symbol }) => symbol))]));
    return deals.map((deal): NamedDeal => {
      const { symbol, exchange, product } = nameOf(deal.symbol, deal.exchange, deal.product);
      return { ...deal, symbol, exchange, product };
    });
  }

  private async assign(tx: Tx, caller: Caller, agentId: string, book: Book, netting: boolean, deals: readonly NamedDeal[]): Promise<{ id: string; deal: NamedDeal }[]> {
    const trades = await this.deals.trades(tx, book, {
      orderTags: deals.flatMap(({ orderTag }) => orderTag ?? []), positionIds: deals.flatMap(({ brokerPositionId }) => brokerPositionId ?? []),
      orderIds: deals.flatMap(({ brokerOrderId }) => brokerOrderId ?? []), clientOrderIds: deals.flatMap(({ clientOrderId }) => clientOrderId ?? []),
    });
    const found = assignDeals(deals, trades, netting, uuidv7);
    const openings = await this.openings.untraded(tx, book, found.adopted.flatMap(({ deal: { role, orderTag } }) => (role === 'entry' && orderTag != null ? [orderTag] : [])));
    const owners = found.adopted.length > 0 ? await this.reports.agentsOfMagic(tx, book, deals.flatMap(({ magic }) => magic ?? [])) : new Map<string, string>();
    for (const { id, deal } of found.adopted) await this.adopt(tx, caller, book, id, deal, (deal.magic == null ? undefined : owners.get(deal.magic)) ?? agentId, openings);
    const orphans = new Map(found.adopted.flatMap(({ id, deal }) => (deal.role === 'exit' ? [[id, deal] as const] : [])));
    for (const [id, ofTrade] of [...found.fills].sort(([a], [b]) => (a < b ? -1 : 1))) await this.record(tx, caller, id, ofTrade, orphans.get(id));
    return found.adopted;
  }

  /** @param orphan the exit of which nobody knows the entry: it ends its trade */
  private async record(tx: Tx, caller: Caller, id: string, deals: readonly NamedDeal[], orphan: NamedDeal | undefined): Promise<void> {
    const trade = await this.trades.lock(tx, id);
    if (!trade) throw new Error('a trade was locked, and is not there');
    const { trade: after } = await this.fills.record(tx, caller, trade, deals.map(fillOf), (_index, field) => field);
    const ended = orphan && after.status === 'unknown' ? await this.end(tx, caller, after, orphan) : after;
    if (ended && orphan) await this.incidents.resolve(tx, caller, 'EXTERNAL_POSITION', [id], 'it is gone');
  }

  /** Opened and perhaps closed while nobody looked. It has ended or is shown by the report that comes with its deals. */
  private async adopt(tx: Tx, caller: Caller, { accountId, mode }: Book, id: string, deal: NamedDeal, reportedBy: string, openings: Map<string, Opening>): Promise<void> {
    const opening = letThrough(openings, deal);
    const agentId = opening?.agent_id ?? reportedBy;
    const trade = await this.brokerTrades.adopt(tx, {
      id, agent_id: agentId, account_id: accountId, symbol: deal.symbol, broker_symbol: null, exchange: deal.exchange, product: deal.product, direction: deal.direction, outcome: deal.outcome ?? null,
      lot_size: opening?.lot_size ?? deal.size, entry_price: null, entry_time: null, stop_loss: null, take_profit: null, execution_mode: mode, broker_order_id: deal.brokerOrderId ?? null,
      broker_position_id: deal.brokerPositionId ?? null, broker_ticket: null, status: 'pending', key: deal.brokerPositionId ?? `deal:${deal.brokerDealId}`, facts: { brokerDealId: deal.brokerDealId }, opening,
    }, FOUND, { actor: actorOf(caller.principal), correlationId: caller.correlationId });
    const data = { symbol: trade.symbol, direction: trade.direction, ...(trade.outcome !== null && { outcome: trade.outcome }), lotSize: trade.lot_size, executionMode: mode, origin: trade.origin, brokerPositionId: trade.broker_position_id, brokerOrderId: trade.broker_order_id };
    await this.events.append(tx, caller, [{ type: 'position.adopted', subjectId: id, agentId, accountId, data }]);
    if (opening) return;
    await this.incidents.open(tx, caller, {
      kind: 'EXTERNAL_POSITION', severity: mode === 'live' ? 'critical' : 'warning', subjectId: id, agentId, data,
      summary: `The broker carried out ${deal.direction} ${deal.size} ${deal.symbol}${deal.outcome == null ? '' : ` ${deal.outcome}`} that nobody told of.`,
    });
  }

  private async end(tx: Tx, caller: Caller, { id }: TradeRow, { at }: NamedDeal): Promise<TradeRow | null> {
    const row = await this.brokerTrades.move(tx, {
      id, from: 'unknown', to: 'closed', occurred_at: at, reason: FOUND, facts: {}, entry_price: null, entry_time: null, broker_position_id: null, missing_since: null,
    }, { actor: actorOf(caller.principal), correlationId: caller.correlationId });
    if (row) await this.events.append(tx, caller, [stepEvent(row, 'unknown', { occurredAt: at, late: true })]);
    return row;
  }
}

/** The opening that an entry was made for, once: what is more than that is a trade of its own. */
function letThrough(openings: Map<string, Opening>, { role, orderTag, symbol, exchange, direction, outcome, size }: NamedDeal): Opening | null {
  const opening = role === 'entry' && orderTag != null ? openings.get(orderTag) : undefined;
  if (!opening || differs(opening, { symbol, exchange: exchange ?? opening.exchange, direction, outcome: outcome ?? opening.outcome, size }) !== null) return null;
  openings.delete(opening.order_tag);
  return opening;
}

/** What of a deal a fill keeps. */
const fillOf = ({ symbol: _symbol, exchange: _exchange, product: _product, direction: _direction, outcome: _outcome, orderTag: _tag, magic: _magic, clientOrderId: _client, ...fill }: NamedDeal): FillBody => fill;
