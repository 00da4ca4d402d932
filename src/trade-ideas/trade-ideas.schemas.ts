import { z } from 'zod';
import { masked } from '../auth/credentials.js';
import { reason } from '../auth/reason-field.js';
import { leasedCommandSchema } from '../commands/commands.schemas.js';
import { Exact } from '../common/decimal.js';
import { decimalText, fraction, lotSize, price, symbol, text, uuid } from '../common/fields.js';
import { pageQuery } from '../common/pagination.js';
import { decisionSchema } from '../decisions/decisions.schemas.js';
import { EXECUTION_MODES, OUTCOMES, takeProfit, TRADE_DIRECTIONS } from '../trades/trade-fields.js';
import { IDEA_STATUSES } from './idea-status.js';
import type { IdeaRow, Reason } from './ideas.repository.js';

const VALID_SECONDS = { usual: 30, most: 86_400 };
const RATIONALE_CHARACTERS_MAX = 4_000;

/** As proposed. An optional field may also be null. What the rules refuse (no stop, off the step) is taken, refused and kept. */
export const proposeSchema = z.strictObject({
  symbol: symbol(), exchange: text(32).nullish(), product: text(32).nullish(), direction: z.enum(TRADE_DIRECTIONS), outcome: z.enum(OUTCOMES).nullish().describe('of a binary'),
  lotSize: lotSize(), entryPrice: price().nullish().describe('the limit price; none: at the market'),
  entryRange: z.strictObject({ low: price(), high: price() }).nullish().describe('outside it the idea waits, for at most validForSeconds'),
  stopLoss: price().nullish(), takeProfit: takeProfit().nullish(), expectedHold: text(100).nullish(),
  validForSeconds: z.int().min(1).max(VALID_SECONDS.most).nullish().describe(`${VALID_SECONDS.usual} by default; of an opening from the creation of its command`),
  rationale: text(RATIONALE_CHARACTERS_MAX).transform(masked), confidence: fraction().nullish().describe('none: a person is asked'),
  strategyId: uuid().nullish(), predictionId: uuid().nullish(), snapshotRef: uuid().nullish().describe('of POST /snapshots/refs: what was seen'),
  executorAgentId: uuid().nullish().describe('who trades it: the proposer by default; people name one'),
}).superRefine(({ entryPrice, entryRange }, context) => {
  // A field that is wrong by itself came through as it was sent: nothing to compare.
  if (context.issues.length > 0 || entryRange == null) return;
  if (new Exact(entryRange.high).lt(entryRange.low)) context.addIssue({ code: 'custom', path: ['entryRange', 'high'], message: `lies below low (${entryRange.low})` });
  else if (entryPrice != null && (new Exact(entryPrice).lt(entryRange.low) || new Exact(entryPrice).gt(entryRange.high))) {
    context.addIssue({ code: 'custom', path: ['entryPrice'], message: `lies outside entryRange (${entryRange.low} to ${entryRange.high})` });
  }
});
export type Proposal = z.output<typeof proposeSchema>;

export const validSecondsOf = ({ validForSeconds }: Proposal): number => validForSeconds ?? VALID_SECONDS.usual;

export const proposeQuery = z.strictObject({ lease: z.enum(['0', '1'], { error: 'must be 0 or 1' }).optional().describe('1: the command, leased, in the answer; for the key of the executor') });

export const approveSchema = z.strictObject({
  digest: z.string().regex(/^[0-9a-f]{64}$/, { error: 'must be the 64 hexadecimal digits of the idea\'s digest' }), reason: reason().nullish(),
});
export const rejectSchema = z.strictObject({ reason: reason() });

export const ideasQuery = z.strictObject({
  ...pageQuery, status: z.enum(IDEA_STATUSES).optional(), agentId: uuid().optional().describe('proposer or executor'), symbol: symbol().optional(), strategyId: uuid().optional(),
});

const time = () => z.iso.datetime().nullable();
const words = () => z.string().nullable();
const amount = () => decimalText().nullable();

export const reasonSchema = z.object({ code: z.string(), message: z.string(), actual: words(), limit: words() }).meta({ id: 'GateReason' });
export const ruleSchema = z.object({
  rule: z.string(), outcome: z.enum(['passed', 'assumed', 'off', 'skipped', 'needs_approval', 'waiting', 'rejected', 'halted_by_risk']),
  reasons: z.array(reasonSchema), input: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).nullable()).describe('what the rule looked at'),
}).meta({ id: 'GateRule' });
export const VERDICTS = ['approved', 'needs_approval', 'waiting', 'rejected', 'halted_by_risk'] as const;
const verdict = { verdict: z.enum(VERDICTS), reasons: z.array(reasonSchema), rules: z.array(ruleSchema) };

export const ideaSchema = z.object({
  id: z.uuid(), status: z.enum(IDEA_STATUSES), digest: z.string().describe('of what would be traded; an approval names it'), accountId: z.uuid(), executionMode: z.enum(EXECUTION_MODES),
  proposerAgentId: z.uuid().nullable().describe('null: a person, or an alert'), executorAgentId: z.uuid(), proposedBy: z.string(), strategyId: z.uuid().nullable(), strategyVersion: z.int().nullable(),
  predictionId: z.uuid().nullable(), snapshotRef: z.uuid().nullable(), alertId: z.uuid().nullable().describe('the alert that it was made of'), agentVersion: words(), configHash: words(), modelVersion: words(), promptHash: words(), symbol: z.string(), brokerSymbol: words().describe('as it was told; null where that is the symbol'),
  exchange: words(), product: words(), direction: z.enum(TRADE_DIRECTIONS), outcome: z.enum(OUTCOMES).nullable(), lotSize: decimalText(), entryPrice: amount(),
  entryRange: z.object({ low: decimalText(), high: decimalText() }).nullable(), stopLoss: amount(), takeProfit: z.array(z.object({ price: decimalText(), sizeFraction: decimalText() })).nullable(),
  expectedHold: words(), validForSeconds: z.int(), rationale: z.string(), confidence: amount(),
  priceBand: z.object({ low: decimalText(), high: decimalText() }).nullable().describe('in which an approval holds; null: nobody knew a price'),
  waitsUntil: time(), approveUntil: time(), approvedBy: words(), commandId: z.uuid().nullable().describe('of the opening'), closeCommandIds: z.array(z.uuid()), reducedSize: amount().describe('on an account with one position for an instrument: what of it closes what is held; the rest opens'),
  reasons: z.array(reasonSchema).describe('of the last decision'), endedReason: words(), decidedAt: time(), decidedBy: words(), createdAt: z.iso.datetime(), updatedAt: z.iso.datetime(),
}).meta({ id: 'TradeIdea' });

export const proposedSchema = ideaSchema.extend({
  decision: z.object({ id: z.uuid(), ...verdict }), command: leasedCommandSchema.nullable().optional().describe('with lease=1: null when there is none, or another copy of the agent trades'),
});
export const checkedSchema = z.object({ ...verdict, price: amount().describe('at which it may fill; null: nobody knows one'), checkedAt: z.iso.datetime() });
export const ideaDetailSchema = ideaSchema.extend({
  decisions: z.array(decisionSchema),
  reservation: z.object({ held: z.boolean(), endedAs: z.enum(['released', 'converted']).nullable(), tradeId: z.uuid().nullable() }).nullable(),
});

const range = (low: string | null, high: string | null) => (low === null || high === null ? null : { low, high });

export const toIdea = (row: IdeaRow): z.output<typeof ideaSchema> => ({
  id: row.id, status: row.status, digest: row.digest, accountId: row.account_id, executionMode: row.execution_mode, proposerAgentId: row.proposer_id, executorAgentId: row.executor_id,
  proposedBy: row.actor, strategyId: row.strategy_id, strategyVersion: row.strategy_version, predictionId: row.prediction_id, snapshotRef: row.snapshot_ref, alertId: row.alert_id, agentVersion: row.agent_version, configHash: row.config_hash, modelVersion: row.model_version, promptHash: row.prompt_hash,
  symbol: row.symbol, brokerSymbol: row.broker_symbol, exchange: row.exchange, product: row.product, direction: row.direction, outcome: row.outcome, lotSize: row.lot_size,
  entryPrice: row.entry_price, entryRange: range(row.entry_low, row.entry_high), stopLoss: row.stop_loss, takeProfit: row.take_profit, expectedHold: row.expected_hold,
  validForSeconds: row.valid_for_seconds, rationale: row.rationale, confidence: row.confidence, priceBand: range(row.band_low, row.band_high), waitsUntil: row.waits_until,
  approveUntil: row.approve_until, approvedBy: row.approved_by, commandId: row.command_id, closeCommandIds: row.close_command_ids, reducedSize: row.reduced_size, reasons: row.reasons as Reason[], endedReason: row.ended_reason,
  decidedAt: row.decided_at, decidedBy: row.decided_by, createdAt: row.created_at, updatedAt: row.updated_at,
});
