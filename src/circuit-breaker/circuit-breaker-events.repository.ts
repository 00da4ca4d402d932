import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { leadOf, type Place, upperBound } from '../database/newest-first.js';
import type { Tx } from '../database/transaction.js';

export const BREAKER_ACTIONS = ['triggered', 'warned', 'recovered', 'reset'] as const;
export type BreakerAction = (typeof BREAKER_ACTIONS)[number];
export const BREAKER_SCOPES = ['global', 'account', 'agent', 'strategy', 'symbol'] as const;
export type BreakerScope = (typeof BREAKER_SCOPES)[number];
/** Whose breaker it is: an agent's own, the server's, or a person who acted on one. */
export const BREAKER_SOURCES = ['agent', 'server', 'person'] as const;

export interface BreakerEventRow {
  seq: number;
  id: string;
  breaker_type: string;
  action: BreakerAction;
  scope_type: BreakerScope;
  /** Null for `global` only: an id, or the canonical symbol. */
  scope_id: string | null;
  agent_id: string | null;
  account_id: string | null;
  value: string | null;
  limit_value: string | null;
  unit: string | null;
  reason: string;
  triggered_at: string;
  reported_by: string;
  source: (typeof BREAKER_SOURCES)[number];
  correlation_id: string | null;
  created_at: string;
}

export type NewBreakerEvent = Omit<BreakerEventRow, 'seq' | 'created_at'>;

export interface BreakerEventFilter {
  /** Null: of everybody. */
  agentId: string | null;
  type?: string | undefined;
  action?: BreakerAction | undefined;
  scope?: BreakerScope | undefined;
  scopeId?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

const WRITTEN = `id, breaker_type, action, scope_type, scope_id, agent_id, account_id, value, limit_value, unit, reason, triggered_at,
  reported_by, source, correlation_id`;
const COLUMNS = `${WRITTEN}, seq, created_at`;

/** Columns with an index on (column, triggered_at, seq); the others have few values, and breakers act seldom. */
const LEADS = ['agent_id', 'scope_id', 'breaker_type'];

@Injectable()
export class CircuitBreakerEventsRepository {
  constructor(private readonly dataSource: DataSource) {}

  async accountOf(tx: Tx, agentId: string): Promise<string | null> {
    const [row] = await tx.sql<{ account_id: string }[]>`select account_id from agents where id = ${agentId}`;
    return row?.account_id ?? null;
  }

  async insert(tx: Tx, event: NewBreakerEvent): Promise<BreakerEventRow> {
    const [row] = await tx.sql<BreakerEventRow[]>`
      with made as (
        insert into circuit_breaker_events (${() => WRITTEN})
        values (${event.id}, ${event.breaker_type}, ${event.action}, ${event.scope_type}, ${event.scope_id}, ${event.agent_id},
          ${event.account_id}, ${event.value}, ${event.limit_value}, ${event.unit}, ${event.reason}, ${event.triggered_at},
          ${event.reported_by}, ${event.source}, ${event.correlation_id})
        returning ${() => COLUMNS}
      ) select * from made`;
    if (!row) throw new Error('the event was not stored');
    return row;
  }

  async placeOf(seq: string): Promise<Place | null> {
    const [row] = await this.dataSource.sql<Place[]>`
      select triggered_at::text as at, seq::text as seq from circuit_breaker_events where seq = ${seq}::bigint`;
    return row ?? null;
  }

  /** Newest first by the breaker's own time: agents tell late what happened while they had no connection. */
  list(filter: BreakerEventFilter, limit: number, after: Place | null): Promise<BreakerEventRow[]> {
    const { agentId, type, action = null, scope = null, scopeId, from = null } = filter;
    const lead = leadOf(LEADS, { agent_id: agentId, scope_id: scopeId, breaker_type: type });
    const upper = upperBound(filter.to, after);
    return this.dataSource.sql`
      select ${() => COLUMNS} from circuit_breaker_events
      where ${() => lead.column} = any(${lead.values})
        and (${lead.rest('scope_id')}::text is null or scope_id = ${lead.rest('scope_id')}::text)
        and (${lead.rest('breaker_type')}::text is null or breaker_type = ${lead.rest('breaker_type')}::text)
        and (${action}::text is null or action = ${action}::text)
        and (${scope}::text is null or scope_type = ${scope}::text)
        and (${from}::timestamptz is null or triggered_at >= ${from}::timestamptz)
        and (${upper.to}::timestamptz is null or triggered_at < ${upper.to}::timestamptz)
        and (${upper.seq}::bigint is null or (triggered_at, seq) < (${upper.at}::timestamptz, ${upper.seq}::bigint))
      order by ${() => lead.order} triggered_at desc, seq desc limit ${limit + 1}`;
  }
}
