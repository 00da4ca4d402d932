import type { Decimal } from 'decimal.js';
import { Exact } from '../../common/decimal.js';
import { riskToStop, type Valuation } from '../../instruments/figures.js';
import type { GateInput } from '../../risk/gate/gate-input.js';
import type { Signal } from '../mapping/signal.js';
import type { SourceDefaults } from '../sources/sources.repository.js';

/** What the gate would look at: the same figures, so that a size is not made of others than it is judged by. */
export type Seen = Pick<GateInput, 'now' | 'mode' | 'quote' | 'rates'> & { account: Pick<GateInput['account'], 'currency'>; instrument: Pick<GateInput['instrument'], 'terms'>; losses: Pick<GateInput['losses'], 'equity' | 'equityAssumed'> };

export interface Wanted {
  signal: Signal;
  defaults: SourceDefaults;
  direction: 'long' | 'short';
  /** Of the alert, or what is left of it; null: the source's rule. */
  quantity: string | null;
  /** Canonical. */
  symbol: string;
  exchange: string | null;
  /** A person has sent it once more: the price of then is no price of now. */
  redriven: boolean;
}

export interface Priced {
  lotSize: string;
  entryPrice: string | null;
  stopLoss: string | null;
  takeProfit: string | null;
  confidence: string | null;
  product: string | null;
  /** What the source added, by field, with what it was made of. */
  applied: Record<string, Record<string, string>>;
}

export interface Unknown {
  code: string;
  detail: string;
}

/** An older quote is no price to put a stop by. */
const QUOTE_SECONDS_MAX = 60;
/** Of what no list of instruments says a step: outside live, where such a thing may be traded. */
export const STEP_ASSUMED = '0.01';
const DIGITS = 8;

/**
 * Size, prices and the rest of what opens: the alert's own where it has them, else by the source's rules. What cannot be known is
 * an answer of its own, and never a number.
 */
export function priced(wanted: Wanted, seen: Seen): Priced | Unknown {
  const { signal, defaults } = wanted;
  const applied: Priced['applied'] = {};
  if (signal.orderType === 'limit' && signal.limitPrice === null) return { code: 'LIMIT_PRICE_MISSING', detail: 'It is a limit order without a limit price.' };
  const entryPrice = signal.orderType === 'market' ? null : signal.limitPrice;
  const price = priceOf(wanted, entryPrice, seen);
  const stopLoss = stopOf(wanted, price, seen, applied);
  if (isUnknown(stopLoss)) return stopLoss;
  const takeProfit = targetOf(wanted, price, stopLoss, seen, applied);
  if (isUnknown(takeProfit)) return takeProfit;
  const lotSize = sizeOf(wanted, price, stopLoss, seen, applied);
  if (typeof lotSize !== 'string') return lotSize;
  if (signal.confidence === null && defaults.confidence !== null) applied['confidence'] = { value: defaults.confidence };
  if (signal.product === null && defaults.product !== null) applied['product'] = { value: defaults.product };
  return { lotSize, entryPrice, stopLoss, takeProfit, confidence: signal.confidence ?? defaults.confidence, product: signal.product ?? defaults.product, applied };
}

interface Price {
  value: string;
  from: 'limit price' | 'alert' | 'quote';
}

/** The limit, else the price of the alert, else the side of the quote that would be taken. */
function priceOf({ signal, direction, redriven }: Wanted, entryPrice: string | null, { quote }: Seen): Price | null {
  if (entryPrice !== null) return { value: entryPrice, from: 'limit price' };
  if (signal.price !== null && !redriven) return { value: signal.price, from: 'alert' };
  if (quote === null || !isFresh(quote.ageSeconds)) return null;
  return { value: direction === 'long' ? quote.ask : quote.bid, from: 'quote' };
}

const isFresh = (ageSeconds: string): boolean => /^-?\d+(\.\d+)?$/.test(ageSeconds) && new Exact(ageSeconds).lte(QUOTE_SECONDS_MAX);
const noPrice = (what: string): Unknown => ({ code: 'NO_PRICE', detail: `The ${what} is a distance from the price, and nobody knows one: neither the alert, nor a quote of the last ${QUOTE_SECONDS_MAX} s.` });
const isUnknown = (value: string | null | Unknown): value is Unknown => value !== null && typeof value !== 'string';

function stopOf({ signal, defaults, direction }: Wanted, price: Price | null, seen: Seen, applied: Priced['applied']): string | null | Unknown {
  if (signal.stopLoss !== null || defaults.stopDistance === null) return signal.stopLoss;
  if (price === null) return noPrice('stop');
  const rule = defaults.stopDistance;
  const distance = 'price' in rule ? new Exact(rule.price) : new Exact(price.value).times(rule.fraction);
  // Away from the price: never closer than asked for.
  const stop = onTick(direction === 'long' ? new Exact(price.value).minus(distance) : new Exact(price.value).plus(distance), direction === 'long' ? 'down' : 'up', seen);
  if (stop.lte(0)) return { code: 'STOP_NOT_POSITIVE', detail: `A stop ${distance.toFixed()} away from ${price.value} lies at or below 0.` };
  applied['stopLoss'] = { value: stop.toFixed(), ...('price' in rule ? { distance: rule.price } : { fraction: rule.fraction }), price: price.value, priceFrom: price.from };
  return stop.toFixed();
}

function targetOf({ signal, defaults, direction }: Wanted, price: Price | null, stopLoss: string | null, seen: Seen, applied: Priced['applied']): string | null | Unknown {
  if (signal.takeProfit !== null || defaults.rewardToRisk === null || stopLoss === null) return signal.takeProfit;
  if (price === null) return noPrice('target');
  const distance = new Exact(price.value).minus(stopLoss).abs().times(defaults.rewardToRisk);
  const target = onTick(direction === 'long' ? new Exact(price.value).plus(distance) : new Exact(price.value).minus(distance), direction === 'long' ? 'up' : 'down', seen);
  if (target.lte(0)) return { code: 'TARGET_NOT_POSITIVE', detail: `A target ${distance.toFixed()} away from ${price.value} lies at or below 0.` };
  applied['takeProfit'] = { value: target.toFixed(), rewardToRisk: defaults.rewardToRisk, price: price.value, priceFrom: price.from };
  return target.toFixed();
}

/** Where the instrument's tick is known, a price is one that its broker takes. */
function onTick(price: Decimal, way: 'up' | 'down', { instrument: { terms } }: Seen): Decimal {
  const rounding = way === 'up' ? Exact.ROUND_UP : Exact.ROUND_DOWN;
  const tick = terms === null ? null : new Exact(terms.tickSize);
  return tick === null || tick.lte(0) ? price.toDecimalPlaces(DIGITS, rounding) : price.div(tick).toDecimalPlaces(0, rounding).times(tick);
}

function sizeOf(wanted: Wanted, price: Price | null, stopLoss: string | null, seen: Seen, applied: Priced['applied']): string | Unknown {
  const { lotSize, riskRule } = wanted.defaults;
  // Never replaced: what is too large or off the step the gate refuses, and says so.
  if (wanted.quantity !== null) return wanted.quantity;
  if (lotSize !== null) {
    applied['lotSize'] = { value: lotSize };
    return lotSize;
  }
  if (riskRule === null) return { code: 'SIZE_MISSING', detail: 'The alert has no quantity, and its source neither a size nor a rule for one.' };
  if (stopLoss === null) return { code: 'STOP_MISSING', detail: 'The size follows from the distance to the stop, and there is no stop.' };
  if (price === null) return noPrice('size');
  const { equity } = seen.losses;
  if ('fraction' in riskRule && equity === null) return { code: 'EQUITY_UNKNOWN', detail: 'The size is a fraction of the equity, and nobody has reported it today.' };
  const risk = 'amount' in riskRule ? new Exact(riskRule.amount) : new Exact(equity ?? 0).times(riskRule.fraction);
  return byRisk(wanted, { risk, price, stopLoss }, seen, applied);
}

/** The largest size on the step that loses no more than the risk at the stop. */
function byRisk({ symbol, exchange, direction, defaults: { riskRule } }: Wanted, { risk, price, stopLoss }: { risk: Decimal; price: Price; stopLoss: string }, seen: Seen, applied: Priced['applied']): string | Unknown {
  const { terms } = seen.instrument;
  const valuation: Valuation = { currency: seen.account.currency, rates: seen.rates, now: seen.now, mode: seen.mode };
  const one = riskToStop({ symbol, exchange, terms, direction, outcome: null, size: '1', entryPrice: price.value, markPrice: null, stop: stopLoss, fees: null }, valuation);
  if (!one.known) return { code: one.reasons[0]?.code ?? 'RISK_UNKNOWN', detail: `The size follows from the risk, and that is not known: ${one.reasons.map(({ detail }) => detail).join('; ')}.` };
  if (new Exact(one.value.amount).lte(0)) return { code: 'STOP_AT_PRICE', detail: `The stop ${stopLoss} is the price itself: no size follows from that.` };
  const step = terms?.sizeStep ?? STEP_ASSUMED;
  const least = terms?.minSize ?? step;
  const size = risk.div(one.value.amount).div(step).toDecimalPlaces(0, Exact.ROUND_DOWN).times(step);
  if (size.lte(0) || size.lt(least)) {
    return { code: 'RISK_BELOW_MIN_SIZE', detail: `A size of 1 loses ${one.value.amount} ${valuation.currency} at the stop; ${risk.toFixed()} is less than the smallest size, ${least}, would lose.` };
  }
  applied['lotSize'] = {
    value: size.toFixed(), ...riskRule, risk: risk.toFixed(), riskOfOne: one.value.amount, price: price.value, priceFrom: price.from,
    ...(one.value.assumed ? { terms: 'assumed' } : {}), ...(riskRule !== null && 'fraction' in riskRule ? { equity: seen.losses.equity ?? '', ...(seen.losses.equityAssumed ? { equityFrom: 'assumed' } : {}) } : {}),
  };
  return size.toFixed();
}

const RATIONALE_MOST = 3_900;

/** What a person reads who is to approve it: whose alert, what it said, and what of it the source added. */
export function rationaleOf(sourceName: string, { strategy, orderId, tag, timeframe, comment }: Signal, applied: Priced['applied']): string {
  const said = Object.entries({ strategy, order: orderId, tag, timeframe }).filter(([, value]) => value !== null && value !== '').map(([name, value]) => `${name} ${value}`);
  const added = Object.entries(applied).map(([field, { value }]) => `${field} ${value}`);
  return [
    `Alert of ${sourceName}${said.length > 0 ? ` (${said.join(', ')})` : ''}.`, ...(comment === null || comment === '' ? [] : [comment]),
    added.length > 0 ? `Defaults of the source: ${added.join(', ')}.` : 'Nothing is by the defaults of the source.',
  ].join(' ').slice(0, RATIONALE_MOST).toWellFormed();
}
