import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction.js';
import type { HaltRow } from '../halts/halt-rows.js';
import { HOLDS_OPENING } from '../halts/halts.sql.js';

/** Agents in the scope of a halt `h`. */
const IN_SCOPE = `halts h join agents a on a.retired_at is null and halt_covers(h, a.id, a.account_id, a.mode)`;

/** An entry order or trade in the scope of a symbol or strategy; its command names the strategy. */
const ABOUT = (symbol: string, command: string) => `h.scope_id = case h.scope_type when 'symbol' then ${symbol} else ${command}.payload ->> 'strategyId' end`;

/** A trade `t` of an agent in the scope of a halt `h`. */
const TRADE_IN_SCOPE = `case h.scope_type when 'symbol' then t.symbol = h.scope_id when 'strategy' then t.strategy_id::text = h.scope_id else true end`;

/** What opens and may still be sent. */
const WAITS = (command: string) => `${command}.status in ('queued','waiting_for_market','leased') and ${command}.class = 'opens' and not ${command}.cancel_requested`;

export interface Reduction {
  agent_id: string;
  trade_id: string | null;
  broker_order_id: string | null;
  order_tag: string | null;
}

/** The second commit of a halt: what had been let through before it is found and ended. */
@Injectable()
export class HaltEffectRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Accounts with agents in scope on which it has not taken effect yet. */
  async accountsLeft(id: string): Promise<string[]> {
    const rows = await this.dataSource.sql<{ account_id: string }[]>`
      select distinct a.account_id from ${() => IN_SCOPE}
      where h.id = ${id} and h.released_at is null and not exists (select 1 from halt_accounts e where e.halt_id = h.id and e.account_id = a.account_id) order by 1`;
    return rows.map(({ account_id: account }) => account);
  }

  async accountsInScope(tx: Tx, id: string): Promise<string[]> {
    const rows = await tx.sql<{ account_id: string }[]>`select distinct a.account_id from ${() => IN_SCOPE} where h.id = ${id} order by 1`;
    return rows.map(({ account_id: account }) => account);
  }

  async agentsOn(id: string, accountIds: readonly string[]): Promise<string[]> {
    const rows = await this.dataSource.sql<{ id: string }[]>`select a.id from ${() => IN_SCOPE} where h.id = ${id} and a.account_id = any(${accountIds}::uuid[])`;
    return rows.map((row) => row.id);
  }

  /** In the order in which all lock several; @param free only those that nobody holds */
  async lockAccounts(tx: Tx, accountIds: readonly string[], free: boolean): Promise<string[]> {
    const rows = await tx.sql<{ id: string }[]>`select id from accounts where id = any(${accountIds}::uuid[]) order by id for no key update ${() => (free ? 'skip locked' : '')}`;
    return rows.map(({ id }) => id);
  }

  /** Waits for whoever queues a command for one of them; what begins after it sees the halt. */
  async lockAgents(tx: Tx, id: string, accountIds: readonly string[]): Promise<string[]> {
    const rows = await tx.sql<{ id: string }[]>`
      select a.id from ${() => IN_SCOPE} where h.id = ${id} and a.account_id = any(${accountIds}::uuid[]) order by a.id for no key update of a`;
    return rows.map((row) => row.id);
  }

  /**
   * Ends what is queued and opens, and marks what is leased, so that no failure or lapse brings it back. One statement: a
   * command that is just being leased or taken back is met in the state that it ends up in. Of an agent also what it proposed to
   * others: who decides about that holds the agent.
   */
  async cancelOpenings(tx: Tx, { id, reason }: Pick<HaltRow, 'id' | 'reason'>, agentIds: readonly string[], actor: string, correlationId: string | null): Promise<void> {
    await tx.sql`
      with ended as (
        update agent_commands c set reason = left('halted: ' || ${reason}::text, 500), cancel_requested = (c.status = 'leased'),
          status = case when c.status = 'leased' then c.status else 'cancelled' end, finished_at = case when c.status = 'leased' then null else app_clock() end
        from halts h
        where h.id = ${id} and ${() => WAITS('c')}
          and c.id = any(array(
            select o.id from agent_commands o where o.agent_id = any(${agentIds}::uuid[]) and ${() => WAITS('o')} and ${() => HOLDS_OPENING('o.payload')}
            union all
            select r.command_id from reservations r where r.proposer_id = case h.scope_type when 'agent' then h.scope_id::uuid end and r.ended_at is null
              and (h.execution_mode is null or h.execution_mode = r.execution_mode)))
        returning c.id, c.agent_id, c.type, c.status, c.seq
      ) insert into events (type, subject_id, agent_id, actor, correlation_id, data)
      select case status when 'leased' then 'command.cancel_requested' else 'command.cancelled' end, id, agent_id, ${actor}, ${correlationId}::text,
        jsonb_build_object('type', type, 'haltId', ${id}::text) from ended order by seq`;
  }

  /** What the agents are told has changed; when they have seen it, they say this number. They are locked. */
  async raiseVersions(tx: Tx, agentIds: readonly string[]): Promise<void> {
    await tx.sql`update agents set state_version = state_version + 1, updated_at = app_clock() where id = any(${agentIds}::uuid[])`;
  }

  /** Entry orders of a symbol or strategy that nothing cancels yet: trades that have not entered, and orders that are no trade's. */
  entryOrders(tx: Tx, id: string, agentIds: readonly string[]): Promise<Reduction[]> {
    return tx.sql`
      select t.agent_id, t.id as trade_id, null::text as broker_order_id, null::text as order_tag
      from halts h join trades t on t.status = 'pending' left join agent_commands m on m.id = t.command_id
      where h.id = ${id} and h.scope_type in ('symbol','strategy') and t.agent_id = any(${agentIds}::uuid[]) and ${() => ABOUT('t.symbol', 'm')}
        and not exists (select 1 from agent_commands c where c.trade_id = t.id and c.type = 'cancel_order' and c.finished_at is null)
      union all
      select w.reported_by, null, w.broker_order_id, w.order_tag from halts h join working_orders w on w.trade_id is null and w.role = 'entry' and w.missing_since is null
      where h.id = ${id} and h.scope_type = 'symbol' and w.reported_by = any(${agentIds}::uuid[]) and w.symbol = h.scope_id and coalesce(w.broker_order_id, w.order_tag) is not null
        and not exists (select 1 from agent_commands c where c.agent_id = w.reported_by and c.type = 'cancel_order' and c.finished_at is null
          and coalesce(c.payload ->> 'brokerOrderId', c.payload ->> 'orderTag') = coalesce(w.broker_order_id, w.order_tag))
      order by 1, 2, 3`;
  }

  /** Open trades of a symbol or strategy that no command closes yet. */
  async openTrades(tx: Tx, id: string, agentIds: readonly string[]): Promise<string[]> {
    const rows = await tx.sql<{ id: string }[]>`
      select t.id from halts h join trades t on t.finished_at is null and t.open_size > 0
      where h.id = ${id} and t.agent_id = any(${agentIds}::uuid[]) and ${() => TRADE_IN_SCOPE} order by t.id`;
    return rows.map((row) => row.id);
  }

  /**
   * Trades in the scope of halts that flatten which nothing closes: they entered, or were found at the broker, after the halt had taken effect. Not
   * what a person has taken back since.
   */
  openSince(): Promise<{ halt_id: string; trade_ids: string[] }[]> {
    return this.dataSource.sql`
      select h.id as halt_id, array_agg(t.id::text order by t.id) as trade_ids from ${() => IN_SCOPE} join trades t on t.agent_id = a.id and t.finished_at is null and t.open_size > 0
      where h.mode = 'flatten' and h.released_at is null and (h.expires_at is null or h.expires_at > app_clock()) and ${() => TRADE_IN_SCOPE}
        and not exists (select from closures c where c.trade_id = t.id and (c.ended_at is null and c.size is null or c.ended_as = 'withdrawn' and c.ended_at >= h.imposed_at))
      group by h.id, h.seq order by h.seq`;
  }

  /** Held against its release. Null when it is released. */
  async holdInForce(tx: Tx, id: string): Promise<HaltRow | null> {
    const [row] = await tx.sql<HaltRow[]>`select * from halts where id = ${id} and released_at is null for share`;
    return row ?? null;
  }

  async noteAccounts(tx: Tx, id: string, accountIds: readonly string[]): Promise<void> {
    await tx.sql`insert into halt_accounts (halt_id, account_id) select ${id}, account from unnest(${accountIds}::uuid[]) as account on conflict do nothing`;
  }

  /** False when somebody else noted it, or when it was released before. */
  async noteEffective(tx: Tx, id: string): Promise<boolean> {
    const rows: unknown[] = await tx.sql`
      with noted as (update halts set effective_at = app_clock() where id = ${id} and effective_at is null and released_at is null returning 1) select * from noted`;
    return rows.length > 0;
  }

  /** The first of two persons who release. The first request stands. */
  async requestRelease(tx: Tx, id: string, by: string, reason: string): Promise<boolean> {
    const rows: unknown[] = await tx.sql`
      with asked as (
        update halts set release_requested_at = app_clock(), release_requested_by = ${by}, release_request_reason = ${reason}
        where id = ${id} and release_requested_at is null and released_at is null returning 1
      ) select * from asked`;
    return rows.length > 0;
  }
}
