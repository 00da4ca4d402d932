import { createHash } from 'node:crypto';
import { canonicalJson } from '../common/canonical-json.js';
import { DECIMAL_PLACES_MAX, Exact } from '../common/decimal.js';
import type { Target } from '../trades/trade-fields.js';

export interface PriceBand {
  low: string;
  high: string;
}

/** What an approval binds: all that would be traded, by whom, where, under which strategy and between which prices. */
export interface Approvable {
  symbol: string;
  exchange: string | null;
  product: string | null;
  direction: 'long' | 'short';
  outcome: 'yes' | 'no' | null;
  lotSize: string;
  entryPrice: string | null;
  entryRange: PriceBand | null;
  stopLoss: string | null;
  takeProfit: readonly Target[];
  validForSeconds: number;
  executorId: string;
  accountId: string;
  executionMode: string;
  strategyId: string | null;
  strategyVersion: number | null;
  priceBand: PriceBand | null;
}

/** Hexadecimal SHA-256; decimals are in their one spelling. */
export const digestOf = (what: Approvable): string => createHash('sha256').update(canonicalJson(what)).digest('hex');

/** Of the way from the price to the stop; without one, of the price. */
const OF_STOP = '0.25';
const OF_PRICE = '0.001';

/**
 * Between which prices an approval holds: the idea's own range, else so much around the price of now. Null: nobody knows a price.
 * @param price the side of the quote that the idea would take, else its entry
 */
export function bandOf(idea: { entryRange: PriceBand | null; stopLoss: string | null }, price: string | null): PriceBand | null {
  if (idea.entryRange) return idea.entryRange;
  if (price === null) return null;
  const width = idea.stopLoss === null ? new Exact(price).times(OF_PRICE) : new Exact(price).minus(idea.stopLoss).abs().times(OF_STOP);
  const text = (value: InstanceType<typeof Exact>) => value.toDecimalPlaces(DECIMAL_PLACES_MAX).toFixed();
  return { low: text(Exact.max(new Exact(price).minus(width), 0)), high: text(new Exact(price).plus(width)) };
}

/** A tenth of the way to the stop: the risk that was let through grows by no more than that. Without a stop, of the price. */
const SLIPPED_OF_STOP = '0.1';
const SLIPPED_OF_PRICE = '0.0005';

/**
 * By how much worse than its price an opening may be filled: without anything, one tick after the decision would be too late.
 * Never outside the idea's own range. Null: not at all.
 */
export function slippageOf({ direction, entryRange, stopLoss }: Pick<Approvable, 'direction' | 'entryRange' | 'stopLoss'>, price: string): string | null {
  const most = stopLoss === null ? new Exact(price).times(SLIPPED_OF_PRICE) : new Exact(price).minus(stopLoss).abs().times(SLIPPED_OF_STOP);
  const room = entryRange === null ? most : direction === 'long' ? new Exact(entryRange.high).minus(price) : new Exact(price).minus(entryRange.low);
  const slippage = Exact.min(most, room).toDecimalPlaces(DECIMAL_PLACES_MAX, Exact.ROUND_DOWN);
  return slippage.gt(0) ? slippage.toFixed() : null;
}

export const isInside = (price: string, { low, high }: PriceBand): boolean => new Exact(price).gte(low) && new Exact(price).lte(high);
