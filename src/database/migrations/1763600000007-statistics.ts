import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The way to an equity curve's next page, and what circuit breakers did. */
export class Statistics1763600000007 implements MigrationInterface {
  name = 'Statistics1763600000007';

  async up(db: QueryRunner): Promise<void> {
    // A curve is walked by exit, for a whole account and for one of its agents, which may be silent among busy ones.
    await db.query(`create index trades_account_exit on trades (account_id, execution_mode, exit_time, seq) where status = 'closed'`);
    await db.query(`create index trades_agent_exit on trades (agent_id, account_id, execution_mode, exit_time, seq) where status = 'closed'`);

    // No foreign keys out: history stays as it was told, whatever becomes of what it names.
    await db.query(`create table circuit_breaker_events (
      seq bigint generated always as identity constraint circuit_breaker_events_pk primary key,
      id uuid not null constraint circuit_breaker_events_id_unique unique,
      breaker_type text not null,
      action text not null,
      scope_type text not null,
      scope_id text,
      agent_id uuid,
      account_id uuid,
      value numeric,
      limit_value numeric,
      unit text,
      reason text not null,
      triggered_at timestamptz not null,
      reported_by text not null,
      source text not null,
      correlation_id text,
      created_at timestamptz not null default app_clock(),
      constraint circuit_breaker_events_type check (breaker_type ~ '^[a-z][a-z0-9_]{0,63}$'),
      constraint circuit_breaker_events_action check (action in ('triggered','warned','recovered','reset')),
      constraint circuit_breaker_events_scope check (scope_type in ('global','account','agent','strategy','symbol')),
      constraint circuit_breaker_events_scope_id check ((scope_type = 'global') = (scope_id is null)),
      constraint circuit_breaker_events_source check (source in ('agent','server','person')),
      constraint circuit_breaker_events_figures check (value between -1e20 and 1e20 and limit_value between -1e20 and 1e20)
    )`);
    await db.query(`create index circuit_breaker_events_time on circuit_breaker_events (triggered_at, seq)`);
    await db.query(`create index circuit_breaker_events_agent_time on circuit_breaker_events (agent_id, triggered_at, seq)`);
    await db.query(`create index circuit_breaker_events_scope_time on circuit_breaker_events (scope_id, triggered_at, seq)`);
    await db.query(`create index circuit_breaker_events_type_time on circuit_breaker_events (breaker_type, triggered_at, seq)`);
    await db.query(`create trigger refuse_change before update or delete or truncate on circuit_breaker_events
      for each statement execute function refuse_change()`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table circuit_breaker_events`);
    await db.query(`drop index trades_agent_exit, trades_account_exit`);
  }
}
