import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction.js';
import { BrokerTradesRepository } from './broker-trades.repository.js';
import { tradeOf } from './let-through.js';
import type { Opening } from './openings.repository.js';
import type { Facts } from './request-facts.js';
import { asTold, type TradeState } from './trade-change.js';
import { isFinished, type TradeStatus } from './trade-state.js';
import { CLAIMED, LATE_AFTER_SECONDS, secondsBetween } from './trade-times.js';
import { type NewTrade, type TradeRow, TradesRepository } from './trades.repository.js';

export type Adopted = Pick<NewTrade,
  | 'id' | 'agent_id' | 'account_id' | 'symbol' | 'broker_symbol' | 'exchange' | 'product' | 'direction' | 'outcome' | 'lot_size' | 'entry_price' | 'entry_time' | 'stop_loss' | 'take_profit'
  | 'execution_mode' | 'broker_order_id' | 'broker_position_id' | 'broker_ticket' | 'status'
> & {
  key: string;
  facts: Facts;
  /** Whose carrying out it is; absent: nobody told of it. */
  opening?: Opening | null;
};

/** What a report changes of a trade; null leaves a field as it is, but for `missing_since`. */
export interface BrokerMove {
  id: string;
  from: TradeStatus;
  to: TradeStatus;
  occurred_at: string;
  reason: string;
  facts: Facts;
  entry_price: string | null;
  entry_time: string | null;
  broker_position_id: string | null;
  missing_since: string | null;
}

/** Who says it, and in which request. */
export interface Teller {
  actor: string;
  correlationId: string | null;
}

const NOTHING_MORE = { broker: null, prediction_id: null, idea_id: null, command_id: null, strategy_id: null, source_time: null } as const;

/** What a broker's report does to trades, each with its line of history. The account must be locked, and what changes. */
@Injectable()
export class BrokerTradesService {
  constructor(
    private readonly trades: TradesRepository,
    private readonly brokerTrades: BrokerTradesRepository,
  ) {}

  /**
   * What the broker shows and nobody told of: of origin external, or the trade of the opening under whose tag it is shown. A
   * name that was given before gets the new one's id behind it.
   */
  async adopt(tx: Tx, { key, facts, opening, ...adopted }: Adopted, reason: string, teller: Teller): Promise<TradeRow> {
    const now = await this.trades.now(tx);
    const occurredAt = adopted.entry_time ?? now;
    const step = { from: null, to: adopted.status, occurredAt, late: isLate(occurredAt, now), brokerDealId: null, facts, reason, ...teller };
    const trade: NewTrade = opening ? letThrough(opening, adopted) : { ...NOTHING_MORE, ...adopted, origin: 'external', request_hash: 'external', client_order_id: `external:${key}` };
    const made = (await this.trades.insert(tx, trade, step)) ?? (await this.trades.insert(tx, { ...trade, client_order_id: `${trade.client_order_id}:${trade.id.slice(-12)}` }, step));
    if (!made) throw new Error('an adopted trade was there, and is not');
    return made;
  }

  /** Null when it is not what it was. */
  async move(tx: Tx, { id, from, to, occurred_at: occurredAt, reason, facts, missing_since, ...said }: BrokerMove, teller: Teller): Promise<TradeRow | null> {
    const trade = await this.trades.lock(tx, id);
    if (trade?.status !== from) return null;
    const told = asTold(trade);
    const next: TradeState = {
      ...told, status: to, entry_price: said.entry_price ?? told.entry_price, entry_time: said.entry_time ?? told.entry_time,
      broker_position_id: said.broker_position_id ?? told.broker_position_id,
      ...(to === 'open' || to === 'pending' ? { exit_price: null, exit_reason: null } : {}),
      ...(to === 'closed' ? { exit_time: occurredAt, exit_reason: told.exit_reason ?? 'unknown' } : {}),
    };
    const late = isLate(occurredAt, await this.trades.now(tx));
    await this.brokerTrades.noteMissing(tx, [id], missing_since);
    return this.trades.move(tx, trade, next, { from, to, occurredAt, late, brokerDealId: null, facts, reason, ...teller });
  }

  /** An adopted trade is as large as the broker shows it, whatever fills are known of it. @param lotSize entered in all */
  async resize(tx: Tx, id: string, lotSize: string, entryPrice: string | null, occurredAt: string, reason: string, teller: Teller): Promise<TradeRow | null> {
    const trade = await this.trades.lock(tx, id);
    if (!trade || isFinished(trade.status)) return null;
    await this.brokerTrades.setSize(tx, id, lotSize);
    // Known by its deals alone, it is shown now.
    const known = asTold(trade);
    const told: TradeState = trade.status === 'open' && known.entry_time === null ? { ...known, status: 'open', entry_price: entryPrice ?? trade.entry_price, entry_time: trade.entry_time ?? occurredAt } : known;
    const step = { from: trade.status, to: told.status, occurredAt, late: false, brokerDealId: null, facts: { lotSize: { from: trade.lot_size, to: lotSize } }, reason, ...teller };
    return this.trades.move(tx, { ...trade, lot_size: lotSize }, { ...told, entry_price: entryPrice ?? told.entry_price }, step);
  }

  /** Which side of a binary contract an adopted trade is, once the broker's report says it. */
  async side(tx: Tx, id: string, outcome: 'yes' | 'no', occurredAt: string, reason: string, teller: Teller): Promise<TradeRow | null> {
    const trade = await this.trades.lock(tx, id);
    if (!trade || trade.outcome !== null || isFinished(trade.status)) return null;
    await this.brokerTrades.setOutcome(tx, id, outcome);
    const step = { from: trade.status, to: trade.status, occurredAt, late: false, brokerDealId: null, facts: { outcome: { from: null, to: outcome } }, reason, ...teller };
    return this.trades.move(tx, { ...trade, outcome }, asTold(trade), step);
  }

  /** Takes an adopted trade over. What the broker showed of its entry stays, unless this says when and at which price it entered. */
  async claim(tx: Tx, adopted: TradeRow, trade: NewTrade, facts: Facts, teller: Teller): Promise<TradeRow> {
    await this.brokerTrades.rename(tx, adopted.id, trade);
    const renamed = await this.trades.lock(tx, adopted.id);
    if (!renamed) throw new Error('the trade was not there');
    const told = asTold(renamed);
    const took = trade.entry_price !== null && trade.entry_time !== null;
    const next: TradeState = {
      ...told, status: told.status === 'pending' ? trade.status : told.status,
      entry_price: took ? trade.entry_price : (told.entry_price ?? trade.entry_price), entry_time: took ? trade.entry_time : told.entry_time,
      stop_loss: trade.stop_loss ?? told.stop_loss, take_profit: trade.take_profit ?? told.take_profit,
      broker_order_id: trade.broker_order_id ?? told.broker_order_id, broker_position_id: trade.broker_position_id ?? told.broker_position_id,
    };
    const step = { from: adopted.status, to: next.status, occurredAt: await this.trades.now(tx), late: false, brokerDealId: null, facts, reason: CLAIMED, ...teller };
    return this.trades.move(tx, renamed, next, step);
  }
}

/** What the broker shows of it, and what was let through where the broker says nothing. */
function letThrough(opening: Opening, shown: Omit<Adopted, 'key' | 'facts' | 'opening'>): NewTrade {
  const trade = tradeOf(opening);
  return {
    ...trade, ...shown, agent_id: trade.agent_id, exchange: shown.exchange ?? trade.exchange, product: shown.product ?? trade.product, outcome: shown.outcome ?? trade.outcome, stop_loss: shown.stop_loss ?? trade.stop_loss,
    take_profit: shown.take_profit ?? trade.take_profit, entry_price: shown.entry_price ?? trade.entry_price,
  };
}

const isLate = (occurredAt: string, now: string): boolean => secondsBetween(occurredAt, now) > LATE_AFTER_SECONDS;
