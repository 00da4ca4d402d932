import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whether predictions came true, how often they do by their confidence, and how their instruments were spelled. */
export class PredictionScores1763600000017 implements MigrationInterface {
  name = 'PredictionScores1763600000017';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`alter table predictions add column broker_symbol text`);
    await db.query(`alter table trades add column broker_symbol text`);
    // A filter names an instrument as some broker does, and no account.
    await db.query(`create index instruments_broker_symbol_only on instruments (broker_symbol, symbol)`);

    // Beside the predictions, whose rows are wide and have seven indexes: this one is rewritten with every look.
    await db.query(`create table prediction_scores (
      prediction_id uuid constraint prediction_scores_pk primary key constraint prediction_scores_prediction references predictions (id) on delete cascade,
      starts_at timestamptz not null,
      horizon_at timestamptz not null,
      due_at timestamptz not null,
      look_at timestamptz,
      outcome text,
      reason text,
      start_price numeric, start_at timestamptz, start_source text,
      end_price numeric, end_at timestamptz, end_source text,
      move numeric,
      costs numeric, costs_source text,
      scored_at timestamptz,
      constraint prediction_scores_times check (horizon_at > starts_at and due_at >= horizon_at and (look_at is null or look_at >= due_at)),
      constraint prediction_scores_outcome check (outcome in ('right','wrong','unscored')),
      constraint prediction_scores_reason check (reason in ('NO_PRICE_AT_START','NO_PRICE_AT_HORIZON')),
      constraint prediction_scores_finished check ((look_at is null) = (outcome is not null) and (look_at is null) = (scored_at is not null)
        and (coalesce(outcome, '') = 'unscored') = (reason is not null)),
      constraint prediction_scores_whole check ((coalesce(outcome, '') in ('right','wrong')) = (num_nulls(start_price, start_at, start_source, end_price, end_at,
        end_source, move, costs, costs_source) = 0)),
      constraint prediction_scores_prices check (start_price > 0 and start_price < 1e20 and end_price > 0 and end_price < 1e20 and costs >= 0 and costs < 1e20
        and move = end_price - start_price),
      constraint prediction_scores_sources check (start_source in ('told','candle','quote') and end_source in ('candle','quote')
        and costs_source in ('spread','assumed'))
    ) with (fillfactor = 80)`);
    await db.query(`create index prediction_scores_look on prediction_scores (look_at, prediction_id) where look_at is not null`);
    await db.query(`create trigger keep_score before update on prediction_scores for each row when (old.scored_at is not null) execute function refuse_change()`);

    // A model without a version has ''. Kept when predictions are pruned.
    await db.query(`create table prediction_calibrations (
      agent_id uuid not null constraint prediction_calibrations_agent references agents (id) on delete restrict,
      model text not null,
      model_version text not null,
      decile smallint not null,
      scored bigint not null,
      came_true bigint not null,
      constraint prediction_calibrations_pk primary key (agent_id, model, model_version, decile),
      constraint prediction_calibrations_decile check (decile between 0 and 9),
      constraint prediction_calibrations_counts check (scored > 0 and came_true between 0 and scored)
    ) with (fillfactor = 50)`);

    await db.query(`insert into prediction_scores (prediction_id, starts_at, horizon_at, due_at, look_at)
      select id, starts_at, horizon_at, greatest(horizon_at, created_at), greatest(horizon_at, created_at)
      from predictions, lateral (select coalesce(source_time, predicted_at) as starts_at) start,
        lateral (select starts_at + make_interval(secs => horizon_seconds) as horizon_at) horizon
      where horizon_seconds is not null`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table prediction_calibrations, prediction_scores`);
    await db.query(`drop index instruments_broker_symbol_only`);
    await db.query(`alter table trades drop column broker_symbol`);
    await db.query(`alter table predictions drop column broker_symbol`);
  }
}
