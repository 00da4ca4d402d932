import type { MigrationInterface, QueryRunner } from 'typeorm';

interface Seed {
  name: string; enabled: boolean; samples: number | null; warning: number | null; mode: 'reduce' | 'halt'; reset: Record<string, unknown>; parameters: Record<string, unknown>;
}

const timed = (afterSeconds: number) => ({ rule: 'timed', afterSeconds });
const staged = (afterSeconds: number, testingTrades: number, testingSizeFraction: string) => ({ rule: 'staged', afterSeconds, testingTrades, testingSizeFraction });
const NEXT_DAY = { rule: 'next_day' };
const MANUAL = { rule: 'manual' };

/** As it comes: on is what a trader expects and what no fresh set-up on paper meets; off is what needs figures of its owner's first. */
const SEEDS: Seed[] = [
  { name: 'daily_loss', enabled: true, samples: null, warning: 0.8, mode: 'halt', reset: NEXT_DAY, parameters: { baseline: 'higher' } },
  { name: 'daily_target', enabled: true, samples: null, warning: null, mode: 'reduce', reset: NEXT_DAY, parameters: { baseline: 'higher' } },
  { name: 'drawdown', enabled: true, samples: null, warning: 0.8, mode: 'halt', reset: MANUAL, parameters: { reference: 'peak_equity', lockAtInitial: false } },
  { name: 'consecutive_losses', enabled: true, samples: 1, warning: 0.8, mode: 'halt', reset: staged(43_200, 3, '0.5'), parameters: { lossesMost: 5 } },
  { name: 'losing_streak_symbol', enabled: true, samples: 1, warning: 0.75, mode: 'reduce', reset: timed(86_400), parameters: { lossesMost: 4 } },
  { name: 'low_profit_symbol', enabled: false, samples: 10, warning: 0.8, mode: 'reduce', reset: MANUAL, parameters: { windowTrades: 20, lossAmountMost: '100' } },
  { name: 'trades_per_hour', enabled: false, samples: null, warning: 0.8, mode: 'reduce', reset: timed(3_600), parameters: { openingsMost: 20 } },
  { name: 'trades_per_day', enabled: false, samples: null, warning: 0.8, mode: 'reduce', reset: NEXT_DAY, parameters: { openingsMost: 50 } },
  { name: 'model_degradation', enabled: false, samples: 20, warning: 0.9, mode: 'reduce', reset: staged(604_800, 5, '0.1'), parameters: { windowPredictions: 50, hitRateFractionLeast: '0.45' } },
  { name: 'reject_rate', enabled: true, samples: 5, warning: 0.6, mode: 'reduce', reset: timed(900), parameters: { windowCommands: 20, rejectedFractionMost: '0.5' } },
  { name: 'slippage', enabled: true, samples: 5, warning: 0.5, mode: 'reduce', reset: timed(3_600), parameters: { windowTrades: 10, slippageFractionMost: '0.001' } },
  { name: 'stale_heartbeat', enabled: true, samples: null, warning: 0.5, mode: 'reduce', reset: timed(60), parameters: { silenceSeconds: 120 } },
  { name: 'stale_prices', enabled: true, samples: null, warning: 0.5, mode: 'reduce', reset: timed(60), parameters: { silenceSeconds: 300 } },
  { name: 'agent_errors', enabled: true, samples: null, warning: 0.6, mode: 'reduce', reset: timed(900), parameters: { windowSeconds: 3_600, failuresMost: 5, tripOnErrorStatus: true } },
  { name: 'database_latency', enabled: true, samples: 6, warning: 0.5, mode: 'reduce', reset: timed(60), parameters: { windowLooks: 12, millisecondsMost: 1_000 } },
];

/** As it was, with what a halt of a symbol asks. */
const covers = (ofSymbol: string) => `create or replace function halt_covers(halt halts, agent uuid, account uuid, execution_mode text) returns boolean language sql immutable as $$
  select (halt.execution_mode is null or halt.execution_mode = $4)
    and case halt.scope_type when 'account' then halt.scope_id = $3::text when 'agent' then halt.scope_id = $2::text ${ofSymbol}else true end
$$`;

/** What trips by itself, every version of how, and in which state each breaker is for whom. */
export class CircuitBreakers1763600000027 implements MigrationInterface {
  name = 'CircuitBreakers1763600000027';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`create table circuit_breakers (
      name text constraint circuit_breakers_pk primary key,
      version integer not null,
      enabled boolean not null,
      minimum_samples integer,
      warning_fraction numeric,
      halt_mode text not null,
      reset jsonb not null,
      parameters jsonb not null,
      updated_at timestamptz not null default app_clock(),
      updated_by text not null,
      constraint circuit_breakers_name check (name ~ '^[a-z][a-z0-9_]{0,63}$'),
      constraint circuit_breakers_version check (version >= 1),
      constraint circuit_breakers_samples check (minimum_samples between 1 and 1000),
      constraint circuit_breakers_warning check (warning_fraction > 0 and warning_fraction < 1),
      constraint circuit_breakers_mode check (halt_mode in ('reduce','halt','flatten')),
      constraint circuit_breakers_contents check (jsonb_typeof(reset) = 'object' and jsonb_typeof(parameters) = 'object')
    )`);
    // No foreign keys out, as for all history.
    await db.query(`create table circuit_breaker_versions (
      seq bigint generated always as identity constraint circuit_breaker_versions_pk primary key,
      name text not null,
      version integer not null,
      content jsonb not null,
      changed jsonb not null,
      reason text,
      actor text not null,
      correlation_id text,
      recorded_at timestamptz not null default app_clock(),
      constraint circuit_breaker_versions_unique unique (name, version),
      constraint circuit_breaker_versions_contents check (jsonb_typeof(content) = 'object' and jsonb_typeof(changed) = 'array')
    )`);
    await db.query(`create index circuit_breaker_versions_name_seq on circuit_breaker_versions (name, seq)`);
    await db.query(`create trigger refuse_change before update or delete or truncate on circuit_breaker_versions for each statement execute function refuse_change()`);

    // Of the server as a whole: no account and no mode. What happened up to the watermark counts no more.
    await db.query(`create table breaker_states (
      id uuid not null default gen_random_uuid() constraint breaker_states_pk primary key,
      name text not null constraint breaker_states_breaker references circuit_breakers (name) on delete restrict,
      account_id uuid constraint breaker_states_account references accounts (id) on delete restrict,
      execution_mode text,
      scope_type text not null,
      scope_id text,
      state text not null,
      value numeric,
      limit_value numeric,
      unit text,
      since timestamptz not null,
      resets_at timestamptz,
      watermark_at timestamptz,
      watermark_equity numeric,
      halt_id uuid,
      updated_at timestamptz not null default app_clock(),
      constraint breaker_states_scope unique nulls not distinct (name, account_id, execution_mode, scope_type, scope_id),
      constraint breaker_states_scope_type check (scope_type in ('global','account','agent','symbol')),
      constraint breaker_states_scope_id check ((scope_type = 'global') = (scope_id is null) and (scope_type = 'global') = (account_id is null) and (scope_type = 'global') = (execution_mode is null)),
      constraint breaker_states_mode check (execution_mode in ('simulation','paper','live')),
      constraint breaker_states_state check (state in ('active','warning','tripped','cooling_down','testing')),
      constraint breaker_states_halt check ((state in ('tripped','cooling_down')) = (halt_id is not null)),
      constraint breaker_states_cools check (state <> 'cooling_down' or resets_at is not null),
      constraint breaker_states_figures check (value between -1e30 and 1e30 and limit_value between -1e30 and 1e30 and watermark_equity between -1e30 and 1e30)
    )`);
    await db.query(`create index breaker_states_busy on breaker_states (account_id, execution_mode) where state <> 'active'`);
    await db.query(`create index breaker_states_book on breaker_states (account_id, execution_mode)`);

    // A trade moved: its book is to be looked at. Rows and no key, so that two that move trades of a book do not wait for each other.
    await db.query(`create table breaker_checks (
      seq bigint generated always as identity constraint breaker_checks_pk primary key,
      account_id uuid not null,
      execution_mode text not null
    )`);
    await db.query(`create index breaker_checks_book on breaker_checks (account_id, execution_mode)`);

    await db.query(`create table database_latencies (
      seq bigint generated always as identity constraint database_latencies_pk primary key,
      at timestamptz not null default app_clock(),
      milliseconds numeric not null,
      constraint database_latencies_milliseconds check (milliseconds between 0 and 1e9)
    )`);

    // A symbol that lost on one account is stopped there and nowhere else.
    await db.query(`alter table halts add column account_id uuid, add constraint halts_account check (account_id is null or scope_type = 'symbol')`);
    await db.query(covers(`when 'symbol' then halt.account_id is null or halt.account_id = $3 `));

    for (const { name, enabled, samples, warning, mode, reset, parameters } of SEEDS) {
      await db.query(`insert into circuit_breakers (name, version, enabled, minimum_samples, warning_fraction, halt_mode, reset, parameters, updated_by) values ($1, 1, $2, $3, $4, $5, $6, $7, 'system')`,
        [name, enabled, samples, warning, mode, JSON.stringify(reset), JSON.stringify(parameters)]);
      const content = { enabled, minimumSamples: samples, warningFraction: warning === null ? null : String(warning), haltMode: mode, reset, parameters };
      await db.query(`insert into circuit_breaker_versions (name, version, content, changed, reason, actor) values ($1, 1, $2, '[]', 'as it came', 'system')`, [name, JSON.stringify(content)]);
    }
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(covers(''));
    await db.query(`alter table halts drop column account_id`);
    await db.query(`drop table database_latencies, breaker_checks, breaker_states, circuit_breaker_versions, circuit_breakers`);
  }
}
