import { Exact } from '../../common/decimal.js';
import type { Signal, SignalCommand } from '../mapping/signal.js';

type Direction = 'long' | 'short';

/** What the executor has of the symbol in one direction. Decimals without sign. */
export interface HeldSide {
  /** Open; also what is being closed. */
  size: string;
  /** Of openings that are under way: queued, sent, or of which nobody knows. */
  coming: string;
  /** A trade is there, of whatever size: an entry order that works, one of which nobody knows. */
  present: boolean;
}

export type Held = Record<Direction, HeldSide>;

export interface Closing {
  /** Null: both. */
  direction: Direction | null;
  /** `fraction` of what is held: `of` so much of `from`. */
  part: 'all' | { size: string } | { of: string; from: string };
}

export interface Opening {
  direction: Direction;
  /** As the alert says; null: the source's own rule decides. */
  quantity: string | null;
}

/** What becomes of a signal. What it closes is closed first, and what it opens goes through the gate. */
export type Plan =
  | { kind: 'nothing'; status: 'ignored' | 'quarantined'; code: string; detail: string }
  | { kind: 'command'; command: SignalCommand }
  | { kind: 'trade'; name: PlanName; close: Closing | null; open: Opening | null };
export type PlanName = 'entry' | 'addition' | 'exit' | 'partial_exit' | 'reversal';

const opposite = (direction: Direction): Direction => (direction === 'long' ? 'short' : 'long');
const nothing = (status: 'ignored' | 'quarantined', code: string, detail: string): Plan => ({ kind: 'nothing', status, code, detail });
const isThere = ({ size, coming, present }: HeldSide): boolean => present || new Exact(size).gt(0) || new Exact(coming).gt(0);
const contradictory = (detail: string): Plan => nothing('quarantined', 'POSITION_CONTRADICTORY', detail);

/**
 * What the signal asks for, with what is held and what the sender says that it held before and after. An exit never opens; what
 * the alert calls an entry or an exit counts for more than whether it buys or sells.
 * @param product of the alert, else of the source; what is bought for delivery cannot be sold without being held
 */
export function planOf(signal: Signal, held: Held, product: string | null): Plan {
  if (signal.intent === 'command') return signal.command === null ? nothing('quarantined', 'COMMAND_MISSING', 'It is a command, and does not say which.') : { kind: 'command', command: signal.command };
  if (signal.intent === 'exit') return exitPlan(signal, held);
  if (signal.side === null) return nothing('quarantined', 'SIDE_MISSING', 'It says neither long nor short, neither buy nor sell.');
  return signal.intent === 'entry' ? entryPlan(signal, signal.side, held) : orderPlan(signal, signal.side, held, product);
}

function exitPlan(signal: Signal, held: Held): Plan {
  const { side } = signal;
  const there = (['long', 'short'] as const).filter((direction) => (side === null || direction === side) && isThere(held[direction]));
  if (there.length === 0) return nothing('ignored', 'NO_POSITION', `There is no ${side ?? 'long or short'} position to close; an exit never opens one.`);
  const direction = side ?? (there.length === 1 ? (there[0] ?? null) : null);
  const part = direction === null ? partOfBoth(signal) : partOf(signal, direction, held[direction]);
  if (part === null) return nothing('quarantined', 'EXIT_AMBIGUOUS', `Both a long and a short position are there, and ${signal.quantity} of which of them is to be closed is not said.`);
  return { kind: 'trade', name: part === 'all' ? 'exit' : 'partial_exit', close: { direction, part }, open: null };
}

const partOfBoth = ({ quantity, position: { now } }: Signal): Closing['part'] | null => (quantity === null || now === 'flat' ? 'all' : null);

/** How much of a position an exit takes: what the sender's own position says, else its quantity, else all. */
function partOf({ quantity, position: { now, before, size, sizeBefore } }: Signal, direction: Direction, side: HeldSide): Closing['part'] {
  if (now !== null && now !== direction) return 'all';
  if (now === direction && before === direction && size !== null && sizeBefore !== null && new Exact(size).lt(sizeBefore)) {
    const of = new Exact(sizeBefore).minus(size);
    return of.eq(sizeBefore) ? 'all' : { of: of.toFixed(), from: sizeBefore };
  }
  return quantity === null || new Exact(quantity).gte(new Exact(side.size).plus(side.coming)) ? 'all' : { size: quantity };
}

function entryPlan(signal: Signal, side: Direction, held: Held): Plan {
  const { now, before } = signal.position;
  if (now !== null && now !== side) return contradictory(`It enters ${side}, and says that it is ${now} afterwards.`);
  return opened(side, entryQuantity(signal, side), held, before);
}

/** Of an entry the quantity is its own; where it is exactly what the sender held and holds, the order was to reverse and names both. */
function entryQuantity({ quantity, position: { before, size, sizeBefore } }: Signal, side: Direction): string | null {
  const both = before === opposite(side) && size !== null && sizeBefore !== null && quantity !== null && new Exact(sizeBefore).plus(size).eq(quantity);
  return both ? size : quantity;
}

/** An opening; what stands against it is closed before. */
function opened(side: Direction, quantity: string | null, held: Held, before: Signal['position']['before']): Plan {
  const against = opposite(side);
  const reverses = isThere(held[against]);
  return {
    kind: 'trade', name: reverses ? 'reversal' : before === side || (before === null && isThere(held[side])) ? 'addition' : 'entry',
    close: reverses ? { direction: against, part: 'all' } : null, open: { direction: side, quantity },
  };
}

/** Something is bought or sold: whether that opens or closes follows from the sender's position, else from what is held. */
function orderPlan(signal: Signal, side: Direction, held: Held, product: string | null): Plan {
  const { now, before } = signal.position;
  const against = opposite(side);
  const word = side === 'long' ? 'buys' : 'sells';
  if (now === 'flat' || now === against) {
    if (before === side) return contradictory(`It ${word}, and says that it went from ${before} to ${now}.`);
    if (now === against && before === 'flat') return contradictory(`It ${word}, and says that it went from flat to ${now}.`);
    if (now === against && growsAgainst(signal)) return contradictory(`It ${word}, and says that its ${against} position did not become smaller.`);
    return exitPlan({ ...signal, side: against }, held);
  }
  const plan = now === side ? opened(side, toldQuantity(signal, side, held[against]), held, before) : untoldPlan(signal, side, held);
  return withoutWhatCannotOpen(plan, side, product);
}

const growsAgainst = ({ position: { before, now, size, sizeBefore } }: Signal): boolean => before === now && size !== null && sizeBefore !== null && new Exact(size).gte(sizeBefore);

/** What an order opens that leads to its own side: of one that reverses, only what is left when the other side is closed. '0': nothing, as far as it says. */
function toldQuantity({ quantity, position: { before, size, sizeBefore } }: Signal, side: Direction, against: HeldSide): string | null {
  if (quantity === null || before === side || before === 'flat') return quantity;
  if (before !== null && size !== null) return size;
  const closed = before !== null && sizeBefore !== null ? sizeBefore : new Exact(against.size).plus(against.coming);
  return Exact.max(new Exact(quantity).minus(closed), 0).toFixed();
}

/** Nothing is said of positions: what is held against it is closed first, and what the quantity goes beyond that opens. */
function untoldPlan(signal: Signal, side: Direction, held: Held): Plan {
  const against = opposite(side);
  if (!isThere(held[against])) return opened(side, signal.quantity, held, null);
  const all = new Exact(held[against].size).plus(held[against].coming);
  if (signal.quantity === null || new Exact(signal.quantity).lte(all)) {
    const part: Closing['part'] = signal.quantity === null || all.eq(signal.quantity) ? 'all' : { size: signal.quantity };
    return { kind: 'trade', name: part === 'all' ? 'exit' : 'partial_exit', close: { direction: against, part }, open: null };
  }
  return { kind: 'trade', name: 'reversal', close: { direction: against, part: 'all' }, open: { direction: side, quantity: new Exact(signal.quantity).minus(all).toFixed() } };
}

/** Nothing that is left opens nothing; and what is traded for delivery is sold when it is held, never short. */
function withoutWhatCannotOpen(plan: Plan, side: Direction, product: string | null): Plan {
  if (plan.kind !== 'trade' || plan.open === null) return plan;
  const opensNothing = plan.open.quantity !== null && new Exact(plan.open.quantity).isZero();
  if (!opensNothing && (side === 'long' || product?.toUpperCase() !== 'CNC')) return plan;
  if (plan.close !== null) return { ...plan, name: 'exit', open: null };
  return opensNothing
    ? nothing('quarantined', 'SIZE_UNKNOWN', 'It reverses a position that is not held here, and does not say how much of it opens.')
    : nothing('ignored', 'CNC_SELL_WITHOUT_POSITION', 'It sells for delivery (CNC), and nothing is held that could be sold.');
}

/** Only what closes: for a source that opens nothing. */
export function withoutOpening(plan: Plan): Plan {
  if (plan.kind !== 'trade' || plan.open === null) return plan;
  if (plan.close === null) return nothing('ignored', 'ENTRY_NOT_ROUTED', 'The source sends commands and exits only: what opens is kept, and nothing is done.');
  return { ...plan, name: 'exit', open: null };
}

/** Whether the sender's position before the order has the direction of what is held; null: it is not said, or cannot be compared. */
export function agrees(before: Signal['position']['before'], held: Held): boolean | null {
  if (before === null) return null;
  const sides = [held.long, held.short];
  // What is on its way may be there or not.
  if (sides.some(({ size, coming, present }) => new Exact(coming).gt(0) || (present && new Exact(size).isZero()))) return null;
  const [long, short] = sides.map(({ size }) => new Exact(size).gt(0));
  if (long && short) return before === 'flat' ? false : null;
  return before === (long ? 'long' : short ? 'short' : 'flat');
}

/** The time of an alert from which its age counts: when it was fired, unless that cannot be; of one that was redriven, that. */
export function countsFrom({ firedAt, receivedAt, redrivenAt }: { firedAt: string | null; receivedAt: string; redrivenAt: string | null }): number {
  if (redrivenAt !== null) return Date.parse(redrivenAt);
  const [fired, received] = [Date.parse(firedAt ?? ''), Date.parse(receivedAt)];
  if (Number.isNaN(fired) || fired < FIRED_EARLIEST_MS || fired > received + LEAD_MS) return received;
  return Math.min(fired, received);
}

const LEAD_MS = 120_000;
/** Before that no alert was fired: a clock that was never set. */
const FIRED_EARLIEST_MS = Date.UTC(2000, 0, 1);
