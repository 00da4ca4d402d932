import { z } from 'zod';
import { Exact } from '../common/decimal.js';
import { decimal, decimalText, pastInstant } from '../common/fields.js';
import { pageQuery } from '../common/pagination.js';
import { inOrder, timeWindow } from '../common/time-window.js';
import { CASH_FLOW_KINDS, type CashFlowRow } from './cash-flows.repository.js';

/** A withdrawal may be told as what was taken or as what was added: nobody withdraws less than nothing. */
export const createCashFlowSchema = z
  .strictObject({
    amount: decimal().describe("what it adds to the balance, in the account's currency; of a withdrawal the sign may be left out"),
    kind: z.enum(CASH_FLOW_KINDS),
    brokerDealId: z.string().trim().regex(/^[\x21-\x7e]{1,100}$/, { error: 'must be 1 to 100 visible ASCII characters' }).nullish().describe('the same again answers 200 with the first'),
    at: pastInstant().describe('when the broker booked it'),
  })
  // Not a refinement: those run also over an amount that was refused.
  .transform((flow, context) => {
    const value = new Exact(flow.amount);
    const problem = value.isZero() ? 'must not be zero' : flow.kind === 'deposit' && value.lt(0) ? 'of a deposit must be above 0' : null;
    if (problem === null) return { ...flow, amount: flow.kind === 'withdrawal' ? value.abs().neg().toFixed() : flow.amount };
    context.addIssue({ code: 'custom', path: ['amount'], message: problem });
    return z.NEVER;
  });

export const cashFlowsQuery = z.strictObject({ ...pageQuery, kind: z.enum(CASH_FLOW_KINDS).optional(), ...timeWindow }).superRefine(inOrder);

export const cashFlowSchema = z.object({
  id: z.uuid(), accountId: z.uuid(), kind: z.enum(CASH_FLOW_KINDS), amount: decimalText().describe('what it adds to the balance: below zero for a withdrawal'),
  brokerDealId: z.string().nullable(), at: z.iso.datetime(), recordedBy: z.string(), createdAt: z.iso.datetime(),
}).meta({ id: 'CashFlow' });

export const toCashFlow = (row: CashFlowRow): z.output<typeof cashFlowSchema> => ({
  id: row.id, accountId: row.account_id, kind: row.kind, amount: row.amount, brokerDealId: row.broker_deal_id, at: row.at,
  recordedBy: row.recorded_by, createdAt: row.created_at,
});
