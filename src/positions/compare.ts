import { Exact, sumOf } from '../common/decimal.js';
import { differs } from '../trades/let-through.js';
import type { Opening } from '../trades/openings.repository.js';
import { mayBeOpen } from '../trades/trade-state.js';
import { secondsBetween } from '../trades/trade-times.js';
import { compareOrders, type OrderPlan } from './compare-orders.js';
import { type Known, type KnownPosition, lasts, ownerOf, type Report, SECOND_LOOK_SECONDS, type Trade } from './known.js';
import { Matching } from './matching.js';
import { instrumentKey, type ToldPosition } from './told.js';

export interface Adoption {
  told: ToldPosition;
  agentId: string;
  direction: 'long' | 'short';
  size: string;
}

/** A position whose size is not that of our trades. */
export interface Difference {
  told: ToldPosition;
  trades: readonly Trade[];
  /** Signed: short is below zero. */
  held: string;
  ours: string;
  /** Of the first complete report that said so; null: not told by a complete one yet. */
  since: string | null;
  /** It has lasted: a person must see it. */
  lasts: boolean;
}

export interface Held {
  told: ToldPosition;
  /** Null: several make it up, or it is adopted as a whole, which `adopts` says. */
  trade: Trade | null;
  adopts: boolean;
  difference: Difference | null;
}

/** What is to be done, so that what we know is what the broker shows. */
export interface Plan extends OrderPlan {
  matched: number;
  held: Held[];
  opened: { trade: Trade; told: ToldPosition }[];
  linked: { trade: Trade; brokerPositionId: string }[];
  /** Adopted ones, which are as large as the broker shows; `size` is what was entered in all. */
  resized: { trade: Trade; size: string; told: ToldPosition }[];
  /** Adopted ones of a binary contract of which nobody knew the side. */
  sided: { trade: Trade; outcome: 'yes' | 'no' }[];
  adopted: Adoption[];
  differing: Difference[];
  /** Gone from this report for the first time. */
  missing: Trade[];
  /** Gone before, not long enough. */
  waiting: Trade[];
  /** Gone for a second time, late enough: closed. */
  gone: Trade[];
  /** Adopted once, and part of what trades of ours hold since. */
  explained: Trade[];
  /** Adopted once, and claimed by a trade of ours since. */
  duplicates: { trade: Trade; of: Trade }[];
  /** Rows of positions that are no longer held. */
  over: KnownPosition[];
  stillMissing: KnownPosition[];
  /** Keys whose difference people have been told of. */
  toldMismatches: ReadonlySet<string>;
}

/** An agent that is there has answered by then. */
const EXPLAINED_WITHIN_SECONDS = 30;

interface Group {
  told: ToldPosition[];
  trades: Trade[];
}

interface Sided {
  direction: 'long' | 'short';
  outcome?: 'yes' | 'no' | null | undefined;
}

/** No of a market is the other side of its yes, and they net. Where one of the two does not say which it is, it is taken for the same. */
const directionBeside = ({ direction, outcome }: Sided, told: ToldPosition): 'long' | 'short' =>
  outcome == null || told.outcome == null || outcome === told.outcome ? direction : direction === 'long' ? 'short' : 'long';

const signed = (it: Sided, size: string, told: ToldPosition) => new Exact(size).times(directionBeside(it, told) === 'long' ? 1 : -1);

/**
 * Compares a report with what is known; nothing here writes. Positions are ours by tag, position id, order id, then client
 * order id, never by likeness.
 *
 * On a hedging account each position stands beside the trade that it is. On netting and exchange accounts the broker knows
 * one sum for an instrument, so that is compared with the signed sum of the book's trades in it: an excess in the direction
 * of what is held is adopted as an external trade of the difference (one for an instrument and direction, which grows); a
 * lack could be any of the trades, so nobody guesses which: it is told, and the agent is asked for the deals. What no deal
 * explains, or none in 30 s, is taken off the adopted trade, which is but the rest that nobody told of: entries of ours that were
 * told after the report that showed them. An excess just after one of ours became less is taken for a list made before, and waits.
 */
export function compare(report: Report, known: Known): Plan {
  const matching = new Matching(report, known.trades);
  const plan: Plan = {
    matched: 0, held: [], opened: [], linked: [], resized: [], sided: [], explained: [], adopted: [], differing: [], missing: [], waiting: [], gone: [], duplicates: [], over: [], stillMissing: [],
    toldMismatches: new Set(known.positions.filter((row) => row.mismatch_since !== null).map(({ key }) => key)), ...compareOrders(report, known, matching),
  };
  const rows = new Map(known.positions.map((row) => [row.key, row]));
  const groups = report.marginMode === 'hedging' ? byTrade(report, known, matching, plan) : byInstrument(report, known, matching);
  const seen = new Set(groups.flatMap((group) => judge(report, group, rows, plan).map(({ id }) => id)));
  if (report.complete) absent(report, known, seen, plan);
  return plan;
}

/** All that is held under the tag of an opening is what was let through, or less of it. */
const isLetThrough = (opening: Opening, told: readonly ToldPosition[]): boolean =>
  told.every((each) => differs(opening, { symbol: each.symbol, exchange: each.exchange ?? opening.exchange, direction: each.direction, outcome: each.outcome ?? opening.outcome, size: sumOf(told.map(({ size }) => size)) }) === null);

/** Also two positions with one tag: a broker may fill an order in parts. */
function byTrade(report: Report, { openings }: Known, matching: Matching, plan: Plan): Group[] {
  const groups = new Map<string, Group>();
  const whole = new Set([...openings].flatMap(([tag, opening]) => (isLetThrough(opening, report.positions.filter(({ orderTag }) => orderTag === tag)) ? [tag] : [])));
  for (const told of report.positions) {
    const [trade, ...others] = matching.ofPosition(told);
    const key = trade?.id ?? (told.orderTag != null && whole.has(told.orderTag) ? `opening ${told.orderTag}` : `new ${told.key}`);
    const group = groups.get(key) ?? { told: [], trades: trade ? [trade] : [] };
    groups.set(key, { ...group, told: [...group.told, told] });
    for (const other of others) {
      if (trade && other.origin === 'external' && trade.origin !== 'external' && other.finished_at === null && !plan.duplicates.some((each) => each.trade.id === other.id)) plan.duplicates.push({ trade: other, of: trade });
    }
  }
  for (const { trade } of plan.duplicates) groups.set(`duplicate ${trade.id}`, { told: [], trades: [trade] });
  return [...groups.values()];
}

function byInstrument(report: Report, known: Known, matching: Matching): Group[] {
  const groups = new Map<string, Group>();
  for (const told of report.positions) {
    const key = instrumentKey(told);
    const group = groups.get(key) ?? { told: [], trades: known.trades.filter((trade) => isIn(trade, told) && (holds(trade) || matching.hasJustEnded(trade))) };
    const pending = matching.ofPosition(told).filter((trade) => trade.status === 'pending' && !group.trades.includes(trade));
    groups.set(key, { told: [...group.told, told], trades: [...group.trades, ...pending] });
  }
  return [...groups.values()];
}

/** An order that went out of sight may have been filled, but a position in its instrument is no proof of that. */
const holds = ({ status, entry_time }: Trade) => mayBeOpen(status) && (status !== 'unknown' || entry_time !== null);

/** Where nobody said the exchange or the product of a trade, it is the position's. */
const isIn = (trade: Trade, told: { symbol: string; exchange: string | null; product: string | null }) =>
  trade.symbol === told.symbol && (trade.exchange === null || trade.exchange === told.exchange) && (trade.product === null || trade.product === told.product);

/** Answers the trades that what is held may be. */
function judge(report: Report, { told, trades: all }: Group, rows: ReadonlyMap<string, KnownPosition>, plan: Plan): Trade[] {
  const [first] = told;
  if (!first) return all;
  const ended = all.some(({ finished_at, ended_at }) => finished_at !== null || (ended_at !== null && secondsBetween(ended_at, report.asOf) < SECOND_LOOK_SECONDS));
  const held = told.reduce((sum, each) => sum.plus(signed(each, each.size, first)), new Exact(0));
  const turned = report.marginMode === 'hedging' ? [] : turnedRound(all, held, first, ended);
  const trades = all.filter((trade) => !turned.includes(trade));
  const active = trades.filter(({ finished_at }) => finished_at === null);
  const counted = countedTrades(active, held, first);
  const ours = sumOfSigned(counted, first);
  plan.matched += active.length > 0 ? told.length : 0;
  for (const trade of counted) {
    if (trade.origin === 'external' && trade.outcome === null && first.outcome != null) plan.sided.push({ trade, outcome: first.outcome });
    if (trade.status === 'pending' || trade.status === 'unknown') plan.opened.push({ trade, told: first });
    else if (first.brokerPositionId != null && (trade.broker_position_id === null || !told.some((each) => each.brokerPositionId === trade.broker_position_id))) plan.linked.push({ trade, brokerPositionId: first.brokerPositionId });
  }
  const excess = held.minus(ours);
  const difference = excess.isZero() || (ended && active.length === 0) ? null : settled(report, first, active, { held, ours, excess, ended }, rows, plan);
  const adopts = plan.adopted.at(-1)?.told === first;
  const only = trades.length === 1 && !adopts ? (trades[0] ?? null) : null;
  plan.held.push(...told.map((each) => ({ told: each, trade: only, adopts: adopts && active.length === 0, difference })));
  if (difference) plan.differing.push(difference);
  return [...counted, ...trades.filter(({ finished_at }) => finished_at !== null)];
}

/**
 * What was adopted and lies against more than all others explain: the position was turned round, and what it was is gone. Where the
 * others are all that is held, what is open was adopted twice, and only what was gone before stays gone.
 */
function turnedRound(trades: Trade[], held: InstanceType<typeof Exact>, told: ToldPosition, ended: boolean): Trade[] {
  const against = (trade: Trade) => signed(trade, '1', told).times(held).lt(0);
  const adopted = trades.filter((trade) => trade.origin === 'external' && mayBeOpen(trade.status) && against(trade));
  const others = trades.filter((trade) => !adopted.includes(trade) && trade.finished_at === null && trade.status !== 'unknown');
  const left = held.minus(sumOfSigned(others, told)).times(held);
  return left.lt(0) ? [] : adopted.filter(({ status }) => status === 'unknown' || (left.gt(0) && !ended));
}

/** With those of which nobody knows, unless the broker holds less than that: then they are not what it holds. */
function countedTrades(active: Trade[], held: InstanceType<typeof Exact>, told: ToldPosition): Trade[] {
  if (active.length < 2) return active;
  return sumOfSigned(active, told).abs().lte(held.abs()) ? active : active.filter(({ status }) => status !== 'unknown');
}

const openSizeOf = (trade: Trade): string => (trade.status === 'pending' ? trade.lot_size : trade.open_size);

const sumOfSigned = (trades: Trade[], told: ToldPosition) => trades.reduce((sum, each) => sum.plus(signed(each, openSizeOf(each), told)), new Exact(0));

interface Sums {
  held: InstanceType<typeof Exact>;
  ours: InstanceType<typeof Exact>;
  excess: InstanceType<typeof Exact>;
  ended: boolean;
}

/** The difference that remains when what may be adopted is. */
function settled(report: Report, told: ToldPosition, trades: Trade[], { held, ours, excess, ended }: Sums, rows: ReadonlyMap<string, KnownPosition>, plan: Plan): Difference | null {
  const direction = excess.gt(0) ? 'long' : 'short';
  const more = excess.isPositive() === held.isPositive();
  const hedging = report.marginMode === 'hedging';
  const since = rows.get(told.key)?.differs_since ?? (report.complete ? report.asOf : null);
  const over = trades.filter((trade) => trade.origin === 'external' && directionBeside(trade, told) !== direction);
  const [only] = trades.length === 1 ? over : [];
  if (hedging && only?.status === 'pending' && !ended) {
    // Of a working order nothing is entered but what is held.
    plan.resized.push({ trade: only, size: held.abs().toFixed(), told });
    return null;
  }
  const isOver = !hedging && ((more && !ended) || (report.complete && (report.withDeals || lasts(since, report.asOf, EXPLAINED_WITHIN_SECONDS))));
  const left = isOver ? takenOff(over, excess.abs(), told, plan) : excess.abs();
  if (left.isZero()) return null;
  const external = trades.find((trade) => trade.origin === 'external' && directionBeside(trade, told) === direction && (!hedging || trades.length === 1));
  if (more && !ended && external) {
    plan.resized.push({ trade: external, size: (external.status === 'pending' ? held.abs() : new Exact(external.entered_size).plus(left)).toFixed(), told });
    return null;
  }
  if (more && !ended && (!hedging || trades.length === 0)) {
    plan.adopted.push({ told, agentId: ownerOf(report, told), direction, size: left.toFixed() });
    return null;
  }
  return { told, trades, held: held.toFixed(), ours: ours.toFixed(), since, lasts: report.complete && lasts(since, report.asOf) };
}

/** Takes from adopted trades what was too much, never what deals have entered. Answers what is left to explain. */
function takenOff(over: readonly Trade[], size: InstanceType<typeof Exact>, told: ToldPosition, plan: Plan): InstanceType<typeof Exact> {
  return over.reduce((left, trade) => {
    const entered = new Exact(trade.entered_size);
    const taken = Exact.min(entered.minus(trade.dealt_size), trade.open_size, left);
    if (taken.lte(0)) return left;
    if (taken.lt(entered)) plan.resized.push({ trade, size: entered.minus(taken).toFixed(), told });
    else plan.explained.push(trade);
    return left.minus(taken);
  }, size);
}

/** What a complete report lacks. Trades that entered after it was made, and rows that a newer report changed, are not its business. */
function absent({ asOf }: Report, known: Known, seen: ReadonlySet<string>, plan: Plan): void {
  const reported = new Set(plan.held.map(({ told }) => told.key));
  const ordered = new Set(known.orders.filter(({ role }) => role === 'entry').map(({ trade_id }) => trade_id));
  const newer = new Set(known.positions.filter(({ as_of }) => secondsBetween(asOf, as_of) > 0).map(({ trade_id }) => trade_id));
  for (const trade of known.trades) {
    const covered = mayBeOpen(trade.status) && trade.entry_time !== null && secondsBetween(trade.entry_time, asOf) >= 0;
    if (!covered || seen.has(trade.id) || newer.has(trade.id) || (trade.status === 'unknown' && ordered.has(trade.id))) continue;
    // A status that somebody told since begins the count anew.
    const since = trade.status === 'unknown' ? trade.missing_since : null;
    (since === null ? plan.missing : lasts(since, asOf) ? plan.gone : plan.waiting).push(trade);
  }
  const lacking = [...plan.missing, ...plan.waiting];
  const lackingIds = new Set(lacking.map(({ id }) => id));
  for (const row of known.positions) {
    if (reported.has(row.key) || secondsBetween(asOf, row.as_of) > 0) continue;
    const awaited = row.trade_id === null ? lacking.some((trade) => isIn(trade, row)) : lackingIds.has(row.trade_id);
    (awaited ? plan.stillMissing : plan.over).push(row);
  }
}
