import { z } from 'zod';
import { decimalText, symbol, uuid } from '../common/fields.js';
import { inOrder, timeWindow } from '../common/time-window.js';
import { EXECUTION_MODES, TRADE_DIRECTIONS } from './trade-fields.js';
import type { TradeFiguresRow } from './trade-statistics.repository.js';
import { TRADE_STATUSES, type TradeStatus } from './trade-state.js';

/** What statistics and equity curves may be asked of. */
export const exitedTradesQuery = {
  accountId: uuid().optional(),
  executionMode: z.enum(EXECUTION_MODES).optional(),
  agentId: uuid().optional(),
  symbol: symbol().optional(),
  direction: z.enum(TRADE_DIRECTIONS).optional(),
  from: timeWindow.from.describe('exits from here on; RFC 3339 with a zone, or epoch milliseconds'),
  to: timeWindow.to.describe('exits before this'),
};

export const tradeStatisticsQuery = z.strictObject(exitedTradesQuery).superRefine(inOrder);

const count = () => z.int();
const amount = (meaning: string) => decimalText().nullable().describe(meaning);
const NONE_PRICED = 'zero for no closed trade, null when none of them is priced';

/** Money is in the account's currency, rounded to 18 digits where it is a quotient. Costs and losses are negative numbers. */
const bookStatisticsSchema = z.object({
  accountId: z.uuid(),
  account: z.string(),
  currency: z.string(),
  executionMode: z.enum(EXECUTION_MODES),
  tradesByStatus: z.object(Object.fromEntries(TRADE_STATUSES.map((status) => [status, count()])) as Record<TradeStatus, z.ZodInt>).nullable()
    .describe('null with `from` or `to`: a trade that has not ended lies in no window'),
  closedTrades: count().describe('wins + losses + breakeven + unpricedTrades'),
  wins: count().describe('net profit above zero'),
  losses: count().describe('net profit below zero'),
  breakeven: count().describe('net profit of exactly zero: neither won nor lost'),
  unpricedTrades: count().describe('closed, and the net profit not known: in no figure about money'),
  winRate: amount('wins / (wins + losses), from 0 to 1; null when there is neither'),
  grossProfit: amount(`of the priced trades; ${NONE_PRICED}`),
  costs: amount(`commission + swap + fee of the priced trades; ${NONE_PRICED}`),
  netProfit: amount(`grossProfit + costs; ${NONE_PRICED}`),
  profitFactor: amount('what was won / what was lost, net; null without a loss'),
  averageWin: amount('null without a win'),
  averageLoss: amount('null without a loss'),
  expectancy: amount('net profit of a priced trade on average; null without one'),
  largestWin: amount('null without a win'),
  largestLoss: amount('null without a loss'),
  longestWinStreak: count().describe('external and imported trades left out; zero and what is unpriced neither add nor break'),
  longestLossStreak: count(),
  averageHoldingSeconds: z.number().nullable().describe('from entry to exit, of the closed trades for which both are known and in this order'),
  maxDrawdownAmount: amount(`the deepest fall of the sum of net profits below its highest point so far, from zero before the first exit; ${NONE_PRICED}`),
  maxDrawdownOfPeakFraction: amount('the deepest fall as a part of the highest point of that sum (not of the balance, so it may exceed 1); null when it was never above zero'),
  sharpePerTrade: amount('mean / sample standard deviation of the net profits in money, not annualised, no risk-free rate; null below two trades, or when all are alike'),
  firstExitAt: z.iso.datetime().nullable(),
  lastExitAt: z.iso.datetime().nullable(),
}).meta({ id: 'TradeStatistics' });

export const tradeStatisticsSchema = z.object({
  items: z.array(bookStatisticsSchema).describe('one for each account and execution mode, which are never summed'),
});

export const toTradeStatistics = (row: TradeFiguresRow, inWindow: boolean): z.output<typeof bookStatisticsSchema> => ({
  accountId: row.account_id,
  account: row.account,
  currency: row.currency,
  executionMode: row.execution_mode,
  tradesByStatus: inWindow ? null : { ...NONE, ...row.by_status },
  closedTrades: row.closed,
  wins: row.wins,
  losses: row.losses,
  breakeven: row.breakeven,
  unpricedTrades: row.unpriced,
  winRate: row.win_rate,
  grossProfit: row.gross_profit,
  costs: row.costs,
  netProfit: row.net_profit,
  profitFactor: row.profit_factor,
  averageWin: row.average_win,
  averageLoss: row.average_loss,
  expectancy: row.expectancy,
  largestWin: row.largest_win,
  largestLoss: row.largest_loss,
  longestWinStreak: row.longest_win_streak,
  longestLossStreak: row.longest_loss_streak,
  averageHoldingSeconds: row.average_holding_seconds,
  maxDrawdownAmount: row.max_drawdown,
  maxDrawdownOfPeakFraction: row.max_drawdown_of_peak,
  sharpePerTrade: row.sharpe,
  firstExitAt: row.first_exit_at,
  lastExitAt: row.last_exit_at,
});

const NONE = Object.fromEntries(TRADE_STATUSES.map((status) => [status, 0])) as Record<TradeStatus, number>;
