import { Decimal } from 'decimal.js';
import type { Candle } from './candle-file.js';
import { cents, profitOf, quoteAround, type Instrument, type Points } from './instrument.js';
import type { Direction } from './strategy.js';

export const EXIT_REASONS = ['stop', 'target', 'trailing', 'signal', 'supervisor', 'operator', 'flatten', 'stop_out', 'square_off', 'external'] as const;
export type ExitReason = (typeof EXIT_REASONS)[number];

/** Why there is a position: the command that the gate gave, and the idea behind it. */
export interface GatedBy {
  ideaId?: string;
  commandId: string;
  /** The order's comment at the broker, by which it is found again. */
  orderTag: string;
  /** The signal of this agent, where the idea was its own. */
  signalId?: string;
  /** Whose rules the trade is under. */
  strategyId?: string;
}

export interface Position {
  /** The name under which the server knows the trade: unique for the agent, the same when the same signal comes again. */
  clientOrderId: string;
  /** Opened by a person at the broker, not by this agent: the server learns of it from reports, not from facts. */
  byHand?: true;
  /** None by hand, and in what was opened by an agent that asked nobody yet. */
  gated?: GatedBy;
  /** The server's id of a trade that it adopted. */
  adoptedAs?: string;
  brokerOrderId: string;
  brokerPositionId: string;
  direction: Direction;
  /** Lots at the entry, and lots still open, as decimal texts. */
  lotSize: string;
  openLots: string;
  entry: Points;
  /** Null: the broker keeps none. */
  stop: Points | null;
  target: Points | null;
  openedIndex: number;
  /** RFC 3339. */
  openedAt: string;
  commissionPerLot: string;
  /** Parts closed so far; the trade is closed when nothing is open. */
  parts: { lots: string; exit: Points; dealId: string }[];
  /** What its deals have brought and cost so far, as decimal texts: it is in the balance already. */
  booked: { profit: string; commission: string };
}

/** One execution. Money in US dollars as decimal texts, to the cent; commission is what was paid, above zero. */
export interface Deal {
  dealId: string;
  brokerPositionId: string;
  brokerOrderId: string;
  clientOrderId: string;
  byHand: boolean;
  orderTag?: string;
  direction: Direction;
  role: 'entry' | 'exit';
  price: Points;
  /** What was asked for: the quote, or the level of a stop or target that a gap jumped over. */
  requested: Points;
  lots: string;
  profit: string;
  commission: string;
  exitReason: ExitReason | null;
  at: string;
}

/** A trade that is over. Money in US dollars as decimal texts, to the cent. */
export interface ClosedTrade {
  position: Position;
  reason: ExitReason;
  /** Points as a decimal text: the fill, or the mean by size where the trade was closed in parts. */
  exit: string;
  dealId: string;
  gross: string;
  commission: string;
  net: string;
}

/** Plain JSON for the state file. */
export interface BrokerState {
  initialBalance: string;
  balance: string;
  positions: Position[];
  /** Orders, positions and deals share one counter: an id is never given twice. */
  lastNumber: number;
  quote: { bid: Points; ask: Points } | null;
  /** The latest executions, for a `reconcile`. */
  deals: Deal[];
}

const DEALS_KEPT = 100;

export function openAccount(initialBalance: string): BrokerState {
  return { initialBalance, balance: initialBalance, positions: [], lastNumber: 0, quote: null, deals: [] };
}

/** A broker of paper: fills at the quote, keeps stop and target itself, books profit to the cent. Prices in points. */
export class PaperBroker {
  private fresh: Deal[] = [];

  /** @param idPrefix makes the broker's ids unique in the account over all runs. */
  constructor(
    readonly state: BrokerState,
    private readonly instrument: Instrument,
    private readonly idPrefix: string,
    private readonly now: () => string,
  ) {}

  /** Opens at the present quote: a long pays the ask, a short gets the bid. @throws Error without a quote. */
  open(order: {
    clientOrderId: string;
    direction: Direction;
    lots: string;
    stopDistance: Points | null;
    targetDistance: Points | null;
    index: number;
    commissionPerLot: string;
    byHand?: true;
    gated?: GatedBy;
  }): Position {
    const quote = this.quote();
    const entry = order.direction === 'long' ? quote.ask : quote.bid;
    const sign = order.direction === 'long' ? 1 : -1;
    const position: Position = {
      clientOrderId: order.clientOrderId,
      ...(order.byHand ? { byHand: true } : {}),
      ...(order.gated ? { gated: order.gated } : {}),
      brokerOrderId: this.nextId('O'),
      brokerPositionId: this.nextId('P'),
      direction: order.direction,
      lotSize: order.lots,
      openLots: order.lots,
      entry,
      stop: order.stopDistance === null ? null : entry - sign * order.stopDistance,
      target: order.targetDistance === null ? null : entry + sign * order.targetDistance,
      openedIndex: order.index,
      openedAt: this.now(),
      commissionPerLot: order.commissionPerLot,
      parts: [],
      booked: { profit: '0', commission: '0' },
    };
    this.state.positions.push(position);
    const commission = commissionFor(position, order.lots);
    this.book(position, { dealId: this.nextId('D'), role: 'entry', price: entry, requested: entry, lots: order.lots, exitReason: null }, new Decimal(0), commission);
    return position;
  }

  /**
   * Moves the quote to the next candle and does the exits that happened in it. The opening is looked at first, because
   * it is known to come first: beyond the stop or the target, it is the fill (a gap is not filled at the stop's price).
   * After it the worst case counts: where both stop and target lie inside the candle, the stop was first.
   */
  onCandle(candle: Candle): ClosedTrade[] {
    const closed: ClosedTrade[] = [];
    for (const position of [...this.state.positions]) {
      const exit = exitInCandle(position, candle);
      if (exit) closed.push(...this.closePart(position, position.openLots, exit, exit.reason));
    }
    this.state.quote = quoteAround(candle.close, candle.spread);
    return closed;
  }

  /**
   * Closes `lots` (all by default) of a position at the present quote.
   * @returns the trade when nothing of it is open any more, else null. @throws Error for more than is open.
   */
  close(position: Position, reason: ExitReason, lots = position.openLots): ClosedTrade | null {
    const quote = this.quote();
    const price = position.direction === 'long' ? quote.bid : quote.ask;
    return this.closePart(position, lots, { price, requested: price }, reason)[0] ?? null;
  }

  /** Executions since this was last asked for, each given once: what has to be told. */
  takeDeals(): Deal[] {
    const deals = this.fresh;
    this.fresh = [];
    return deals;
  }

  /** Profit of one position at the present quote, in US dollars, unrounded, before commission. */
  floatingOf(position: Position): Decimal {
    const { bid, ask } = this.quote();
    return profitOf(this.instrument, position.direction, position.openLots, position.entry, position.direction === 'long' ? bid : ask);
  }

  /** Profit of what is open at the present quote, less the commission that closing it will cost, in US dollars, unrounded. */
  floatingProfit(): Decimal {
    let sum = new Decimal(0);
    for (const position of this.state.positions) {
      const toCome = commissionOf(position).minus(position.booked.commission);
      sum = sum.plus(this.floatingOf(position)).minus(toCome);
    }
    return sum;
  }

  /** Balance with floating profit, to the cent. */
  equity(): string {
    return cents(new Decimal(this.state.balance).plus(this.floatingProfit())).toFixed(2);
  }

  private closePart(position: Position, lots: string, at: { price: Points; requested: Points }, reason: ExitReason): ClosedTrade[] {
    const left = new Decimal(position.openLots).minus(lots);
    if (left.isNegative() || new Decimal(lots).lte(0)) {
      throw new Error(`${lots} lots cannot be closed: ${position.openLots} are open`);
    }
    const deal = { dealId: this.nextId('D'), role: 'exit', ...at, lots, exitReason: reason } as const;
    position.parts.push({ lots, exit: at.price, dealId: deal.dealId });
    position.openLots = left.toFixed();
    if (left.gt(0)) {
      const profit = cents(profitOf(this.instrument, position.direction, lots, position.entry, at.price));
      this.book(position, deal, profit, commissionFor(position, lots));
      return [];
    }
    this.state.positions = this.state.positions.filter((other) => other !== position);
    let weighted = new Decimal(0);
    for (const part of position.parts) weighted = weighted.plus(new Decimal(part.exit).mul(part.lots));
    const exit = weighted.div(position.lotSize).toDecimalPlaces(12).toFixed();
    // From the mean exit price, so that a reader of the trade gets the same cents: the last deal takes what rounding left.
    const gross = cents(profitOf(this.instrument, position.direction, position.lotSize, position.entry, exit));
    const commission = commissionOf(position);
    this.book(position, deal, gross.minus(position.booked.profit), commission.minus(position.booked.commission));
    const money = { gross: gross.toFixed(2), commission: commission.toFixed(2), net: gross.minus(commission).toFixed(2) };
    return [{ position, reason, exit, dealId: deal.dealId, ...money }];
  }

  /** Every deal is in the balance at once, as at a broker: so the balance is what the fills add up to. */
  private book(position: Position, made: Pick<Deal, 'dealId' | 'role' | 'price' | 'requested' | 'lots' | 'exitReason'>, profit: Decimal, commission: Decimal): void {
    const { brokerPositionId, brokerOrderId, clientOrderId, direction, byHand = false, booked } = position;
    const money = { profit: profit.toFixed(2), commission: commission.toFixed(2) };
    const at = made.role === 'entry' ? position.openedAt : this.now();
    const tag = position.gated ? { orderTag: position.gated.orderTag } : {};
    const deal: Deal = { ...made, ...money, brokerPositionId, brokerOrderId, clientOrderId, ...tag, direction, byHand, at };
    booked.profit = profit.plus(booked.profit).toFixed(2);
    booked.commission = commission.plus(booked.commission).toFixed(2);
    this.state.balance = new Decimal(this.state.balance).plus(profit).minus(commission).toFixed(2);
    const deals = [...this.state.deals, deal];
    // Those by hand are told by their account alone, and stay until the run is over.
    this.state.deals = deals.filter((each, n) => each.byHand || n >= deals.length - DEALS_KEPT);
    this.fresh.push(deal);
  }

  private nextId(kind: 'O' | 'P' | 'D'): string {
    this.state.lastNumber += 1;
    return `${this.idPrefix}-${kind}${this.state.lastNumber}`;
  }

  private quote(): { bid: Points; ask: Points } {
    if (!this.state.quote) throw new Error('there is no quote yet');
    return this.state.quote;
  }
}

/** Both sides of the trade, to the cent. */
function commissionOf(position: Position): Decimal {
  return cents(new Decimal(position.commissionPerLot).mul(position.lotSize).mul(2));
}

/** One side of so many lots, to the cent. */
function commissionFor(position: Position, lots: string): Decimal {
  return cents(new Decimal(position.commissionPerLot).mul(lots));
}

/** A long leaves on the bid, a short on the ask; so each side is judged on its own quote around the candle's prices. */
function exitInCandle(position: Position, candle: Candle): { price: Points; requested: Points; reason: 'stop' | 'target' } | null {
  const long = position.direction === 'long';
  const sideOf = (middle: Points) => quoteAround(middle, candle.spread)[long ? 'bid' : 'ask'];
  const sign = long ? 1 : -1;
  // Turned so that for both directions a larger number is the better exit.
  const stop = position.stop === null ? -Infinity : sign * position.stop;
  const target = position.target === null ? Infinity : sign * position.target;
  const [open, worst, best] = [candle.open, long ? candle.low : candle.high, long ? candle.high : candle.low].map(
    (middle) => sign * sideOf(middle),
  ) as [number, number, number];
  if (open <= stop) return { price: sign * open, requested: sign * stop, reason: 'stop' };
  if (open >= target) return { price: sign * open, requested: sign * target, reason: 'target' };
  if (worst <= stop) return { price: sign * stop, requested: sign * stop, reason: 'stop' };
  if (best >= target) return { price: sign * target, requested: sign * target, reason: 'target' };
  return null;
}
