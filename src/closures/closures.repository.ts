import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { OFFLINE_AFTER_SECONDS } from '../agents/liveness.js';
import { leadOf } from '../database/newest-first.js';
import type { Tx } from '../database/transaction.js';
import { SHOWN_WITHIN_SECONDS } from '../trades/broker-lists.js';
import type { ExitReason } from '../trades/trade-fields.js';

export const CLOSURE_CAUSES = ['supervisor', 'halt', 'operator', 'wind_down', 'breaker', 'signal'] as const;
export type ClosureCause = (typeof CLOSURE_CAUSES)[number];
export const CLOSURE_ENDS = ['flat', 'reduced', 'withdrawn'] as const;
export type ClosureEnd = (typeof CLOSURE_ENDS)[number];

export interface ClosureRow {
  id: string; seq: number; trade_id: string; agent_id: string; account_id: string; cause: ClosureCause; rule: string | null; detail: Record<string, unknown>;
  halt_id: string | null; size: string | null; open_size_before: string; exit_reason: ExitReason; actor: string; correlation_id: string | null; command_id: string | null;
  /** Of a signal's, and only of those. */
  alert_id: string | null;
  tries: number; created_at: string; ended_at: string | null; ended_as: ClosureEnd | null; ended_by: string | null; end_reason: string | null;
}

/** With what stands in its way, for lists. */
export type ShownClosure = ClosureRow & { trade_status: string; open_size: string; symbol: string; command_status: string | null };

export interface WantedClosure {
  tradeId: string;
  cause: ClosureCause;
  /** Of the supervisor's: each rule is once for each trade. */
  rule?: string | null;
  detail?: Record<string, unknown>;
  haltId?: string | null;
  /** Of a signal. */
  alertId?: string | null;
  /** Null: all that is open, whatever it is then. */
  size?: string | null;
  exitReason: Exclude<ExitReason, 'unknown'>;
}

/** What a closure needs now. */
export type DueClosure = Pick<ClosureRow, 'id' | 'trade_id' | 'agent_id'>;

/** A closure of which nobody knows that it is under way. */
export interface Uncontrolled {
  agent_id: string;
  positions: { tradeId: string; why: string; account: string; broker: string | null; login: string | null; brokerPositionId: string | null; symbol: string; direction: string; size: string; stopLoss: string | null }[];
  count: number;
}

export interface ClosureFilter {
  agentId?: string | undefined;
  accountId?: string | undefined;
  tradeId?: string | undefined;
  open?: boolean | undefined;
}

/** Told done, and not seen flat for so long: nobody knows. */
const UNSEEN_SECONDS = 60;
const POSITIONS_NAMED = 50;
const SAY_AGAIN_SECONDS = 60;

const UNDER_WAY = `('queued', 'leased', 'waiting_for_market', 'unknown')`;
/** What is left of it to close; all that is open where it is of all. */
const LEFT = `case when c.size is null then t.open_size else trim_scale(greatest(c.size - greatest(c.open_size_before - t.open_size, 0), 0)) end`;
/** A contract that has closed waits for its settlement: there is nothing to close any more. */
const AWAITS_SETTLEMENT = `exists (select from instruments i where i.account_id = t.account_id and i.symbol = t.symbol and i.exchange is not distinct from t.exchange
  and (t.outcome is not null or i.kind = 'binary') and i.closes_at <= app_clock())`;
/** When the last try was told done. */
const LAST_DONE = `left join lateral (
  select k.finished_at from agent_commands k where k.trade_id = c.trade_id and k.type = 'close_trade' and k.status = 'succeeded' and k.finished_at >= c.created_at
  order by k.finished_at desc limit 1) done on true`;

@Injectable()
export class ClosuresRepository {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Wants trades closed. One that is wanted closed already stays as it is, but for a part that all of it takes over. Answers
   * what is new; not those of trades that have ended, nor what a rule has had its once for.
   */
  async want(tx: Tx, wanted: readonly WantedClosure[], actor: string, correlationId: string | null): Promise<ClosureRow[]> {
    const rows = wanted.map((each) => ({ rule: null, detail: {}, haltId: null, alertId: null, size: null, ...each }));
    return tx.sql`
      with wanted as (
        select w.*, t.agent_id, t.account_id, t.open_size from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
          as w ("tradeId" uuid, cause text, rule text, detail jsonb, "haltId" uuid, "alertId" uuid, size numeric, "exitReason" text)
        join trades t on t.id = w."tradeId"
        where t.finished_at is null and not exists (select from closures c where c.trade_id = t.id and w.cause = 'supervisor' and c.cause = 'supervisor' and c.rule = w.rule)
        order by t.id
      ), made as (
        insert into closures (trade_id, agent_id, account_id, cause, rule, detail, halt_id, alert_id, size, open_size_before, exit_reason, actor, correlation_id)
        select "tradeId", agent_id, account_id, cause, rule, coalesce(detail, '{}'), "haltId", "alertId", size, open_size, "exitReason", ${actor}, ${correlationId}::text from wanted
        on conflict (trade_id) where ended_at is null do update set
          size = null, cause = excluded.cause, rule = excluded.rule, detail = excluded.detail, halt_id = excluded.halt_id, alert_id = excluded.alert_id, exit_reason = excluded.exit_reason
        where closures.size is not null and excluded.size is null
        returning *
      ) select * from made order by seq`;
  }

  /** Those whose trade has ended, or is to be tried now. Those that shrank while their command waits come too. */
  due(limit: number): Promise<DueClosure[]> {
    return this.dataSource.sql`
      select c.id, c.trade_id, t.agent_id from closures c join trades t on t.id = c.trade_id join agents a on a.id = t.agent_id
        left join agent_commands own on own.id = c.command_id
      where c.ended_at is null and (t.finished_at is not null or (t.status <> 'pending' and ${() => LEFT} = 0 and c.size is not null)
        or (own.status in ('queued', 'waiting_for_market') and ((own.payload ->> 'size')::numeric > ${() => LEFT} or ${() => AWAITS_SETTLEMENT}))
        or (a.retired_at is null and t.open_size > 0 and not exists (
          select from agent_commands k where k.agent_id = t.agent_id and k.status in ${() => UNDER_WAY} and (k.trade_id = t.id and k.type = 'close_trade' or k.type = 'flatten')
        ) and ${() => this.mayTry()}))
      order by c.seq limit ${limit}`;
  }

  /**
   * After a try that was told done the next complete report has to show the trade still, before there is another; after a
   * restore the first one, since it may have been closed after the backup, and a second close of a netting account opens the opposite.
   */
  private mayTry(): string {
    return `not ${AWAITS_SETTLEMENT} and (t.status <> 'unknown' or not exists (
      select from restores b where b.arrived_at >= coalesce((select r.complete_received_at from agent_reports r where r.agent_id = t.agent_id), '-infinity')
    )) and not exists (
      select from agent_commands k left join agent_reports r on r.agent_id = t.agent_id
      where k.trade_id = c.trade_id and k.type = 'close_trade' and k.status = 'succeeded' and k.finished_at >= c.created_at
        and (r.complete_as_of is null or r.complete_as_of < k.finished_at + make_interval(secs => ${SHOWN_WITHIN_SECONDS})))`;
  }

  /** After its agent and its trade, as commands. What is read is what is there after the locks. */
  async lock(tx: Tx, { id, trade_id: tradeId, agent_id: agentId }: DueClosure): Promise<(ClosureRow & { finished: boolean; left: string; may_try: boolean; awaits_settlement: boolean }) | null> {
    await tx.sql`select 1 from agents where id = ${agentId} for share`;
    await tx.sql`select 1 from trades where id = ${tradeId} for no key update`;
    await tx.sql`select 1 from closures where id = ${id} for no key update`;
    const [row] = await tx.sql<(ClosureRow & { finished: boolean; left: string; may_try: boolean; awaits_settlement: boolean })[]>`
      select c.*, t.finished_at is not null as finished, ${() => LEFT} as left, ${() => this.mayTry()} as may_try, ${() => AWAITS_SETTLEMENT} as awaits_settlement
      from closures c join trades t on t.id = c.trade_id where c.id = ${id} and c.ended_at is null`;
    return row ?? null;
  }

  async noteTry(tx: Tx, id: string, commandId: string): Promise<void> {
    await tx.sql`update closures set command_id = ${commandId}, tries = tries + 1 where id = ${id}`;
  }

  async end(tx: Tx, id: string, as: ClosureEnd, by: string, reason: string | null): Promise<void> {
    await tx.sql`update closures set ended_at = app_clock(), ended_as = ${as}, ended_by = ${by}, end_reason = ${reason} where id = ${id} and ended_at is null`;
  }

  /** Closes that wait, whoever wanted them, of trades that have ended. */
  async overtaken(limit: number): Promise<(DueClosure & { status: string })[]> {
    return this.dataSource.sql`
      select k.id, k.trade_id, k.agent_id, t.status from agent_commands k join trades t on t.id = k.trade_id
      where k.type = 'close_trade' and k.status in ('queued', 'waiting_for_market') and t.finished_at is not null order by k.seq limit ${limit}`;
  }

  /** In the order of all that change agent, trade and command. False: it has not ended any more. */
  async holdEnded(tx: Tx, { trade_id: tradeId, agent_id: agentId }: DueClosure): Promise<boolean> {
    await tx.sql`select 1 from agents where id = ${agentId} for share`;
    const rows: unknown[] = await tx.sql`select 1 from trades where id = ${tradeId} and finished_at is not null for no key update`;
    return rows.length > 0;
  }

  /** Agents who said that they closed something, and nobody has seen it flat. */
  async toReconcile(): Promise<string[]> {
    const rows = await this.dataSource.sql<{ agent_id: string }[]>`
      select distinct t.agent_id from closures c join trades t on t.id = c.trade_id join agents a on a.id = t.agent_id ${() => LAST_DONE}
      where c.ended_at is null and t.open_size > 0 and a.retired_at is null and done.finished_at <= app_clock() - make_interval(secs => ${SHOWN_WITHIN_SECONDS})
        and not exists (select from agent_reports r where r.agent_id = t.agent_id and r.complete_as_of >= done.finished_at + make_interval(secs => ${SHOWN_WITHIN_SECONDS}))`;
    return rows.map(({ agent_id }) => agent_id);
  }

  /** What is to be closed and nobody knows to be under way, by agent; not of agents of whom that was said within the last minute. */
  async uncontrolled(tx: Tx): Promise<Uncontrolled[]> {
    // One instance at a time: what one has just ended another would open again.
    await tx.sql`select pg_advisory_xact_lock(hashtext('CLOSURE_NOT_UNDER_CONTROL'))`;
    return tx.sql`
      with lost as (
        select t.*, n.name as account, n.broker as account_broker, n.login_masked, case
            when a.retired_at is not null then 'AGENT_RETIRED'
            when s.last_seen_at is null or s.last_seen_at <= app_clock() - make_interval(secs => ${OFFLINE_AFTER_SECONDS}) then 'AGENT_OFFLINE'
            when own.status = 'unknown' then 'OUTCOME_UNKNOWN'
            when done.finished_at <= app_clock() - make_interval(secs => ${UNSEEN_SECONDS}) and own.finished_at is not null then 'NOT_SEEN_FLAT'
          end as why
        from closures c join trades t on t.id = c.trade_id join agents a on a.id = t.agent_id join agent_state s on s.agent_id = a.id join accounts n on n.id = t.account_id
          left join agent_commands own on own.id = c.command_id ${() => LAST_DONE}
        where c.ended_at is null and t.finished_at is null and not ${() => AWAITS_SETTLEMENT}
      )
      select agent_id, count(*)::int as count, (array_agg(jsonb_build_object('tradeId', id, 'why', why, 'account', account, 'broker', coalesce(broker, account_broker), 'login', login_masked,
        'brokerPositionId', broker_position_id, 'symbol', symbol, 'direction', direction, 'size', open_size::text, 'stopLoss', stop_loss::text) order by id))[1:${() => String(POSITIONS_NAMED)}] as positions
      from lost where why is not null group by agent_id order by agent_id`;
  }

  /** Agents of whom this is said, and when it was last. */
  async said(tx: Tx, kind: string): Promise<{ subject_id: string; lately: boolean }[]> {
    return tx.sql`
      select subject_id, last_seen_at > app_clock() - make_interval(secs => ${SAY_AGAIN_SECONDS}) as lately from incidents where kind = ${kind} and resolved_at is null`;
  }

  async byId(id: string, tx: Tx = this.dataSource.manager): Promise<ShownClosure | null> {
    const [row] = await tx.sql<ShownClosure[]>`select ${() => SHOWN} where c.id = ${id}`;
    return row ?? null;
  }

  /** Newest first. */
  list({ agentId, accountId, tradeId, open }: ClosureFilter, limit: number, before: string | undefined): Promise<ShownClosure[]> {
    const lead = leadOf(['trade_id', 'agent_id', 'account_id'], { trade_id: tradeId, agent_id: agentId, account_id: accountId });
    return this.dataSource.sql`
      select ${() => SHOWN} join (
        select id from closures
        where ${() => lead.column} = any(${lead.values})
          and (${lead.rest('agent_id')}::uuid is null or agent_id = ${lead.rest('agent_id')}::uuid)
          and (${lead.rest('account_id')}::uuid is null or account_id = ${lead.rest('account_id')}::uuid)
          and (${open ?? null}::boolean is null or (ended_at is null) = ${open ?? null}::boolean)
          and (${before ?? null}::bigint is null or seq < ${before ?? null}::bigint)
        order by ${() => lead.order} seq desc limit ${limit + 1}
      ) page on page.id = c.id order by c.seq desc`;
  }
}

const SHOWN = `c.*, t.status as trade_status, t.open_size, t.symbol, k.status as command_status
  from closures c join trades t on t.id = c.trade_id left join agent_commands k on k.id = c.command_id`;
