import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { badRequest, notFound, Problem } from '../common/problem.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { cursorOf, placeOf } from './curve-cursor.js';
import { EquityCurveRepository } from './equity-curve.repository.js';
import { type equityCurveSchema, toPoint } from './equity-curve.schemas.js';
import type { Book, TradeStatisticsFilter } from './trade-statistics.repository.js';

/** Books that a refusal names; beyond them it says that there are more. */
const BOOKS_NAMED = 10;

@Injectable()
export class EquityCurveService {
  constructor(
    private readonly curves: EquityCurveRepository,
    @Inject(ENV) private readonly env: Env,
  ) {}

  /**
   * A page of one book's curve, oldest first. The sums go on from page to page exactly; a trade that is told late, with
   * an exit before the page, is seen by who reads from the start.
   * @throws {Problem} 400 CURVE_NOT_ONE where the filters leave several books, 404 where they leave none
   */
  async page(filter: TradeStatisticsFilter, limit: number, cursor: string | undefined): Promise<z.output<typeof equityCurveSchema>> {
    const book = await this.bookOf(filter);
    const query = { ...filter, accountId: book.account_id, executionMode: book.execution_mode };
    const after = cursor === undefined ? null : placeOf(this.env.AUDIT_KEY, query, cursor);
    if (cursor !== undefined && !after) throw badRequest('VALIDATION_FAILED', 'is not a cursor that this curve gave', 'cursor');
    const rows = await this.curves.page(book, filter, limit, after);
    const shown = rows.slice(0, limit);
    const last = rows.length > limit ? shown.at(-1) : undefined;
    return {
      accountId: book.account_id, account: book.account, currency: book.currency, executionMode: book.execution_mode, items: shown.map(toPoint),
      nextCursor: last ? cursorOf(this.env.AUDIT_KEY, query, { at: last.place, seq: String(last.seq), cumulative: last.cumulative, peak: last.peak }) : null,
    };
  }

  private async bookOf(filter: TradeStatisticsFilter): Promise<Book> {
    const [book, ...more] = await this.curves.books(filter, BOOKS_NAMED + 1);
    if (!book) throw notFound('account with trades in this mode');
    if (more.length === 0) return book;
    const named = [book, ...more].slice(0, BOOKS_NAMED).map(({ account, account_id, execution_mode }) => `${account} (${account_id}) in ${execution_mode}`);
    const there = `there are ${named.join(', ')}${more.length < BOOKS_NAMED ? '' : ' and more'}`;
    const missing = (['accountId', 'executionMode'] as const).filter((name) => filter[name] === undefined);
    throw new Problem(400, 'CURVE_NOT_ONE', `A curve is of one account in one execution mode: ${there}.`, {
      errors: missing.map((path) => ({ path, message: `is needed: ${there}` })),
    });
  }
}
