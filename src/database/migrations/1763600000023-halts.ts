import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What stops trading, by whom and why, until somebody releases it; and on which accounts it has taken effect. */
export class Halts1763600000023 implements MigrationInterface {
  name = 'Halts1763600000023';

  async up(db: QueryRunner): Promise<void> {
    // No foreign keys out: a halt waits for no lock, and a symbol need not be anybody's.
    await db.query(`create table halts (
      id uuid not null default gen_random_uuid() constraint halts_pk primary key,
      seq bigint generated always as identity,
      scope_type text not null,
      scope_id text,
      execution_mode text,
      mode text not null,
      reason text not null,
      source text not null,
      breaker text,
      imposed_by text not null,
      correlation_id text,
      imposed_at timestamptz not null default app_clock(),
      effective_at timestamptz,
      expires_at timestamptz,
      release_requested_at timestamptz,
      release_requested_by text,
      release_request_reason text,
      released_at timestamptz,
      released_by text,
      release_reason text,
      constraint halts_scope check (scope_type in ('global','account','agent','strategy','symbol')),
      constraint halts_scope_id check ((scope_type = 'global') = (scope_id is null) and length(scope_id) between 1 and 100),
      constraint halts_execution_mode check (execution_mode in ('simulation','paper','live')),
      constraint halts_mode check (mode in ('reduce','halt','flatten')),
      constraint halts_reason check (length(reason) between 1 and 1000 and length(release_reason) between 1 and 1000
        and length(release_request_reason) between 1 and 1000),
      constraint halts_source check (source in ('person','agent','breaker','server')),
      constraint halts_breaker check ((source = 'breaker') = (breaker is not null)),
      constraint halts_release_requested check ((release_requested_at is null) = (release_requested_by is null)
        and (release_requested_at is null) = (release_request_reason is null)),
      constraint halts_released check ((released_at is null) = (released_by is null) and (released_at is null) = (release_reason is null))
    )`);
    await db.query(`create unique index halts_seq on halts (seq)`);
    // Nearly always empty, however long the history: what looks whether anything is halted reads one page.
    await db.query(`create index halts_unreleased on halts (seq) where released_at is null`);

    await db.query(`create table halt_accounts (
      halt_id uuid not null constraint halt_accounts_halt references halts (id) on delete restrict,
      account_id uuid not null,
      effective_at timestamptz not null default app_clock(),
      constraint halt_accounts_pk primary key (halt_id, account_id)
    )`);
    await db.query(`create trigger refuse_change before update or delete or truncate on halt_accounts for each statement execute function refuse_change()`);

    // It was never written: what it would say is the reason of the last row of `halts`.
    await db.query(`alter table risk_config drop column last_halt_reason`);

    // Here and not in a repository, so that the look-up of keys, which stands below the halts, counts by the same rule. Planned into the statements that ask.
    await db.query(`create function halt_covers(halt halts, agent uuid, account uuid, execution_mode text) returns boolean language sql immutable as $$
      select (halt.execution_mode is null or halt.execution_mode = $4)
        and case halt.scope_type when 'account' then halt.scope_id = $3::text when 'agent' then halt.scope_id = $2::text else true end
    $$`);
    await db.query(`create function halts_on(agent uuid, account uuid, execution_mode text) returns setof halts language sql stable as $$
      select h.* from halts h where h.released_at is null and (h.expires_at is null or h.expires_at > app_clock()) and halt_covers(h, $1, $2, $3)
    $$`);
    await db.query(`create function halt_state(agent uuid, account uuid, execution_mode text) returns text language sql stable as $$
      select coalesce((array['flatten','halted','reducing'])[min(array_position(array['flatten','halt','reduce'], h.mode))], 'active')
      from halts_on($1, $2, $3) h where h.scope_type in ('global','account','agent')
    $$`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`alter table risk_config add column last_halt_reason text`);
    await db.query(`drop function halt_state(uuid, uuid, text), halts_on(uuid, uuid, text), halt_covers(halts, uuid, uuid, text)`);
    await db.query(`drop table halt_accounts, halts`);
  }
}
