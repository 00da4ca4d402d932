import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The command queue. The CHECKs hold the state machine drawn in ARCHITECTURE.md. */
export class Commands1763600000003 implements MigrationInterface {
  name = 'Commands1763600000003';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`create table agent_commands (
      id uuid constraint agent_commands_pk primary key,
      seq bigint generated always as identity,
      agent_id uuid not null constraint agent_commands_agent references agents (id) on delete restrict,
      type text not null,
      class text not null,
      once boolean not null default false,
      payload jsonb not null default '{}',
      priority smallint not null,
      status text not null default 'queued',
      not_before timestamptz not null default app_clock(),
      expires_at timestamptz,
      attempt integer not null default 0,
      failures integer not null default 0,
      max_attempts integer,
      lease_token uuid,
      lease_expires_at timestamptz,
      cancel_requested boolean not null default false,
      trade_id uuid,
      result jsonb,
      error jsonb,
      reason text,
      actor text not null,
      correlation_id text,
      created_at timestamptz not null default app_clock(),
      finished_at timestamptz,
      constraint agent_commands_class check (class in ('opens','reduces','neutral')),
      constraint agent_commands_priority check (priority between 0 and 3),
      constraint agent_commands_status check (status in ('queued','leased','succeeded','failed','expired','cancelled','dead','unknown','waiting_for_market')),
      constraint agent_commands_leased check ((status = 'leased') = (lease_token is not null) and (status = 'leased') = (lease_expires_at is not null)),
      constraint agent_commands_finished check ((status in ('succeeded','failed','expired','cancelled','dead')) = (finished_at is not null)),
      constraint agent_commands_attempts check (attempt >= 0 and failures >= 0 and max_attempts between 1 and 100),
      constraint agent_commands_payload check (jsonb_typeof(payload) = 'object'),
      constraint agent_commands_reduces_for_ever check (class <> 'reduces' or (max_attempts is null and expires_at is null))
    )`);
    await db.query(`create unique index agent_commands_seq on agent_commands (seq)`);
    await db.query(`create index agent_commands_due on agent_commands (agent_id, priority, seq) where status in ('queued','waiting_for_market')`);
    await db.query(`create index agent_commands_by_agent on agent_commands (agent_id, seq)`);
    await db.query(`create index agent_commands_by_status on agent_commands (status, seq)`);
    await db.query(`create index agent_commands_leases on agent_commands (lease_expires_at) where status = 'leased'`);
    await db.query(`create index agent_commands_expiries on agent_commands (expires_at) where status = 'queued' and expires_at is not null`);
    await db.query(`create index agent_commands_trade on agent_commands (trade_id, seq) where trade_id is not null`);

    await db.query(`create table command_attempts (
      command_id uuid not null constraint command_attempts_command references agent_commands (id) on delete cascade,
      attempt integer not null,
      lease_token uuid not null,
      instance_id text,
      key_id uuid,
      leased_at timestamptz not null default app_clock(),
      ended_at timestamptz,
      outcome text,
      detail jsonb,
      constraint command_attempts_pk primary key (command_id, attempt),
      constraint command_attempts_token_unique unique (lease_token),
      constraint command_attempts_outcome check (outcome in ('succeeded','not_sent','rejected','unknown','lapsed','given_back','cancelled')),
      constraint command_attempts_ended check ((outcome is null) = (ended_at is null))
    )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table command_attempts, agent_commands`);
  }
}
