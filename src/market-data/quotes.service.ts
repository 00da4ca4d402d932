import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { Caller } from '../common/http/caller.js';
import { badRequest, forbidden, notFound } from '../common/problem.js';
import { afterCommit, type Tx } from '../database/transaction.js';
import { type QuoteRow, QuotesRepository } from './quotes.repository.js';
import type { createQuoteSchema, createQuotesSchema } from './quotes.schemas.js';

const notYours = () => forbidden('NOT_YOUR_ACCOUNT', 'An agent key acts for the account of its agent only.');

@Injectable()
export class QuotesService {
  private readonly hooks: (() => void)[] = [];

  constructor(private readonly quotes: QuotesRepository) {}

  /** After quotes were stored. Modules above know what a price sets off. */
  onTaken(hook: () => void): void {
    this.hooks.push(hook);
  }

  /**
   * Each goes by itself into the next statement with those of all others: a quote that was stored is not taken back
   * because of one that was not, and the request may be sent again. No event: a price is not a change of ours.
   * @throws {Problem} 403 or 404 for an account that is not the sender's to tell of
   */
  async take({ principal }: Caller, { accountId, items }: z.output<typeof createQuotesSchema>): Promise<{ symbol: string; stored: boolean }[]> {
    const agentId = principal.kind === 'agent' ? principal.agentId : null;
    if (agentId === null && accountId == null) throw badRequest('ACCOUNT_REQUIRED', 'names the account, unless an agent sends them', 'accountId');
    const taken = await Promise.all(items.map((item) => this.quotes.take({ ...item, agentId, accountId: accountId ?? null })));
    this.hooks.forEach((hook) => hook());
    return taken.map((stored, index) => {
      if (stored === null) throw agentId === null ? notFound('account') : notYours();
      return { symbol: items[index]?.symbol ?? '', stored };
    });
  }

  /** Quotes of the caller's own account, with all else that its transaction does. Their rows stay locked until its end. */
  async takeWithin(tx: Tx, { principal }: Caller, items: z.output<typeof createQuoteSchema>[]): Promise<void> {
    const agentId = principal.kind === 'agent' ? principal.agentId : null;
    await this.quotes.takeWithin(tx, items.map((item) => ({ ...item, agentId, accountId: null })));
    afterCommit(tx, () => this.hooks.forEach((hook) => hook()));
  }

  /** @throws {Problem} 403 when a key asks for another account by name */
  async list({ principal }: Caller, asked: string | undefined, symbol: string | undefined, limit: number, cursor: string | undefined): Promise<QuoteRow[]> {
    if (principal.kind !== 'agent') return this.quotes.list(asked ?? null, symbol, limit, cursor);
    const own = await this.quotes.accountOf(principal.agentId);
    if (own === null || (asked !== undefined && asked !== own)) throw notYours();
    return this.quotes.list(own, symbol, limit, cursor);
  }
}
