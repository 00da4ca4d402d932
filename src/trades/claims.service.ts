import { Injectable } from '@nestjs/common';
import type { Caller } from '../common/http/caller.js';
import { actorOf } from '../common/principal.js';
import type { Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { Incidents } from '../incidents/incidents.service.js';
import { BrokerTradesRepository } from './broker-trades.repository.js';
import { BrokerTradesService } from './broker-trades.service.js';
import type { Facts } from './request-facts.js';
import { eventOf } from './trade-change.js';
import { type NewTrade, type TradeRow, TradesRepository } from './trades.repository.js';

/** An agent may be slower than its own report of what the broker shows: what was adopted meanwhile becomes its trade. */
@Injectable()
export class ClaimsService {
  constructor(
    private readonly trades: TradesRepository,
    private readonly brokerTrades: BrokerTradesRepository,
    private readonly service: BrokerTradesService,
    private readonly events: Events,
    private readonly incidents: Incidents,
  ) {}

  /**
   * Null when nothing was adopted under the broker's names of this trade.
   * @param untoldId what was made in its place already
   */
  async claim(tx: Tx, caller: Caller, trade: NewTrade, facts: Facts, untoldId: string | null = null): Promise<TradeRow | null> {
    if (untoldId === null && trade.broker_position_id === null && trade.broker_order_id === null) return null;
    await this.brokerTrades.holdAccountOf(tx, trade.agent_id);
    const id = untoldId ?? (await this.brokerTrades.unclaimed(tx, trade));
    const adopted = id && (await this.trades.lock(tx, id));
    if (!adopted) return null;
    const row = await this.service.claim(tx, adopted, trade, facts, { actor: actorOf(caller.principal), correlationId: caller.correlationId });
    await this.events.append(tx, caller, [{
      type: 'position.claimed', subjectId: row.id, agentId: row.agent_id, accountId: row.account_id,
      data: { version: row.version, symbol: row.symbol, brokerPositionId: row.broker_position_id, brokerOrderId: row.broker_order_id, lotSize: { from: adopted.lot_size, to: row.lot_size } },
    }, ...(row.status === adopted.status ? [] : [{
      type: eventOf(adopted.status, row.status), subjectId: row.id, agentId: row.agent_id, accountId: row.account_id,
      data: { from: adopted.status, to: row.status, version: row.version, symbol: row.symbol, direction: row.direction, lotSize: row.lot_size, origin: row.origin },
    }])]);
    for (const kind of ['EXTERNAL_POSITION', 'EXTERNAL_ORDER'] as const) await this.incidents.resolve(tx, caller, kind, [row.id], `claimed as ${row.client_order_id}`);
    return row;
  }
}
