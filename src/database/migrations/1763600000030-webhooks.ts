import type { MigrationInterface, QueryRunner } from 'typeorm';

const STATUSES = `'received', 'processed', 'ignored', 'expired', 'quarantined', 'failed'`;
const FINISHED = STATUSES.replace(`'received', `, '');
const CAUSES = `'supervisor','halt','operator','wind_down','breaker'`;

/** Who may send alerts, what they sent, what makes an alert a duplicate, and what became of each. */
export class Webhooks1763600000030 implements MigrationInterface {
  name = 'Webhooks1763600000030';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`create table webhook_sources (
      id uuid constraint webhook_sources_pk primary key,
      seq bigint not null generated always as identity,
      name text not null,
      mapping jsonb not null,
      symbols jsonb not null default '{}',
      action text not null,
      executor_agent_id uuid constraint webhook_sources_executor references agents (id) on delete restrict,
      strategy_id uuid constraint webhook_sources_strategy references strategies (id) on delete restrict,
      max_age_seconds integer not null default 60,
      expect_signal_within_seconds integer,
      default_lot_size numeric,
      default_risk_rule jsonb,
      default_stop_distance jsonb,
      default_reward_to_risk numeric,
      default_confidence numeric,
      default_product text,
      token_hash text not null,
      previous_token_hash text,
      previous_token_until timestamptz,
      body_secret_hash text,
      allowed_addresses text[],
      version integer not null default 1,
      created_at timestamptz not null default app_clock(),
      created_by text not null,
      updated_at timestamptz not null default app_clock(),
      updated_by text not null,
      retired_at timestamptz,
      constraint webhook_sources_name check (length(name) between 1 and 100),
      constraint webhook_sources_mapping check (jsonb_typeof(mapping) in ('string', 'object')),
      constraint webhook_sources_contents check (jsonb_typeof(symbols) = 'object' and jsonb_typeof(default_risk_rule) = 'object' and jsonb_typeof(default_stop_distance) = 'object'),
      constraint webhook_sources_action check (action in ('store', 'idea', 'command')),
      -- Without these it can only store.
      constraint webhook_sources_routed check (action = 'store' or executor_agent_id is not null),
      constraint webhook_sources_proposes check (action <> 'idea' or ((default_lot_size is not null or default_risk_rule is not null) and default_stop_distance is not null)),
      constraint webhook_sources_max_age check (max_age_seconds between 1 and 86400),
      constraint webhook_sources_expect_signal check (expect_signal_within_seconds between 60 and 31536000),
      constraint webhook_sources_lot_size check (default_lot_size > 0 and default_lot_size < 1e15),
      constraint webhook_sources_reward_to_risk check (default_reward_to_risk > 0 and default_reward_to_risk <= 1000),
      constraint webhook_sources_confidence check (default_confidence >= 0 and default_confidence <= 1),
      constraint webhook_sources_product check (length(default_product) between 1 and 32),
      constraint webhook_sources_token check (token_hash ~ '^[0-9a-f]{64}$'),
      constraint webhook_sources_previous_token check (previous_token_hash ~ '^[0-9a-f]{64}$'),
      constraint webhook_sources_overlap check ((previous_token_hash is null) = (previous_token_until is null)),
      constraint webhook_sources_body_secret check (body_secret_hash ~ '^[0-9a-f]{64}$'),
      constraint webhook_sources_addresses check (cardinality(allowed_addresses) between 1 and 100),
      constraint webhook_sources_version check (version >= 1)
    )`);
    await db.query(`create unique index webhook_sources_seq on webhook_sources (seq)`);
    await db.query(`create unique index webhook_sources_name_unique on webhook_sources (name) where retired_at is null`);
    await db.query(`create unique index webhook_sources_token_unique on webhook_sources (token_hash)`);
    await db.query(`create unique index webhook_sources_previous_unique on webhook_sources (previous_token_hash)`);

    await db.query(`create table alerts (
      id uuid constraint alerts_pk primary key,
      seq bigint not null generated always as identity,
      source_id uuid not null constraint alerts_source references webhook_sources (id) on delete restrict,
      key_kind text not null,
      body bytea not null,
      content_type text,
      sender text,
      symbol text not null default '',
      correlation_id text,
      received_at timestamptz not null default app_clock(),
      status text not null default 'received',
      run integer not null default 1,
      redriven_at timestamptz,
      redriven_by text,
      is_exit boolean,
      signal jsonb,
      attempts integer not null default 0,
      next_attempt_at timestamptz not null default app_clock(),
      first_failed_at timestamptz,
      code text,
      detail text,
      outcome jsonb,
      finished_at timestamptz,
      duplicate_count integer not null default 0,
      last_duplicate_at timestamptz,
      constraint alerts_key_kind check (key_kind in ('explicit', 'bar', 'content', 'bytes')),
      -- 64 KiB may come; what hides a secret of one character is three times as long.
      constraint alerts_body check (octet_length(body) between 1 and 196608),
      constraint alerts_content_type check (length(content_type) <= 200),
      constraint alerts_symbol check (length(symbol) <= 200),
      constraint alerts_status check (status in (${STATUSES})),
      constraint alerts_finished check ((status = 'received') = (finished_at is null)),
      constraint alerts_run check (run >= 1),
      constraint alerts_redriven check ((redriven_at is null) = (redriven_by is null)),
      constraint alerts_contents check (jsonb_typeof(signal) = 'object' and jsonb_typeof(outcome) = 'object'),
      constraint alerts_attempts check (attempts >= 0),
      constraint alerts_duplicates check (duplicate_count >= 0 and (duplicate_count = 0) = (last_duplicate_at is null))
    )`);
    await db.query(`create unique index alerts_seq on alerts (seq)`);
    await db.query(`create index alerts_by_source on alerts (source_id, seq)`);
    await db.query(`create index alerts_by_status on alerts (status, seq)`);
    await db.query(`create index alerts_last_received on alerts (source_id, received_at desc)`);
    // What waits, and nothing else: they stay small however many have been processed.
    await db.query(`create index alerts_streams on alerts (source_id, symbol, seq) where status = 'received'`);
    await db.query(`create index alerts_due on alerts (next_attempt_at) where status = 'received'`);

    // A key that has expired is taken over in place, so that a duplicate moves its end neither way. No foreign keys: both ids are of rows that the same statement writes or holds.
    await db.query(`create table alert_keys (
      source_id uuid not null,
      key text not null,
      alert_id uuid not null,
      expires_at timestamptz,
      constraint alert_keys_pk primary key (source_id, key),
      constraint alert_keys_key check (key ~ '^[0-9a-f]{64}$')
    )`);
    await db.query(`create index alert_keys_expired on alert_keys (expires_at) where expires_at is not null`);

    // One row for each run that finished, so that redriving loses nothing. No foreign keys out, as for all history.
    await db.query(`create table alert_runs (
      alert_id uuid not null,
      run integer not null,
      seq bigint not null generated always as identity,
      status text not null,
      code text,
      detail text,
      outcome jsonb,
      actor text not null,
      correlation_id text,
      at timestamptz not null default app_clock(),
      constraint alert_runs_pk primary key (alert_id, run),
      constraint alert_runs_run check (run >= 1),
      constraint alert_runs_status check (status in (${FINISHED})),
      constraint alert_runs_outcome check (jsonb_typeof(outcome) = 'object')
    )`);
    await db.query(`create unique index alert_runs_seq on alert_runs (seq)`);
    await db.query(`create trigger refuse_change before update or delete or truncate on alert_runs for each statement execute function refuse_change()`);

    await db.query(`alter table trade_ideas
      add column alert_id uuid constraint trade_ideas_alert references alerts (id) on delete restrict,
      add column alert_run integer,
      add constraint trade_ideas_alert_run check ((alert_id is null) = (alert_run is null) and alert_run >= 1)`);
    // One idea for each run of an alert, whatever crashes between.
    await db.query(`create unique index trade_ideas_alert_once on trade_ideas (alert_id, alert_run) where alert_id is not null`);
    await db.query(`alter table closures
      add column alert_id uuid,
      drop constraint closures_cause,
      add constraint closures_cause check (cause in (${CAUSES},'signal')),
      add constraint closures_alert check ((cause = 'signal') = (alert_id is not null))`);
    await db.query(`create index closures_alert_id on closures (alert_id) where alert_id is not null`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`alter table closures drop constraint closures_alert, drop constraint closures_cause`);
    // What a signal closed was closed for the server's part.
    await db.query(`update closures set cause = 'operator' where cause = 'signal'`);
    await db.query(`alter table closures drop column alert_id, add constraint closures_cause check (cause in (${CAUSES}))`);
    await db.query(`alter table trade_ideas drop column alert_run, drop column alert_id`);
    await db.query(`drop table alert_runs, alert_keys, alerts, webhook_sources`);
  }
}
