import { Exact } from '../convert/exact.js';
import { Json, type Mapped, type Owners, type Reading, type Value } from '../profile.js';

export type Mode = 'simulation' | 'paper' | 'live';

/** A trade of an old system that named no agent, in words of ours. Decimals and times as text. */
export interface OldTrade {
  mode: Mode;
  symbol: string;
  brokerSymbol?: string | null;
  direction: 'long' | 'short';
  outcome?: 'yes' | 'no' | null;
  size: string;
  entryPrice: string | null;
  entryTime: string;
  /** Whether anything is known to have been filled. */
  entered: boolean;
  /** An open trade is `unknown`: nobody has asked the broker since, and it counts until somebody does. */
  status: 'unknown' | 'closed' | 'rejected';
  exit: { price: string | null; time: string; reason: string } | null;
  /** Before costs; null is not known. */
  gross: string | null;
  /** What was paid: a cost is above 0, as the old systems write it. */
  fees: string | null;
  profitSource: 'told' | 'computed';
  broker: string | null;
  ticket: string | null;
  orderId?: string | null;
  /** What the old system called its status. */
  said: string;
}

/** @param table the name of the table that the row stands in */
export function tradeOf(trade: OldTrade, table: string, owners: Owners, { id: oldId }: Pick<Reading, 'id'>): Mapped {
  const { agentId, accountId } = owners.agent(trade.mode);
  const id = owners.id(table, oldId);
  const isClosed = trade.status === 'closed';
  const ended = trade.exit?.time ?? trade.entryTime;
  const values: Record<string, Value> = {
    id, agent_id: agentId, account_id: accountId, client_order_id: `imported:${table}:${oldId}`, symbol: trade.symbol, broker_symbol: trade.brokerSymbol ?? null, direction: trade.direction,
    outcome: trade.outcome ?? null, lot_size: trade.size, entry_price: trade.entryPrice, entry_time: trade.entryTime, execution_mode: trade.mode, origin: 'imported', broker: trade.broker,
    broker_order_id: trade.orderId ?? null, broker_ticket: trade.ticket, status: trade.status, exit_price: isClosed ? trade.exit?.price ?? null : null, exit_time: isClosed ? trade.exit?.time ?? null : null,
    exit_reason: isClosed ? trade.exit?.reason ?? null : null, gross_profit: trade.gross, fee: trade.fees === null ? null : negated(trade.fees), profit_source: trade.gross === null ? null : trade.profitSource,
    entered_size: trade.entered ? trade.size : null, exited_size: isClosed ? trade.size : null, request_hash: 'imported', finished_at: trade.status === 'unknown' ? null : ended,
  };
  const transition: Record<string, Value> = {
    trade_id: id, version: '1', from_status: null, to_status: trade.status, occurred_at: trade.status === 'unknown' ? trade.entryTime : ended, late: true, facts: new Json({}),
    reason: `imported; the old system said ${trade.said}`, actor: 'import',
  };
  return { rows: [{ table: 'trades', values }, { table: 'trade_transitions', values: transition }] };
}

/** Without a sign at 0. */
export const negated = (amount: string): string => new Exact(0).minus(amount).plus(0).toFixed();
