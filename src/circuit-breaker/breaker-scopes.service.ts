import { Injectable } from '@nestjs/common';
import { isUuid } from '../common/is-uuid.js';
import { badRequest, notFound } from '../common/problem.js';
import type { Tx } from '../database/transaction.js';
import { canonicalSymbol } from '../instruments/canonical-symbol.js';
import type { BreakerScopeKey } from './breaker-states.repository.js';
import { BREAKERS, type BreakerName } from './breakers.js';
import type { AskedScope } from './circuit-breakers.schemas.js';
import type { Book } from './trade-figures.repository.js';

/** Turns what a person asks for into the scope that it names. */
@Injectable()
export class BreakerScopes {
  /** @throws {Problem} 400 naming what is missing, too much or not the breaker's; 404 */
  async keyOf(tx: Tx, breaker: BreakerName, { type, id = null, accountId = null, executionMode = null }: AskedScope): Promise<BreakerScopeKey> {
    const own = BREAKERS[breaker].scope;
    if (type !== own) throw refused('type', `must be ${own}: that is what ${breaker} stops`);
    if ((id === null) !== (type === 'global')) throw refused('id', type === 'global' ? 'global has none' : `is needed: which ${type}`);
    if ((accountId === null) !== (type !== 'symbol')) throw refused('accountId', type === 'symbol' ? 'is needed: a symbol is stopped within an account' : `has no place in a scope of type ${type}`);
    const hasMode = type === 'account' || type === 'symbol';
    if ((executionMode === null) === hasMode) throw refused('executionMode', hasMode ? 'is needed: each mode of an account is a book of its own' : `has no place in a scope of type ${type}`);
    return { breaker, scopeType: type, ...(await this.named(tx, type, id, accountId, executionMode)) };
  }

  /** Wherever an agent works now. @throws {Problem} 400 of a breaker of symbols: which there are is nobody's list */
  async everywhere(tx: Tx, breaker: BreakerName): Promise<BreakerScopeKey[]> {
    const scopeType = BREAKERS[breaker].scope;
    if (scopeType === 'global') return [{ breaker, scopeType, scopeId: null, book: null }];
    if (scopeType === 'symbol') throw badRequest('VALIDATION_FAILED', `is needed: ${breaker} stops a symbol of an account`, 'scope');
    const agents: (Book & { id: string })[] = await tx.sql`select id, account_id, mode as execution_mode from agents where retired_at is null order by account_id, mode, seq`;
    const keys = agents.map(({ id, account_id, execution_mode }) => ({ breaker, scopeType, scopeId: scopeType === 'agent' ? id : account_id, book: { account_id, execution_mode } }));
    return keys.filter((key, n) => scopeType === 'agent' || keys.findIndex(({ book }) => book.account_id === key.book.account_id && book.execution_mode === key.book.execution_mode) === n);
  }

  private async named(tx: Tx, type: AskedScope['type'], id: string | null, accountId: string | null, mode: Book['execution_mode'] | null): Promise<{ book: Book | null; scopeId: string | null }> {
    if (type === 'global') return { book: null, scopeId: null };
    if (type === 'agent') {
      const book = await this.bookOfAgent(tx, idOf(id));
      return { book, scopeId: idOf(id) };
    }
    const account = type === 'account' ? idOf(id) : (accountId ?? '');
    const found: unknown[] = await tx.sql`select 1 from accounts where id = ${account}::uuid`;
    if (found.length === 0) throw notFound('account');
    const book: Book = { account_id: account, execution_mode: mode ?? 'paper' };
    return { book, scopeId: type === 'account' ? account : (canonicalSymbol(id ?? '', null)?.symbol ?? id) };
  }

  private async bookOfAgent(tx: Tx, id: string): Promise<Book> {
    const [book] = await tx.sql<Book[]>`select account_id, mode as execution_mode from agents where id = ${id}::uuid`;
    if (!book) throw notFound('agent');
    return book;
  }
}

function idOf(id: string | null): string {
  if (id === null || !isUuid(id)) throw refused('id', 'must be a UUID');
  return id.toLowerCase();
}

const refused = (field: string, message: string) => badRequest('VALIDATION_FAILED', message, `scope.${field}`);
