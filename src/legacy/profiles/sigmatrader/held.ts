import { Exact } from '../../convert/exact.js';
import { decimalOf } from '../../convert/decimals.js';
import { type Reading, Reject } from '../../profile.js';
import type { SourceRow } from '../../source/cell.js';
import { instrumentOf } from './instrument.js';
import type { Lookups } from './lookups.js';
import { plainProduct } from './trade-rows.js';

const UNSEEN: Pick<Reading, 'note'> = { note: () => undefined };

/** Which of the broker's positions a holding is: broker, instrument, product. Null where that cannot be told. */
export function holdingOf({ cells, id }: SourceRow): string | null {
  const found = instrumentOf(cells['symbol'], cells['exchange'], { ...UNSEEN, cells, id });
  if (found === null) return null;
  const word = (name: string) => (typeof cells[name] === 'string' ? cells[name] : '');
  return [word('broker_name').trim().toLowerCase() || 'zerodha', found.key, plainProduct(word('product'))].join('|');
}

/** Null where it is no finite number. */
function numberIn({ cells }: SourceRow, name: string): string | null {
  const cell = cells[name];
  if (cell === null || cell === undefined) return null;
  try {
    return decimalOf(cell, name);
  } catch (error) {
    if (error instanceof Reject) return null;
    throw error;
  }
}

/** Delivery cannot be sold short: below 0 it is what was sold today out of a holding. */
export const isSaleOfHolding = (row: SourceRow, size: string): boolean =>
  new Exact(size).lt(0) && plainProduct(typeof row.cells['product'] === 'string' ? row.cells['product'] : null) === 'CNC';

/**
 * The broker's positions, one for each holding. They are what counts: the same shares are also watched for a stop, or held by a
 * deployment, and a trade for each of these would count them twice.
 */
export class Held {
  private positions: Map<string, SourceRow> | undefined;

  constructor(private readonly lookups: Lookups) {}

  /** The one that stands for its holding; of several the one that was written last. */
  standing(holding: string): SourceRow | undefined {
    if (this.positions === undefined) {
      this.positions = new Map();
      for (const row of this.lookups.all('positions')) {
        const key = holdingOf(row);
        if (key === null) continue;
        const before = this.positions.get(key);
        if (before === undefined || writtenAfter(row, before)) this.positions.set(key, row);
      }
    }
    return this.positions.get(holding);
  }

  /** The position that counts this already: in the same direction, and a trade of its own. */
  covering(holding: string, direction: 'long' | 'short'): SourceRow | undefined {
    const position = this.standing(holding);
    if (position === undefined) return undefined;
    const size = numberIn(position, 'qty');
    const price = numberIn(position, 'avg_price');
    // Without a price it becomes no trade itself: then nothing would count what is held.
    if (size === null || price === null || new Exact(price).lte(0) || isSaleOfHolding(position, size)) return undefined;
    return (direction === 'long' ? new Exact(size).gt(0) : new Exact(size).lt(0)) ? position : undefined;
  }
}

function writtenAfter(one: SourceRow, other: SourceRow): boolean {
  const [a, b] = [one, other].map(({ cells }) => (typeof cells['last_updated'] === 'string' ? cells['last_updated'] : ''));
  return a !== undefined && b !== undefined && a !== b ? a > b : true;
}
