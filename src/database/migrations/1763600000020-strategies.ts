import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What agents trade by, and every version of it. */
export class Strategies1763600000020 implements MigrationInterface {
  name = 'Strategies1763600000020';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`create table strategies (
      id uuid constraint strategies_pk primary key,
      seq bigint generated always as identity,
      version integer not null default 1,
      name text not null,
      is_active boolean not null,
      allowed_symbols text[],
      session_windows jsonb,
      holidays jsonb not null,
      entry_conditions jsonb not null,
      exit_rules jsonb not null,
      forbidden_conditions jsonb not null,
      risk_caps jsonb not null,
      currency text not null,
      rr_expectation numeric,
      retired_at timestamptz,
      created_at timestamptz not null default app_clock(),
      updated_at timestamptz not null default app_clock(),
      updated_by text not null,
      constraint strategies_version check (version >= 1),
      constraint strategies_name check (length(name) between 1 and 100),
      constraint strategies_symbols check (cardinality(allowed_symbols) between 1 and 500),
      constraint strategies_sessions check (jsonb_typeof(session_windows) = 'array' and jsonb_array_length(session_windows) between 1 and 50),
      constraint strategies_contents check (jsonb_typeof(holidays) = 'array' and jsonb_typeof(entry_conditions) = 'object' and jsonb_typeof(exit_rules) = 'object'
        and jsonb_typeof(forbidden_conditions) = 'object' and jsonb_typeof(risk_caps) = 'object'),
      constraint strategies_currency check (currency ~ '^[A-Z]{3,10}$'),
      constraint strategies_rr_expectation check (rr_expectation >= 0 and rr_expectation <= 1000),
      constraint strategies_retired check (retired_at is null or not is_active)
    )`);
    await db.query(`create unique index strategies_seq on strategies (seq)`);
    await db.query(`create unique index strategies_name_unique on strategies (name) where retired_at is null`);

    // What an idea was judged by has to be there as it was. No foreign keys out, as for all history.
    await db.query(`create table strategy_versions (
      seq bigint generated always as identity constraint strategy_versions_pk primary key,
      strategy_id uuid not null,
      version integer not null,
      content jsonb not null,
      changed text[] not null,
      reason text,
      actor text not null,
      correlation_id text,
      recorded_at timestamptz not null default app_clock(),
      constraint strategy_versions_unique unique (strategy_id, version),
      constraint strategy_versions_content check (jsonb_typeof(content) = 'object')
    )`);
    await db.query(`create index strategy_versions_strategy_seq on strategy_versions (strategy_id, seq)`);
    await db.query(`create trigger refuse_change before update or delete or truncate on strategy_versions
      for each statement execute function refuse_change()`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table strategy_versions, strategies`);
  }
}
