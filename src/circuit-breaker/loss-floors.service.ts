import { Injectable } from '@nestjs/common';
import { Statements } from '../database/statements.js';
import type { Tx } from '../database/transaction.js';
import { effectiveLimits, type LimitLayer } from '../limits/effective-limits.js';
import { isAmount, LIMIT_NAMES, valuesOf } from '../limits/limit-fields.js';
import { Exact } from '../common/decimal.js';
import { BreakerConfigRepository } from './breaker-config.repository.js';
import { LossFactsRepository } from './loss-facts.repository.js';
import { baselineOf } from './loss-figures.js';
import { dayFloor, drawdownFloor, type LossFloor } from './loss-floors.js';
import type { Book } from './trade-figures.repository.js';

/** Of a book, in its account's currency; decimal text. */
export interface BookFloors extends Book {
  /** As the loss breakers take it; null: not known. */
  equity: string | null;
  /** Equity less what the day is measured from. */
  dayProfit: string | null;
  floors: LossFloor[];
}

/** How much each book may still lose: by the rows and rules that the loss breakers go by, enabled or not. */
@Injectable()
export class LossFloorsService {
  constructor(
    private readonly config: BreakerConfigRepository,
    private readonly losses: LossFactsRepository,
    private readonly statements: Statements,
  ) {}

  /** @param now RFC 3339: rates are held against it */
  async of(tx: Tx, books: readonly Book[], now: string): Promise<BookFloors[]> {
    if (books.length === 0) return [];
    const settings = await this.config.all(tx);
    const rows = await this.losses.facts(this.statements.within(tx), books, ['daily_loss', 'drawdown']);
    const { global, accounts } = await this.losses.limits(tx, [...new Set(books.map(({ account_id }) => account_id))]);
    const found: BookFloors[] = [];
    for (const book of books) {
      const [day, deep] = (['daily_loss', 'drawdown'] as const).map((name) => rows.find((row) => row.breaker === name && row.account_id === book.account_id && row.execution_mode === book.execution_mode));
      if (!day || !deep) continue;
      const own = accounts.find(({ account_id }) => account_id === book.account_id);
      const limits = effectiveLimits({ global: layerOf(global), account: own ? layerOf(own) : null });
      const foreign = LIMIT_NAMES.some((name) => isAmount(name) && limits[name].some(({ currency }) => currency !== day.currency));
      const money = { currency: day.currency, rates: foreign ? await this.losses.rates(tx, book.account_id) : [], now };
      const baseline = baselineOf(day, settings.daily_loss.parameters.baseline);
      found.push({
        ...book, equity: day.equity, dayProfit: baseline === null || day.equity === null ? null : new Exact(day.equity).minus(baseline).toFixed(),
        floors: [dayFloor({ facts: day, limits, money }, settings.daily_loss.parameters), drawdownFloor({ facts: deep, limits, money }, settings.drawdown.parameters)],
      });
    }
    return found;
  }
}

const layerOf = (row: { currency: string }): LimitLayer => ({ values: valuesOf(row), currency: row.currency });
