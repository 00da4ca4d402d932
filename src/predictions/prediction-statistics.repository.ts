import { Injectable } from '@nestjs/common';
import { ratio } from '../database/exact-ratio.js';
import { ReportReading } from '../database/replica/report-reading.js';

export interface PredictionStatisticsFilter {
  /** Null: of all agents. */
  agentId: string | null;
  /** As it may be stored under; absent: of all. */
  symbols?: string[] | undefined;
  model?: string | undefined;
  modelVersion?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

/** The figures of all that fit, of one class of confidence among those that were scored, or of one model in one version. */
export interface PredictionFiguresRow {
  of: 'all' | 'decile' | 'model';
  decile: number | null;
  model: string | null;
  model_version: string | null;
  predictions: number;
  long: number;
  short: number;
  hold: number;
  average_confidence: string | null;
  min_confidence: string | null;
  max_confidence: string | null;
  should_trade: number;
  used_by_agent: number;
  traded: number;
  execution_rate: string | null;
  scored: number;
  came_true: number;
  waiting: number;
  accuracy: string | null;
  brier_score: string | null;
  /** Models in their versions, before the list was cut. */
  models: number;
}

const DECILES = 10;
const RIGHT = `count(*) filter (where outcome = 'right')`;
const SCORED = `count(*) filter (where outcome <> 'unscored')`;

@Injectable()
export class PredictionStatisticsRepository {
  constructor(private readonly reading: ReportReading) {}

  /** All that fit first, also when that is none; then by confidence; then by model and version, the most used first. One statement: one moment. */
  figures(filter: PredictionStatisticsFilter, modelsShown: number): Promise<PredictionFiguresRow[]> {
    const { agentId, symbols = null, model = null, modelVersion = null, from = null, to = null } = filter;
    return this.reading.db.sql`
      with matching as (
        select p.model, p.model_version, p.direction, p.confidence, p.should_trade, p.used_by_agent,
          exists (select from trades where prediction_id = p.id) as traded, s.outcome, s.look_at is not null as waits,
          case when s.outcome <> 'unscored' then least(${DECILES - 1}, floor(p.confidence * ${DECILES}))::int end as decile,
          case when s.outcome <> 'unscored' then p.confidence - (s.outcome = 'right')::int end as missed_by
        from predictions p left join prediction_scores s on s.prediction_id = p.id
        where (${agentId}::uuid is null or p.agent_id = ${agentId}::uuid)
          and (${symbols}::text[] is null or p.symbol = any(${symbols}::text[]))
          and (${model}::text is null or p.model = ${model}::text)
          and (${modelVersion}::text is null or p.model_version = ${modelVersion}::text)
          and (${from}::timestamptz is null or p.predicted_at >= ${from}::timestamptz)
          and (${to}::timestamptz is null or p.predicted_at < ${to}::timestamptz)
      ), figures as (
        select case grouping(model, decile) when 3 then 'all' when 2 then 'decile' else 'model' end as of, decile, model, model_version,
          count(*) as predictions,
          count(*) filter (where direction = 'long') as long, count(*) filter (where direction = 'short') as short,
          count(*) filter (where direction = 'hold') as hold,
          ${() => ratio('sum(confidence)', 'count(*)')} as average_confidence,
          trim_scale(min(confidence)) as min_confidence, trim_scale(max(confidence)) as max_confidence,
          count(*) filter (where should_trade) as should_trade, count(*) filter (where used_by_agent) as used_by_agent,
          count(*) filter (where traded) as traded, ${() => ratio('count(*) filter (where traded)', 'count(*)')} as execution_rate,
          ${() => SCORED} as scored, ${() => RIGHT} as came_true, count(*) filter (where waits) as waiting,
          ${() => ratio(RIGHT, SCORED)} as accuracy, ${() => ratio('sum(missed_by * missed_by)', SCORED)} as brier_score
        from matching group by grouping sets ((), (decile), (model, model_version))
      )
      select *, count(*) filter (where of = 'model') over () as models from figures
      where of <> 'decile' or decile is not null
      order by array_position(array['all', 'decile', 'model'], of), decile, predictions desc, model, model_version nulls first
      limit ${1 + DECILES + modelsShown}`;
  }
}
