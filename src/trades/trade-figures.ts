import type { Decimal } from 'decimal.js';
import { DECIMAL_PLACES_MAX, Exact } from '../common/decimal.js';
import type { ExitReason } from './trade-fields.js';
import { doubtRemains, type TradeStatus } from './trade-state.js';
import type { PointValue } from './trade-money.js';

/** Part of an order that the broker carried out. Decimals are text, times RFC 3339 in UTC. */
export interface Fill {
  broker_deal_id: string;
  role: 'entry' | 'exit';
  price: string;
  size: string;
  profit: string | null;
  commission: string | null;
  swap: string | null;
  fee: string | null;
  requested_price: string | null;
  exit_reason: ExitReason | null;
  filled_at: string;
}

/** What creation and transitions said, wherever fills may know better. */
export interface Told {
  status: TradeStatus;
  entry_price: string | null;
  entry_time: string | null;
  exit_price: string | null;
  exit_time: string | null;
  exit_reason: ExitReason | null;
  gross_profit: string | null;
  commission: string | null;
  swap: string | null;
  fee: string | null;
  /** When it became so; null: not known. */
  since: string | null;
  /** Whoever told the status knew of an entry. */
  entered: boolean;
}

export type ProfitSource = 'broker' | 'told' | 'computed' | 'assumed';

/** The trade as it is: what was told, and what the fills make of it. */
export interface TradeFigures extends Omit<Told, 'since' | 'entered'> {
  /** Sums of the fills; null without any on that side. */
  entered_size: string | null;
  exited_size: string | null;
  /** Σ price × size of the entries, which their average need not be exactly; null: it is entry_price × size. */
  entry_paid: string | null;
  /** Of a binary contract: what it cost, and so what can be lost, in the account's currency; null: of anything else, or not known. */
  staked: string | null;
  profit_source: ProfitSource | null;
  /** Ours, of what was exited, to compare with the broker's; in the account's currency. */
  computed_profit: string | null;
  /** What a size of 1 and a price of 1 come to in the account's currency, at the entry; null: not known. */
  point_value: string | null;
  point_value_assumed: boolean;
  /** As a price, positive: worse for us. */
  entry_slippage: string | null;
  exit_slippage: string | null;
  /** The highest and lowest price at which it was filled. */
  price_high: string | null;
  price_low: string | null;
}

/** As far as a column goes: what lies beyond is no figure. */
const MOST = new Exact('1e20');
const COSTS = ['commission', 'swap', 'fee'] as const;

/** Rounded once, at the end, to as many digits behind the point as prices may have. */
const text = (value: Decimal): string => new Exact(value.toDecimalPlaces(DECIMAL_PLACES_MAX, Exact.ROUND_HALF_EVEN)).plus(0).toFixed();
const bounded = (value: Decimal | null): string | null => (value === null || value.abs().gte(MOST) ? null : text(value));
const sum = (values: (string | Decimal)[]): Decimal => values.reduce<Decimal>((total, value) => total.plus(value), new Exact(0));

interface Side {
  fills: Fill[];
  /** Null: no fill. */
  size: Decimal | null;
  price: Decimal | null;
  /** Σ price × size. */
  paid: Decimal;
}

function sideOf(fills: Fill[]): Side {
  const size = sum(fills.map((fill) => fill.size));
  const paid = sum(fills.map((fill) => new Exact(fill.price).times(fill.size)));
  return fills.length === 0 ? { fills, size: null, price: null, paid } : { fills, size, price: paid.div(size), paid };
}

/** By the broker's time; at the same moment what was entered was entered before it was exited. Deals of one moment by their ids, so that the order is one. */
function byTime(a: Fill, b: Fill): number {
  return Date.parse(a.filled_at) - Date.parse(b.filled_at) || (a.role === b.role ? 0 : a.role === 'entry' ? -1 : 1)
    || (a.broker_deal_id < b.broker_deal_id ? -1 : a.broker_deal_id > b.broker_deal_id ? 1 : 0);
}

/**
 * The trade that follows from what was told and the set of its fills. Neither the order in which they came nor how often
 * matters: they are sorted here, and a deal is one fill. Without fills it is what was told.
 * @param valueAt money for a size of 1 and a price of 1, at a price that may serve as the rate
 */
export function figuresOf(told: Told, given: readonly Fill[], { direction, lotSize, external }: { direction: 'long' | 'short'; lotSize: string; external: boolean }, valueAt: PointValue): TradeFigures {
  const fills = [...given].sort(byTime);
  const [entry, exit] = [sideOf(fills.filter(({ role }) => role === 'entry')), sideOf(fills.filter(({ role }) => role === 'exit'))];
  const shown = told.entry_time === null ? null : new Exact(lotSize);
  // Of an adopted trade not every entry has to be known: the broker shows at least as much.
  const entered = entry.size === null || (external && shown?.gt(entry.size)) ? shown : entry.size;
  const covers = exit.size !== null && entered !== null && exit.size.gte(entered);
  const status = statusOf(told, entry, exit, covers);
  // Told closed at a price, and not all exits are here: what was told of the end holds until they are. Without a price nobody knows the end, and the exits that are here are what is known of it.
  const asTold = told.status === 'closed' && !covers && told.exit_price !== null;
  const hasExits = exit.price !== null && !asTold;
  const known = {
    status,
    entry_price: entry.price === null || entry.size !== entered ? told.entry_price : text(entry.price),
    entry_time: entry.fills[0]?.filled_at ?? told.entry_time,
    exit_price: hasExits && exit.price ? text(exit.price) : told.exit_price,
    exit_time: hasExits ? (exit.fills.at(-1)?.filled_at ?? null) : told.exit_time,
    exit_reason: covers ? (exit.fills.at(-1)?.exit_reason ?? told.exit_reason ?? 'unknown') : told.exit_reason,
  };
  const ours = computed(known, { entry, exit, entered, asTold, direction }, valueAt);
  const prices = [...fills.map(({ price }) => price), ...traded(known, entry, hasExits)].map((price) => new Exact(price));
  return {
    ...known,
    ...profitOf(told, fills, exit, ours, asTold),
    ...Object.fromEntries(COSTS.map((cost) => [cost, costOf(told[cost], fills.flatMap((fill) => fill[cost] ?? []), asTold)])) as Pick<Told, (typeof COSTS)[number]>,
    entered_size: entry.size && entered && text(entered),
    exited_size: exit.size && text(exit.size),
    entry_paid: entry.size === null || entry.size !== entered ? null : entry.paid.toFixed(),
    staked: stakedOf(known, entry, entered, direction, ours.point),
    computed_profit: ours.profit,
    point_value: ours.point === null ? null : ours.point.amount.toFixed(),
    point_value_assumed: ours.point?.assumed ?? false,
    entry_slippage: slippageOf(entry, direction === 'long' ? 1 : -1),
    exit_slippage: slippageOf(exit, direction === 'long' ? -1 : 1),
    price_high: prices.length === 0 ? null : text(Exact.max(...prices)),
    price_low: prices.length === 0 ? null : text(Exact.min(...prices)),
  };
}

/** Fills win over what was told, but for two things: told closed holds until more is known, and a doubt until it is answered. */
function statusOf(told: Told, entry: Side, exit: Side, covers: boolean): TradeStatus {
  if (entry.size === null && exit.size === null) return told.status;
  if (covers || told.status === 'closed') return 'closed';
  if (entry.size === null) return told.entry_time === null ? 'unknown' : told.status;
  if (told.status === 'closing') return 'closing';
  const last = [...entry.fills, ...exit.fills].map(({ filled_at }) => filled_at).sort().at(-1) ?? null;
  return told.status === 'unknown' && doubtRemains(told, last) ? 'unknown' : 'open';
}

/** The prices that were told where no fill says them. */
function traded(known: { status: TradeStatus; entry_price: string | null; entry_time: string | null; exit_price: string | null }, entry: Side, hasExits: boolean): string[] {
  return [
    ...(entry.size === null && known.entry_time !== null ? [known.entry_price] : []),
    ...(!hasExits && known.status === 'closed' ? [known.exit_price] : []),
  ].filter((price) => price !== null);
}

interface Parts {
  entry: Side;
  exit: Side;
  entered: Decimal | null;
  asTold: boolean;
  direction: 'long' | 'short';
}

/**
 * Of each exit, what it brought less its part of the entries, × the value of a point at its own price: a broker changes money deal by
 * deal, and what one exit made does not move with the next. `untold`: of the exits alone of which the broker told no profit. More exited
 * than entered has no cost yet, and so no profit.
 */
function computed(known: { entry_price: string | null; entry_time: string | null; exit_price: string | null; status: TradeStatus }, { entry, exit, entered, asTold, direction }: Parts, valueAt: PointValue) {
  const paidFor = entry.price ?? (known.entry_time === null || known.entry_price === null ? null : new Exact(known.entry_price));
  const whole = asTold && known.exit_price !== null && entered !== null ? { size: entered, price: known.exit_price } : null;
  const ended = whole ? [whole] : asTold ? [] : exit.fills;
  // What was risked at the entry stays what it was, also where the price is the rate and has moved until the exit.
  const pointPrice = paidFor ?? (whole ? new Exact(whole.price) : asTold ? null : exit.price);
  const point = pointPrice && valueAt(pointPrice);
  if (ended.length === 0 || paidFor === null || entered === null || sum(ended.map(({ size }) => size)).gt(entered)) return { profit: null, untold: null, point };
  const cost = (size: Decimal) => (entry.size === null ? size.times(paidFor) : entry.paid.times(size).div(entry.size));
  const profitOn = (exits: { size: string | Decimal; price: string }[]): Decimal | null => {
    const alike = Map.groupBy(exits, ({ price }) => valueAt(new Exact(price))?.amount.toFixed() ?? null);
    // One division for all that are worth the same, and the last: of the parts nothing is rounded.
    return [...alike].reduce<Decimal | null>((total, [worth, those]) => {
      if (total === null || worth === null) return null;
      const [size, paid] = [sum(those.map((each) => each.size)), sum(those.map((each) => new Exact(each.price).times(each.size)))];
      return total.plus(paid.minus(cost(size)).times(direction === 'long' ? 1 : -1).times(worth));
    }, new Exact(0));
  };
  const untold = exit.fills.filter(({ profit }) => profit === null);
  return { profit: bounded(profitOn(ended)), untold: whole || untold.length === 0 ? null : profitOn(untold), point };
}

/**
 * What a binary contract cost (trading-rules 6.6): size × price + fees, of the entries alone, so that no exit moves it. Selling at
 * 0.60 costs the 0.40 that are left to 1. Of costs that were told of the whole trade nobody knows which were the entry's: they do not count.
 */
function stakedOf({ entry_price }: Pick<Told, 'entry_price'>, entry: Side, entered: Decimal | null, direction: 'long' | 'short', point: ReturnType<PointValue>): string | null {
  if (!point?.isBinary || entered === null || entry_price === null) return null;
  const paid = entry.size === entered ? entry.paid : entered.times(entry_price);
  // No binary costs more than the 1 that it pays: such a price is not understood.
  if (paid.gt(entered)) return null;
  const costs = sum(entry.fills.flatMap(({ commission, fee }) => [commission ?? '0', fee ?? '0'])).neg();
  return bounded((direction === 'long' ? paid : entered.minus(paid)).times(point.amount).plus(Exact.max(costs, 0)));
}

function profitOf(told: Told, fills: Fill[], exit: Side, ours: ReturnType<typeof computed>, asTold: boolean): { gross_profit: string | null; profit_source: ProfitSource | null } {
  const brokers = sum(fills.flatMap(({ profit }) => profit ?? []));
  const isBrokers = !asTold && exit.size !== null && exit.fills.every(({ profit }) => profit !== null);
  if (isBrokers) return { gross_profit: text(brokers), profit_source: 'broker' };
  if (told.gross_profit !== null) return { gross_profit: told.gross_profit, profit_source: 'told' };
  if (fills.length === 0 || ours.profit === null) return { gross_profit: null, profit_source: null };
  // Where the broker told of some exits only, its word holds for those.
  return { gross_profit: ours.untold === null ? ours.profit : bounded(brokers.plus(ours.untold)), profit_source: ours.point?.assumed ? 'assumed' : 'computed' };
}

function costOf(told: string | null, filled: string[], asTold: boolean): string | null {
  if (filled.length === 0 || (asTold && told !== null)) return told;
  return text(sum(filled));
}

/** Weighted by size, over the fills that say what was asked for. */
function slippageOf({ fills }: Side, sign: 1 | -1): string | null {
  const asked = fills.filter(({ requested_price }) => requested_price !== null);
  if (asked.length === 0) return null;
  const worse = sum(asked.map(({ price, requested_price, size }) => new Exact(price).minus(requested_price ?? price).times(size)));
  return text(worse.times(sign).div(sum(asked.map(({ size }) => size))));
}
