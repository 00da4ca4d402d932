import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction.js';
import { agentSql, OPENING_HALTED, PROPOSER_HALTED } from '../halts/halts.sql.js';
import { LAPSED_TO_UNKNOWN } from './command-incidents.js';
import type { AfterFailure, FailOutcome } from './command-state.js';
import type { CommandRow } from './commands.repository.js';
import { OPENING_FORBIDDEN } from './opening-forbidden.sql.js';

/** Bytes of a JSON column when everything that is not ASCII is escaped: six for each, twelve beyond the basic plane; never too few. */
export const asciiBytes = (column: string) => `(length(${column}::text) + 11 * (octet_length(${column}::text) - length(${column}::text)))`;

/** Taken back by one statement. */
export const LAPSES_MOST = 500;

/** What becomes of a lease: extended, failed, lapsed, given back. Every step is fenced by the lease's token. */
@Injectable()
export class LeaseRepository {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Takes back leases that have run out: an opening becomes `unknown` and is never handed out again, anything else
   * is queued again, or dead after its last attempt. One agent's, or everyone's in a bounded batch.
   */
  lapse(agentId: string | null, tx: Tx = this.dataSource.manager): Promise<Pick<CommandRow, 'id' | 'agent_id' | 'status'>[]> {
    return tx.sql`
      with late as materialized (
        -- All that is decided on is read from the locked rows: a second look would see them as they were before the lock.
        select id, lease_token as token, once, cancel_requested, expires_at, failures, max_attempts from agent_commands
        where status = 'leased' and lease_expires_at <= app_clock() and (${agentId}::uuid is null or agent_id = ${agentId}::uuid)
        order by seq limit ${LAPSES_MOST} for update skip locked
      ), decided as (
        select id, token, case
            when once then 'unknown'
            when cancel_requested then 'cancelled'
            when expires_at <= app_clock() then 'expired'
            when failures + 1 >= max_attempts then 'dead'
            else 'queued' end as status
        from late
      ), lapsed as (
        update agent_commands c set status = d.status, failures = c.failures + 1, lease_token = null, lease_expires_at = null,
          not_before = app_clock(), finished_at = case when d.status in ('cancelled', 'expired', 'dead') then app_clock() end
        from decided d where c.id = d.id returning c.*
      ), attempts as (
        update command_attempts t set outcome = 'lapsed', ended_at = app_clock() from decided d where t.lease_token = d.token and t.outcome is null
      ), logged as (
        insert into events (type, subject_id, agent_id, actor, data)
        select 'command.lapsed', id, agent_id, 'system', jsonb_build_object('type', type, 'status', status, 'attempt', attempt) from lapsed
      ), ${() => LAPSED_TO_UNKNOWN}
      select id, agent_id, status from lapsed order by seq`;
  }

  /** Ends what nobody took in time. */
  expire(limit = 500): Promise<{ id: string }[]> {
    return this.dataSource.sql`
      with late as (
        select id from agent_commands where status = 'queued' and expires_at <= app_clock() limit ${limit} for update skip locked
      ), expired as (
        update agent_commands c set status = 'expired', finished_at = app_clock() from late where c.id = late.id returning c.*
      ), logged as (
        insert into events (type, subject_id, agent_id, actor, data)
        select 'command.expired', id, agent_id, 'system', jsonb_build_object('type', type) from expired
      )
      select id from expired order by seq`;
  }

  /** The command, locked, when this token leases it now. */
  async lockLeased(tx: Tx, id: string, agentId: string, token: string): Promise<CommandRow | null> {
    const [row] = await tx.sql<CommandRow[]>`
      select * from agent_commands
      where id = ${id} and agent_id = ${agentId} and status = 'leased' and lease_token = ${token} and lease_expires_at > app_clock()
      for no key update`;
    return row ?? null;
  }

  async fail(tx: Tx, command: CommandRow, after: AfterFailure, outcome: FailOutcome, error: unknown): Promise<void> {
    const final = ['failed', 'cancelled', 'dead'].includes(after.status);
    await tx.sql`
      update agent_commands set status = ${after.status}, failures = ${after.failures}, error = ${JSON.stringify(error)}::jsonb,
        lease_token = null, lease_expires_at = null, not_before = app_clock() + make_interval(secs => ${after.delaySeconds}),
        finished_at = case when ${final} then app_clock() end
      where id = ${command.id}`;
    await tx.sql`
      update command_attempts set outcome = ${outcome}, ended_at = app_clock(), detail = ${JSON.stringify(error)}::jsonb
      where lease_token = ${command.lease_token}`;
  }

  async extend(id: string, agentId: string, token: string, leaseSeconds: number): Promise<Pick<CommandRow, 'lease_expires_at' | 'cancel_requested'> | null> {
    const [row] = await this.dataSource.sql<CommandRow[]>`
      with extended as (
        update agent_commands set lease_expires_at = greatest(lease_expires_at, app_clock() + make_interval(secs => ${leaseSeconds}))
        where id = ${id} and agent_id = ${agentId} and status = 'leased' and lease_token = ${token} and lease_expires_at > app_clock()
        returning lease_expires_at, cancel_requested
      ) select * from extended`;
    return row ?? null;
  }

  /** How a lease ended, for a caller who repeats itself. */
  async outcomeOf(tx: Tx, id: string, token: string): Promise<string | null> {
    const [row] = await tx.sql<{ outcome: string | null }[]>`
      select outcome from command_attempts where command_id = ${id} and lease_token = ${token}`;
    return row?.outcome ?? null;
  }

  /**
   * Leases whose answer never left this server go back at once, uncounted; those to be cancelled end. Openings only
   * when nothing at all was sent: a byte of the answer may have arrived, and an opening is handed out once.
   */
  giveBack(tokens: string[], nothingWasSent: boolean): Promise<{ agent_id: string; count: number }[]> {
    return this.dataSource.sql`
      with back as (
        update agent_commands set lease_token = null, lease_expires_at = null,
          status = case when cancel_requested then 'cancelled' else 'queued' end,
          finished_at = case when cancel_requested then app_clock() end
        where lease_token = any(${tokens}::uuid[]) and status = 'leased' and (${nothingWasSent} or not once)
        returning id, agent_id, attempt, type, status
      ), attempts as (
        update command_attempts t set outcome = 'given_back', ended_at = app_clock() from back where t.command_id = back.id and t.attempt = back.attempt
      ), logged as (
        insert into events (type, subject_id, agent_id, actor, data)
        select 'command.given_back', id, agent_id, 'system', jsonb_build_object('type', type, 'attempt', attempt, 'status', status) from back
      )
      select agent_id, count(*)::int as count from back group by agent_id`;
  }

  /** A few of the due commands whose payload takes more bytes, counted as ASCII JSON. */
  async oversized(tx: Tx, agentId: string, bytesMost: number): Promise<string[]> {
    const rows = await tx.sql<{ id: string }[]>`
      select id from agent_commands
      where agent_id = ${agentId} and status in ('queued', 'waiting_for_market') and not_before <= app_clock() and ${() => asciiBytes('payload')} > ${bytesMost}
      order by priority, seq limit 5`;
    return rows.map(({ id }) => id);
  }

  /** Of these commands, the openings that a halt holds or that are to be cancelled. */
  async heldBack(tx: Tx, ids: readonly string[]): Promise<string[]> {
    const rows = await tx.sql<{ id: string }[]>`
      select c.id from agent_commands c join agents a on a.id = c.agent_id
      where c.id = any(${ids}::uuid[]) and c.class = 'opens' and (c.cancel_requested or c.status = 'cancelled' or ${() => OPENING_HALTED(agentSql('a'), 'c.payload')} or ${() => PROPOSER_HALTED('c.id')}
          or (c.once and ${() => OPENING_FORBIDDEN({ ...agentSql('a'), run: 'a.run' }, 'c')}))`;
    return rows.map(({ id }) => id);
  }

  async wasLeasedBy(tx: Tx, token: string, instanceId: string | null): Promise<boolean> {
    const rows = await tx.sql`select 1 from command_attempts where lease_token = ${token} and instance_id is not distinct from ${instanceId}`;
    return rows.length > 0;
  }

  /** Which of these agents have something to take now, or a lease that ran out. One query for all who wait. */
  withWork(agentIds: string[]): Promise<{ agent_id: string }[]> {
    return this.dataSource.sql`
      select wanted.agent_id from unnest(${agentIds}::uuid[]) as wanted (agent_id)
      where exists (select 1 from agent_commands c where c.agent_id = wanted.agent_id and c.status in ('queued', 'waiting_for_market')
          and c.not_before <= app_clock() and (c.expires_at is null or c.expires_at > app_clock()))
        or exists (select 1 from agent_commands c where c.agent_id = wanted.agent_id and c.status = 'leased' and c.lease_expires_at <= app_clock())`;
  }

  /** Seconds until the next lease or command runs out; null when none will. */
  async nextDeadlineSeconds(): Promise<number | null> {
    const [row] = await this.dataSource.sql<{ seconds: string | null }[]>`
      select extract(epoch from least(
        (select min(lease_expires_at) from agent_commands where status = 'leased'),
        (select min(expires_at) from agent_commands where status = 'queued' and expires_at is not null)
      ) - app_clock())::text as seconds`;
    return row?.seconds == null ? null : Number(row.seconds);
  }
}
