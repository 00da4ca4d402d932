import { z } from 'zod';
import { reason } from '../auth/reason-field.js';
import { decimal, decimalText, lotSize, money, pastInstant, price, symbol, text, uuid } from '../common/fields.js';
import { pageQuery } from '../common/pagination.js';
import { inOrder, timeWindow } from '../common/time-window.js';
import { marketInstant } from '../market-data/snapshots.schemas.js';
import { DOUBT_CODES } from './trade-doubts.js';
import { brokerTicket, EXECUTION_MODES, EXIT_REASONS, OUTCOMES, takeProfit, TRADE_DIRECTIONS } from './trade-fields.js';
import { shownFiguresShape, toFigures } from './trade-shown.js';
import type { LinkedExplanation, TradeRow, TransitionRow } from './trades.repository.js';
import type { Answered } from './trades.service.js';
import { TRADE_STATUSES } from './trade-state.js';

const INT_MAX = 2_147_483_647;

/** An optional field may also be null: that is how many clients write "none". */
export const createTradeSchema = z
  .strictObject({
    clientOrderId: text(100),
    symbol: symbol(),
    exchange: text(32).nullish(),
    product: text(32).nullish(),
    direction: z.enum(TRADE_DIRECTIONS),
    outcome: z.enum(OUTCOMES).nullish(),
    lotSize: lotSize(),
    entryPrice: price().nullish(),
    entryTime: marketInstant().nullish(),
    stopLoss: price().nullish(),
    takeProfit: takeProfit().nullish(),
    executionMode: z.enum(EXECUTION_MODES).nullish().describe('the mode of the agent, which is the default'),
    broker: text(100).nullish(),
    brokerOrderId: text(100).nullish(),
    brokerPositionId: text(100).nullish(),
    brokerTicket: brokerTicket().nullish(),
    predictionId: uuid().nullish(),
    ideaId: uuid().nullish(),
    commandId: uuid().nullish(),
    strategyId: uuid().nullish().describe('whose exitRules it is under'),
    sourceTime: pastInstant().nullish().describe('in a replay: the time of the candle'),
    status: z.enum(['pending', 'open']).nullish().describe('open by default when entryPrice and entryTime are given, else pending'),
  })
  .superRefine(({ status, entryPrice, entryTime }, context) => {
    const wrong = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (status === 'pending' && entryTime != null) wrong('entryTime', 'a pending trade has not entered');
    else if (entryPrice == null && (status === 'open' || entryTime != null)) wrong('entryPrice', 'is needed for a trade that has entered');
    else if (status === 'open' && entryTime == null) wrong('entryTime', 'is needed for a trade that has entered');
  });

/** Profit and costs are those of the whole trade, not of this step. Costs are negative numbers. */
export const transitionSchema = z
  .strictObject({
    to: z.enum(TRADE_STATUSES),
    version: z.int().min(1).max(INT_MAX).nullish().describe('of the trade that this was decided on'),
    occurredAt: marketInstant().nullish().describe('with brokerDealId it stands in for the version; now by default'),
    brokerDealId: text(100).nullish(),
    entryPrice: price().nullish(),
    entryTime: marketInstant().nullish().describe('occurredAt by default'),
    exitPrice: decimal({ min: '0' }).nullish(),
    exitReason: z.enum(EXIT_REASONS).nullish(),
    stopLoss: price().nullish(),
    takeProfit: takeProfit().nullish(),
    brokerOrderId: text(100).nullish(),
    brokerPositionId: text(100).nullish(),
    grossProfit: money().nullish().describe('as the broker says; never computed here'),
    commission: money().nullish(),
    swap: money().nullish(),
    fee: money().nullish(),
    netProfit: money().nullish().describe('a check sum: must be grossProfit + commission + swap + fee'),
    sourceTime: pastInstant().nullish().describe('in a replay: the time of the candle'),
    reason: reason().nullish().describe('people must give one'),
  })
  .superRefine(({ to, exitPrice, exitReason }, context) => {
    const wrong = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (to === 'closed' && exitPrice == null) wrong('exitPrice', 'is needed to close a trade');
    if (to === 'closed' && exitReason == null) wrong('exitReason', 'is needed to close a trade');
    if (to !== 'closed' && exitPrice != null) wrong('exitPrice', 'belongs to a closed trade');
    if (to !== 'closed' && to !== 'closing' && exitReason != null) wrong('exitReason', 'belongs to a closing or closed trade');
  });

export const tradeParam = z.strictObject({ tradeId: uuid() });

/** What a list of trades, and an export of them, may be asked of. */
export const tradesFilter = {
  agentId: uuid().optional(),
  accountId: uuid().optional(),
  status: z.enum(TRADE_STATUSES).optional(),
  symbol: symbol().optional(),
  executionMode: z.enum(EXECUTION_MODES).optional(),
  predictionId: uuid().optional(),
  ...timeWindow,
};

export const tradesQuery = z.strictObject({ ...pageQuery, ...tradesFilter }).superRefine(inOrder);

export const transitionsQuery = z.strictObject(pageQuery);

const amount = () => decimalText().nullable();
const time = () => z.iso.datetime().nullable();
const words = () => z.string().nullable();

export const tradeSchema = z.object({
  id: z.uuid(),
  agentId: z.uuid(),
  accountId: z.uuid(),
  clientOrderId: z.string(),
  symbol: z.string().describe('one for an instrument, whatever its broker calls it'),
  brokerSymbol: words().describe('as it was told; null where that is the symbol'),
  exchange: words(),
  product: words(),
  direction: z.enum(TRADE_DIRECTIONS),
  outcome: z.enum(OUTCOMES).nullable(),
  lotSize: decimalText(),
  entryPrice: amount(),
  entryTime: time(),
  stopLoss: amount(),
  takeProfit: z.array(z.object({ price: decimalText(), sizeFraction: decimalText() })).nullable(),
  executionMode: z.enum(EXECUTION_MODES),
  origin: z.enum(['gated', 'ungated', 'external', 'imported']),
  broker: words(),
  brokerOrderId: words(),
  brokerPositionId: words(),
  brokerTicket: words(),
  orderTag: z.string().describe('made here; in the comment of an order it tells whose a position is'),
  missingSince: time().describe('of the first complete report that lacked it; null: seen, or not looked for'),
  predictionId: z.uuid().nullable(),
  ideaId: z.uuid().nullable(),
  commandId: z.uuid().nullable(),
  strategyId: z.uuid().nullable(),
  agentVersion: z.string().nullable().describe('of what made it: as its idea has it, else as its agent ran when it was told'),
  configHash: z.string().nullable(),
  modelVersion: z.string().nullable(),
  promptHash: z.string().nullable(),
  status: z.enum(TRADE_STATUSES),
  version: z.int(),
  exitPrice: amount(),
  exitTime: time(),
  exitReason: z.enum(EXIT_REASONS).nullable(),
  settlement: z.enum(['pending']).nullable().describe('pending: a binary contract that is held past its closesAt, until it pays 1, 0, something between, or is void'),
  grossProfit: amount(),
  commission: amount(),
  swap: amount(),
  fee: amount(),
  netProfit: amount().describe('null while grossProfit is not known'),
  ...shownFiguresShape,
  sourceTime: time(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  finishedAt: time(),
});

/** A request that was answered before: the answer says so, and in what it differs from the first. */
export const answeredTradeSchema = tradeSchema.extend({
  repeated: z.literal(true).optional(),
  differs: z.array(z.string()).optional(),
  doubts: z.array(z.object({ code: z.enum(DOUBT_CODES), path: z.string(), message: z.string() })).optional()
    .describe('why it cannot be as it was told, by field. It is kept all the same, since it has happened, and a person is told (incident TRADE_DOUBTFUL)'),
});

export const tradeDetailSchema = tradeSchema.extend({
  explanations: z.array(z.object({ id: z.uuid(), kind: z.enum(['entry', 'exit', 'skip', 'review']) })),
});

export const transitionRowSchema = z.object({
  version: z.int(),
  from: z.enum(TRADE_STATUSES).nullable(),
  to: z.enum(TRADE_STATUSES),
  occurredAt: z.iso.datetime(),
  recordedAt: z.iso.datetime(),
  late: z.boolean(),
  brokerDealId: words(),
  facts: z.record(z.string(), z.unknown()).describe('what was said with it; of a step that fills made, their deals'),
  reason: words(),
  actor: z.string(),
});

export const toTrade = (row: TradeRow): z.output<typeof tradeSchema> => ({
  id: row.id,
  agentId: row.agent_id,
  accountId: row.account_id,
  clientOrderId: row.client_order_id,
  symbol: row.symbol,
  brokerSymbol: row.broker_symbol,
  exchange: row.exchange,
  product: row.product,
  direction: row.direction,
  outcome: row.outcome,
  lotSize: row.lot_size,
  entryPrice: row.entry_price,
  entryTime: row.entry_time,
  stopLoss: row.stop_loss,
  takeProfit: row.take_profit,
  executionMode: row.execution_mode,
  origin: row.origin,
  broker: row.broker,
  brokerOrderId: row.broker_order_id,
  brokerPositionId: row.broker_position_id,
  brokerTicket: row.broker_ticket,
  orderTag: row.order_tag,
  missingSince: row.missing_since,
  predictionId: row.prediction_id,
  ideaId: row.idea_id,
  commandId: row.command_id,
  strategyId: row.strategy_id,
  agentVersion: row.agent_version,
  configHash: row.config_hash,
  modelVersion: row.model_version,
  promptHash: row.prompt_hash,
  status: row.status,
  version: row.version,
  exitPrice: row.exit_price,
  exitTime: row.exit_time,
  exitReason: row.exit_reason,
  settlement: row.settlement,
  grossProfit: row.gross_profit,
  commission: row.commission,
  swap: row.swap,
  fee: row.fee,
  netProfit: row.net_profit,
  ...toFigures(row),
  sourceTime: row.source_time,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
  finishedAt: row.finished_at,
});

export const toAnsweredTrade = ({ trade, repeats, doubts = [] }: Answered): z.output<typeof answeredTradeSchema> => ({
  ...toTrade(trade),
  ...(repeats ? { repeated: true as const } : {}),
  ...(repeats && repeats.length > 0 ? { differs: repeats } : {}),
  ...(doubts.length > 0 ? { doubts } : {}),
});

export const toTradeDetail = (row: TradeRow, explanations: LinkedExplanation[]): z.output<typeof tradeDetailSchema> => ({
  ...toTrade(row),
  explanations,
});

export const toTransition = (row: TransitionRow): z.output<typeof transitionRowSchema> => ({
  version: row.version,
  from: row.from_status,
  to: row.to_status,
  occurredAt: row.occurred_at,
  recordedAt: row.recorded_at,
  late: row.late,
  brokerDealId: row.broker_deal_id,
  facts: row.facts,
  reason: row.reason,
  actor: row.actor,
});
