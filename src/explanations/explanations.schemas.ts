import { z } from 'zod';
import { decimal, decimalText, jsonObject, text, uuid } from '../common/fields.js';
import { pageQuery } from '../common/pagination.js';
import type { ExplanationRow } from './explanations.repository.js';

export const EXPLANATION_KINDS = ['entry', 'exit', 'skip', 'review'] as const;

const EXPLANATION_CHARS_MAX = 20_000;
/** A prompt carries candles and news; the body as a whole has a limit of its own. */
const PROMPT_CHARS_MAX = 100_000;
const FACTORS_BYTES_MAX = 16_384;
const FACTORS_MAX = 100;
const FACTOR_CHARS_MAX = 1_000;
const TOKENS_MAX = 2_147_483_647;

/** Weighted by name in an object, or a plain list of sentences. */
const factors = () =>
  z.union([jsonObject(FACTORS_BYTES_MAX), z.array(text(FACTOR_CHARS_MAX)).max(FACTORS_MAX)], {
    error: `must be an object of at most ${FACTORS_BYTES_MAX} bytes of JSON, or a list of at most ${FACTORS_MAX} texts`,
  });

/** An optional field may also be null: that is how many clients write "none". */
const said = {
  explanation: text(EXPLANATION_CHARS_MAX),
  confidenceFactors: factors().nullish(),
  riskFactors: factors().nullish(),
  llmModel: text(100).nullish(),
  promptHash: text(128).nullish(),
  prompt: text(PROMPT_CHARS_MAX).nullish(),
  rawResponse: text(PROMPT_CHARS_MAX).nullish(),
  tokens: z.int().min(0).max(TOKENS_MAX).nullish(),
  cost: decimal({ min: '0', max: '100000000000000' }).nullish(),
  ideaId: uuid().nullish(),
};

export const createExplanationSchema = z.strictObject({
  kind: z.enum(EXPLANATION_KINDS), ...said, predictionId: uuid().nullish().describe('the prediction of the trade by default'),
});

/** Of what was not traded, or of more than one trade. */
export const createSkipSchema = z.strictObject({ kind: z.enum(['skip', 'review']), ...said, predictionId: uuid().nullish() });

export const explainedTradeParam = z.strictObject({ tradeId: uuid() });
export const tradeExplanationsQuery = z.strictObject(pageQuery);
export const explanationsQuery = z.strictObject({
  ...pageQuery,
  agentId: uuid().optional(),
  tradeId: uuid().optional(),
  predictionId: uuid().optional(),
  ideaId: uuid().optional(),
  kind: z.enum(EXPLANATION_KINDS).optional(),
});

const words = () => z.string().nullable();
const factorsShown = () => z.union([z.record(z.string(), z.unknown()), z.array(z.string())]).nullable();

export const explanationSchema = z.object({
  id: z.uuid(),
  agentId: z.uuid(),
  tradeId: z.uuid().nullable().describe('null: told without one, of what was not traded'),
  predictionId: z.uuid().nullable(),
  ideaId: z.uuid().nullable(),
  kind: z.enum(EXPLANATION_KINDS),
  explanation: z.string(),
  confidenceFactors: factorsShown(),
  riskFactors: factorsShown(),
  llmModel: words(),
  promptHash: words(),
  prompt: words(),
  rawResponse: words(),
  tokens: z.int().nullable(),
  cost: decimalText().nullable(),
  createdAt: z.iso.datetime(),
});

export const toExplanation = (row: ExplanationRow): z.output<typeof explanationSchema> => ({
  id: row.id,
  agentId: row.agent_id,
  tradeId: row.trade_id,
  predictionId: row.prediction_id,
  ideaId: row.idea_id,
  kind: row.kind,
  explanation: row.explanation,
  confidenceFactors: row.confidence_factors,
  riskFactors: row.risk_factors,
  llmModel: row.llm_model,
  promptHash: row.prompt_hash,
  prompt: row.prompt,
  rawResponse: row.raw_response,
  tokens: row.tokens,
  cost: row.cost,
  createdAt: row.created_at,
});
