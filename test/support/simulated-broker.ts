import type { Decimal } from 'decimal.js';
import { Exact } from '../../src/common/decimal.js';

export type Side = 'long' | 'short';

export interface SimulatedPosition {
  id: string;
  symbol: string;
  side: Side;
  size: Decimal;
  price: Decimal;
  stop: Decimal | null;
  /** What it has cost to hold it so far; booked with the deal that closes it. */
  swap: Decimal;
  tag: string | null;
  magic: number | null;
  openedAt: number;
}

export interface SimulatedOrder {
  id: string;
  symbol: string;
  side: Side;
  size: Decimal;
  price: Decimal;
  tag: string | null;
  magic: number | null;
  placedAt: number;
}

export interface SimulatedDeal {
  id: string;
  orderId: string;
  positionId: string;
  symbol: string;
  role: 'entry' | 'exit';
  /** Of the position, also where it is left. */
  side: Side;
  size: Decimal;
  price: Decimal;
  profit: Decimal;
  commission: Decimal;
  swap: Decimal;
  tag: string | null;
  magic: number | null;
  exitReason: string | null;
  at: number;
}

export interface Wanted {
  symbol: string;
  side: Side;
  size: string;
  stopDistance?: string;
  tag: string | null;
  magic: number | null;
}

const CONTRACT = 100_000;
const COMMISSION_A_LOT = '-3.5';
const SPREAD = '0.0001';

/**
 * A broker with one currency and no mercy: it goes on while its clients are away, closes at stops, charges swaps, gives
 * positions new ids over night, and lets people trade by hand. Its own books are exact: balance = deposits + all deals.
 */
export class SimulatedBroker {
  readonly positions: SimulatedPosition[] = [];
  readonly orders: SimulatedOrder[] = [];
  readonly deals: SimulatedDeal[] = [];
  balance: Decimal;
  flows = new Exact(0);
  private lastNumber = 1_000;
  private readonly mids = new Map<string, Decimal>();

  constructor(
    readonly margin: 'hedging' | 'netting',
    readonly initialBalance: string,
    symbols: readonly string[],
    private readonly random: () => number,
    /** Milliseconds since 1970, in the broker's own time. */
    public now: number,
  ) {
    this.balance = new Exact(initialBalance);
    for (const symbol of symbols) this.mids.set(symbol, new Exact('1.1'));
  }

  quote(symbol: string): { bid: Decimal; ask: Decimal } {
    const mid = this.mids.get(symbol);
    if (!mid) throw new Error(`the broker has no ${symbol}`);
    return { bid: mid.minus(new Exact(SPREAD).div(2)), ask: mid.plus(new Exact(SPREAD).div(2)) };
  }

  /** Prices move; stops and waiting orders are met. */
  tick(): void {
    for (const [symbol, mid] of this.mids) this.mids.set(symbol, mid.plus(new Exact(Math.round((this.random() - 0.5) * 80)).div(100_000)));
    for (const position of [...this.positions]) {
      const { bid, ask } = this.quote(position.symbol);
      const reached = position.stop && (position.side === 'long' ? bid.lte(position.stop) : ask.gte(position.stop));
      if (reached) this.close(position, position.size, 'stop');
    }
    for (const order of [...this.orders]) {
      const { bid, ask } = this.quote(order.symbol);
      if (order.side === 'long' ? ask.gt(order.price) : bid.lt(order.price)) continue;
      this.orders.splice(this.orders.indexOf(order), 1);
      this.fill({ symbol: order.symbol, side: order.side, size: order.size.toFixed(), tag: order.tag, magic: order.magic }, order.id);
    }
  }

  /** At the market, at once. @param orderId of a waiting order that was met */
  fill(wanted: Wanted, orderId = this.nextId('O')): SimulatedDeal[] {
    const size = new Exact(wanted.size);
    const { bid, ask } = this.quote(wanted.symbol);
    const price = wanted.side === 'long' ? ask : bid;
    const stop = wanted.stopDistance ? price.plus(new Exact(wanted.stopDistance).times(wanted.side === 'long' ? -1 : 1)) : null;
    const held = this.margin === 'netting' ? this.positions.find(({ symbol }) => symbol === wanted.symbol) : undefined;
    if (held && held.side !== wanted.side) return this.against(held, wanted, size, orderId);
    if (held) {
      held.price = held.price.times(held.size).plus(price.times(size)).div(held.size.plus(size)).toDecimalPlaces(8);
      held.size = held.size.plus(size);
      return [this.book({ ...wanted, orderId, positionId: held.id, role: 'entry', size, price, profit: new Exact(0), swap: new Exact(0), exitReason: null })];
    }
    // As many brokers do, a position is named by the order that opened it.
    const position: SimulatedPosition = { id: orderId.replace('O', 'P'), symbol: wanted.symbol, side: wanted.side, size, price, stop, swap: new Exact(0), tag: wanted.tag, magic: wanted.magic, openedAt: this.now };
    this.positions.push(position);
    return [this.book({ ...wanted, orderId, positionId: position.id, role: 'entry', size, price, profit: new Exact(0), swap: new Exact(0), exitReason: null })];
  }

  /** On a netting account the other side closes first, and what is left of it opens. One deal, in two roles. */
  private against(held: SimulatedPosition, wanted: Wanted, size: Decimal, orderId: string): SimulatedDeal[] {
    const closing = Exact.min(size, held.size);
    const exit = this.close(held, closing, 'signal', wanted, orderId);
    if (size.lte(closing)) return [exit];
    const rest = this.fill({ ...wanted, size: size.minus(closing).toFixed() }, orderId);
    for (const deal of rest) deal.id = exit.id;
    return [exit, ...rest];
  }

  close(position: SimulatedPosition, size: Decimal, exitReason: string, by: Pick<Wanted, 'tag' | 'magic'> = { tag: null, magic: position.magic }, orderId = this.nextId('O')): SimulatedDeal {
    const { bid, ask } = this.quote(position.symbol);
    const price = position.side === 'long' ? bid : ask;
    const part = size.gte(position.size) ? position.swap : position.swap.times(size).div(position.size).toDecimalPlaces(2);
    const profit = price.minus(position.price).times(size).times(CONTRACT).times(position.side === 'long' ? 1 : -1).toDecimalPlaces(2);
    const deal = this.book({ symbol: position.symbol, side: position.side, tag: by.tag, magic: by.magic, orderId, positionId: position.id, role: 'exit', size, price, profit, swap: part, exitReason });
    position.size = position.size.minus(size);
    position.swap = position.swap.minus(part);
    if (position.size.lte(0)) this.positions.splice(this.positions.indexOf(position), 1);
    return deal;
  }

  place(wanted: Wanted, price: Decimal): SimulatedOrder {
    const order = { id: this.nextId('O'), symbol: wanted.symbol, side: wanted.side, size: new Exact(wanted.size), price, tag: wanted.tag, magic: wanted.magic, placedAt: this.now };
    this.orders.push(order);
    return order;
  }

  cancel(order: SimulatedOrder): void {
    this.orders.splice(this.orders.indexOf(order), 1);
  }

  /**
   * Swaps are charged; on hedging accounts some positions go on under another id. Not one of two that bear one tag: closed
   * before anybody saw its new name, nothing would say which of the two it was. That is a mismatch, for a person to settle.
   */
  rollover(): void {
    for (const position of this.positions) {
      position.swap = position.swap.minus(position.size.times('1.3').toDecimalPlaces(2));
      const isAlone = position.tag === null || this.positions.every((other) => other === position || other.tag !== position.tag);
      if (this.margin === 'hedging' && this.random() < 0.4 && isAlone) position.id = this.nextId('P');
    }
  }

  stopOut(): void {
    for (const position of [...this.positions]) this.close(position, position.size, 'stop_out');
  }

  cashFlow(amount: string): void {
    this.balance = this.balance.plus(amount);
    this.flows = this.flows.plus(amount);
  }

  nextId(prefix: string): string {
    this.lastNumber += 1;
    return `${prefix}${this.lastNumber}`;
  }

  private book(deal: Omit<SimulatedDeal, 'id' | 'commission' | 'at' | 'tag' | 'magic'> & Pick<Wanted, 'tag' | 'magic'>): SimulatedDeal {
    const booked: SimulatedDeal = {
      id: this.nextId('D'), orderId: deal.orderId, positionId: deal.positionId, symbol: deal.symbol, role: deal.role, side: deal.side, size: deal.size, price: deal.price,
      profit: deal.profit, swap: deal.swap, commission: deal.size.times(COMMISSION_A_LOT).toDecimalPlaces(2), tag: deal.tag, magic: deal.magic, exitReason: deal.exitReason, at: this.now,
    };
    this.deals.push(booked);
    this.balance = this.balance.plus(booked.profit).plus(booked.commission).plus(booked.swap);
    return booked;
  }
}
