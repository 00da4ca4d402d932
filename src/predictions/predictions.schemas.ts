import { z } from 'zod';
import { decimalText, fraction, jsonObject, pastInstant, price, symbol, text, uuid } from '../common/fields.js';
import { pageQuery } from '../common/pagination.js';
import { inOrder, timeWindow } from '../common/time-window.js';
import type { ShownPrediction } from './predictions.repository.js';

const PREDICTED_DIRECTIONS = ['long', 'short', 'hold'] as const;
const BATCH_MAX = 1_000;
const COMPONENTS_BYTES_MAX = 16_384;
/** Ten years. */
const HORIZON_SECONDS_MAX = 315_360_000;

/** An optional field may also be null: that is how many clients write "none". */
export const createPredictionSchema = z.strictObject({
  model: text(100),
  modelVersion: text(100).nullish(),
  promptHash: text(128).nullish(),
  symbol: symbol(),
  timestamp: pastInstant(),
  horizonSeconds: z.int().min(1).max(HORIZON_SECONDS_MAX).nullish(),
  direction: z.enum(PREDICTED_DIRECTIONS),
  confidence: fraction(),
  probUp: fraction().nullish(),
  probDown: fraction().nullish(),
  components: jsonObject(COMPONENTS_BYTES_MAX).nullish().describe('what the model said for each timeframe'),
  agreementCount: z.int().min(0).max(1_000).nullish(),
  agreementScore: fraction().nullish(),
  marketRegime: text(64).nullish(),
  marketPrice: price().nullish(),
  agentCycleNumber: z.int().min(0).max(Number.MAX_SAFE_INTEGER).nullish(),
  usedByAgent: z.boolean().nullish(),
  sourceTime: pastInstant().nullish().describe('in a replay: the time of the candle'),
});

export const createPredictionsSchema = z.strictObject({ items: z.array(createPredictionSchema).min(1).max(BATCH_MAX) });

export const predictionsQuery = z.strictObject({
  ...pageQuery,
  agentId: uuid().optional(),
  symbol: symbol().optional(),
  direction: z.enum(PREDICTED_DIRECTIONS).optional(),
  agentCycleNumber: z.string().regex(/^\d{1,15}$/, { error: 'must be a whole number' }).optional(),
  ...timeWindow,
}).superRefine(inOrder);

export const latestQuery = z.strictObject({ symbol: symbol(), agentId: uuid().optional() });

const amount = () => decimalText().nullable();
const time = () => z.iso.datetime().nullable();

const SOURCES = ['told', 'candle', 'quote'] as const;

/** Whether it came true, and by which figures; they stay, whatever is corrected afterwards. */
const scoreSchema = z.object({
  outcome: z.enum(['right', 'wrong', 'unscored']).describe('right: the move beats the costs, or with hold it does not, either way; unscored: no price was there in 7 days'),
  reason: z.enum(['NO_PRICE_AT_START', 'NO_PRICE_AT_HORIZON']).nullable(),
  startPrice: amount(),
  startAt: time(),
  startSource: z.enum(SOURCES).nullable(),
  endPrice: amount(),
  endAt: time().describe('the time of the price: at most half the horizon away from it, and an hour or a tenth of the horizon'),
  endSource: z.enum(SOURCES).nullable(),
  move: amount().describe('endPrice - startPrice'),
  costs: amount().describe('in units of the price'),
  costsSource: z.enum(['spread', 'assumed']).nullable().describe("spread: of the account's quote near the horizon; assumed: none was there, and they count as 0"),
  scoredAt: z.iso.datetime(),
}).meta({ id: 'PredictionScore' });

export const predictionSchema = z.object({
  id: z.uuid(),
  agentId: z.uuid(),
  model: z.string(),
  modelVersion: z.string().nullable(),
  promptHash: z.string().nullable(),
  agentVersion: z.string().nullable().describe('that the agent ran when this came'),
  configHash: z.string().nullable(),
  symbol: z.string().describe('one for an instrument, whatever its broker calls it'),
  brokerSymbol: z.string().nullable().describe('as it was told; null where that is the symbol'),
  timestamp: z.iso.datetime(),
  horizonSeconds: z.int().nullable(),
  direction: z.enum(PREDICTED_DIRECTIONS),
  confidence: decimalText(),
  probUp: amount(),
  probDown: amount(),
  components: z.record(z.string(), z.unknown()).nullable(),
  agreementCount: z.int().nullable(),
  agreementScore: amount(),
  marketRegime: z.string().nullable(),
  marketPrice: amount(),
  agentCycleNumber: z.int().nullable(),
  usedByAgent: z.boolean(),
  shouldTrade: z.boolean().describe('computed here: the confidence reaches the threshold and the direction is not hold'),
  thresholdUsed: decimalText().describe('minConfidenceThreshold as it held for the agent then; 0 when it was off'),
  sourceTime: time(),
  score: scoreSchema.nullable().describe('null before its horizon, while a price is looked for, and without horizonSeconds'),
  calibratedProbability: amount().describe('how often predictions of this agent, model and version came true that were as confident (by tenths); null below 100 scored'),
  createdAt: z.iso.datetime(),
});

export const storedPredictionsSchema = z.object({
  items: z.array(predictionSchema.pick({ id: true, shouldTrade: true, thresholdUsed: true })).describe('in the order of the request'),
});

const toScore = (row: ShownPrediction): z.output<typeof scoreSchema> | null => (row.outcome === null || row.scored_at === null ? null : {
  outcome: row.outcome,
  reason: row.reason,
  startPrice: row.start_price,
  startAt: row.start_at,
  startSource: row.start_source,
  endPrice: row.end_price,
  endAt: row.end_at,
  endSource: row.end_source,
  move: row.move,
  costs: row.costs,
  costsSource: row.costs_source,
  scoredAt: row.scored_at,
});

export const toPrediction = (row: ShownPrediction): z.output<typeof predictionSchema> => ({
  id: row.id,
  agentId: row.agent_id,
  model: row.model,
  modelVersion: row.model_version,
  promptHash: row.prompt_hash,
  agentVersion: row.agent_version,
  configHash: row.config_hash,
  symbol: row.symbol,
  brokerSymbol: row.broker_symbol,
  timestamp: row.predicted_at,
  horizonSeconds: row.horizon_seconds,
  direction: row.direction,
  confidence: row.confidence,
  probUp: row.prob_up,
  probDown: row.prob_down,
  components: row.components,
  agreementCount: row.agreement_count,
  agreementScore: row.agreement_score,
  marketRegime: row.market_regime,
  marketPrice: row.market_price,
  agentCycleNumber: row.agent_cycle_number,
  usedByAgent: row.used_by_agent,
  shouldTrade: row.should_trade,
  thresholdUsed: row.threshold_used,
  sourceTime: row.source_time,
  score: toScore(row),
  calibratedProbability: row.calibrated_probability,
  createdAt: row.created_at,
});
