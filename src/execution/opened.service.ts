import { Injectable } from '@nestjs/common';
import type { CommandRow } from '../commands/commands.repository.js';
import { LeaseService } from '../commands/lease.service.js';
import type { Caller } from '../common/http/caller.js';
import { parsed } from '../common/http/validation.js';
import { actorOf } from '../common/principal.js';
import { badRequest } from '../common/problem.js';
import type { Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { BrokerTradesRepository } from '../trades/broker-trades.repository.js';
import { ClaimsService } from '../trades/claims.service.js';
import { FillsService } from '../trades/fills.service.js';
import { differs, tradeOf } from '../trades/let-through.js';
import { type Opening, OpeningsRepository } from '../trades/openings.repository.js';
import { factsOf } from '../trades/request-facts.js';
import { eventOf } from '../trades/trade-change.js';
import { type NewTrade, type TradeRow, TradesRepository } from '../trades/trades.repository.js';
import { TradesService } from '../trades/trades.service.js';
import { UngatedTrades } from '../trades/ungated.service.js';
import { type Opened, openedSchema, tellsOfTrade } from './opened.schemas.js';

/** The end of an opening may carry its fill: so the trade is there in the transaction that ends the command, and nothing is reserved any more. */
@Injectable()
export class OpenedService {
  constructor(
    private readonly trades: TradesRepository,
    private readonly service: TradesService,
    private readonly openings: OpeningsRepository,
    private readonly brokerTrades: BrokerTradesRepository,
    private readonly claims: ClaimsService,
    private readonly fills: FillsService,
    private readonly ungated: UngatedTrades,
    private readonly events: Events,
    leases: LeaseService,
  ) {
    leases.onComplete('open_trade', {
      hold: (tx, agentId) => this.service.holdAccount(tx, agentId, 'alone'),
      before: async (tx, commandId, result) => {
        if (tellsOfTrade(result)) await this.openings.lockTrades(tx, commandId);
      },
      took: (tx, caller, command, result) => this.took(tx, caller, command, result),
    });
  }

  /** The account is held. @throws {Problem} 400 naming what is wrong; as for a fill */
  private async took(tx: Tx, caller: Caller, command: CommandRow, result: unknown): Promise<void> {
    if (!tellsOfTrade(result)) return;
    const told = parsed(openedSchema, result, 'result');
    const opening = await this.openings.find(tx, command.id, null);
    if (!opening) return;
    if (told.orderTag != null && told.orderTag !== opening.order_tag) throw badRequest('VALIDATION_FAILED', `is not that of the command, ${opening.order_tag}`, 'result.orderTag');
    const trade = (await this.there(tx, opening, told)) ?? (await this.make(tx, caller, opening, told));
    const linked = await this.link(tx, caller, trade, told);
    if (!told.fill) return;
    const { brokerOrderId, brokerPositionId } = told;
    await this.fills.record(tx, caller, linked, [{ ...told.fill, role: 'entry', brokerOrderId, brokerPositionId }], (_index, field) => `result.fill${field === '' ? '' : `.${field}`}`);
  }

  /** Told by its agent, or adopted, before the command ended. */
  private async there(tx: Tx, opening: Opening, { clientOrderId }: Opened): Promise<TradeRow | null> {
    if (opening.trade_id !== null) return this.trades.lock(tx, opening.trade_id);
    const named = clientOrderId == null ? null : await this.trades.byClientOrder(tx, opening.agent_id, clientOrderId);
    if (!named) return null;
    if (named.command_id !== null) throw badRequest('VALIDATION_FAILED', `is that of trade ${named.id}, of another command`, 'result.clientOrderId');
    const trade = await this.trades.lock(tx, named.id);
    if (!trade) throw new Error('the trade was not there');
    const { symbol, exchange, direction, outcome, lot_size: size } = trade;
    await this.openings.carry(tx, trade.id, opening, differs(opening, { symbol, exchange, direction, outcome, size }) === null);
    return this.trades.lock(tx, trade.id);
  }

  private async make(tx: Tx, caller: Caller, opening: Opening, told: Opened): Promise<TradeRow> {
    const { symbol, exchange, direction } = opening;
    const why = told.fill ? differs(opening, { symbol, exchange, direction, size: told.fill.size }) : null;
    const trade: NewTrade = {
      ...tradeOf(opening), client_order_id: told.clientOrderId ?? opening.order_tag, broker_order_id: told.brokerOrderId ?? null, broker_position_id: told.brokerPositionId ?? null,
      ...(why === null ? {} : { origin: 'ungated', lot_size: told.fill?.size ?? opening.lot_size }),
    };
    const facts = factsOf({ commandId: opening.command_id, ideaId: opening.idea_id, orderTag: opening.order_tag, brokerOrderId: told.brokerOrderId, brokerPositionId: told.brokerPositionId });
    const row = (await this.claims.claim(tx, caller, trade, facts)) ?? (await this.insert(tx, caller, trade, facts));
    if (why !== null) await this.ungated.note(tx, caller, row, why);
    return row;
  }

  private async insert(tx: Tx, caller: Caller, trade: NewTrade, facts: Record<string, unknown>): Promise<TradeRow> {
    const step = { from: null, to: trade.status, occurredAt: await this.trades.now(tx), late: false, brokerDealId: null, facts, reason: 'COMMAND_COMPLETED', actor: actorOf(caller.principal), correlationId: caller.correlationId };
    // Told under the same name at the same moment, without its command: that one is another trade until it names it.
    const row = (await this.trades.insert(tx, trade, step)) ?? (await this.trades.insert(tx, { ...trade, client_order_id: `${trade.client_order_id}:${trade.id.slice(-12)}` }, step));
    if (!row) throw new Error('a trade of this command was there, and is not');
    await this.events.append(tx, caller, [{
      type: eventOf(null, row.status), subjectId: row.id, agentId: row.agent_id, accountId: row.account_id,
      data: { version: 1, symbol: row.symbol, direction: row.direction, lotSize: row.lot_size, executionMode: row.execution_mode, origin: row.origin },
    }]);
    return row;
  }

  /** The broker's names, where nobody told them. */
  private async link(tx: Tx, caller: Caller, trade: TradeRow, told: Opened): Promise<TradeRow> {
    const brokerPositionId = trade.broker_position_id === null ? (told.brokerPositionId ?? null) : null;
    const brokerOrderId = trade.broker_order_id === null ? (told.brokerOrderId ?? null) : null;
    if (brokerPositionId === null && brokerOrderId === null) return trade;
    await this.brokerTrades.link(tx, [{ id: trade.id, broker_position_id: brokerPositionId, broker_order_id: brokerOrderId }]);
    await this.events.append(tx, caller, [{
      type: 'position.linked', subjectId: trade.id, agentId: trade.agent_id, accountId: trade.account_id,
      data: { ...(brokerPositionId === null ? {} : { brokerPositionId: { from: null, to: brokerPositionId } }), ...(brokerOrderId === null ? {} : { brokerOrderId: { from: null, to: brokerOrderId } }) },
    }]);
    return { ...trade, broker_position_id: brokerPositionId ?? trade.broker_position_id, broker_order_id: brokerOrderId ?? trade.broker_order_id };
  }
}
