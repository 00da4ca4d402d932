import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { COMMAND_TYPES } from '../commands/command-types.js';
import type { Tx } from '../database/transaction.js';

/** Versions of desired states that agents have seen after the backup are below those that they are told now. */
const VERSIONS_AHEAD = 1_000;

/** Of which a second copy at the broker would be a second order: nobody knows whether they were carried out after the backup. */
const SENT_MAYBE = `(once or type = 'close_trade')`;
/** What begins something anew, or asks for what is asked anew: wanted then, and not now. */
const STALE = `(type = 'reconcile' or (class = 'opens' and not once))`;
const UNFINISHED = `status in ('queued','waiting_for_market','leased')`;

export interface UnsettledCommand {
  id: string;
  agent_id: string;
  type: keyof typeof COMMAND_TYPES;
  class: 'opens' | 'reduces' | 'neutral';
}

export interface StoredArrival {
  id: string;
  halt_id: string;
  backup: string;
  backup_at: string;
  figures: Record<string, number>;
}

/** What stands in a backup and is no longer so. Accounts and agents are held by whoever calls, trades before commands. */
@Injectable()
export class ArrivalRepository {
  constructor(private readonly dataSource: DataSource) {}

  async of(id: string, tx: Tx = this.dataSource.manager): Promise<StoredArrival | null> {
    const [row] = await tx.sql<StoredArrival[]>`select * from restores where id = ${id}`;
    return row ?? null;
  }

  /** The one by which this database came to be; null: it never was a backup. */
  async newest(): Promise<StoredArrival | null> {
    const [row] = await this.dataSource.sql<StoredArrival[]>`select * from restores order by seq desc limit 1`;
    return row ?? null;
  }

  async note(tx: Tx, { id, backup, backupAt, haltId, drill, figures }: { id: string; backup: string; backupAt: string; haltId: string; drill: boolean; figures: Record<string, number> }): Promise<void> {
    await tx.sql`insert into restores (id, backup, backup_at, halt_id, drill, figures) values (${id}, ${backup}, ${backupAt}::timestamptz, ${haltId}, ${drill}, ${JSON.stringify(figures)}::jsonb)`;
  }

  /** Those with real money that had not ended, in the order in which all lock several. */
  unfinishedLive(tx: Tx): Promise<{ id: string; status: 'pending' | 'open' | 'closing' }[]> {
    return tx.sql`select id, status from trades where execution_mode = 'live' and finished_at is null and status <> 'unknown' order by id for no key update`;
  }

  /** Ends what nobody wants any more, and openings whose time was over when the backup was made: those reached nobody. */
  async expireStale(tx: Tx, backupAt: string, reason: string): Promise<number> {
    const rows: unknown[] = await tx.sql`
      with ended as (
        update agent_commands c set status = 'expired', reason = ${reason}, finished_at = app_clock(), lease_token = null, lease_expires_at = null
        where ${() => UNFINISHED} and (${() => STALE} or (once and status <> 'leased' and expires_at <= ${backupAt}::timestamptz)) returning c.*
      ), attempts as (
        update command_attempts t set outcome = 'lapsed', ended_at = app_clock() from ended e where t.command_id = e.id and t.outcome is null
      ), logged as (
        insert into events (type, subject_id, agent_id, actor, data)
        select 'command.expired', id, agent_id, 'system', jsonb_build_object('type', type, 'reason', reason) from ended order by seq
      ) select id from ended`;
    return rows.length;
  }

  /**
   * What may have reached a broker since; a close that turns out not to have been done is queued again by who settles it. Where the backup knows of no lease there may have been one after it, so it gets an
   * attempt of which nobody knows more: what the broker shows is compared with its times.
   */
  async doubt(tx: Tx, backupAt: string, reason: string): Promise<UnsettledCommand[]> {
    return tx.sql`
      with late as materialized (
        select id, status, attempt, lease_token from agent_commands where ${() => UNFINISHED} and ${() => SENT_MAYBE} order by id for no key update
      ), doubted as (
        update agent_commands c set status = 'unknown', reason = ${reason}, lease_token = null, lease_expires_at = null, attempt = c.attempt + case when l.status = 'leased' then 0 else 1 end
        from late l where c.id = l.id returning c.*
      ), ended as (
        update command_attempts t set outcome = 'lapsed', ended_at = app_clock() from late l where t.lease_token = l.lease_token
      ), supposed as (
        insert into command_attempts (command_id, attempt, lease_token, leased_at, ended_at, outcome)
        select d.id, d.attempt, gen_random_uuid(), ${backupAt}::timestamptz, app_clock(), 'lapsed' from doubted d join late l on l.id = d.id and l.status <> 'leased'
      ), logged as (
        insert into events (type, subject_id, agent_id, actor, data)
        select 'command.lapsed', id, agent_id, 'system', jsonb_build_object('type', type, 'status', status, 'attempt', attempt, 'reason', reason) from doubted order by seq
      )
      select id, agent_id, type, class from doubted order by id`;
  }

  /** What may be repeated goes back into the queue: stops, pauses, stops of trades that move closer. Whoever holds a lease from before holds none. */
  async takeBackLeases(tx: Tx): Promise<number> {
    const rows: unknown[] = await tx.sql`
      with back as (
        update agent_commands c set status = case when cancel_requested then 'cancelled' else 'queued' end, finished_at = case when cancel_requested then app_clock() end,
          not_before = app_clock(), lease_token = null, lease_expires_at = null
        where status = 'leased' returning c.*
      ), attempts as (
        update command_attempts t set outcome = 'lapsed', ended_at = app_clock() from back b where t.command_id = b.id and t.outcome is null
      ), logged as (
        insert into events (type, subject_id, agent_id, actor, data)
        select 'command.lapsed', id, agent_id, 'system', jsonb_build_object('type', type, 'status', status, 'attempt', attempt) from back order by seq
      ) select id from back`;
    return rows.length;
  }

  /** As if no agent had ever been heard: who they were then is not who they are. Their next word begins anew, with whatever number. */
  async forgetAgents(tx: Tx): Promise<number> {
    await tx.sql`
      update agent_state set trading_lease_until = null, instance_id = null, observed_state_version = null, reported_as_of = null, as_of = null, broker_connected = null,
        trade_allowed = null, refused_instance_id = null, refused_at = null`;
    await tx.sql`delete from agent_syncs`;
    await tx.sql`delete from agent_reports`;
    const rows: unknown[] = await tx.sql`
      with raised as (update agents set state_version = state_version + ${VERSIONS_AHEAD}, updated_at = app_clock() where retired_at is null returning 1) select * from raised`;
    return rows.length;
  }

  async oneOfEachMode(): Promise<string[]> {
    return (await this.dataSource.sql<{ id: string }[]>`select distinct on (mode) id from agents where retired_at is null order by mode, seq`).map(({ id }) => id);
  }

  async activeAgents(tx: Tx): Promise<string[]> {
    return (await tx.sql<{ id: string }[]>`select id from agents where retired_at is null order by id`).map(({ id }) => id);
  }

  /** People sign in anew: a session that was ended after the backup would be good again. */
  async endSessions(tx: Tx): Promise<number> {
    const rows: unknown[] = await tx.sql`with ended as (update refresh_tokens set revoked_at = app_clock() where revoked_at is null returning 1) select * from ended`;
    return rows.length;
  }

  /** Answers that hand a command out: told again they would open what nobody let through. What has no such answer is answered as it was. */
  async forgetHandOuts(tx: Tx): Promise<number> {
    const rows: unknown[] = await tx.sql`with gone as (delete from idempotency_keys where body::text like '%"leaseToken"%' returning 1) select * from gone`;
    return rows.length;
  }

  /** What waited to be sent was sent since, or is old. Incidents that last are told again by their own clock. */
  async dropMessages(tx: Tx): Promise<number> {
    const rows: unknown[] = await tx.sql`
      with dropped as (
        update notification_messages set status = 'dropped', ended_at = app_clock(), lease_until = null, lease_token = null, last_error = 'not sent again after a restore' where status = 'waiting' returning 1
      ) select * from dropped`;
    await tx.sql`update notification_deliveries set status = 'dropped', ended_at = app_clock() where status = 'waiting'`;
    await tx.sql`update telegram_bots set lease_until = null, lease_token = null`;
    return rows.length;
  }

  /** One that was being made is the one that this came from, or it was never ended here. */
  async endBackups(tx: Tx): Promise<void> {
    await tx.sql`update backups set status = 'interrupted', finished_at = app_clock(), lease_until = null, error = 'it was being made when the backup was taken' where status = 'running'`;
  }

  /** Nobody runs them, and all that would have run since is due. */
  async schedulesDue(tx: Tx): Promise<void> {
    await tx.sql`update schedules set lease_until = null, token = null, next_run_at = least(next_run_at, app_clock())`;
  }

  /** Retired agents too: their commands are ended as well. */
  async holdAll(tx: Tx): Promise<void> {
    await tx.sql`select id from accounts order by id for no key update`;
    await tx.sql`select id from agents order by id for no key update`;
  }
}
