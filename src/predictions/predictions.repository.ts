import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { leadOf, type Place, upperBound } from '../database/newest-first.js';
import { ratio } from '../database/exact-ratio.js';
import type { Tx } from '../database/transaction.js';
import { listedSymbol } from '../instruments/symbol-lookup.js';
import type { PriceSource, Unscored } from './prediction-scores.repository.js';

export type PredictedDirection = 'long' | 'short' | 'hold';

export interface PredictionRow {
  id: string;
  seq: number;
  agent_id: string;
  model: string;
  model_version: string | null;
  prompt_hash: string | null;
  /** Of the agent, as it ran when this came. */
  agent_version: string | null;
  config_hash: string | null;
  symbol: string;
  /** As it was told, where that is not the symbol. */
  broker_symbol: string | null;
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

/** What has become of it; null while it waits for its horizon or for a price, and without a horizon. */
export interface ScoreRow {
  outcome: 'right' | 'wrong' | 'unscored' | null;
  reason: Unscored['reason'] | null;
  start_price: string | null;
  start_at: string | null;
  start_source: PriceSource | null;
  end_price: string | null;
  end_at: string | null;
  end_source: PriceSource | null;
  move: string | null;
  costs: string | null;
  costs_source: 'spread' | 'assumed' | null;
  scored_at: string | null;
  calibrated_probability: string | null;
}

export type ShownPrediction = PredictionRow & ScoreRow;

/** As it is sent: `symbol` is what it is called where the account's own list of instruments knows nothing of `broker_symbol`, which is as it was told. */
export type NewPrediction = Omit<PredictionRow, 'seq' | 'agent_id' | 'agent_version' | 'config_hash' | 'created_at' | 'should_trade' | 'threshold_used'> & { broker_symbol: string };

export const WRITTEN = `id, model, model_version, prompt_hash, symbol, broker_symbol, predicted_at, horizon_seconds, direction, confidence, prob_up, prob_down,
  components, agreement_count, agreement_score, market_regime, market_price, agent_cycle_number, used_by_agent, should_trade,
  threshold_used, source_time, agent_version, config_hash`;
/** The same with their types, for rows that come as JSON. */
export const WRITTEN_TYPES = `id uuid, model text, model_version text, prompt_hash text, symbol text, broker_symbol text, predicted_at timestamptz, horizon_seconds int,
  direction text, confidence numeric, prob_up numeric, prob_down numeric, components jsonb, agreement_count int, agreement_score numeric,
  market_regime text, market_price numeric, agent_cycle_number bigint, used_by_agent boolean, source_time timestamptz`;
/** The same of a row `q` that was sent, under the symbol that `named` gives it. */
export const WRITTEN_VALUES = WRITTEN.replace(/\w+/g, 'q.$&').replace('q.symbol, q.broker_symbol', 'q.named, nullif(q.broker_symbol, q.named)');
/** What a row that was sent is called: as the account lists it, else by its canonical symbol. Operands are SQL written in the code. */
export const named = (account: string, sent: string) => `coalesce(${listedSymbol(account, `${sent}.broker_symbol`)}, ${sent}.symbol) as named`;
/**
 * Whether a row that was sent should trade, which is never the sender's to say: the claim reaches the threshold that holds for
 * its agent `a` now, exactly is enough. The tightest of those for everybody, the account and the agent; 0 when all are off.
 */
export const judged = (sent: string) => `threshold.used as threshold_used, ${sent}.direction <> 'hold' and ${sent}.confidence >= threshold.used as should_trade`;
/** The agent's state `s`, for the version that it runs. */
export const RUNS = (agent: string) => `left join agent_state s on s.agent_id = ${agent}`;
/** Beside agents `a`. */
export const THRESHOLD = `cross join lateral (select trim_scale(coalesce(greatest((select min_confidence_threshold from risk_config),
  (select max(l.min_confidence_threshold) from risk_limits l where l.agent_id = a.id or l.account_id = a.account_id)), 0)) as used) threshold`;
/** From a CTE of new predictions on: which of them will be scored, and when that is due first. */
export const AWAITED = (made: string) => `
  insert into prediction_scores (prediction_id, starts_at, horizon_at, due_at, look_at)
  select id, starts_at, horizon_at, greatest(horizon_at, created_at), greatest(horizon_at, created_at)
  from ${made} cross join lateral (select coalesce(source_time, predicted_at) as starts_at) start
    cross join lateral (select starts_at + make_interval(secs => horizon_seconds) as horizon_at) horizon
  where horizon_seconds is not null
  order by id`;
const COLUMNS = `${WRITTEN}, seq, agent_id, created_at`;
const SCORE = 'outcome, reason, start_price, start_at, start_source, end_price, end_at, end_source, move, costs, costs_source, scored_at';
/** Fewer say nothing: of 100, one more or less is a hundredth. */
const CALIBRATED_FROM = 100;

/**
 * SQL: how often predictions of this agent, model and version came true that were as confident; null before ${CALIBRATED_FROM} of
 * them were scored. Exact, and rounded to 18 digits.
 */
export const calibratedProbability = (of: string, agent = `${of}.agent_id`) => `(
  select ${ratio('c.came_true', 'c.scored')} from prediction_calibrations c
  where c.agent_id = ${agent} and c.model = ${of}.model and c.model_version = coalesce(${of}.model_version, '')
    and c.decile = least(9, floor(${of}.confidence * 10)) and c.scored >= ${CALIBRATED_FROM})`;

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
  insert(tx: Tx, agentId: string, predictions: NewPrediction[]): Promise<ShownPrediction[]> {
    const items = JSON.stringify(predictions.map((prediction, n) => ({ ...prediction, n })));
    return tx.sql`
      with made as (
        insert into predictions (agent_id, ${() => WRITTEN})
        select ${agentId}::uuid, ${() => WRITTEN_VALUES} from (
          select item.*, s.agent_version, s.config_hash, ${() => named('a.account_id', 'item')}, ${() => judged('item')} from jsonb_to_recordset(${items}::jsonb) as item (n int, ${() => WRITTEN_TYPES})
          left join agents a on a.id = ${agentId}::uuid ${() => RUNS('a.id')} ${() => THRESHOLD}
        ) q order by n
        returning ${() => COLUMNS}
      ), awaited as (${() => AWAITED('made')})
      select made.*, ${() => SCORE.replace(/\w+/g, 'null as $&')}, ${() => calibratedProbability('made')} as calibrated_probability from made order by seq`;
  }

  async placeOf(seq: string): Promise<Place | null> {
    const [row] = await this.dataSource.sql<Place[]>`
      select predicted_at::text as at, seq::text as seq from predictions where seq = ${seq}::bigint`;
    return row ?? null;
  }

  /** Newest first by the prediction's own time: rows may arrive late. */
  list(filter: PredictionFilter, limit: number, after: Place | null): Promise<ShownPrediction[]> {
    const { agentId, symbol, direction, agentCycleNumber = null, from = null } = filter;
    const lead = leadOf(LEADS, { agent_id: agentId, symbol, direction });
    const upper = upperBound(filter.to, after);
    return this.dataSource.sql`
      select p.*, ${() => SCORE.replace(/\w+/g, 's.$&')}, ${() => calibratedProbability('p')} as calibrated_probability from (select ${() => COLUMNS} from predictions
      where ${() => lead.column} = any(${lead.values})
        and (${lead.rest('symbol')}::text is null or symbol = ${lead.rest('symbol')}::text)
        and (${lead.rest('direction')}::text is null or direction = ${lead.rest('direction')}::text)
        and (${agentCycleNumber}::bigint is null or agent_cycle_number = ${agentCycleNumber}::bigint)
        and (${from}::timestamptz is null or predicted_at >= ${from}::timestamptz)
        and (${upper.to}::timestamptz is null or predicted_at < ${upper.to}::timestamptz)
        and (${upper.seq}::bigint is null or (predicted_at, seq) < (${upper.at}::timestamptz, ${upper.seq}::bigint))
      order by ${() => lead.order} predicted_at desc, seq desc limit ${limit + 1}) p
      left join prediction_scores s on s.prediction_id = p.id
      order by p.predicted_at desc, p.seq desc`;
  }
}
