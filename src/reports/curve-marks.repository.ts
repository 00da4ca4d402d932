import { Injectable } from '@nestjs/common';
import { ReportReading } from '../database/replica/report-reading.js';
import { scopeName } from '../halts/scope-name.js';
import type { EXECUTION_MODES } from '../trades/trade-fields.js';

export const MARK_KINDS = [
  'agent_version', 'risk_config_changed', 'limits_changed', 'halt_imposed', 'halt_released', 'breaker_tripped', 'breaker_reset', 'cash_flow',
] as const;

export interface MarkFilter {
  accountId: string;
  mode: (typeof EXECUTION_MODES)[number];
  from: string | null;
  to: string | null;
}

export interface MarkRow {
  at: string;
  kind: (typeof MARK_KINDS)[number];
  id: string | null;
  data: Record<string, unknown>;
}

/** What is said of a change of limits: which, and from what to what. */
const CHANGE = `'version', version, 'changed', changed, 'effect', effect, 'currency', currency, 'reason', reason, 'by', actor`;

/** A halt that expired ended by itself, whenever somebody wrote that down. */
const ENDED_AT = `least(h.released_at, case when h.expires_at <= app_clock() then h.expires_at end)`;
const HALT = `'scope', h.scope_type, 'scopeId', h.scope_id, 'name', ${scopeName('h.scope_type', 'h.scope_id')}, 'mode', h.mode, 'breaker', h.breaker`;

@Injectable()
export class CurveMarksRepository {
  constructor(private readonly reading: ReportReading) {}

  /**
   * The newest of a window, newest first. What a breaker of the server does is its halt, which knows the book; what agents
   * tell of their own is in the events. A version is first seen with the first idea that was decided for it: heartbeats
   * keep the last one only. Versions are walked along their index, one step for each.
   */
  list({ accountId, mode, from, to }: MarkFilter, limit: number): Promise<MarkRow[]> {
    return this.reading.db.sql`
      with recursive book as (
        select ${accountId}::uuid as account, ${mode}::text as mode, coalesce(${from}::timestamptz, '-infinity') as since, coalesce(${to}::timestamptz, 'infinity') as until
      ), versions as (
        (select i.executor_id, i.agent_version, i.created_at from book b join trade_ideas i on i.account_id = b.account and i.execution_mode = b.mode and i.agent_version is not null
          order by i.executor_id, i.agent_version, i.created_at limit 1)
        union all
        select n.* from versions v cross join book b cross join lateral (
          select i.executor_id, i.agent_version, i.created_at from trade_ideas i
          where i.account_id = b.account and i.execution_mode = b.mode and i.agent_version is not null and (i.executor_id, i.agent_version) > (v.executor_id, v.agent_version)
          order by i.executor_id, i.agent_version, i.created_at limit 1
        ) n
      ), covering as (
        select h.*, ${() => ENDED_AT} as ended_at from halts h cross join book b
        where (h.execution_mode is null or h.execution_mode = b.mode) and case h.scope_type
          when 'account' then h.scope_id = b.account::text when 'agent' then exists (select from agents a where a.id::text = h.scope_id and a.account_id = b.account and a.mode = b.mode)
          when 'symbol' then h.account_id is null or h.account_id = b.account else true end
      ), marks as (
        (select v.created_at as at, 'agent_version' as kind, v.executor_id::text as id, jsonb_build_object('agentId', v.executor_id, 'agent', a.name, 'version', v.agent_version) as data
          from book b, versions v left join agents a on a.id = v.executor_id where v.created_at >= b.since and v.created_at < b.until order by at desc limit ${limit})
        union all
        (select recorded_at, 'risk_config_changed', version::text, jsonb_build_object(${() => CHANGE})
          from book b, risk_config_history where recorded_at >= b.since and recorded_at < b.until order by recorded_at desc limit ${limit})
        union all
        (select l.recorded_at, 'limits_changed', l.scope_id::text, jsonb_build_object('scope', scope, 'scopeId', scope_id, 'name', ${() => scopeName('scope', 'scope_id')}, ${() => CHANGE})
          from book b, risk_limits_history l where l.recorded_at >= b.since and l.recorded_at < b.until
            and case l.scope when 'account' then l.scope_id = b.account when 'agent' then exists (select from agents a where a.id = l.scope_id and a.account_id = b.account and a.mode = b.mode) else true end
          order by l.recorded_at desc limit ${limit})
        union all
        (select h.imposed_at, case h.source when 'breaker' then 'breaker_tripped' else 'halt_imposed' end, h.id::text, jsonb_build_object(${() => HALT}, 'reason', h.reason, 'by', h.imposed_by)
          from book b, covering h where h.imposed_at >= b.since and h.imposed_at < b.until order by h.imposed_at desc limit ${limit})
        union all
        (select h.ended_at, case h.source when 'breaker' then 'breaker_reset' else 'halt_released' end, h.id::text,
            jsonb_build_object(${() => HALT}, 'reason', case when h.ended_at = h.released_at then h.release_reason end, 'by', case when h.ended_at = h.released_at then h.released_by end, 'expired', h.ended_at is distinct from h.released_at)
          from book b, covering h where h.ended_at >= b.since and h.ended_at < b.until order by h.ended_at desc limit ${limit})
        union all
        (select e.triggered_at, case e.action when 'triggered' then 'breaker_tripped' else 'breaker_reset' end, e.id::text,
            jsonb_build_object('scope', 'agent', 'scopeId', a.id, 'name', a.name, 'breaker', e.breaker_type, 'value', trim_scale(e.value)::text, 'limit', trim_scale(e.limit_value)::text, 'unit', e.unit, 'reason', e.reason, 'by', e.reported_by)
          from book b join agents a on a.account_id = b.account and a.mode = b.mode cross join lateral (
            select * from circuit_breaker_events where agent_id = a.id and source = 'agent' and action in ('triggered','recovered','reset') and triggered_at >= b.since and triggered_at < b.until
            order by triggered_at desc, seq desc limit ${limit}
          ) e order by e.triggered_at desc limit ${limit})
        union all
        (select f.at, 'cash_flow', f.id::text, jsonb_build_object('kind', f.kind, 'amount', trim_scale(f.amount)::text, 'currency', a.currency, 'brokerDealId', f.broker_deal_id)
          from book b join accounts a on a.id = b.account join account_cash_flows f on f.account_id = b.account where f.at >= b.since and f.at < b.until order by f.at desc, f.seq desc limit ${limit})
      )
      select at, kind, id, data from marks order by at desc, kind desc, id desc limit ${limit}`;
  }
}
