import { z } from 'zod';
import { reason } from '../auth/reason-field.js';
import { decimal, decimalText, lotSize, pastInstant, price, text } from '../common/fields.js';
import { pageQuery } from '../common/pagination.js';
import { marketInstant, oneOrMany } from '../market-data/snapshots.schemas.js';
import type { AnsweredFill, FillRow } from './fills.repository.js';
import { EXIT_REASONS } from './trade-fields.js';
import { answeredTradeSchema, toTrade } from './trades.schemas.js';
import type { TradeRow } from './trades.repository.js';

const FILLS_MAX = 100;
export const FILL_ROLES = ['entry', 'exit'] as const;

/** Ten thousand of them stay inside what a trade's columns hold. */
const amount = () => decimal({ min: '-1000000000000000', max: '1000000000000000' });
const brokerId = () => z.string().trim().regex(/^[\x21-\x7e]{1,100}$/, { error: 'must be 1 to 100 visible ASCII characters' });

/** Costs are negative numbers, as in transitions. */
export const fillFields = {
  brokerDealId: brokerId().describe('one fact for each role: a deal that ends one trade and begins the next is told to both'),
  role: z.enum(FILL_ROLES),
  price: decimal({ min: '0' }).describe('above 0; of an exit also 0, where a contract settles at that'),
  size: lotSize(),
  profit: amount().nullish().describe('of this deal, as the broker says'),
  commission: amount().nullish(),
  swap: amount().nullish(),
  fee: amount().nullish(),
  currency: z.string().regex(/^[A-Z0-9]{2,12}$/, { error: 'must be the code of a currency in capitals, such as USD' }).nullish().describe("the account's, which is the default"),
  requestedPrice: price().nullish(),
  at: marketInstant().describe('when the broker filled it'),
  exitReason: z.enum(EXIT_REASONS).nullish().describe('of exits only'),
  brokerPositionId: text(100).nullish(),
  brokerOrderId: text(100).nullish(),
};

/** What a role allows. For a schema that has `fillFields`. */
export function fitsItsRole({ role, price: at, exitReason }: { role: 'entry' | 'exit'; price: string; exitReason?: string | null | undefined }, context: z.RefinementCtx): void {
  // A field that is wrong by itself came through as it was sent: nothing to compare.
  if (context.issues.length > 0) return;
  if (role === 'entry' && at === '0') context.addIssue({ code: 'custom', path: ['price'], message: 'of an entry must be above 0' });
  if (role === 'entry' && exitReason != null) context.addIssue({ code: 'custom', path: ['exitReason'], message: 'belongs to an exit' });
}

export const fillSchema = z.strictObject({
  ...fillFields,
  sourceTime: pastInstant().nullish().describe('in a replay: the time of the candle'),
  reason: reason().nullish().describe('people must give one'),
}).superRefine(fitsItsRole);

export type FillBody = z.output<typeof fillSchema>;

export const createFillsSchema = oneOrMany(fillSchema, FILLS_MAX);
export const fillsQuery = z.strictObject(pageQuery);

const maybe = () => z.string().nullable();
const maybeAmount = () => decimalText().nullable();

export const storedFillsSchema = z.object({
  trade: answeredTradeSchema.omit({ repeated: true, differs: true, doubts: true }),
  items: z.array(z.object({
    brokerDealId: z.string(), role: z.enum(FILL_ROLES), id: z.uuid(), late: z.boolean().describe('told more than 60 s after it happened'),
    repeated: z.literal(true).optional().describe('was there before, and stays as it was'),
    differs: z.array(z.string()).optional().describe('the fields in which it differs from what is there'),
  })).describe('in the order of the request'),
}).meta({ id: 'StoredFills' });

export const fillRowSchema = z.object({
  id: z.uuid(), tradeId: z.uuid(), brokerDealId: z.string(), role: z.enum(FILL_ROLES), price: decimalText(), size: decimalText(), profit: maybeAmount(),
  commission: maybeAmount(), swap: maybeAmount(), fee: maybeAmount(), requestedPrice: maybeAmount(), at: z.iso.datetime(), exitReason: z.enum(EXIT_REASONS).nullable(),
  brokerPositionId: maybe(), brokerOrderId: maybe(), sourceTime: z.iso.datetime().nullable(), late: z.boolean(), reason: maybe(), recordedBy: z.string(),
  recordedAt: z.iso.datetime(),
}).meta({ id: 'Fill' });

export const toFill = (row: FillRow): z.output<typeof fillRowSchema> => ({
  id: row.id, tradeId: row.trade_id, brokerDealId: row.broker_deal_id, role: row.role, price: row.price, size: row.size, profit: row.profit,
  commission: row.commission, swap: row.swap, fee: row.fee, requestedPrice: row.requested_price, at: row.filled_at, exitReason: row.exit_reason,
  brokerPositionId: row.broker_position_id, brokerOrderId: row.broker_order_id, sourceTime: row.source_time, late: row.late, reason: row.reason,
  recordedBy: row.actor, recordedAt: row.recorded_at,
});

export const toStoredFills = ({ trade, items }: { trade: TradeRow; items: AnsweredFill[] }): z.output<typeof storedFillsSchema> => ({
  trade: toTrade(trade),
  items: items.map(({ fill, differs }) => ({
    brokerDealId: fill.broker_deal_id, role: fill.role, id: fill.id, late: fill.late,
    ...(differs ? { repeated: true as const } : {}), ...(differs && differs.length > 0 ? { differs } : {}),
  })),
});

/** Repeats alone have made nothing. */
export const madeSome = ({ items }: z.output<typeof storedFillsSchema>): boolean => items.some(({ repeated }) => !repeated);
