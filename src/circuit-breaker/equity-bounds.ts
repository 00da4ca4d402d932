import type { Decimal } from 'decimal.js';
import { Exact } from '../common/decimal.js';
import type { ScopeSeen } from './evaluation.service.js';
import type { Book } from './trade-figures.repository.js';

interface Bounds {
  floor: Decimal | null;
  ceiling: Decimal | null;
}

const textOf = ({ account_id, execution_mode }: Book) => `${account_id} ${execution_mode}`;

/**
 * Between which equities nothing trips, as of the last look at each book: nearly every report lies between, and needs no
 * look of its own. What was changed since then is found by the next look, at most 5 s later.
 */
export class EquityBounds {
  private readonly of = new Map<string, Bounds>();

  /** Also true of a book that was never looked at. */
  isCrossed(book: Book, equity: string): boolean {
    const bounds = this.of.get(textOf(book));
    if (!bounds) return true;
    return (bounds.floor !== null && bounds.floor.gte(equity)) || (bounds.ceiling !== null && bounds.ceiling.lte(equity));
  }

  learn(books: readonly Book[], seen: readonly ScopeSeen[]): void {
    for (const book of books) this.of.set(textOf(book), { floor: null, ceiling: null });
    for (const { key, figure, equity } of seen) {
      const bounds = key.book && this.of.get(textOf(key.book));
      if (!bounds || figure === null || equity === null) continue;
      const left = new Exact(figure.limit).minus(figure.value);
      if (left.lte(0)) continue;
      if (key.breaker === 'daily_target') bounds.ceiling = least(bounds.ceiling, left.plus(equity));
      else bounds.floor = most(bounds.floor, new Exact(equity).minus(left));
    }
  }
}

const least = (one: Decimal | null, other: Decimal): Decimal => (one === null ? other : Exact.min(one, other));
const most = (one: Decimal | null, other: Decimal): Decimal => (one === null ? other : Exact.max(one, other));
