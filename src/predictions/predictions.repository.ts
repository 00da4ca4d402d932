import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { leadOf, type Place, upperBound } from '../database/newest-first.js';
import type { Tx } from '../database/transaction.js';
import type { PredictedDirection } from './should-trade.js';

export interface PredictionRow {
  id: string;
  seq: number;
  agent_id: string;
  model: string;
  model_version: string | null;
  prompt_hash: string | null;
  symbol: string;
  predicted_at: string;
  horizon_seconds: number | null;
  direction: PredictedDirection;
  confidence: string;
  prob_up: string | null;
  prob_down: string | null;
  components: Record<string, unknown> | null;
  agreement_count: number | null;
  agreement_score: string | null;
  market_regime: string | null;
  market_price: string | null;
  agent_cycle_number: number | null;
  used_by_agent: boolean;
  should_trade: boolean;
  threshold_used: string;
  source_time: string | null;
  created_at: string;
}

export type NewPrediction = Omit<PredictionRow, 'seq' | 'agent_id' | 'created_at'>;

export const WRITTEN = `id, model, model_version, prompt_hash, symbol, predicted_at, horizon_seconds, direction, confidence, prob_up, prob_down,
  components, agreement_count, agreement_score, market_regime, market_price, agent_cycle_number, used_by_agent, should_trade,
  threshold_used, source_time`;
/** The same with their types, for rows that come as JSON. */
export const WRITTEN_TYPES = `id uuid, model text, model_version text, prompt_hash text, symbol text, predicted_at timestamptz, horizon_seconds int,
  direction text, confidence numeric, prob_up numeric, prob_down numeric, components jsonb, agreement_count int, agreement_score numeric,
  market_regime text, market_price numeric, agent_cycle_number bigint, used_by_agent boolean, should_trade boolean, threshold_used numeric,
  source_time timestamptz`;
const COLUMNS = `${WRITTEN}, seq, agent_id, created_at`;

export interface PredictionFilter {
  /** Null: of all agents. */
  agentId: string | null;
  symbol?: string | undefined;
  direction?: PredictedDirection | undefined;
  agentCycleNumber?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

/** Columns with an index on (column, predicted_at, seq); for an agent's symbol there is one on both. */
const LEADS = ['agent_id', 'symbol', 'direction'];

@Injectable()
export class PredictionsRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** All of them in one statement; the rows come back in the order given. */
  insert(tx: Tx, agentId: string, predictions: NewPrediction[]): Promise<PredictionRow[]> {
    const items = JSON.stringify(predictions.map((prediction, n) => ({ ...prediction, n })));
    return tx.sql`
      with made as (
        insert into predictions (agent_id, ${() => WRITTEN})
        select ${agentId}::uuid, ${() => WRITTEN} from jsonb_to_recordset(${items}::jsonb) as item (n int, ${() => WRITTEN_TYPES})
        order by n
        returning ${() => COLUMNS}
      ) select * from made order by seq`;
  }

  async placeOf(seq: string): Promise<Place | null> {
    const [row] = await this.dataSource.sql<Place[]>`
      select predicted_at::text as at, seq::text as seq from predictions where seq = ${seq}::bigint`;
    return row ?? null;
  }

  /** Newest first by the prediction's own time: rows may arrive late. */
  list(filter: PredictionFilter, limit: number, after: Place | null): Promise<PredictionRow[]> {
    const { agentId, symbol, direction, agentCycleNumber = null, from = null } = filter;
    const lead = leadOf(LEADS, { agent_id: agentId, symbol, direction });
    const upper = upperBound(filter.to, after);
    return this.dataSource.sql`
      select ${() => COLUMNS} from predictions
      where ${() => lead.column} = any(${lead.values})
        and (${lead.rest('symbol')}::text is null or symbol = ${lead.rest('symbol')}::text)
        and (${lead.rest('direction')}::text is null or direction = ${lead.rest('direction')}::text)
        and (${agentCycleNumber}::bigint is null or agent_cycle_number = ${agentCycleNumber}::bigint)
        and (${from}::timestamptz is null or predicted_at >= ${from}::timestamptz)
        and (${upper.to}::timestamptz is null or predicted_at < ${upper.to}::timestamptz)
        and (${upper.seq}::bigint is null or (predicted_at, seq) < (${upper.at}::timestamptz, ${upper.seq}::bigint))
      order by ${() => lead.order} predicted_at desc, seq desc limit ${limit + 1}`;
  }

  async latest(agentId: string | null, symbol: string): Promise<PredictionRow | null> {
    const [row] = await this.list({ agentId, symbol }, 0, null);
    return row ?? null;
  }
}
