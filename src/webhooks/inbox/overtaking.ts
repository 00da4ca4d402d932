import { Exact } from '../../common/decimal.js';
import type { Signal } from '../mapping/signal.js';

type Side = 'long' | 'short';

/** What an exit that overtakes does away with, of the entries that came before it and still wait. */
export interface Overtakes {
  /** Of this direction; null: of both. */
  side: Side | null;
  /** A command means all that its agent does, whatever the symbol. */
  everySymbol: boolean;
}

const other = (side: Side): Side => (side === 'long' ? 'short' : 'long');

/** Whether it reduces, whatever is held: such alerts do not queue behind those that open. */
export function isExit(signal: Signal): boolean {
  if (signal.intent === 'exit' || signal.intent === 'command') return true;
  return signal.intent === 'order' && reducesItsBook(signal);
}

/** By the sender's own book: flat afterwards, or less of the same direction. What it does not say is no exit. */
function reducesItsBook({ position: { now, before, size, sizeBefore }, side }: Signal): boolean {
  if (now === 'flat') return true;
  if (now === null || now !== before || side === null) return false;
  if (size !== null && sizeBefore !== null) return new Exact(size).lt(sizeBefore);
  return side !== now;
}

export function overtakenBy(signal: Signal): Overtakes {
  if (signal.intent === 'command') return { side: null, everySymbol: signal.command !== 'cancel_orders' || signal.symbol === '' };
  if (signal.intent === 'exit') return { side: signal.side, everySymbol: false };
  // A buy that leaves the book flat closed a short.
  return { side: signal.position.before === 'long' || signal.position.before === 'short' ? signal.position.before : signal.side && other(signal.side), everySymbol: false };
}

/**
 * An order that was overtaken before its first turn: it may close what is held against it still, and opens nothing. Ending it would
 * leave a position that its sender has reversed.
 */
export function closingOnly(signal: Signal): Signal {
  const against = signal.side && other(signal.side);
  const told = signal.position.before === against && against !== null;
  return { ...signal, intent: 'exit', side: against, position: told ? { ...signal.position, now: 'flat', size: '0' } : signal.position };
}
