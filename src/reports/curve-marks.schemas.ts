import { z } from 'zod';
import { text } from '../common/fields.js';
import { inOrder, timeWindow } from '../common/time-window.js';
import { EXECUTION_MODES } from '../trades/trade-fields.js';
import { MARK_KINDS, type MarkRow } from './curve-marks.repository.js';
import { labelOf } from './mark-label.js';

/** More than a curve has room for. */
export const MARKS_MOST = 1_000;

export const curveMarksQuery = z.strictObject({
  account: text(100).describe('its id or its name'),
  mode: z.enum(EXECUTION_MODES),
  ...timeWindow,
}).superRefine(inOrder);

const markSchema = z.object({
  at: z.iso.datetime(),
  kind: z.enum(MARK_KINDS).describe('of strategies and symbols also those of other accounts that hold for this one; cash flows are the account\'s, in whatever mode'),
  label: z.string().describe('one line for a person'),
  id: z.string().nullable().describe('of the halt, cash flow or event; of whom the limits are; of the agent; the version of the limits for everybody'),
  data: z.record(z.string(), z.unknown()),
}).meta({ id: 'CurveMark' });

export const curveMarksSchema = z.object({
  items: z.array(markSchema).describe('oldest first'),
  cut: z.boolean().describe(`true: these are the newest ${MARKS_MOST} of more; ask for a window that ends at the first`),
});

/** @param rows newest first, one more than is shown where there are more */
export const toCurveMarks = (rows: MarkRow[]): z.output<typeof curveMarksSchema> => ({
  items: rows.slice(0, MARKS_MOST).reverse().map((row) => ({ at: row.at, kind: row.kind, label: labelOf(row.kind, row.data), id: row.id, data: row.data })), cut: rows.length > MARKS_MOST,
});
