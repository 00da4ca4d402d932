import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import { agentOf } from '../auth/own-rows.js';
import type { Caller } from '../common/http/caller.js';
import { actorOf } from '../common/principal.js';
import { badRequest, notFound } from '../common/problem.js';
import type { Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { type BreakerEventFilter, type BreakerEventRow, CircuitBreakerEventsRepository, type NewBreakerEvent } from './circuit-breaker-events.repository.js';
import type { reportBreakerEventSchema } from './circuit-breaker-events.schemas.js';

/** What a breaker did; who told it, and under which request, is the caller's. */
export type BreakerReport = Omit<NewBreakerEvent, 'id' | 'reported_by' | 'correlation_id'>;

@Injectable()
export class CircuitBreakerEventsService {
  constructor(
    private readonly breakerEvents: CircuitBreakerEventsRepository,
    private readonly events: Events,
  ) {}

  /** An agent tells of a breaker of its own, which reaches itself only. @throws {Problem} 404 when the agent is gone */
  async report(tx: Tx, caller: Caller, body: z.output<typeof reportBreakerEventSchema>): Promise<BreakerEventRow> {
    const { agentId } = agentOf(caller);
    const accountId = await this.breakerEvents.accountOf(tx, agentId);
    if (accountId === null) throw notFound('agent');
    return this.record(tx, caller, {
      breaker_type: body.breakerType, action: body.action, scope_type: 'agent', scope_id: agentId, agent_id: agentId, account_id: accountId,
      value: body.value ?? null, limit_value: body.limit ?? null, unit: body.unit ?? null, reason: body.reason, triggered_at: body.triggeredAt,
      source: 'agent',
    });
  }

  /** Writes down what a breaker did, with its event, in the transaction of what it did. @param caller null: the server by itself */
  async record(tx: Tx, caller: Caller | null, report: BreakerReport): Promise<BreakerEventRow> {
    const row = await this.breakerEvents.insert(tx, {
      ...report, id: uuidv7(), reported_by: caller ? actorOf(caller.principal) : 'system', correlation_id: caller?.correlationId ?? null,
    });
    await this.events.append(tx, caller, [
      {
        type: `circuit_breaker.${row.action}`, subjectId: row.id, agentId: row.agent_id, accountId: row.account_id,
        data: {
          breakerType: row.breaker_type, scope: row.scope_type, scopeId: row.scope_id, value: row.value, limit: row.limit_value, unit: row.unit,
          source: row.source, triggeredAt: row.triggered_at,
        },
      },
    ]);
    return row;
  }

  async list(filter: BreakerEventFilter, limit: number, cursor: string | undefined): Promise<BreakerEventRow[]> {
    const after = cursor === undefined ? null : await this.breakerEvents.placeOf(cursor);
    if (cursor !== undefined && !after) throw badRequest('VALIDATION_FAILED', 'is not a cursor that this list gave', 'cursor');
    return this.breakerEvents.list(filter, limit, after);
  }
}
