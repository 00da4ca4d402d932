import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { ratio } from '../database/exact-ratio.js';

export interface PredictionStatisticsFilter {
  /** Null: of all agents. */
  agentId: string | null;
  symbol?: string | undefined;
  model?: string | undefined;
  modelVersion?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

/** The figures of all that fit, or of one model in one version. */
export interface PredictionFiguresRow {
  overall: boolean;
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
  /** Rows there are, before the list was cut. */
  rows: number;
}

@Injectable()
export class PredictionStatisticsRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** All that fit first, also when that is none; then by model and version, the most used first. One statement: one moment. */
  figures(filter: PredictionStatisticsFilter, modelsShown: number): Promise<PredictionFiguresRow[]> {
    const { agentId, symbol = null, model = null, modelVersion = null, from = null, to = null } = filter;
    return this.dataSource.sql`
      with matching as (
        select p.model, p.model_version, p.direction, p.confidence, p.should_trade, p.used_by_agent,
          exists (select from trades where prediction_id = p.id) as traded
        from predictions p
        where (${agentId}::uuid is null or p.agent_id = ${agentId}::uuid)
          and (${symbol}::text is null or p.symbol = ${symbol}::text)
          and (${model}::text is null or p.model = ${model}::text)
          and (${modelVersion}::text is null or p.model_version = ${modelVersion}::text)
          and (${from}::timestamptz is null or p.predicted_at >= ${from}::timestamptz)
          and (${to}::timestamptz is null or p.predicted_at < ${to}::timestamptz)
      )
      select grouping(model) = 1 as overall, model, model_version, count(*) as predictions,
        count(*) filter (where direction = 'long') as long, count(*) filter (where direction = 'short') as short,
        count(*) filter (where direction = 'hold') as hold,
        ${() => ratio('sum(confidence)', 'count(*)')} as average_confidence,
        trim_scale(min(confidence)) as min_confidence, trim_scale(max(confidence)) as max_confidence,
        count(*) filter (where should_trade) as should_trade, count(*) filter (where used_by_agent) as used_by_agent,
        count(*) filter (where traded) as traded, ${() => ratio('count(*) filter (where traded)', 'count(*)')} as execution_rate,
        count(*) over () as rows
      from matching group by grouping sets ((), (model, model_version))
      order by overall desc, predictions desc, model, model_version nulls first limit ${modelsShown + 1}`;
  }
}
