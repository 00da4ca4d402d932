import { Injectable } from '@nestjs/common';
import type { Caller } from '../common/http/caller.js';
import { actorOf } from '../common/principal.js';
import type { Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { HaltsRepository } from '../halts/halts.repository.js';
import { Incidents } from '../incidents/incidents.service.js';
import { type BreakerScopeKey, BreakerStatesRepository, type StateRow } from './breaker-states.repository.js';
import { BREAKERS, type State } from './breakers.js';
import type { Settings } from './breaker-settings.js';
import type { BreakerAction } from './circuit-breaker-events.repository.js';
import { CircuitBreakerEventsService } from './circuit-breaker-events.service.js';

/** What a breaker does, and why. */
export interface BreakerStep {
  state: State;
  resetsAt: string | null;
  /** Null: nobody need be told. */
  action: BreakerAction | null;
  restarts: boolean;
  why: string;
}

export interface Amounts {
  value: string | null;
  limit: string | null;
  unit: string | null;
}

export const NOTHING_MEASURED: Amounts = { value: null, limit: null, unit: null };

/** While it holds: nothing opens. */
export const holds = (state: State): boolean => state === 'tripped' || state === 'cooling_down';

/** Everything that goes with a change of state, in one transaction: the halt, the state, the event, the incident. */
@Injectable()
export class BreakerActions {
  constructor(
    private readonly states: BreakerStatesRepository,
    private readonly halts: HaltsRepository,
    private readonly breakerEvents: CircuitBreakerEventsService,
    private readonly incidents: Incidents,
    private readonly events: Events,
  ) {}

  /**
   * The account must be locked, or the breaker where the scope has none, and the state read after that.
   * @param caller null: the server by itself
   */
  async take(tx: Tx, caller: Caller | null, key: BreakerScopeKey, before: StateRow | null, { haltMode }: Pick<Settings, 'haltMode'>, step: BreakerStep, amounts: Amounts): Promise<StateRow> {
    const reason = reasonOf(key, await this.states.nameOf(tx, key), step, amounts);
    const ends = before?.halt_id != null && !(holds(before.state) && holds(step.state));
    if (ends && before.halt_id !== null) await this.halts.end(tx, caller, before.halt_id, reason);
    const goesOn = !ends && before?.halt_id != null;
    const haltId = goesOn ? before.halt_id : holds(step.state) ? await this.halt(tx, caller, key, haltMode, reason, step) : null;
    // What tripped it stays to be read until it is reset.
    const shown = goesOn && before ? { value: before.value, limit: before.limit_value, unit: before.unit } : amounts;
    const row = await this.states.write(tx, key, { state: step.state, value: shown.value, limit_value: shown.limit, unit: shown.unit, resets_at: step.resetsAt, halt_id: haltId, restarts: step.restarts });
    if (step.action) await this.tell(tx, caller, key, row, step, amounts, reason);
    return row;
  }

  private async halt(tx: Tx, caller: Caller | null, { breaker, book, scopeType, scopeId }: BreakerScopeKey, mode: Settings['haltMode'], reason: string, step: BreakerStep): Promise<string> {
    const made = await this.halts.impose(tx, {
      scope_type: scopeType, scope_id: scopeId, execution_mode: book?.execution_mode ?? null, account_id: scopeType === 'symbol' ? (book?.account_id ?? null) : null, mode, reason, source: 'breaker', breaker,
      imposed_by: caller ? actorOf(caller.principal) : 'system', correlation_id: caller?.correlationId ?? null,
      // A day's target is over with the day, also where nobody looks any more.
      expires_at: breaker === 'daily_target' ? step.resetsAt : null,
    });
    await this.events.append(tx, caller, [{
      type: 'halt.imposed', subjectId: made.id, agentId: scopeType === 'agent' ? scopeId : null, accountId: book?.account_id ?? null,
      data: { scope: scopeType, scopeId, mode, source: made.source, breaker, imposedBy: made.imposed_by, why: reason },
    }]);
    return made.id;
  }

  private async tell(tx: Tx, caller: Caller | null, { breaker, book, scopeType, scopeId }: BreakerScopeKey, row: StateRow, { action, state }: BreakerStep, amounts: Amounts, reason: string): Promise<void> {
    if (action === null) return;
    const agentId = scopeType === 'agent' ? scopeId : null;
    await this.breakerEvents.record(tx, caller, {
      breaker_type: breaker, action, scope_type: scopeType, scope_id: scopeId, agent_id: agentId, account_id: book?.account_id ?? null, value: amounts.value, limit_value: amounts.limit,
      unit: amounts.unit, reason, triggered_at: await this.states.clock(tx), source: caller ? 'person' : 'server',
    });
    if (holds(state)) {
      const isCritical = book === null || book.execution_mode === 'live';
      await this.incidents.open(tx, caller, {
        kind: 'BREAKER_TRIPPED', severity: breaker === 'daily_target' ? 'info' : isCritical ? 'critical' : 'warning', subjectId: row.id, agentId, ...(book ? { accountId: book.account_id } : {}),
        summary: reason, data: { breaker, scope: scopeType, scopeId, executionMode: book?.execution_mode ?? null, value: amounts.value, limit: amounts.limit, unit: amounts.unit },
      });
    } else {
      await this.incidents.resolve(tx, caller, 'BREAKER_TRIPPED', [row.id], reason);
    }
  }
}

/** Read by a person who was woken by it: names, no ids. */
function reasonOf({ breaker, scopeType, scopeId, book }: BreakerScopeKey, name: string | null, { why }: BreakerStep, { value, limit, unit }: Amounts): string {
  const of = scopeType === 'global' ? 'everything' : `${scopeType} ${name ?? scopeId}${book ? ` in ${book.execution_mode}` : ''}`;
  const figure = value === null || limit === null ? '' : ` (${value} of ${limit}${unit ? ` ${unit}` : ''}${BREAKERS[breaker].trips === 'below' ? ', which it must not fall below' : ''})`;
  return `${breaker} of ${of}: ${why}${figure}`.slice(0, 1_000);
}
