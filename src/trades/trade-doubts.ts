import { Exact } from '../common/decimal.js';
import { type InstrumentKind, PRODUCTS } from '../instruments/terms.js';
import type { NewTrade } from './trades.repository.js';

/** With these the gate refuses an idea of the same. */
export const DOUBT_CODES = ['PRODUCT_UNKNOWN', 'PRODUCT_CNC_SHORT', 'OUTCOME_MISSING', 'OUTCOME_UNEXPECTED', 'PRICE_INVALID'] as const;

/** Why a trade cannot be as it was told. */
export interface Doubt {
  code: (typeof DOUBT_CODES)[number];
  /** The field. */
  path: string;
  message: string;
}

type Doubtable = Pick<NewTrade, 'product' | 'direction' | 'outcome' | 'entry_price'>;

/**
 * What of a trade contradicts what is known (trading-rules 6.6, 6.7). It has happened at the broker, and refused it would
 * be money that no limit counts: so it is kept as it was told, and the contradiction beside it.
 * @param kind null: not known
 */
export function doubtsOf({ product, direction, outcome, entry_price: price }: Doubtable, kind: InstrumentKind | null): Doubt[] {
  const doubts: Doubt[] = [];
  if (product !== null && !(PRODUCTS as readonly string[]).includes(product)) doubts.push({ code: 'PRODUCT_UNKNOWN', path: 'product', message: `${product} is not known: ${PRODUCTS.join(' or ')}` });
  if (product === 'CNC' && direction === 'short') doubts.push({ code: 'PRODUCT_CNC_SHORT', path: 'direction', message: 'CNC cannot open short: it delivers what is bought' });
  if (kind === 'binary' && outcome === null) doubts.push({ code: 'OUTCOME_MISSING', path: 'outcome', message: 'a binary contract needs yes or no: what it risks is not known without' });
  if (kind !== null && kind !== 'binary' && outcome !== null) doubts.push({ code: 'OUTCOME_UNEXPECTED', path: 'outcome', message: `only a binary contract has one, and this is ${kind}` });
  if (kind === 'binary' && price !== null && new Exact(price).gt(1)) doubts.push({ code: 'PRICE_INVALID', path: 'entryPrice', message: 'of a binary contract is at most 1' });
  return doubts;
}
