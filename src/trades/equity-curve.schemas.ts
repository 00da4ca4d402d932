import { z } from 'zod';
import { decimalText } from '../common/fields.js';
import { pageQuery, pageSchema } from '../common/pagination.js';
import { inOrder } from '../common/time-window.js';
import { CURSOR } from './curve-cursor.js';
import type { CurvePointRow } from './equity-curve.repository.js';
import { EXECUTION_MODES } from './trade-fields.js';
import { exitedTradesQuery } from './trade-statistics.schemas.js';

export const equityCurveQuery = z.strictObject({
  ...exitedTradesQuery,
  limit: pageQuery.limit,
  cursor: z.string().regex(CURSOR, { error: 'is not a cursor that this curve gave' }).optional(),
}).superRefine(inOrder);

const pointSchema = z.object({
  at: z.iso.datetime().describe('of the exit'),
  tradeId: z.uuid(),
  netProfit: decimalText().nullable().describe('null: not known, and not in the sum'),
  cumulative: decimalText().describe('sum of the net profits from the first point of this curve on'),
  peak: decimalText().describe('the highest that sum has been, from zero'),
  drawdown: decimalText().describe('peak - cumulative'),
});

export const equityCurveSchema = pageSchema(pointSchema).extend({
  accountId: z.uuid(),
  account: z.string(),
  currency: z.string(),
  executionMode: z.enum(EXECUTION_MODES),
}).meta({ id: 'EquityCurve' });

export const toPoint = (row: CurvePointRow): z.output<typeof pointSchema> => ({
  at: row.exit_time, tradeId: row.id, netProfit: row.net_profit, cumulative: row.cumulative, peak: row.peak, drawdown: row.drawdown,
});
