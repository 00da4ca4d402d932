import { spelled } from '../../../market-data/timeframe.js';
import { SYMBOL_FORM } from '../../../common/fields.js';
import { json, kept, oneOf, required, text, integer } from '../../convert/columns.js';
import { refused } from '../../convert/cells.js';
import { decimal } from '../../convert/decimals.js';
import { time } from '../../convert/times.js';
import { Reject, type TableMapping } from '../../profile.js';
import type { Cell, SourceTable } from '../../source/cell.js';
import { timeframeIn } from '../ai-trader/snapshots.js';
import { listOf, Values } from '../row.js';

const instant = (to: string | null) => time(to, { zone: 'UTC', epoch: 'either' });
const money = (to: string | null) => decimal(to, { money: true });
const line = (to: string | null, most: number) => text(to, { trim: true, most });

export const ACCOUNT: TableMapping['columns'] = {
  id: kept('it names the row'), captured_at: required(instant('captured_at')), balance: required(money('balance')), equity: required(money('equity')), margin_used: money('margin_used'), margin_free: money('margin_free'),
  open_pl: money('open_pl'), open_positions: integer('open_positions', { least: 0n }),
};

/** As the files and the terminal name them. */
const ALSO: Record<string, readonly string[]> = {
  captured_at: ['timestamp', 'ts_utc', 'time_utc', 'ts', 'time', 'datetime', 'date'], margin_used: ['margin'], margin_free: ['free_margin', 'marginfree'], open_pl: ['profit', 'unrealized_pnl', 'floating_pl', 'pnl'], open_positions: ['positions', 'positions_count'],
};

/** The columns of this table, each by the name that it has here. */
function accountColumns(table: SourceTable): { columns: TableMapping['columns']; called: (name: string) => string } {
  const called = (name: string): string => [name, ...(ALSO[name] ?? [])].find((each) => table.columns.some((column) => column.toLowerCase() === each)) ?? name;
  const spelt = (name: string): string => table.columns.find((column) => column.toLowerCase() === called(name)) ?? called(name);
  return { columns: Object.fromEntries(Object.entries(ACCOUNT).map(([name, column]) => [spelt(name), column])), called: spelt };
}

/** Of the table, and of CSV files that have a balance, an equity and a time. */
export function accountSnapshots(table: SourceTable): TableMapping {
  const { columns, called } = accountColumns(table);
  return {
    columns, as: 'import', time: called('captured_at'), sums: Object.fromEntries(['balance', 'equity', 'margin_used', 'margin_free', 'open_pl'].filter((name) => table.columns.includes(called(name))).map((name) => [called(name), name])),
    map(given, owners, reading) {
      const values = new Values(given);
      const { agentId, accountId } = owners.agent('paper');
      const at = values.need(called('captured_at'));
      return {
        rows: [{
          table: 'snapshot_account',
          values: {
            id: owners.id(table.name, reading.id), agent_id: agentId, sender: agentId, account_id: accountId, captured_at: at, last_captured_at: at, balance: values.need(called('balance')), equity: values.need(called('equity')),
            margin_used: values.text(called('margin_used')), margin_free: values.text(called('margin_free')), open_pl: values.text(called('open_pl')), open_positions: values.text(called('open_positions')),
          },
        }],
      };
    },
  };
}

export const INDICATORS: TableMapping['columns'] = {
  id: kept('it names the row'), symbol: required(line('symbol', 64)), timeframe: required(line('timeframe', 20)), rsi_14: decimal('rsi_14', { least: '0', most: '100' }), sma_50: decimal('sma_50'), sma_200: decimal('sma_200'),
  macd: json('macd'), atr: decimal('atr', { least: '0' }), captured_at: required(instant('captured_at')),
};

export const indicatorSnapshots = (table: SourceTable): TableMapping => ({
  columns: INDICATORS, as: 'import', time: 'captured_at',
  map(given, owners, reading) {
    const values = new Values(given);
    const { agentId } = owners.agent('paper');
    const [symbol, timeframe, at] = [values.need('symbol'), values.need('timeframe'), values.need('captured_at')];
    if (!SYMBOL_FORM.test(symbol)) throw new Reject('SYMBOL_INVALID', `symbol is ${JSON.stringify(symbol)}`, 'symbol');
    const told = (values.json('macd') ?? {}) as Record<string, unknown>;
    const figure = (name: string): string | null => (['number', 'string'].includes(typeof told[name]) ? decimal(null).read(told[name] as Cell, `macd.${name}`, reading) : null);
    return {
      rows: [{
        table: 'snapshot_indicators',
        values: {
          id: owners.id(table.name, reading.id), agent_id: agentId, sender: agentId, captured_at: at, last_captured_at: at, symbol, timeframe, frame: spelled(timeframeIn(timeframe)), rsi_14: values.text('rsi_14'),
          sma_50: values.text('sma_50'), sma_200: values.text('sma_200'), atr: values.text('atr'), macd: figure('macd'), macd_signal: figure('signal'), macd_hist: figure('hist'),
        },
      }],
    };
  },
});

export const CALENDAR: TableMapping['columns'] = {
  id: kept('it names the row'), event_time: required(instant('event_time')), currency: required(line('currency', 10)), impact_level: required(oneOf('impact_level', { map: { low: 'low', medium: 'medium', high: 'high' }, caseless: true })),
  title: required(line('title', 300)), previous_value: line('previous_value', 64), forecast_value: line('forecast_value', 64), actual_value: line('actual_value', 64), captured_at: instant('captured_at'),
};

export const calendarSnapshots = (table: SourceTable): TableMapping => ({
  columns: CALENDAR, as: 'import', time: 'event_time',
  map(given, owners, reading) {
    const values = new Values(given);
    const at = values.text('captured_at') ?? owners.at;
    const currency = values.need('currency').toUpperCase();
    if (!/^[A-Z]{3,10}$/.test(currency)) throw new Reject('CURRENCY_INVALID', `currency is ${JSON.stringify(currency)}; expected 3 to 10 letters`, 'currency');
    return {
      rows: [{
        table: 'snapshot_calendar',
        values: {
          id: owners.id(table.name, reading.id), agent_id: owners.agent('paper').agentId, captured_at: at, last_captured_at: at, event_time: values.need('event_time'), currency, title: values.need('title'),
          impact_level: values.need('impact_level'), previous_value: values.text('previous_value'), forecast_value: values.text('forecast_value'), actual_value: values.text('actual_value'),
        },
      }],
    };
  },
});

export const NEWS: TableMapping['columns'] = {
  id: kept('it names the row'), headline: required(line('headline', 500)), source: required(line('source', 100)), symbols: { to: 'symbols', says: 'array, {a,b} or JSON to a list', read: (cell, column) => symbolsIn(cell, column) },
  published_at: required(instant('published_at')), captured_at: instant('captured_at'),
};

/** None where nothing is said. @throws {Reject} */
function symbolsIn(cell: Cell, column: string): string[] {
  const list = cell === null || cell === '' ? [] : listOf(cell);
  if (list === null || !list.every((each): each is string => typeof each === 'string' && SYMBOL_FORM.test(each))) throw refused('LIST_INVALID', column, cell, 'a list of symbols');
  return [...new Set(list)].sort();
}

export const newsSnapshots = (table: SourceTable): TableMapping => ({
  columns: NEWS, as: 'import', time: 'published_at',
  map(given, owners, reading) {
    const values = new Values(given);
    const at = values.text('captured_at') ?? values.need('published_at');
    return {
      rows: [{
        table: 'snapshot_news',
        values: {
          id: owners.id(table.name, reading.id), agent_id: owners.agent('paper').agentId, captured_at: at, last_captured_at: at, published_at: values.need('published_at'), source: values.need('source'), headline: values.need('headline'),
          symbols: (given.symbols as string[] | null | undefined) ?? [],
        },
      }],
    };
  },
});
