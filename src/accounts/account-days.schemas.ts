import { z } from 'zod';
import { Exact } from '../common/decimal.js';
import { decimalText } from '../common/fields.js';
import { pageQuery } from '../common/pagination.js';
import { inOrder, timeWindow } from '../common/time-window.js';
import { type AccountDayRow, EXECUTION_MODES } from './account-days.repository.js';

export const accountDaysQuery = z.strictObject({
  ...pageQuery,
  executionMode: z.enum(EXECUTION_MODES).optional(),
  from: timeWindow.from.describe('days that began here or later; RFC 3339 with a zone, or epoch milliseconds'),
  to: timeWindow.to.describe('days that began before this'),
}).superRefine(inOrder);

const amount = (meaning: string) => decimalText().nullable().describe(meaning);

export const accountDaySchema = z.object({
  accountId: z.uuid(),
  executionMode: z.enum(EXECUTION_MODES),
  currency: z.string(),
  day: z.iso.date().describe("the date in the account's zone on which it began"),
  startsAt: z.iso.datetime(),
  endsAt: z.iso.datetime().describe('the next rollover'),
  openingBalance: amount('at the rollover; null when nobody ever said'),
  openingEquity: amount('at the rollover; null when nobody ever said'),
  openingEstimated: z.boolean().describe('nobody reported within 90 s before the rollover: the higher of what was reported last before and first after it, with the cash flows between'),
  lowestEquity: amount('of all that was reported, and at the rollover'),
  netCashFlows: decimalText().describe('deposits less withdrawals, and whatever else came in or went out'),
  realisedProfit: decimalText().describe('profit, commission, swap and fee of the fills of this day, and at the time of the exit what a trade was told to have come to beyond its fills'),
  unpricedTrades: z.int().describe('closed in this day, and nobody told what they came to: that is part of what is unexplained'),
  unexplained: amount('what the balance changed by beyond netCashFlows and realisedProfit; of an open day as far as its last balance goes. Below 0 it counts as loss, above 0 for nothing, until a fill or cash flow is told that explains it. Null where a balance is not known'),
  unexplainedLoss: amount('what of that counts as loss: 0 or more'),
  baselines: z.object({
    balance: amount('openingBalance'), equity: amount('openingEquity'), higher: amount('the higher of the two; null when one is not known'),
    initial: amount("the account's initialBalance, with the money that came and went between the first report and the beginning of this day"),
  }).describe('what a loss of this day is measured from: baseline - equity + netCashFlows'),
  lastBalance: amount('the last that was reported in this day'),
  lastEquity: amount('the last that was reported in this day'),
  lastReportedAt: z.iso.datetime().nullable(),
  closingBalance: amount('what the next day begins with; null while the day is open'),
  closingEquity: amount('what the next day begins with; null while the day is open'),
  closingEstimated: z.boolean().nullable().describe('as openingEstimated, of the rollover at its end; null while the day is open'),
  estimated: z.boolean().describe('one of its ends is'),
  closedAt: z.iso.datetime().nullable(),
}).meta({ id: 'AccountDay' });

const lossOf = (unexplained: string | null) => (unexplained === null ? null : Exact.max(new Exact(unexplained).neg(), 0).toFixed());

/** Null when one is not known: it may be the higher. */
const higherOf = (balance: string | null, equity: string | null) => (balance === null || equity === null ? null : Exact.max(balance, equity).toFixed());

export const toAccountDay = (row: AccountDayRow): z.output<typeof accountDaySchema> => ({
  accountId: row.account_id,
  executionMode: row.execution_mode,
  currency: row.currency,
  day: row.day,
  startsAt: row.starts_at,
  endsAt: row.ends_at,
  openingBalance: row.opening_balance,
  openingEquity: row.opening_equity,
  openingEstimated: row.opening_estimated,
  lowestEquity: row.lowest_equity,
  netCashFlows: row.net_cash_flows,
  realisedProfit: row.realised_profit,
  unpricedTrades: row.unpriced,
  unexplained: row.unexplained,
  unexplainedLoss: lossOf(row.unexplained),
  baselines: { balance: row.opening_balance, equity: row.opening_equity, higher: higherOf(row.opening_balance, row.opening_equity), initial: row.initial },
  lastBalance: row.last_balance,
  lastEquity: row.last_equity,
  lastReportedAt: row.last_reported_at,
  closingBalance: row.closing_balance,
  closingEquity: row.closing_equity,
  closingEstimated: row.closing_estimated,
  estimated: row.opening_estimated || row.closing_estimated === true,
  closedAt: row.closed_at,
});
