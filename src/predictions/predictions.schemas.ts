import { z } from 'zod';
import { decimalText, fraction, jsonObject, pastInstant, price, symbol, text, uuid } from '../common/fields.js';
import { pageQuery } from '../common/pagination.js';
import { inOrder, timeWindow } from '../common/time-window.js';
import type { PredictionRow } from './predictions.repository.js';

export const PREDICTED_DIRECTIONS = ['long', 'short', 'hold'] as const;
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

export const predictionSchema = z.object({
  id: z.uuid(),
  agentId: z.uuid(),
  model: z.string(),
  modelVersion: z.string().nullable(),
  promptHash: z.string().nullable(),
  symbol: z.string(),
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
  thresholdUsed: decimalText(),
  sourceTime: time(),
  createdAt: z.iso.datetime(),
});

export const storedPredictionsSchema = z.object({
  items: z.array(predictionSchema.pick({ id: true, shouldTrade: true, thresholdUsed: true })).describe('in the order of the request'),
});

export const toPrediction = (row: PredictionRow): z.output<typeof predictionSchema> => ({
  id: row.id,
  agentId: row.agent_id,
  model: row.model,
  modelVersion: row.model_version,
  promptHash: row.prompt_hash,
  symbol: row.symbol,
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
  createdAt: row.created_at,
});
