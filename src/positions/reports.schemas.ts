import { z } from 'zod';
import { brokerAccountSchema } from '../agents/agents.schemas.js';
import { Exact } from '../common/decimal.js';
import { masked } from '../auth/credentials.js';
import { decimal, decimalText, instant, lotSize, money, name, pastInstant, price, text } from '../common/fields.js';
import { brokerTicket, OUTCOMES, TRADE_DIRECTIONS } from '../trades/trade-fields.js';

const ROWS_MOST = 1_000;
export const ORDER_ROLES = ['entry', 'protective'] as const;
export const ORDER_TYPES = ['market', 'limit', 'stop', 'stop_limit', 'trailing', 'other'] as const;

const brokerId = () => name(100);
/** As the broker shows it: a comment of 31 characters may hold ours, or anybody's. */
const tag = () => name(64);
/** What a broker shows as zero where there is no stop is none. */
const stopPrice = () => decimal({ min: '0' }).transform((value) => (new Exact(value).isZero() ? null : value));

const outcome = () => z.enum(OUTCOMES).nullish().describe('of a binary contract: which side is held; long of it, where the broker knows no short. Without it nobody knows what an adopted one is worth');

const positionSchema = z.strictObject({
  symbol: name(64).describe('as the broker spells it'), exchange: text(32).nullish(), product: text(32).nullish(), direction: z.enum(TRADE_DIRECTIONS), outcome: outcome(), size: lotSize(),
  entryPrice: price(), currentPrice: decimal({ min: '0' }).nullish(),
  stopLoss: stopPrice().nullish(), takeProfit: stopPrice().nullish(), floatingProfit: money().nullish(), swap: money().nullish(), commission: money().nullish(),
  brokerPositionId: brokerId().nullish().describe('what stays the same while it is held; needed on hedging accounts'),
  brokerOrderId: brokerId().nullish().describe('the order that opened it'), brokerTicket: brokerTicket().nullish(), orderTag: tag().nullish(),
  magic: brokerTicket().nullish().describe("tells whose it is when nobody told of it: an agent's `magic`"), clientOrderId: text(100).nullish(),
  openedAt: pastInstant().nullish(), comment: z.string().max(200).transform(masked).nullish(),
});

const orderSchema = z.strictObject({
  brokerOrderId: brokerId(), symbol: name(64), role: z.enum(ORDER_ROLES).describe('entry: would open or add; protective: would only reduce'), type: z.enum(ORDER_TYPES),
  direction: z.enum(TRADE_DIRECTIONS), outcome: outcome(), size: lotSize(), filledSize: decimal({ min: '0', max: '100000000000000' }).nullish(), price: price().nullish(),
  stopLoss: stopPrice().nullish(), takeProfit: stopPrice().nullish(), brokerPositionId: brokerId().nullish(), orderTag: tag().nullish(), magic: brokerTicket().nullish(),
  clientOrderId: text(100).nullish(), placedAt: pastInstant().nullish(), expiresAt: instant().nullish(),
});

/** What the broker shows, and when. */
export const shownFields = {
  asOf: pastInstant().describe('when the broker showed this'),
  brokerConnected: z.boolean().nullish().describe('false: what is in it is taken, what is not is not missed'),
  positions: z.array(positionSchema).max(ROWS_MOST), orders: z.array(orderSchema).max(ROWS_MOST).default([]),
};

export const reportSchema = z.strictObject({
  ...shownFields, complete: z.boolean().describe('everything that the broker shows is in it: what is not, is gone'),
  brokerAccount: brokerAccountSchema.nullish(),
});

export type ReportBody = z.output<typeof reportSchema>;

const element = z.object({
  tradeId: z.uuid(), brokerPositionId: z.string().nullable(), brokerOrderId: z.string().nullable(), symbol: z.string(), size: decimalText().describe('as the trade says'),
});
const elements = (about: string) => z.array(element).describe(about);

export const reportAnswerSchema = z.object({
  applied: z.boolean(), code: z.enum(['REPORT_STALE', 'ACCOUNT_MISMATCH', 'BROKER_NOT_CONNECTED']).optional().describe('why it was not applied, or not taken for complete'),
  asOf: z.iso.datetime(), complete: z.boolean().describe('whether it was taken for complete'),
  matched: z.int().describe('positions that are trades of ours'),
  adopted: elements('positions and entry orders that nobody told of: trades of origin external now, or, under the tag of what the gate let through, the trade of that'),
  unknown: elements('trades of this book whose state is unknown now'),
  missing: elements('trades that this report lacks: closed when a second one, 10 s later, lacks them too'),
  closed: elements('trades that it lacks for the second time'),
  differing: z.array(element.extend({ held: decimalText().describe('below zero: short'), ours: decimalText() })).describe('where the broker holds another size than our trades, each of them'),
  proposals: z.array(z.object({ missingTradeId: z.uuid(), adoptedTradeId: z.uuid(), symbol: z.string(), direction: z.enum(TRADE_DIRECTIONS), size: decimalText() }))
    .describe('might be one and the same, for a person to say'),
}).meta({ id: 'PositionsReportAnswer' });

export type ReportAnswer = z.output<typeof reportAnswerSchema>;
