import type { MigrationInterface, QueryRunner } from 'typeorm';

/** People, accounts, agents with their reported state, and the credentials of both. */
export class Agents1763600000002 implements MigrationInterface {
  name = 'Agents1763600000002';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`create table users (
      id uuid constraint users_pk primary key,
      seq bigint generated always as identity,
      email text not null,
      name text not null,
      role text not null,
      password_hash text not null,
      disabled_at timestamptz,
      session_version integer not null default 1,
      created_at timestamptz not null default app_clock(),
      updated_at timestamptz not null default app_clock(),
      constraint users_role check (role in ('viewer','operator','admin')),
      constraint users_email check (email = lower(email) and length(email) between 3 and 254),
      constraint users_email_unique unique (email)
    )`);
    await db.query(`create unique index users_seq on users (seq)`);

    await db.query(`create table refresh_tokens (
      token_hash text constraint refresh_tokens_pk primary key,
      family_id uuid not null,
      user_id uuid not null constraint refresh_tokens_user references users (id) on delete cascade,
      issued_at timestamptz not null default app_clock(),
      expires_at timestamptz not null,
      replaced_at timestamptz,
      revoked_at timestamptz
    )`);
    await db.query(`create index refresh_tokens_family on refresh_tokens (family_id)`);
    await db.query(`create index refresh_tokens_expires on refresh_tokens (expires_at)`);

    await db.query(`create table sign_in_throttles (
      address text not null,
      email text not null,
      failures integer not null,
      blocked_until timestamptz,
      updated_at timestamptz not null default app_clock(),
      constraint sign_in_throttles_pk primary key (address, email)
    )`);

    await db.query(`create table accounts (
      id uuid constraint accounts_pk primary key,
      seq bigint generated always as identity,
      name text not null,
      kind text not null,
      currency text not null,
      margin_mode text not null,
      broker text,
      created_at timestamptz not null default app_clock(),
      constraint accounts_name_unique unique (name),
      constraint accounts_name check (length(name) between 1 and 100),
      constraint accounts_kind check (kind in ('live','demo','paper')),
      constraint accounts_currency check (currency ~ '^[A-Z]{3,10}$'),
      constraint accounts_margin_mode check (margin_mode in ('hedging','netting','exchange'))
    )`);

    await db.query(`create table agents (
      id uuid constraint agents_pk primary key,
      seq bigint generated always as identity,
      name text not null,
      account_id uuid not null constraint agents_account references accounts (id) on delete restrict,
      mode text not null,
      symbols text[] not null default '{}',
      broker text,
      config jsonb not null default '{}',
      wind_down_policy text not null default 'keep',
      run text not null,
      run_reason jsonb,
      state_version bigint not null default 1,
      retired_at timestamptz,
      created_at timestamptz not null default app_clock(),
      updated_at timestamptz not null default app_clock(),
      constraint agents_name_unique unique (name),
      constraint agents_name check (length(name) between 1 and 100),
      constraint agents_mode check (mode in ('simulation','paper','live')),
      constraint agents_run check (run in ('running','paused','stopped')),
      constraint agents_wind_down check (wind_down_policy in ('keep','flatten')),
      constraint agents_config check (jsonb_typeof(config) = 'object')
    )`);
    await db.query(`create unique index agents_seq on agents (seq)`);
    await db.query(`create index agents_account_id on agents (account_id)`);

    await db.query(`create table agent_state (
      agent_id uuid constraint agent_state_pk primary key constraint agent_state_agent references agents (id) on delete restrict,
      status text not null default 'stopped',
      equity numeric, balance numeric, margin numeric, margin_free numeric, floating_pnl numeric,
      currency text,
      as_of timestamptz,
      open_positions integer,
      cycle_count bigint,
      last_cycle_at timestamptz,
      observed_state_version bigint,
      error_message text,
      broker_connected boolean,
      trade_allowed boolean,
      last_quote_at timestamptz,
      agent_version text,
      broker_account jsonb,
      instance_id text,
      started_at timestamptz,
      last_seen_at timestamptz,
      trading_lease_until timestamptz,
      updated_at timestamptz not null default app_clock(),
      constraint agent_state_status check (status in ('stopped','starting','running','paused','stopping','error')),
      constraint agent_state_counts check (open_positions >= 0 and cycle_count >= 0),
      constraint agent_state_finite check (coalesce(equity, 0) between -1e30 and 1e30 and coalesce(balance, 0) between -1e30 and 1e30
        and coalesce(margin, 0) between -1e30 and 1e30 and coalesce(margin_free, 0) between -1e30 and 1e30
        and coalesce(floating_pnl, 0) between -1e30 and 1e30)
    )`);
    await db.query(`create index agent_state_seen on agent_state (last_seen_at)`);

    await db.query(`create table api_keys (
      id uuid constraint api_keys_pk primary key,
      seq bigint generated always as identity,
      agent_id uuid not null constraint api_keys_agent references agents (id) on delete restrict,
      name text not null,
      key_hash text not null,
      prefix text not null,
      scopes text[] not null,
      expires_at timestamptz,
      revoked_at timestamptz,
      last_used_at timestamptz,
      created_at timestamptz not null default app_clock(),
      created_by text not null,
      constraint api_keys_hash_unique unique (key_hash),
      constraint api_keys_hash check (key_hash ~ '^[0-9a-f]{64}$'),
      constraint api_keys_scopes check (scopes <@ array['commands','records','ideas'])
    )`);
    await db.query(`create index api_keys_agent_id on api_keys (agent_id, seq)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table api_keys, agent_state, agents, accounts, sign_in_throttles, refresh_tokens, users`);
  }
}
