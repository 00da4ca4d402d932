import { Decimal } from 'decimal.js';
import type { Candle } from './candle-file.js';
import { cents, profitOf, quoteAround, type Instrument, type Points } from './instrument.js';
import type { Direction } from './strategy.js';

export type ExitReason = 'stop' | 'target' | 'signal' | 'operator' | 'flatten' | 'square_off';

export interface Position {
  /** The name under which the server knows the trade: unique for the agent, the same when the same signal comes again. */
  clientOrderId: string;
  brokerOrderId: string;
  brokerPositionId: string;
  direction: Direction;
  /** Lots at the entry, and lots still open, as decimal texts. */
  lotSize: string;
  openLots: string;
  entry: Points;
  stop: Points;
  target: Points;
  openedIndex: number;
  commissionPerLot: string;
  /** Parts closed so far; the trade is closed when nothing is open. */
  parts: { lots: string; exit: Points; dealId: string }[];
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
  deals: { dealId: string; brokerPositionId: string; role: 'entry' | 'exit'; price: Points; lots: string; at: string }[];
}

const DEALS_KEPT = 100;

export function openAccount(initialBalance: string): BrokerState {
  return { initialBalance, balance: initialBalance, positions: [], lastNumber: 0, quote: null, deals: [] };
}

/** A broker of paper: fills at the quote, keeps stop and target itself, books profit to the cent. Prices in points. */
export class PaperBroker {
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
    stopDistance: Points;
    targetDistance: Points;
    index: number;
    commissionPerLot: string;
  }): Position {
    const quote = this.quote();
    const entry = order.direction === 'long' ? quote.ask : quote.bid;
    const sign = order.direction === 'long' ? 1 : -1;
    const position: Position = {
      clientOrderId: order.clientOrderId,
      brokerOrderId: this.nextId('O'),
      brokerPositionId: this.nextId('P'),
      direction: order.direction,
      lotSize: order.lots,
      openLots: order.lots,
      entry,
      stop: entry - sign * order.stopDistance,
      target: entry + sign * order.targetDistance,
      openedIndex: order.index,
      commissionPerLot: order.commissionPerLot,
      parts: [],
    };
    this.state.positions.push(position);
    this.note(this.nextId('D'), position, 'entry', entry, order.lots);
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
      if (exit) closed.push(...this.closePart(position, position.openLots, exit.price, exit.reason));
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
    return this.closePart(position, lots, price, reason)[0] ?? null;
  }

  /** Profit of what is open at the present quote, with the parts that are closed, in US dollars, unrounded. */
  floatingProfit(): Decimal {
    let sum = new Decimal(0);
    for (const position of this.state.positions) {
      const { bid, ask } = this.quote();
      const price = position.direction === 'long' ? bid : ask;
      sum = sum.plus(profitOf(this.instrument, position.direction, position.openLots, position.entry, price));
      for (const part of position.parts) {
        sum = sum.plus(profitOf(this.instrument, position.direction, part.lots, position.entry, part.exit));
      }
      sum = sum.minus(commissionOf(position));
    }
    return sum;
  }

  /** Balance with floating profit, to the cent. */
  equity(): string {
    return cents(new Decimal(this.state.balance).plus(this.floatingProfit())).toFixed(2);
  }

  private closePart(position: Position, lots: string, price: Points, reason: ExitReason): ClosedTrade[] {
    const left = new Decimal(position.openLots).minus(lots);
    if (left.isNegative() || new Decimal(lots).lte(0)) {
      throw new Error(`${lots} lots cannot be closed: ${position.openLots} are open`);
    }
    const dealId = this.nextId('D');
    position.parts.push({ lots, exit: price, dealId });
    position.openLots = left.toFixed();
    this.note(dealId, position, 'exit', price, lots);
    if (left.gt(0)) return [];
    this.state.positions = this.state.positions.filter((other) => other !== position);
    return [this.book(position, reason, dealId)];
  }

  private book(position: Position, reason: ExitReason, dealId: string): ClosedTrade {
    let weighted = new Decimal(0);
    for (const part of position.parts) weighted = weighted.plus(new Decimal(part.exit).mul(part.lots));
    const exit = weighted.div(position.lotSize).toDecimalPlaces(2).toFixed();
    // From the exit price as it is reported, so that a reader of the trade gets the same cents.
    const gross = cents(profitOf(this.instrument, position.direction, position.lotSize, position.entry, exit));
    const commission = commissionOf(position);
    const net = gross.minus(commission);
    this.state.balance = new Decimal(this.state.balance).plus(net).toFixed(2);
    const money = { gross: gross.toFixed(2), commission: commission.toFixed(2), net: net.toFixed(2) };
    return { position, reason, exit, dealId, ...money };
  }

  private note(dealId: string, position: Position, role: 'entry' | 'exit', price: Points, lots: string): void {
    const deal = { dealId, brokerPositionId: position.brokerPositionId, role, price, lots, at: this.now() };
    this.state.deals = [...this.state.deals, deal].slice(-DEALS_KEPT);
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

/** A long leaves on the bid, a short on the ask; so each side is judged on its own quote around the candle's prices. */
function exitInCandle(position: Position, candle: Candle): { price: Points; reason: 'stop' | 'target' } | null {
  const long = position.direction === 'long';
  const sideOf = (middle: Points) => quoteAround(middle, candle.spread)[long ? 'bid' : 'ask'];
  const sign = long ? 1 : -1;
  // Turned so that for both directions a larger number is the better exit.
  const [stop, target] = [sign * position.stop, sign * position.target];
  const [open, worst, best] = [candle.open, long ? candle.low : candle.high, long ? candle.high : candle.low].map(
    (middle) => sign * sideOf(middle),
  ) as [number, number, number];
  if (open <= stop) return { price: sign * open, reason: 'stop' };
  if (open >= target) return { price: sign * open, reason: 'target' };
  if (worst <= stop) return { price: position.stop, reason: 'stop' };
  if (best >= target) return { price: position.target, reason: 'target' };
  return null;
}
