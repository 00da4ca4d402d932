import type { Decimal } from 'decimal.js';
import { Exact } from '../../common/decimal.js';
import { exposure } from '../../instruments/exposure.js';
import { type Holding, riskToStop, type Valuation } from '../../instruments/figures.js';
import { known, type Known, type Reason } from '../../instruments/rates.js';
import type { Held } from './gate-input.js';

/** What of one currency or underlying may be held at most, one way or the other, before and after. */
export interface Net {
  key: string;
  before: Decimal;
  after: Decimal;
}

/** With the idea, in the account's currency. What is reserved may be filled or not: the worse counts. */
export interface Portfolio {
  gross: Known<Decimal>;
  openRisk: Known<Decimal>;
  /** From the price now to the stop where that is more than from the entry: a profit that is not taken yet can be lost too. */
  atStake: Known<Decimal>;
  nets: Known<Net[]>;
  /** The terms of one of them were assumed. */
  assumed: boolean;
}

type Amounts = Record<string, string>;

interface Part {
  gross: Known<string>;
  openRisk: Known<string>;
  atStake: Known<string>;
  nets: Known<Amounts>;
  assumed: boolean;
}

export type Parts = Map<Holding, Part>;

/**
 * @param idea null: at no known price, so nothing is known of it
 * @param parts what was computed of single holdings before, at the same valuation
 */
export function portfolioOf(held: readonly Held[], idea: Holding | null, valuation: Valuation, parts: Parts = new Map()): Portfolio {
  const single = (holding: Holding): Part => {
    const part = parts.get(holding) ?? partOf([holding], valuation);
    parts.set(holding, part);
    return part;
  };
  const markets = new Map<string, { held: Holding[]; idea: Holding | null }>();
  const trades: Part[] = [];
  // Of these, any may come about or not: none of them takes away from another.
  const open: Part[] = [];
  for (const { kind, holding } of held) {
    if (kind === 'reservation') open.push(single(holding));
    else if (isBinary(holding)) marketOf(markets, holding).held.push(holding);
    else trades.push(single(holding));
  }
  const proposed: Part[] = [];
  if (idea && isBinary(idea)) marketOf(markets, idea).idea = idea;
  else if (idea) proposed.push(single(idea));
  for (const market of markets.values()) {
    const before = partOf(market.held, valuation);
    trades.push(before);
    if (market.idea) proposed.push(added(before, partOf([...market.held, market.idea], valuation)));
  }
  const all = [...trades, ...open, ...proposed];
  const priced = <T>(figure: Known<T>): Known<T> => (idea === null ? { known: false, reasons: [] } : figure);
  return {
    gross: priced(total(all.map(({ gross }) => gross))), openRisk: priced(total(all.map(({ openRisk }) => openRisk))),
    atStake: priced(total(all.map(({ atStake }) => atStake))), nets: priced(netsOf(trades, open, proposed)), assumed: all.some(({ assumed }) => assumed),
  };
}

const isBinary = ({ terms, outcome }: Holding): boolean => (terms === null ? outcome !== null : terms.kind === 'binary');

function marketOf(markets: Map<string, { held: Holding[]; idea: Holding | null }>, { symbol, exchange }: Holding) {
  const key = `${exchange ?? ''}:${symbol}`;
  const market = markets.get(key) ?? { held: [], idea: null };
  markets.set(key, market);
  return market;
}

/** Of one holding, or of what is held of one market, where yes and no net. */
function partOf(holdings: Holding[], valuation: Valuation): Part {
  const { grossNotional, openRisk, netByCurrency, netByUnderlying, assumed } = exposure(holdings, valuation);
  const marked = holdings.map((holding) => (holding.markPrice === null ? holding : { ...holding, entryPrice: holding.markPrice }));
  const now = holdings.some(({ markPrice, entryPrice }) => markPrice !== null && markPrice !== entryPrice) ? riskOf(marked, valuation) : openRisk;
  const nets: Known<Amounts> = !netByCurrency.known ? netByCurrency : !netByUnderlying.known ? netByUnderlying : known({ ...netByUnderlying.value, ...netByCurrency.value });
  // Outside live a position without a stop, such as one that was opened by hand, is taken to lose no more than it has lost by now: the floors hold by default, and it would end every demo.
  const stopless = valuation.mode !== 'live' && !openRisk.known && openRisk.reasons.every(({ code }) => code === 'STOP_MISSING');
  if (stopless) return { gross: grossNotional, openRisk, atStake: known('0'), nets, assumed: true };
  return { gross: grossNotional, openRisk, atStake: larger(openRisk, now), nets, assumed: assumed.length > 0 };
}

function riskOf(holdings: Holding[], valuation: Valuation): Known<string> {
  const [only] = holdings;
  if (holdings.length !== 1 || !only || isBinary(only)) return exposure(holdings, valuation).openRisk;
  const risk = riskToStop(only, valuation);
  return risk.known ? known(risk.value.amount) : risk;
}

function larger(one: Known<string>, other: Known<string>): Known<string> {
  if (!one.known) return one;
  if (!other.known) return other;
  return new Exact(one.value).gte(other.value) ? one : other;
}

/** What an idea adds to a market. It may fill or not, so it takes away nothing. */
function added(before: Part, after: Part): Part {
  const more = (one: Known<string>, other: Known<string>): Known<string> =>
    !one.known ? one : !other.known ? other : known(Exact.max(0, new Exact(other.value).minus(one.value)).toFixed());
  const nets: Known<Amounts> = !before.nets.known ? before.nets : !after.nets.known ? after.nets : known(minus(after.nets.value, before.nets.value));
  return { gross: more(before.gross, after.gross), openRisk: more(before.openRisk, after.openRisk), atStake: more(before.atStake, after.atStake), nets, assumed: after.assumed };
}

const minus = (one: Amounts, other: Amounts): Amounts =>
  Object.fromEntries([...new Set([...Object.keys(one), ...Object.keys(other)])].map((key) => [key, new Exact(one[key] ?? 0).minus(other[key] ?? 0).toFixed()]));

function total(parts: Known<string>[]): Known<Decimal> {
  const missing = reasonsOf(parts);
  return missing.length > 0 ? { known: false, reasons: missing } : known(parts.reduce<Decimal>((sum, part) => (part.known ? sum.plus(part.value) : sum), new Exact(0)));
}

function netsOf(trades: Part[], open: Part[], proposed: Part[]): Known<Net[]> {
  const missing = reasonsOf([...trades, ...open, ...proposed].map(({ nets }) => nets));
  if (missing.length > 0) return { known: false, reasons: missing };
  const nets = new Map<string, { high: Decimal; low: Decimal; before: Decimal }>();
  const each = (parts: Part[], add: (net: { high: Decimal; low: Decimal; before: Decimal }, amount: Decimal) => void) => {
    for (const { nets: amounts } of parts) for (const [key, amount] of amounts.known ? Object.entries(amounts.value) : []) {
      const net = nets.get(key) ?? { high: new Exact(0), low: new Exact(0), before: new Exact(0) };
      add(net, new Exact(amount));
      nets.set(key, net);
    }
  };
  const either = (net: { high: Decimal; low: Decimal }, amount: Decimal) => amount.gt(0) ? (net.high = net.high.plus(amount)) : (net.low = net.low.plus(amount));
  each(trades, (net, amount) => ([net.high, net.low] = [net.high.plus(amount), net.low.plus(amount)]));
  each(open, either);
  for (const net of nets.values()) net.before = worse(net);
  each(proposed, either);
  return known([...nets].map(([key, net]) => ({ key, before: net.before, after: worse(net) })));
}

const worse = ({ high, low }: { high: Decimal; low: Decimal }): Decimal => Exact.max(high.abs(), low.abs());

const reasonsOf = (parts: Known<unknown>[]): Reason[] => [...new Map(parts.flatMap((part) => (part.known ? [] : part.reasons)).map((each) => [`${each.code} ${each.detail}`, each])).values()];
