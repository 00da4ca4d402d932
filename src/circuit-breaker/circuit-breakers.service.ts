import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { z } from 'zod';
import { AccountsService } from '../accounts/accounts.service.js';
import { canonicalJson } from '../common/canonical-json.js';
import type { Caller } from '../common/http/caller.js';
import { mustMatch } from '../common/http/if-match.js';
import { parsed } from '../common/http/validation.js';
import { actorOf } from '../common/principal.js';
import { conflict, notFound, Problem } from '../common/problem.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { BreakerActions, holds, NOTHING_MEASURED } from './breaker-actions.service.js';
import { BreakerBooksRepository } from './breaker-books.repository.js';
import { BreakerConfigRepository, type BreakerRow, type BreakerVersionRow, type SettingChange, settingsOf } from './breaker-config.repository.js';
import { BreakerScopes } from './breaker-scopes.service.js';
import { keptReset, type Settings, settingsSchema } from './breaker-settings.js';
import { type BreakerScopeKey, BreakerStatesRepository, type StateRow } from './breaker-states.repository.js';
import { BREAKER_NAMES, BREAKERS, type BreakerName } from './breakers.js';
import { type breakerSchema, type breakerStateSchema, type putBreakerSchema, type resetAnswerSchema, type resetBreakerSchema, toBreaker, toBreakerState, type tripAnswerSchema, type tripSchema } from './circuit-breakers.schemas.js';
import { BreakerEvaluation, keyOf, type ScopeSeen } from './evaluation.service.js';
import { BreakerLooks } from './looks.service.js';
import { trip } from './next-state.js';

type Breaker = z.output<typeof breakerSchema>;
type BreakerState = z.output<typeof breakerStateSchema>;

@Injectable()
export class CircuitBreakersService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly config: BreakerConfigRepository,
    private readonly states: BreakerStatesRepository,
    private readonly books: BreakerBooksRepository,
    private readonly scopes: BreakerScopes,
    private readonly evaluation: BreakerEvaluation,
    private readonly actions: BreakerActions,
    private readonly looks: BreakerLooks,
    private readonly accounts: AccountsService,
    private readonly events: Events,
  ) {}

  /** Each with its scopes, measured now. @throws {Problem} 403 for a key that asks for another account */
  async list(caller: Caller, accountId: string | undefined): Promise<Breaker[]> {
    const shown = await this.accounts.shown(caller);
    if (accountId !== undefined && shown !== undefined) await this.accounts.mustSee(caller, accountId);
    const tx = this.dataSource.manager;
    const [rows, all, now] = [await this.config.list(tx), await this.config.all(tx), await this.states.clock(tx)];
    const books = await this.books.ofAccount(shown ?? accountId ?? null);
    const seen = [...(await this.evaluation.seenGlobal(tx, all)), ...(await this.evaluation.seen(tx, books, all, now))];
    const of = Map.groupBy(seen, ({ key }) => key.breaker);
    return BREAKER_NAMES.flatMap((name) => rows.filter((row) => row.name === name)).map((row) => toBreaker(row, settingsOf(row), of.get(row.name) ?? []));
  }

  /** @throws {Problem} 404 */
  async get(caller: Caller, name: string): Promise<Breaker> {
    known(name);
    const found = (await this.list(caller, undefined)).find((breaker) => breaker.name === name);
    if (!found) throw notFound('circuit breaker');
    return found;
  }

  /**
   * Puts other settings in place of the version that was read. They are held against every book before the answer; what has
   * tripped keeps the time at which it resets.
   * @throws {Problem} 404, 400 naming each setting that is out of range or has no effect, 412
   */
  async put(caller: Caller, name: string, version: number, { reason, ...body }: z.output<typeof putBreakerSchema>): Promise<Breaker> {
    const breaker = known(name);
    const { reset, ...rest } = settingsOfBody(breaker, body);
    const settings = { ...rest, reset: keptReset(reset) } as Settings;
    await inTransaction(this.dataSource, async (tx) => {
      const before = await this.config.lock(tx, breaker);
      if (!before) throw notFound('circuit breaker');
      mustMatch(version, before.version);
      const changed = changes(settingsOf(before), settings);
      const row = await this.config.update(tx, breaker, { settings, changed, reason: reason ?? null, actor: actorOf(caller.principal), correlationId: caller.correlationId });
      await this.events.append(tx, caller, [{ type: 'circuit_breaker.changed', data: { breaker, version: row.version, changed, reason: reason ?? null } }]);
    });
    await this.looks.lookEverywhere();
    return this.get(caller, name);
  }

  async versions(name: string, limit: number, cursor: string | undefined): Promise<BreakerVersionRow[]> {
    return this.config.versions(known(name), limit, cursor);
  }

  /**
   * Trips one scope by hand, or without one all that an agent works in, also of a breaker that is disabled; its own rule
   * resets it. @throws {Problem} 404, 400 for a scope that is not the breaker's, 409 BREAKER_TRIPPED, 409 NOTHING_TO_TRIP
   */
  trip(caller: Caller, name: string, { scope, reason }: z.output<typeof tripSchema>): Promise<z.output<typeof tripAnswerSchema>> {
    const breaker = known(name);
    return inTransaction(this.dataSource, async (tx) => {
      const keys = scope ? [await this.scopes.keyOf(tx, breaker, scope)] : await this.scopes.everywhere(tx, breaker);
      await this.states.lockAccounts(tx, [...new Set(keys.flatMap(({ book }) => (book ? [book.account_id] : [])))]);
      const tripped: BreakerState[] = [];
      let standing: StateRow | null = null;
      for (const key of keys) {
        const { settings, state } = await this.locked(tx, key);
        if (state && holds(state.state)) standing = state;
        else tripped.push(await this.tripOne(tx, caller, key, state, settings, reason));
      }
      const [first] = tripped;
      if (!first && standing) throw conflict('BREAKER_TRIPPED', `It is ${standing.state} since ${standing.since}.`);
      if (!first) throw conflict('NOTHING_TO_TRIP', `${breaker} stops an ${BREAKERS[breaker].scope}, and no agent works in any.`);
      return scope || first.scope.type === 'global' ? first : { name: breaker, tripped };
    });
  }

  private async tripOne(tx: Tx, caller: Caller, key: BreakerScopeKey, state: StateRow | null, settings: Settings, reason: string): Promise<BreakerState> {
    const now = await this.states.clock(tx);
    const { resetsAt, state: next } = trip(settings.reset, { now, nextDayAt: key.book && (await this.states.nextDayAt(tx, key.book.account_id)) }, reason);
    const row = await this.actions.take(tx, caller, key, state, settings, { state: next, resetsAt, action: 'triggered', restarts: false, why: `by hand: ${reason}` }, NOTHING_MEASURED);
    return shown(row, settings);
  }

  /**
   * Ends what a breaker holds, in one scope or wherever it is not active, with any test. From here on only what comes
   * counts, so that it does not trip again at once. @throws {Problem} 404, 400 for a scope that is not the breaker's
   */
  reset(caller: Caller, name: string, { scope, reason }: z.output<typeof resetBreakerSchema>): Promise<z.output<typeof resetAnswerSchema>> {
    const breaker = known(name);
    return inTransaction(this.dataSource, async (tx) => {
      const keys = scope ? [await this.scopes.keyOf(tx, breaker, scope)] : (await this.states.notActive(tx, breaker)).map(keyOf);
      await this.states.lockAccounts(tx, [...new Set(keys.flatMap(({ book }) => (book ? [book.account_id] : [])))]);
      const reset: BreakerState[] = [];
      for (const key of keys) {
        const { settings, state } = await this.locked(tx, key);
        const amounts = { value: state?.value ?? null, limit: state?.limit_value ?? null, unit: state?.unit ?? null };
        const row = await this.actions.take(tx, caller, key, state, settings, { state: 'active', resetsAt: null, action: 'reset', restarts: true, why: `by hand: ${reason}` }, amounts);
        reset.push(shown(row, settings));
      }
      return { name: breaker, reset };
    });
  }

  /** The state, with what it is evaluated under held: the account, or the breaker itself. */
  private async locked(tx: Tx, key: BreakerScopeKey): Promise<{ settings: Settings; state: StateRow | null }> {
    if (key.book) await this.states.lockAccounts(tx, [key.book.account_id]);
    const row: BreakerRow | null = key.book ? await this.config.byName(key.breaker, tx) : await this.config.lock(tx, key.breaker);
    if (!row) throw notFound('circuit breaker');
    return { settings: settingsOf(row), state: await this.states.of(tx, key) };
  }
}

function shown(row: StateRow, settings: Settings): BreakerState {
  const seen: ScopeSeen = { key: keyOf(row), figure: null, currency: null, equity: null, state: row, trial: { ended: 0, lost: 0 } };
  return toBreakerState(seen, settings);
}

/** @throws {Problem} 404 */
function known(name: string): BreakerName {
  if (!(name in BREAKERS)) throw notFound('circuit breaker');
  return name as BreakerName;
}

function settingsOfBody(name: BreakerName, body: Omit<z.output<typeof putBreakerSchema>, 'reason'>): Settings {
  try {
    return parsed(settingsSchema(name), body, 'settings') as Settings;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const bare = (text: string) => text.replace(/^settings\.?/, '');
    const errors = error.extra.errors?.map(({ path, message }) => ({ path: bare(path), message })) ?? [];
    throw new Problem(error.status, error.code, bare(error.message), { errors });
  }
}

/** Field by field, with a parameter's name behind `parameters.`. */
function changes(before: Settings, after: Settings): SettingChange[] {
  const flat = ({ parameters, reset, ...rest }: Settings): Record<string, unknown> => ({
    ...rest, ...named('reset', reset), ...named('parameters', parameters),
  });
  const [one, other] = [flat(before), flat(after)];
  return [...new Set([...Object.keys(one), ...Object.keys(other)])]
    .filter((field) => canonicalJson(one[field] ?? null) !== canonicalJson(other[field] ?? null))
    .map((field) => ({ field, before: one[field] ?? null, after: other[field] ?? null }));
}

const named = (group: string, values: object): Record<string, unknown> => Object.fromEntries(Object.entries(values).map(([key, value]) => [`${group}.${key}`, value as unknown]));
