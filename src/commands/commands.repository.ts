import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { PAGE_BYTES_MAX, type Sized } from '../common/page-bytes.js';
import { timeText } from '../database/answer-text.js';
import { leadOf } from '../database/newest-first.js';
import type { Tx } from '../database/transaction.js';
import type { CommandStatus } from './command-state.js';
import type { CommandClass, CommandTypeName } from './command-types.js';

export interface CommandRow {
  id: string; seq: number; agent_id: string; type: CommandTypeName; class: CommandClass; once: boolean; payload: Record<string, unknown>;
  priority: number; status: CommandStatus; not_before: string; expires_at: string | null; attempt: number; failures: number;
  max_attempts: number | null; lease_token: string | null; lease_expires_at: string | null; cancel_requested: boolean; trade_id: string | null;
  result: unknown; error: unknown; reason: string | null; actor: string; correlation_id: string | null; created_at: string; finished_at: string | null;
}

export interface AttemptRow {
  attempt: number; instanceId: string | null; leasedAt: string; endedAt: string | null; outcome: string | null; detail: unknown;
}

/** `opened_trade_id` is the trade that an opening became, which it cannot name beforehand. */
export type CommandWithAttempts = CommandRow & { attempts: AttemptRow[]; opened_trade_id: string | null };

export interface NewCommand {
  id: string; agentId: string; type: CommandTypeName; class: CommandClass; once: boolean; payload: Record<string, unknown>; priority: number;
  notBefore: string | null; expiresAt: string | null; maxAttempts: number | null; tradeId: string | null; actor: string; correlationId: string | null;
}

export interface CancelledRow {
  id: string;
  type: string;
  status: CommandStatus;
}

export interface CommandFilter {
  agentId?: string | undefined;
  status?: CommandStatus | undefined;
  type?: CommandTypeName | undefined;
}

/** A command parked over a weekend has thousands of attempts; the numbers of the last tell how many there were. */
const ATTEMPTS_SHOWN = 20;

/**
 * What is shown of a row `c` of agent_commands beside its columns: its last attempts as JSON, and the trade that an opening became.
 * `endedAt` and `outcome` are SQL on a row `t` of command_attempts.
 */
export const shownBeside = (endedAt = 't.ended_at', outcome = 't.outcome') => `(
  select coalesce(jsonb_agg(jsonb_build_object('attempt', t.attempt, 'instanceId', t.instance_id,
    'leasedAt', ${timeText('t.leased_at')},
    'endedAt', ${timeText(`(${endedAt})`)},
    'outcome', ${outcome}, 'detail', t.detail) order by t.attempt), '[]')
  from (select * from command_attempts where command_id = c.id order by attempt desc limit ${ATTEMPTS_SHOWN}) t) as attempts,
  case when c.type = 'open_trade' then (select id from trades where command_id = c.id order by seq limit 1) end as opened_trade_id`;

/** What a row adds to a page. */
const BYTES = 'octet_length(payload::text) + coalesce(octet_length(result::text), 0)';

/** Reading and the operator's changes. The path of a lease is in lease.repository.ts. */
@Injectable()
export class CommandsRepository {
  constructor(private readonly dataSource: DataSource) {}

  async insert(tx: Tx, c: NewCommand): Promise<CommandRow> {
    const [row] = await tx.sql<CommandRow[]>`
      insert into agent_commands (id, agent_id, type, class, once, payload, priority, not_before, expires_at, max_attempts, trade_id, actor, correlation_id)
      values (${c.id}, ${c.agentId}, ${c.type}, ${c.class}, ${c.once}, ${JSON.stringify(c.payload)}::jsonb, ${c.priority},
        coalesce(${c.notBefore}::timestamptz, app_clock()), ${c.expiresAt}::timestamptz, ${c.maxAttempts}::int, ${c.tradeId}::uuid, ${c.actor}, ${c.correlationId})
      returning *`;
    if (!row) throw new Error('the command was not stored');
    return row;
  }

  async byId(id: string, tx: Tx = this.dataSource.manager): Promise<CommandWithAttempts | null> {
    const [row] = await tx.sql<CommandWithAttempts[]>`select c.*, ${() => shownBeside()} from agent_commands c where id = ${id}`;
    return row ?? null;
  }

  async lock(tx: Tx, id: string): Promise<CommandRow | null> {
    const [row] = await tx.sql<CommandRow[]>`select * from agent_commands where id = ${id} for no key update`;
    return row ?? null;
  }

  /** Newest first. */
  list({ agentId, status, type }: CommandFilter, limit: number, before: string | undefined): Promise<(CommandWithAttempts & Sized)[]> {
    if (type !== undefined && (agentId !== undefined || status === undefined)) return this.listOfType(type, { agentId, status }, limit, before);
    const lead = leadOf(['agent_id', 'status'], { agent_id: agentId, status });
    return this.dataSource.sql`
      select c.*, ${() => shownBeside()} from (
        select *, sum(bytes) over (order by seq desc)::int as bytes_so_far from (
          select *, ${() => BYTES} as bytes from agent_commands
          where ${() => lead.column} = any(${lead.values})
            and (${lead.rest('status')}::text is null or status = ${lead.rest('status')}::text)
            and (${type ?? null}::text is null or type = ${type ?? null}::text)
            and (${before ?? null}::bigint is null or seq < ${before ?? null}::bigint)
          order by ${() => lead.order} seq desc limit ${limit + 1}
        ) page
      ) c where bytes_so_far - bytes <= ${PAGE_BYTES_MAX} order by seq desc`;
  }

  /**
   * Agent by agent, the newest of each: an agent that never had a command of this type is one look into the index. By
   * an index on type alone, or on the agent alone, it took 1.1 to 1.5 s among five million. The agent leads as in
   * `leadOf`: otherwise the planner walked the index on seq, and for an agent without commands all of it.
   */
  private listOfType(type: CommandTypeName, { agentId, status }: CommandFilter, limit: number, before: string | undefined): Promise<(CommandWithAttempts & Sized)[]> {
    return this.dataSource.sql`
      select c.*, ${() => shownBeside()} from (
        select *, sum(bytes) over (order by seq desc)::int as bytes_so_far from (
          select c.*, ${() => BYTES} as bytes from agents a cross join lateral (
            select * from agent_commands
            where agent_id = any(array[a.id]) and type = ${type}
              and (${status ?? null}::text is null or status = ${status ?? null}::text)
              and (${before ?? null}::bigint is null or seq < ${before ?? null}::bigint)
            order by agent_id desc, seq desc limit ${limit + 1}
          ) c
          where ${agentId ?? null}::uuid is null or a.id = ${agentId ?? null}::uuid
          order by seq desc limit ${limit + 1}
        ) page
      ) c where bytes_so_far - bytes <= ${PAGE_BYTES_MAX} order by seq desc`;
  }

  /** False when the agent is not there or is retired. Held to the end of the transaction, so retirement waits or goes first. */
  async agentTakesCommands(tx: Tx, agentId: string): Promise<'yes' | 'retired' | 'missing'> {
    const [row] = await tx.sql<{ retired: boolean }[]>`select retired_at is not null as retired from agents where id = ${agentId} for share`;
    return row ? (row.retired ? 'retired' : 'yes') : 'missing';
  }

  /**
   * Ends what is queued of these types (all types when null), except one command, and marks what is leased, so that a
   * lapse or a failure does not bring it back. One statement: a command that is just being leased or taken back is met
   * in the state it ends up in.
   */
  cancelOpen(tx: Tx, agentId: string, types: readonly string[] | null, reason: string, except: string | null = null): Promise<CancelledRow[]> {
    return tx.sql`
      with cancelled as (
        update agent_commands set reason = ${reason}, cancel_requested = (status = 'leased'),
          status = case when status = 'leased' then status else 'cancelled' end,
          finished_at = case when status = 'leased' then null else app_clock() end
        where agent_id = ${agentId} and status in ('queued', 'waiting_for_market', 'leased') and not cancel_requested
          and (${types}::text[] is null or type = any(${types}::text[])) and (${except}::uuid is null or id <> ${except}::uuid)
        returning id, type, status, seq
      ) select id, type, status from cancelled order by seq`;
  }

  /** Whose command it is, and which; null when there is none. */
  async ownerOf(id: string): Promise<Pick<CommandRow, 'agent_id' | 'type'> | null> {
    const [row] = await this.dataSource.sql<Pick<CommandRow, 'agent_id' | 'type'>[]>`select agent_id, type from agent_commands where id = ${id}`;
    return row ?? null;
  }

  /** Of these agents, those that take commands and have none of this type waiting, nor had one made in so many seconds. */
  async withoutWaiting(tx: Tx, agentIds: readonly string[], type: CommandTypeName, seconds: number): Promise<string[]> {
    const rows = await tx.sql<{ id: string }[]>`
      select id from agents a where id = any(${agentIds}::uuid[]) and retired_at is null and not exists (
        select from agent_commands where agent_id = a.id and type = ${type} and (status = 'queued' or created_at > app_clock() - make_interval(secs => ${seconds}))
      ) order by id`;
    return rows.map(({ id }) => id);
  }

  /** How much of a trade is to be closed by commands that have not ended; `whole` when one of them closes all of it. */
  async beingClosed(tx: Tx, tradeId: string): Promise<{ whole: boolean; size: string }> {
    const [row] = await tx.sql<{ whole: boolean; size: string }[]>`
      select coalesce(bool_or(payload ->> 'size' is null), false) as whole, coalesce(sum((payload ->> 'size')::numeric), 0)::text as size
      from agent_commands
      where trade_id = ${tradeId} and type = 'close_trade' and status in ('queued', 'leased', 'waiting_for_market') and not cancel_requested`;
    return row ?? { whole: false, size: '0' };
  }

  /** Whether something under way may close it: also what nobody knows the outcome of, and an order to close everything. */
  async isBeingClosed(tx: Tx, agentId: string, tradeId: string): Promise<boolean> {
    const rows: unknown[] = await tx.sql`
      select 1 from agent_commands
      where agent_id = ${agentId} and status in ('queued', 'leased', 'waiting_for_market', 'unknown') and (trade_id = ${tradeId} and type = 'close_trade' or type = 'flatten') limit 1`;
    return rows.length > 0;
  }

  async setSize(tx: Tx, id: string, size: string): Promise<void> {
    await tx.sql`update agent_commands set payload = payload || jsonb_build_object('size', ${size}::text) where id = ${id}`;
  }

  async setStatus(tx: Tx, id: string, status: CommandStatus, change: { reason?: string | null; error?: unknown; failures?: number } = {}): Promise<void> {
    const final = ['succeeded', 'failed', 'expired', 'cancelled', 'dead'].includes(status);
    await tx.sql`
      update agent_commands set status = ${status}, lease_token = null, lease_expires_at = null,
        finished_at = case when ${final} then app_clock() end, reason = coalesce(${change.reason ?? null}::text, reason),
        failures = coalesce(${change.failures ?? null}::int, failures),
        not_before = case when ${status} = 'queued' then app_clock() else not_before end,
        cancel_requested = cancel_requested and ${status} <> 'queued'
      where id = ${id}`;
  }

  async requestCancel(tx: Tx, id: string, reason: string): Promise<void> {
    await tx.sql`update agent_commands set cancel_requested = true, reason = ${reason} where id = ${id}`;
  }
}
