import { z } from 'zod';
import { compareUnsigned } from '../common/decimal.js';
import { decimal, decimalText, fraction, money, pastInstant, uuid } from '../common/fields.js';
import { pageQuery } from '../common/pagination.js';
import { inOrder, timeWindow } from '../common/time-window.js';
import { marketInstant, oneOrMany } from '../market-data/snapshots.schemas.js';
import type { MarkRow } from './marks.repository.js';

const MARKS_MAX = 1_000;

const mark = {
  quotedAt: marketInstant(),
  bid: decimal({ min: '0' }),
  ask: decimal({ min: '0' }),
  floatingProfit: money().nullish().describe("as the broker shows it, in the account's currency"),
  probability: fraction().nullish().describe('of the model that holds the trade, now'),
  momentum: decimal().nullish().describe('in a unit of your own'),
  sourceTime: pastInstant().nullish().describe('in a replay: the time of the candle'),
};

function bidFirst({ bid, ask }: { bid: string; ask: string }, context: z.RefinementCtx): void {
  // A field that is wrong by itself came through as it was sent: nothing to compare.
  if (context.issues.length === 0 && compareUnsigned(bid, ask) > 0) context.addIssue({ code: 'custom', path: ['ask'], message: 'lies below `bid`' });
}

const markSchema = z.strictObject(mark).superRefine(bidFirst);
export type MarkBody = z.output<typeof markSchema>;

export const createMarksSchema = oneOrMany(markSchema, MARKS_MAX);
export const tradeMarkSchema = z.strictObject({ tradeId: uuid(), ...mark }).superRefine(bidFirst);
export const createMarksBatchSchema = z.strictObject({ items: z.array(tradeMarkSchema).min(1).max(MARKS_MAX) });
export const marksQuery = z.strictObject({ ...pageQuery, ...timeWindow }).superRefine(inOrder);

export const takenMarksSchema = z.object({
  items: z.array(z.object({ tradeId: z.uuid(), quotedAt: z.iso.datetime(), stored: z.boolean().describe('false: the trade has a mark of this moment, which stays') })).describe('in the order of the request'),
}).meta({ id: 'TakenMarks' });

export const markRowSchema = z.object({
  quotedAt: z.iso.datetime(), bid: decimalText(), ask: decimalText(), floatingProfit: decimalText().nullable(), probability: decimalText().nullable(),
  momentum: decimalText().nullable(), sourceTime: z.iso.datetime().nullable(), recordedAt: z.iso.datetime(),
}).meta({ id: 'TradeMark' });

export const toMark = (row: MarkRow): z.output<typeof markRowSchema> => ({
  quotedAt: row.quoted_at, bid: row.bid, ask: row.ask, floatingProfit: row.floating_profit, probability: row.probability, momentum: row.momentum,
  sourceTime: row.source_time, recordedAt: row.recorded_at,
});
