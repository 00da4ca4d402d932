import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { inside, Statements } from '../database/statements.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { BreakerActions } from './breaker-actions.service.js';
import { BreakerBooksRepository } from './breaker-books.repository.js';
import { BreakerConfigRepository, settingsOf } from './breaker-config.repository.js';
import { type BreakerScopeKey, BreakerStatesRepository, type StateRow } from './breaker-states.repository.js';
import { BREAKERS } from './breakers.js';
import type { Settings } from './breaker-settings.js';
import { type AllSettings, FiguresService } from './figures.service.js';
import { Hearing } from './hearing.js';
import { type Next, nextState, type Trial } from './next-state.js';
import { type Book, TradeFiguresRepository } from './trade-figures.repository.js';
import { type Figure, verdictOf } from './verdict.js';

/** A scope with what was measured of it and what it is. */
export interface ScopeSeen {
  key: BreakerScopeKey;
  figure: Figure | null;
  currency: string | null;
  equity: string | null;
  state: StateRow | null;
  trial: Trial;
}

interface Due extends ScopeSeen {
  next: Next;
}

const NO_TRIAL: Trial = { ended: 0, lost: 0 };

/** Finds what a breaker should be by the rows of the moment, and makes it so, under the lock of the account. */
@Injectable()
export class BreakerEvaluation {
  constructor(
    private readonly dataSource: DataSource,
    private readonly books: BreakerBooksRepository,
    private readonly config: BreakerConfigRepository,
    private readonly states: BreakerStatesRepository,
    private readonly figures: FiguresService,
    private readonly trades: TradeFiguresRepository,
    private readonly actions: BreakerActions,
    private readonly hearing: Hearing,
    private readonly statements: Statements,
  ) {}

  /**
   * Looks at books without a lock, and again with that of its account at each in which something is to change: nearly
   * always that is none. Two that look at once find the same, and the second finds it done.
   */
  async look(books: readonly Book[]): Promise<ScopeSeen[]> {
    if (books.length === 0) return [];
    const tx = this.dataSource.manager;
    // Read first: what is noted meanwhile may be of a trade that the figures do not show yet.
    const noted = await this.books.noted(tx, books);
    const all = await this.config.all(tx);
    const now = await this.states.clock(tx);
    const seen = await this.seen(tx, books, all, now, this.statements.run);
    for (const book of distinct(changing(seen, all, now, now))) await inTransaction(this.dataSource, (locked) => this.settleBook(locked, book));
    await this.books.forget(tx, noted);
    return seen;
  }

  /** What was told of a book's trades and not looked at yet. The account must be locked: whoever decides on it calls this first. */
  async settle(tx: Tx, book: Book): Promise<void> {
    const noted = await this.books.noted(tx, [book]);
    if (noted.length === 0) return;
    await this.make(tx, book);
    await this.books.forget(tx, noted);
  }

  async lookAtDatabase(): Promise<void> {
    const breaker = 'database_latency';
    const [due] = await this.globalDue(this.dataSource.manager);
    if (!due) return;
    await inTransaction(this.dataSource, async (tx) => {
      const row = await this.config.lock(tx, breaker);
      const [now] = await this.globalDue(tx);
      if (row && now) await this.take(tx, now, settingsOf(row));
    });
  }

  /** All scopes of books, with what they are. */
  async seen(tx: Tx, books: readonly Book[], all: AllSettings, now: string, run = inside(tx)): Promise<ScopeSeen[]> {
    const found = new Map<string, ScopeSeen>();
    for (const { breaker, book, scopeId, currency, equity, ...figure } of await this.figures.of(tx, run, books, all, now, this.hearing.since)) {
      const key: BreakerScopeKey = { breaker, book, scopeType: BREAKERS[breaker].scope, scopeId };
      found.set(textOf(key), { key, figure, currency, equity, state: null, trial: NO_TRIAL });
    }
    const states = books.length === 0 ? [] : await this.states.ofBooks(tx, books);
    const trials = new Map((await this.trades.trials(tx, states.filter(({ state }) => state === 'testing').map(({ id }) => id))).map((trial) => [trial.id, trial]));
    for (const state of states) {
      const key = keyOf(state);
      const seen = found.get(textOf(key));
      found.set(textOf(key), { key, figure: seen?.figure ?? null, currency: seen?.currency ?? null, equity: seen?.equity ?? null, state, trial: trials.get(state.id) ?? NO_TRIAL });
    }
    return [...found.values()];
  }

  async seenGlobal(tx: Tx, all: AllSettings): Promise<ScopeSeen[]> {
    const breaker = 'database_latency';
    const [state = null] = await this.states.global(tx, breaker);
    const figure = await this.figures.latency(tx, all[breaker]);
    return state || figure ? [{ key: { breaker, book: null, scopeType: 'global', scopeId: null }, figure, currency: null, equity: null, state, trial: NO_TRIAL }] : [];
  }

  private async settleBook(tx: Tx, book: Book): Promise<void> {
    await this.states.lockAccounts(tx, [book.account_id]);
    await this.make(tx, book);
  }

  private async make(tx: Tx, book: Book): Promise<void> {
    const all = await this.config.all(tx);
    const now = await this.states.clock(tx);
    const due = changing(await this.seen(tx, [book], all, now), all, now, await this.states.nextDayAt(tx, book.account_id));
    for (const each of due) await this.take(tx, each, all[each.key.breaker]);
  }

  private async globalDue(tx: Tx): Promise<Due[]> {
    const all = await this.config.all(tx);
    const now = await this.states.clock(tx);
    return changing(await this.seenGlobal(tx, all), all, now, null);
  }

  private async take(tx: Tx, { key, figure, currency, state, next }: Due, settings: Settings): Promise<void> {
    const unit = BREAKERS[key.breaker].unit ?? currency;
    await this.actions.take(tx, null, key, state, settings, next, { value: figure?.value ?? null, limit: figure?.limit ?? null, unit: figure ? unit : null });
  }
}

function changing(seen: readonly ScopeSeen[], all: AllSettings, now: string, nextDayAt: string | null): Due[] {
  return seen.flatMap((scope) => {
    const settings = all[scope.key.breaker];
    const kind = BREAKERS[scope.key.breaker];
    const standing = { state: scope.state?.state ?? 'active', resetsAt: scope.state?.resets_at ?? null } as const;
    const next = nextState(standing, verdictOf(kind, settings, scope.figure), scope.trial, { enabled: settings.enabled, reset: settings.reset, lasts: kind.lasts }, { now, nextDayAt });
    return next ? [{ ...scope, next }] : [];
  });
}

export const keyOf = (state: StateRow): BreakerScopeKey => ({
  breaker: state.name, book: state.account_id === null || state.execution_mode === null ? null : { account_id: state.account_id, execution_mode: state.execution_mode },
  scopeType: state.scope_type, scopeId: state.scope_id,
});

const textOf = ({ breaker, book, scopeType, scopeId }: BreakerScopeKey): string => [breaker, book?.account_id, book?.execution_mode, scopeType, scopeId].join(' ');

/** In the order of their accounts. */
function distinct(due: readonly Due[]): Book[] {
  const books = new Map(due.flatMap(({ key: { book } }) => (book ? [[`${book.account_id} ${book.execution_mode}`, book] as const] : [])));
  return [...books].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, book]) => book);
}

