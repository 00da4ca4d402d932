import { z } from 'zod';
import { decimalText, text } from '../common/fields.js';
import { inOrder, timeWindow } from '../common/time-window.js';
import { EXECUTION_MODES } from '../trades/trade-fields.js';
import { GROUPINGS, type Grouping } from './performance-groups.js';
import { GROUPS_MOST, type PerformanceRow } from './performance.repository.js';

export const performanceQuery = z.strictObject({
  account: text(100).optional().describe('its id or its name; all when left out, one block each'),
  mode: z.enum(EXECUTION_MODES).optional(),
  from: timeWindow.from.describe('exits from here on; RFC 3339 with a zone, or epoch milliseconds'),
  to: timeWindow.to.describe('exits before this'),
  groupBy: z.enum(GROUPINGS).default('agent'),
}).superRefine(inOrder);

const count = () => z.int();
const amount = (meaning: string) => decimalText().nullable().describe(meaning);
const NONE_PRICED = 'zero for no trade, null when none of them is priced';

const extremeSchema = z.object({ tradeId: z.uuid(), netProfit: decimalText() }).nullable();

/** Defined as the statistics of trades define them. Money is in the account's currency. */
const figuresSchema = z.object({
  trades: count().describe('closed: wins + losses + breakEven + unpricedTrades'),
  wins: count().describe('net profit above zero'),
  losses: count().describe('net profit below zero'),
  breakEven: count().describe('net profit of exactly zero'),
  unpricedTrades: count().describe('the net profit is not known: in no figure about money'),
  grossProfit: amount(`of the priced trades, before costs; ${NONE_PRICED}`),
  costs: amount(`commission + swap + fee of the priced trades, a negative number; ${NONE_PRICED}`),
  netProfit: amount(`grossProfit + costs; ${NONE_PRICED}`),
  sumR: amount('sum of net profit / what was risked to the first stop, each rounded to 18 digits; zero for no trade, null when none has one'),
  averageR: amount('sumR / tradesWithR; null without one'),
  tradesWithR: count().describe('priced, with a stop at the entry (or of a binary contract) and known terms of the instrument; the others are in no figure about R'),
  expectancy: amount('net profit of a priced trade on average; null without one'),
  winFraction: amount('wins / (wins + losses), from 0 to 1; null when there is neither'),
  profitFactor: amount('what was won / what was lost, net; null without a loss, since nothing divides by zero'),
  bestTrade: extremeSchema.describe('of the highest net profit, also where that is a loss; null when none is priced'),
  worstTrade: extremeSchema.describe('of the lowest net profit'),
}).meta({ id: 'PerformanceFigures' });

const groupSchema = figuresSchema.extend({
  key: z.string().nullable().describe('the agent\'s or strategy\'s id, version, model, symbol, exit reason, hour 0 to 23 or weekday 1 (Monday) to 7 of the entry in the zone of the account, regime, tenth of confidence 0 to 9; null: of trades that have no such value'),
  label: z.string().nullable().describe('the name of the agent or strategy; of a version its agent\'s'),
  agentId: z.uuid().nullable().describe('of a version: whose it is'),
  modelVersion: z.string().nullable().describe('of a model, where its predictions say one'),
});

const bookSchema = z.object({
  accountId: z.uuid(),
  account: z.string(),
  currency: z.string(),
  executionMode: z.enum(EXECUTION_MODES),
  zone: z.string().describe('of the account; hours and weekdays are its'),
  total: figuresSchema,
  groups: z.array(groupSchema).describe('together exactly the total; most trades first, hours, weekdays and tenths in their order'),
  others: figuresSchema.extend({ groups: count() }).nullable().describe(`what has fewer trades than the ${GROUPS_MOST} groups above, together; null: nothing`),
}).meta({ id: 'Performance' });

export const performanceSchema = z.object({
  groupBy: z.enum(GROUPINGS),
  items: z.array(bookSchema).describe('one for each account and execution mode, which are never summed'),
});

type Book = z.output<typeof bookSchema>;

const toFigures = (row: PerformanceRow): z.output<typeof figuresSchema> => ({
  trades: row.trades, wins: row.wins, losses: row.losses, breakEven: row.breakeven, unpricedTrades: row.unpriced,
  grossProfit: row.gross_profit, costs: row.costs, netProfit: row.net_profit, sumR: row.sum_r, averageR: row.average_r, tradesWithR: row.with_r,
  expectancy: row.expectancy, winFraction: row.win_fraction, profitFactor: row.profit_factor,
  bestTrade: extremeOf(row.best_id, row.best_net), worstTrade: extremeOf(row.worst_id, row.worst_net),
});

const extremeOf = (tradeId: string | null, netProfit: string | null) => (tradeId === null || netProfit === null ? null : { tradeId, netProfit });

/** Rows of a book follow each other, its total first. */
export function toPerformance(groupBy: Grouping, rows: readonly PerformanceRow[]): z.output<typeof performanceSchema> {
  const items: Book[] = [];
  for (const row of rows) {
    const book = items.at(-1);
    if (row.part === 'total' || !book) {
      items.push({ accountId: row.account_id, account: row.account, currency: row.currency, executionMode: row.execution_mode, zone: row.zone, total: toFigures(row), groups: [], others: null });
    } else if (row.part === 'others') {
      book.others = { ...toFigures(row), groups: row.groups };
    } else {
      book.groups.push({
        ...toFigures(row), key: row.key, label: row.label, agentId: groupBy === 'version' ? row.detail : null, modelVersion: groupBy === 'model' ? row.detail : null,
      });
    }
  }
  return { groupBy, items };
}
