import { v7 as uuidv7 } from 'uuid';
import { Exact } from '../common/decimal.js';
import { type Opening, UNTOLD } from './openings.repository.js';
import type { NewTrade } from './trades.repository.js';

/** What a trade, a position or a deal is, as far as the gate decides on it. */
export interface Entered {
  symbol: string;
  /** Null: not told. */
  exchange: string | null;
  /** Absent: not told. */
  product?: string | null;
  direction: 'long' | 'short';
  /** Absent: not told. */
  outcome?: 'yes' | 'no' | null;
  size: string;
}

/** Why something is not what the gate let through, or less of it, in words for a person; null: it is. */
export function differs(opening: Opening, { symbol, exchange, product, direction, outcome, size }: Entered): string | null {
  if (symbol !== opening.symbol || exchange !== opening.exchange) return `it is in ${placeOf({ symbol, exchange })}; ${placeOf(opening)} was let through`;
  // An idea that named none left it to its executor.
  if (product !== undefined && opening.product !== null && product !== opening.product) return `it is of product ${product}; ${opening.product} was let through`;
  if (direction !== opening.direction) return `it is ${direction}; ${opening.direction} was let through`;
  if (outcome !== undefined && outcome !== opening.outcome) return `it is of outcome ${outcome}; ${opening.outcome} was let through`;
  if (new Exact(size).gt(opening.lot_size)) return `it is ${size}; ${opening.lot_size} was let through`;
  return null;
}

const placeOf = ({ symbol, exchange }: { symbol: string; exchange: string | null }) => (exchange === null ? symbol : `${exchange}:${symbol}`);

/** The trade of an opening that its agent has not told: it is whatever was let through, until somebody knows more. */
export const tradeOf = (opening: Opening): NewTrade => ({
  id: uuidv7(), agent_id: opening.agent_id, account_id: opening.account_id, client_order_id: opening.order_tag, symbol: opening.symbol, broker_symbol: opening.broker_symbol,
  exchange: opening.exchange, product: opening.product, direction: opening.direction, outcome: opening.outcome, lot_size: opening.lot_size, entry_price: opening.entry_price, entry_time: null,
  stop_loss: opening.stop_loss, take_profit: opening.take_profit, execution_mode: opening.execution_mode, origin: 'gated', order_tag: opening.order_tag, broker: null, broker_order_id: null,
  broker_position_id: null, broker_ticket: null, prediction_id: opening.prediction_id, idea_id: opening.idea_id, command_id: opening.command_id, strategy_id: opening.strategy_id,
  status: 'pending', source_time: null, request_hash: UNTOLD,
});
