import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { OFFLINE_AFTER_SECONDS } from '../agents/liveness.js';
import type { Tx } from '../database/transaction.js';
import type { HaltRow } from '../halts/halt-rows.js';
import { scopeName } from '../halts/scope-name.js';

export interface AgentUnderHalt {
  id: string; name: string; account_id: string; account: string; mode: 'simulation' | 'paper' | 'live'; last_seen_at: string | null; silent_seconds: string | null;
  state_version: number; observed_state_version: number | null; positions_as_of: string | null; entry_orders: number;
}

export interface UncontrolledPosition {
  agent_id: string; agent: string; account_id: string; account: string; broker: string | null; login_masked: string | null; broker_position_id: string | null;
  symbol: string; direction: 'long' | 'short'; outcome: 'yes' | 'no' | null; size: string; stop_loss: string | null; as_of: string;
}

export interface OpenOpening {
  id: string; agent_id: string; type: string; status: string;
}

export interface Observed {
  in_scope: number;
  observed: number;
  not_yet: AgentUnderHalt[];
}

export type ShownHalt = HaltRow & { name: string | null; in_force: boolean };

export type HaltInForce = HaltRow & { name: string | null; in_scope: number; observed: number };

/** More at once are no work of people. */
const IN_FORCE_MOST = 1_000;
/** So many of each are named; all are counted. */
const NAMED_MOST = 100;

/** Puts those in force in front; below 2^53 with any number that a row may have. */
const IN_FORCE_FIRST = 1_000_000_000_000_000;

const IN_FORCE = `(h.released_at is null and (h.expires_at is null or h.expires_at > app_clock()))`;
const PLACE = `(h.seq + case when ${IN_FORCE} then ${IN_FORCE_FIRST} else 0 end)`;
const NAME = `${scopeName('h.scope_type', 'h.scope_id')} as name`;

const COVERED = `halts h join agents a on a.retired_at is null and halt_covers(h, a.id, a.account_id, a.mode) join accounts c on c.id = a.account_id join agent_state s on s.agent_id = a.id`;

/** What concerns the halt, of a row `o` of a broker's list with its trade `t`. */
const OF_HALT = `case h.scope_type when 'symbol' then o.symbol = h.scope_id
  when 'strategy' then exists (select 1 from agent_commands m where m.id = t.command_id and m.payload ->> 'strategyId' = h.scope_id) else true end`;

/**
 * An agent has observed a halt when it has said the version that came with it, and a report of positions that came after
 * it shows no entry order any more. One that never reported any is taken at its word, outside live.
 */
const OBSERVED = `coalesce(s.observed_state_version >= a.state_version, false) and case when r.agent_id is null then a.mode <> 'live'
  else coalesce(r.complete_received_at > h.imposed_at, false) and e.entry_orders = 0 end`;

/** Of an agent that its broker still shows, in the scope of the halt. */
const ENTRY_ORDERS = `select count(*)::int as entry_orders from working_orders o left join trades t on t.id = o.trade_id
  where o.account_id = a.account_id and o.role = 'entry' and o.missing_since is null and coalesce(t.agent_id, o.reported_by) = a.id and ${OF_HALT}`;

@Injectable()
export class HaltsShownRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Those in force first, then newest first. Their `seq` is the place in the list. */
  list(active: boolean | undefined, limit: number, after: string | undefined): Promise<ShownHalt[]> {
    return this.dataSource.sql`
      select h.*, ${() => NAME}, ${() => IN_FORCE} as in_force, ${() => PLACE} as seq from halts h
      where (${active ?? null}::boolean is null or ${() => IN_FORCE} = ${active ?? null}::boolean) and (${after ?? null}::bigint is null or ${() => PLACE} < ${after ?? null}::bigint)
      order by ${() => PLACE} desc limit ${limit + 1}`;
  }

  /** All in force, those of everything and of accounts first, with how many agents they cover and how many of those have observed them. */
  inForce(tx: Tx): Promise<HaltInForce[]> {
    return tx.sql`
      select h.*, ${() => NAME}, o.in_scope, o.observed from halts h cross join lateral (
        select count(*)::int as in_scope, (count(*) filter (where ${() => OBSERVED}))::int as observed
        from agents a join agent_state s on s.agent_id = a.id left join agent_reports r on r.agent_id = a.id cross join lateral (${() => ENTRY_ORDERS}) e
        where a.retired_at is null and halt_covers(h, a.id, a.account_id, a.mode)
      ) o where ${() => IN_FORCE} order by h.scope_type in ('global','account') desc, h.seq desc limit ${IN_FORCE_MOST}`;
  }

  async byId(id: string, tx: Tx = this.dataSource.manager): Promise<ShownHalt | null> {
    const [row] = await tx.sql<ShownHalt[]>`select h.*, ${() => NAME}, ${() => IN_FORCE} as in_force from halts h where h.id = ${id}`;
    return row ?? null;
  }

  async observed(id: string, tx: Tx = this.dataSource.manager): Promise<Observed> {
    const [row] = await tx.sql<Observed[]>`
      with covered as (
        select a.id, a.name, a.account_id, c.name as account, a.mode, s.last_seen_at, extract(epoch from app_clock() - s.last_seen_at)::text as silent_seconds,
          a.state_version, s.observed_state_version, r.complete_as_of as positions_as_of, e.entry_orders, ${() => OBSERVED} as observed, a.seq
        from ${() => COVERED} left join agent_reports r on r.agent_id = a.id cross join lateral (${() => ENTRY_ORDERS}) e where h.id = ${id}
      ), named as (select * from covered where not observed order by seq limit ${NAMED_MOST})
      select (select count(*)::int from covered) as in_scope, (select count(*)::int from covered where observed) as observed,
        coalesce((select jsonb_agg(to_jsonb(named) order by seq) from named), '[]') as not_yet`;
    return row ?? { in_scope: 0, observed: 0, not_yet: [] };
  }

  /** What brokers show of agents in scope that are offline. */
  uncontrolled(id: string, tx: Tx = this.dataSource.manager): Promise<UncontrolledPosition[]> {
    return tx.sql`
      select a.id as agent_id, a.name as agent, c.id as account_id, c.name as account, coalesce(c.broker, a.broker) as broker, c.login_masked, o.broker_position_id, o.symbol, o.direction, coalesce(o.outcome, t.outcome) as outcome,
        o.size, o.stop_loss, o.as_of
      from ${() => COVERED} join positions o on o.account_id = a.account_id left join trades t on t.id = o.trade_id
      where h.id = ${id} and coalesce(t.agent_id, o.reported_by) = a.id and coalesce(s.last_seen_at < app_clock() - make_interval(secs => ${OFFLINE_AFTER_SECONDS}), true) and ${() => OF_HALT}
      order by c.name, a.name, o.seq limit ${NAMED_MOST}`;
  }

  /** Accounts on which it has not taken effect. */
  accountsLeft(id: string): Promise<{ id: string; name: string }[]> {
    return this.dataSource.sql`
      select distinct c.id, c.name from ${() => COVERED}
      where h.id = ${id} and h.effective_at is null and not exists (select 1 from halt_accounts e where e.halt_id = h.id and e.account_id = c.id) order by c.name limit ${NAMED_MOST}`;
  }

  /** Openings of before that nobody has cancelled or marked yet. They are handed out to nobody; those that are leased are with their agents. */
  openingsLeft(id: string): Promise<OpenOpening[]> {
    return this.dataSource.sql`
      select o.id, o.agent_id, o.type, o.status from ${() => COVERED} join agent_commands o on o.agent_id = a.id
      where h.id = ${id} and h.effective_at is null and o.status in ('queued','waiting_for_market','leased') and o.class = 'opens' and not o.cancel_requested
        and case h.scope_type when 'symbol' then o.payload ->> 'symbol' = h.scope_id when 'strategy' then o.payload ->> 'strategyId' = h.scope_id else true end
      order by o.seq limit ${NAMED_MOST}`;
  }

  /** Others in force that cover an agent which this one covers. */
  others(id: string): Promise<HaltRow[]> {
    return this.dataSource.sql`
      select o.* from halts o where o.id <> ${id} and o.released_at is null and (o.expires_at is null or o.expires_at > app_clock())
        and (o.scope_type = 'global' or exists (select 1 from ${() => COVERED} where h.id = ${id} and halt_covers(o, a.id, a.account_id, a.mode)))
      order by o.seq limit ${NAMED_MOST}`;
  }

  unknownCommands(id: string): Promise<OpenOpening[]> {
    return this.dataSource.sql`
      select o.id, o.agent_id, o.type, o.status from ${() => COVERED} join agent_commands o on o.agent_id = a.id and o.status = 'unknown'
      where h.id = ${id} order by o.seq limit ${NAMED_MOST}`;
  }

  /** Agents that any halt covers, that are offline, and whose broker still shows positions. */
  async notInControl(tx: Tx): Promise<{ id: string; name: string; account: string; positions: number; halt_id: string }[]> {
    return tx.sql`
      select a.id, a.name, c.name as account, count(distinct o.id)::int as positions, (array_agg(h.id order by h.seq))[1] as halt_id
      from ${() => COVERED} join positions o on o.account_id = a.account_id left join trades t on t.id = o.trade_id
      where ${() => IN_FORCE} and coalesce(t.agent_id, o.reported_by) = a.id and coalesce(s.last_seen_at < app_clock() - make_interval(secs => ${OFFLINE_AFTER_SECONDS}), true) and ${() => OF_HALT}
      group by a.id, a.name, c.name order by a.id`;
  }
}
