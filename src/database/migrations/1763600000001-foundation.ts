import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Clock, append-only protection, monthly partitions, the event log, schedules and idempotency keys. */
export class Foundation1763600000001 implements MigrationInterface {
  name = 'Foundation1763600000001';

  async up(db: QueryRunner): Promise<void> {
    // One function for all expiry, lease and window checks: now() stands still in a transaction and lagged by the
    // whole lock wait; tests replace it by one with an offset.
    await db.query(`create function app_clock() returns timestamptz language sql volatile
      as 'select clock_timestamp()'`);

    await db.query(`create function refuse_change() returns trigger language plpgsql as $$
      begin
        raise exception '% is append-only', tg_table_name using errcode = '42501';
      end $$`);

    await db.query(`create sequence events_seq as bigint`);
    await db.query(`create table events (
      seq bigint not null default nextval('events_seq'),
      at timestamptz not null default app_clock(),
      type text not null,
      agent_id uuid,
      account_id uuid,
      subject_id uuid,
      actor text not null,
      correlation_id text,
      data jsonb not null default '{}',
      constraint events_pk primary key (seq, at),
      constraint events_type_form check (type ~ '^[a-z_]+[.][a-z_]+$')
    ) partition by range (at)`);
    await db.query(`create index events_agent on events (agent_id, seq) where agent_id is not null`);
    await db.query(`create index events_subject on events (subject_id, seq) where subject_id is not null`);

    await db.query(`create sequence auth_audit_seq as bigint`);
    await db.query(`create table auth_audit (
      seq bigint not null default nextval('auth_audit_seq'),
      at timestamptz not null default app_clock(),
      kind text not null,
      user_id uuid,
      key_id uuid,
      agent_id uuid,
      email text,
      address text,
      user_agent text,
      presented_digest text,
      correlation_id text,
      constraint auth_audit_pk primary key (seq, at),
      constraint auth_audit_kind check (kind in ('signed_in','sign_in_failed','sign_in_slowed','signed_out','refresh_reused',
        'credential_refused','key_created','key_revoked','user_created','user_changed','password_changed'))
    ) partition by range (at)`);

    // The writer has no DDL: an owner-owned function makes the months, for the listed tables only.
    await db.query(`create function ensure_months(first_month date, last_month date) returns integer
      language plpgsql security definer set search_path = public, pg_temp as $$
      declare
        parent text; month date; part text; made integer := 0;
      begin
        if first_month < date '1990-01-01' or last_month > (app_clock() + interval '13 months')::date or first_month > last_month then
          raise exception 'months from 1990-01 to a year ahead, not % to %', first_month, last_month using errcode = '22023';
        end if;
        -- Instances that start together find the same month missing, and "if not exists" is no lock.
        perform pg_advisory_xact_lock(hashtextextended('ensure_months', 0));
        foreach parent in array array['events', 'auth_audit'] loop
          month := date_trunc('month', first_month)::date;
          while month <= last_month loop
            part := parent || to_char(month, '"_y"YYYY"m"MM');
            if to_regclass(part) is null then
              execute format('create table if not exists %I partition of %I for values from (%L) to (%L)', part, parent,
                to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
              execute format('create or replace trigger refuse_change before update or delete or truncate on %I for each statement execute function refuse_change()', part);
              made := made + 1;
            end if;
            month := (month + interval '1 month')::date;
          end loop;
        end loop;
        return made;
      end $$`);
    for (const table of ['events', 'auth_audit']) {
      await db.query(`create trigger refuse_change before update or delete or truncate on ${table}
        for each statement execute function refuse_change()`);
    }
    await db.query(`select ensure_months((app_clock() - interval '1 month')::date, (app_clock() + interval '12 months')::date)`);

    await db.query(`create table schedules (
      name text constraint schedules_pk primary key,
      next_run_at timestamptz not null,
      lease_until timestamptz,
      token uuid,
      last_finished_at timestamptz,
      last_error text
    )`);

    await db.query(`create table idempotency_keys (
      caller text not null,
      key text not null,
      request_hash text not null,
      status smallint not null,
      body jsonb not null,
      created_at timestamptz not null default app_clock(),
      constraint idempotency_keys_pk primary key (caller, key),
      constraint idempotency_keys_length check (length(key) between 1 and 255)
    )`);
    await db.query(`create index idempotency_keys_created on idempotency_keys (created_at)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table idempotency_keys, schedules, auth_audit, events`);
    await db.query(`drop sequence events_seq, auth_audit_seq`);
    await db.query(`drop function ensure_months(date, date)`);
    await db.query(`drop function refuse_change()`);
    await db.query(`drop function app_clock()`);
  }
}
