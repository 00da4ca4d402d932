import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { mustOwn } from '../auth/own-rows.js';
import { Exact, sumOf } from '../common/decimal.js';
import type { Caller } from '../common/http/caller.js';
import { actorOf } from '../common/principal.js';
import { badRequest, conflict, notFound } from '../common/problem.js';
import type { Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { differingFields, factsOf } from './request-facts.js';
import { afterPastFact, afterTransition, asTold, stepEvent, type TradeState } from './trade-change.js';
import { canMove, foundInThePast, type TradeStatus } from './trade-state.js';
import { FACT_AGE_DAYS_MAX, FACT_AGE_SECONDS_MAX, LATE_AFTER_SECONDS, secondsBetween } from './trade-times.js';
import { type TradeRow, TradesRepository } from './trades.repository.js';
import type { transitionSchema } from './trades.schemas.js';
import type { Answered } from './trades.service.js';

type Transition = z.output<typeof transitionSchema>;

@Injectable()
export class TransitionsService {
  constructor(
    private readonly trades: TradesRepository,
    private readonly events: Events,
  ) {}

  /**
   * Moves a trade. Either the version says what it was decided on, or a broker's deal id and its time make it a fact,
   * which may be told again and late. One line of history and one event for each that is new.
   * @throws {Problem} 409 TRADE_VERSION_CONFLICT, TRADE_GUARD_MISSING, TRADE_FACT_TOO_OLD, TRADE_DEAL_REUSED,
   * TRADE_TRANSITION_INVALID; 400 for a field that the step needs; 404, 403 as for reading
   */
  async apply(tx: Tx, caller: Caller, id: string, body: Transition): Promise<Answered> {
    if (caller.principal.kind === 'user' && body.reason == null) throw badRequest('VALIDATION_FAILED', 'is needed from a person', 'reason');
    const trade = await this.trades.lock(tx, id);
    if (!trade) throw notFound('trade');
    mustOwn(caller, trade.agent_id);
    const repeats = await this.repeats(tx, id, body);
    if (repeats) return { trade, repeats };
    const now = await this.trades.now(tx);
    mustBeGuarded(trade, body, now);
    return { trade: await this.move(tx, caller, trade, body, now), repeats: null };
  }

  /** A deal is one fact: told again, it is answered and changes nothing, whatever has happened since. */
  private async repeats(tx: Tx, id: string, body: Transition): Promise<string[] | null> {
    const first = body.brokerDealId == null ? null : await this.trades.transitionByDeal(tx, id, body.brokerDealId);
    if (!first) return null;
    if (first.to_status !== body.to) {
      throw conflict('TRADE_DEAL_REUSED', `This deal made the trade ${first.to_status}; it cannot make it ${body.to} too.`);
    }
    const moved = body.occurredAt != null && secondsBetween(first.occurred_at, body.occurredAt) !== 0;
    return [...differingFields(first.facts, factsSaid(body)), ...(moved ? ['occurredAt'] : [])].sort();
  }

  private async move(tx: Tx, caller: Caller, trade: TradeRow, body: Transition, now: string): Promise<TradeRow> {
    const { to } = body;
    const occurredAt = body.occurredAt ?? now;
    const told = asTold(trade);
    const present = mayFollow(trade.status, told.status, body);
    const from = present ? trade.status : await this.statusInThePast(tx, trade.id, body);
    if (from === null) throw conflict('TRADE_TRANSITION_INVALID', `A trade that is ${trade.status} cannot become ${to}.`);
    const next = (present ? afterTransition : afterPastFact)(told, body, occurredAt, trade.entered_size !== null);
    mustAddUp(next, body);
    const late = !present || secondsBetween(occurredAt, now) > LATE_AFTER_SECONDS;
    const row = await this.trades.move(tx, trade, next, {
      from, to, occurredAt, late, brokerDealId: body.brokerDealId ?? null, facts: factsSaid(body), reason: body.reason ?? null,
      actor: actorOf(caller.principal), correlationId: caller.correlationId,
    });
    await this.events.append(tx, caller, [stepEvent(row, trade.status, { from, to, occurredAt, late })]);
    return row;
  }

  /** Only a dated fact has a place in the past. */
  private async statusInThePast(tx: Tx, id: string, { to, occurredAt, brokerDealId }: Transition): Promise<TradeStatus | null> {
    if (occurredAt == null || brokerDealId == null) return null;
    return foundInThePast(await this.trades.steps(tx, id), { to, occurredAt });
  }
}

/**
 * Whether a step follows from what the trade is, or from what was told of it: fills may have been faster than the telling.
 * Who decided on a version saw what the trade is, so there the step must lead on from that, or say the same.
 */
function mayFollow(status: TradeStatus, told: TradeStatus, { to, version }: Transition): boolean {
  return canMove(status, to) || (canMove(told, to) && (version == null || status === to));
}

function mustBeGuarded(trade: TradeRow, { version, occurredAt, brokerDealId }: Transition, now: string): void {
  if (version != null) {
    if (version === trade.version) return;
    throw conflict('TRADE_VERSION_CONFLICT', `The trade is at version ${trade.version} (${trade.status}), not ${version}: read it again.`);
  }
  if (occurredAt == null || brokerDealId == null) {
    throw conflict('TRADE_GUARD_MISSING', 'Send the version that this was decided on, or occurredAt and brokerDealId of a broker\'s deal.');
  }
  if (secondsBetween(occurredAt, now) > FACT_AGE_SECONDS_MAX) {
    throw conflict('TRADE_FACT_TOO_OLD', `A dated fact may be ${FACT_AGE_DAYS_MAX} days old; older ones need the version.`);
  }
}

/** A client that has another sum than that of what it told has lost a cost, or its sign. */
function mustAddUp({ gross_profit, commission, swap, fee }: TradeState, { netProfit }: Transition): void {
  if (netProfit == null) return;
  if (gross_profit === null) throw badRequest('VALIDATION_FAILED', 'is needed where netProfit is given', 'grossProfit');
  const sum = sumOf([gross_profit, commission, swap, fee]);
  if (!new Exact(netProfit).eq(sum)) {
    throw badRequest('VALIDATION_FAILED', `is not grossProfit + commission + swap + fee (${sum}); costs are negative`, 'netProfit');
  }
}

function factsSaid({ to: _to, version: _version, occurredAt: _at, brokerDealId: _deal, reason: _reason, ...said }: Transition) {
  return factsOf(said);
}
