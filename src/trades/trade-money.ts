import type { Decimal } from 'decimal.js';
import { Exact } from '../common/decimal.js';
import { type FigureTerms, termsOf } from '../instruments/figures.js';

/** What a size of 1 and a price of 1 come to in the account's currency, and whether the instrument is a binary contract; null: not known, which is never a number. */
export type PointValue = (price: Decimal) => { amount: Decimal; assumed: boolean; isBinary: boolean } | null;

export interface Priced {
  symbol: string;
  exchange: string | null;
  outcome: 'yes' | 'no' | null;
  execution_mode: 'simulation' | 'paper' | 'live';
}

/**
 * The value of a point by the instrument's terms, or outside live by assumed ones. In another currency than the account's
 * it is known where the instrument's own price is the rate (USDJPY in a dollar account, BTCUSD in one of bitcoins): a rate of today would make
 * another profit of the same fills tomorrow.
 * @param terms as the account's list of instruments has them; null: it does not
 */
export function pointValueOf({ symbol, exchange, outcome, execution_mode }: Priced, terms: FigureTerms | null, currency: string): PointValue {
  const used = termsOf(
    { symbol, exchange, terms, outcome, direction: 'long', size: '0', entryPrice: '0', markPrice: null, stop: null, fees: null },
    { currency, rates: [], now: '', mode: execution_mode },
  );
  if (!used.known) return () => null;
  const { terms: known, assumed } = used.value;
  const isBinary = known.kind === 'binary';
  const amount = isBinary ? new Exact(known.contractSize) : new Exact(known.tickValue).div(known.tickSize);
  const of = isBinary ? known.quoteCurrency : (known.tickValueCurrency ?? currency);
  return (price) => {
    if (of === currency) return { amount, assumed, isBinary };
    const isRate = (known.kind === 'fx' || known.kind === 'crypto') && known.baseCurrency === currency && of === known.quoteCurrency && price.gt(0);
    return isRate ? { amount: amount.div(price), assumed, isBinary } : null;
  };
}
