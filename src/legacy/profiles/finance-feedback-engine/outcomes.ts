import { Exact } from '../../convert/exact.js';
import { decimal } from '../../convert/decimals.js';
import { kept, oneOf, symbol, text } from '../../convert/columns.js';
import { type Column, type Mapped, type Owners, type Reading, Reject, type TableMapping } from '../../profile.js';
import type { SourceTable } from '../../source/cell.js';
import { has, keptAll, together } from '../columns.js';
import { type Mode, tradeOf } from '../imported-trade.js';
import { closesOf } from './closes.js';
import { firstOf, instantOf, modeOf, textOf } from './said.js';

/** Trades as the recorder wrote them when a position was gone: a line of JSON each, or a line of the CSV that was exported from those. */

export const isOutcomes = ({ columns }: SourceTable): boolean => has(columns, 'side entry_time exit_time exit_price realized_pnl') && (columns.includes('product') || columns.includes('asset_pair'));
export const isOpenPositions = ({ columns }: SourceTable): boolean => has(columns, 'product side entry_price entry_size') && !columns.includes('exit_price');

const SYMBOL = symbol('symbol');
const SIDE = oneOf('direction', { map: { long: 'long', buy: 'long', short: 'short', sell: 'short' }, caseless: true });
const NAME = text(null, { most: 200, trim: true });
const NUMBER = decimal(null);
const SIZE = decimal('lot_size', { least: '0' });

/** What is not told is computed here, for sums are made of what columns read. */
const PROFIT: Column<string | null> = {
  to: 'gross_profit', says: 'number by its digits; compared with prices and size, differences are noted; where it is not told it is computed',
  read(cell, name, row) {
    const told = NUMBER.read(cell, name, row);
    if (told !== null) return told;
    const quiet = { cells: row.cells, id: row.id, note: () => undefined };
    try {
      return computed(SIDE.read(row.cells.side ?? null, 'side', quiet), amount(quiet, 'exit_size', SIZE) ?? amount(quiet, 'entry_size', SIZE), amount(quiet, 'entry_price'), amount(quiet, 'exit_price'))?.toFixed() ?? null;
    } catch (error) {
      // The row is refused for it when it is read itself.
      if (error instanceof Reject) return null;
      throw error;
    }
  },
};

function computed(direction: string | null, size: string | null, entry: string | null, exit: string | null) {
  return direction === null || size === null || entry === null || exit === null ? null : new Exact(exit).minus(entry).times(size).times(direction === 'long' ? 1 : -1).plus(0);
}

const COLUMNS: Record<string, Column> = {
  trade_id: together('broker_ticket', 'text; a trade that is closed a second time is archived, noted'),
  order_id: together('broker_order_id', 'text'),
  product: together('symbol', 'EUR_USD to EURUSD, BTC-USD as it is; the old spelling is kept as the broker symbol'),
  product_id: together('symbol', 'stands in where product is missing'), asset_pair: together('symbol', 'stands in where product and product_id are missing'),
  side: together('direction', 'LONG, BUY to long; SHORT, SELL to short'),
  entry_time: together('entry_time', 'with an offset, else UTC, noted'), entry_price: together('entry_price', 'number by its digits'),
  entry_size: together('lot_size', 'units, where exit_size is missing'), exit_size: together('lot_size', 'units that were closed'),
  exit_time: together('exit_time', 'with an offset, else UTC, noted'), exit_price: together('exit_price', 'number by its digits'),
  realized_pnl: PROFIT, fees: together('fee', 'a cost: its sign is turned'),
  holding_duration_seconds: kept('compared with the times, differences are noted'),
  ...keptAll('roi_percent exit_price_source recorded_via decision_id last_price action platform', 'trades of ours have no such column'),
};

/** @param exportedFrom tables of lines that a CSV was exported from, where they are there too */
export function outcomesMapping(table: SourceTable, exportedFrom: readonly SourceTable[], mode: Mode | null): TableMapping {
  const closes = closesOf(table);
  const lines = exportedFrom.map((each) => closesOf(each));
  return {
    as: 'import', columns: COLUMNS, time: 'exit_time', sums: { realized_pnl: 'gross_profit' },
    map({ realized_pnl: profit }, owners, row) {
      if (lines.some((each) => each.isThere(row))) return { archive: 'EXPORTED: the line that this one was exported from comes in itself' };
      return closes.earlier(row) ?? closed(row, owners, table.name, mode, firstOf(row, 'realized_pnl') === null ? null : (profit as string | null));
    },
  };
}

function closed(row: Reading, owners: Owners, table: string, mode: Mode | null, told: string | null): Mapped {
  const trade = opened(row);
  const size = amount(row, 'exit_size', SIZE) ?? trade.size;
  if (size === null || new Exact(size).isZero()) throw new Reject('SIZE_ZERO', 'neither exit_size nor entry_size is above 0', 'exit_size');
  if (trade.size !== null && !new Exact(size).eq(trade.size)) row.note('PARTIAL_EXIT', `exit_size ${size} of entry_size ${trade.size}: the row is the part that was closed`);
  const exit = { price: amount(row, 'exit_price'), time: instantOf(row, 'exit_time'), reason: 'unknown' };
  const fees = amount(row, 'fees');
  const money = profitOf(row, { ...trade, size, exit: exit.price, fees, told });
  compareTimes(row, trade.entryTime, exit.time);
  return tradeOf({
    ...trade, mode: modeOf(row, mode, trade.ticket, textOf(row.cells.decision_id)), size, entered: true, status: 'closed', exit, gross: money.gross, fees: money.includesFees ? null : fees, profitSource: money.source, said: 'closed',
  }, table, owners, row);
}

/**
 * A position that was open when the file was written: nobody has asked the broker since.
 * @param outcomes where it may have been closed: the file was not always written again
 */
export function openPositionsMapping(table: SourceTable, outcomes: readonly SourceTable[], mode: Mode | null): TableMapping {
  const lines = outcomes.map((each) => closesOf(each));
  return {
    as: 'import', columns: COLUMNS, time: 'entry_time',
    map(_values, owners, row) {
      const trade = opened(row);
      if (trade.size === null) throw new Reject('VALUE_MISSING', 'entry_size is not there', 'entry_size');
      const { size } = trade;
      if (new Exact(size).isZero()) return { archive: 'POSITION_FLAT: entry_size is 0, so nothing is open' };
      if (lines.some((each) => each.isClosed(row, size))) return { archive: 'POSITION_CLOSED: its trade_id was closed in trade_outcomes' };
      return tradeOf({
        ...trade, mode: modeOf(row, mode, trade.ticket, textOf(row.cells.decision_id)), size, entered: true, status: 'unknown', exit: null, gross: null, fees: null, profitSource: 'told', said: 'open',
      }, table.name, owners, row);
    },
  };
}

function opened(row: Reading) {
  const named = firstOf(row, 'product', 'product_id', 'asset_pair');
  const market = named && SYMBOL.read(named[1], named[0], row);
  if (market === null) throw new Reject('VALUE_MISSING', 'none of product, product_id and asset_pair is there', 'product');
  const side = SIDE.read(row.cells.side ?? null, 'side', row);
  if (side === null) throw new Reject('VALUE_MISSING', 'side is not there', 'side');
  const entryPrice = amount(row, 'entry_price');
  if (entryPrice !== null && new Exact(entryPrice).lte(0)) throw new Reject('PRICE_OUT_OF_RANGE', `entry_price is ${entryPrice}; a price is above 0`, 'entry_price');
  const written = textOf(named?.[1]);
  return {
    symbol: market, brokerSymbol: written === market ? null : written, direction: side as 'long' | 'short', size: amount(row, 'entry_size', SIZE), entryPrice, entryTime: instantOf(row, 'entry_time'), broker: null,
    ticket: NAME.read(textOf(row.cells.trade_id), 'trade_id', row), orderId: NAME.read(textOf(row.cells.order_id), 'order_id', row),
  };
}

const amount = (row: Reading, name: string, column: Column<string | null> = NUMBER): string | null => column.read(row.cells[name] ?? null, name, row);

/** Rounding of 28 digits. */
const APART = '0.000001';

interface Told {
  direction: 'long' | 'short';
  size: string;
  entryPrice: string | null;
  exit: string | null;
  fees: string | null;
  told: string | null;
}

interface Profit {
  gross: string | null;
  source: 'told' | 'computed';
  includesFees: boolean;
}

/** Before fees. The old figure is before fees too, which it writes beside; where it is after them, its prices say so. */
function profitOf(row: Reading, { direction, size, entryPrice, exit, fees, told }: Told): Profit {
  const expected = computed(direction, size, entryPrice, exit);
  if (told === null) {
    row.note(expected === null ? 'PNL_MISSING' : 'PNL_COMPUTED', expected === null ? 'realized_pnl is not there, nor are both prices; it is not known' : `realized_pnl is not there; ${expected.toFixed()} by prices and size is taken`);
    return { gross: expected?.toFixed() ?? null, source: 'computed', includesFees: false };
  }
  const profit: Profit = { gross: told, source: 'told', includesFees: false };
  if (expected === null || expected.minus(told).abs().lte(APART)) return profit;
  if (fees !== null && expected.minus(fees).minus(told).abs().lte(APART)) {
    row.note('PNL_AFTER_FEES', `fees of ${fees} are in realized_pnl ${told} already, as its prices say`);
    return { ...profit, includesFees: true };
  }
  row.note('PNL_DIFFERS', `realized_pnl is ${told}, and ${expected.toFixed()} by prices and size; the old figure is kept`);
  return profit;
}

/** Written where the broker gave no time of its own. */
const MADE_UP = '2025-01-01T00:00:0';

function compareTimes(row: Reading, entry: string, exit: string): void {
  if (entry.startsWith(MADE_UP)) row.note('ENTRY_TIME_MADE_UP', `entry_time ${entry} stands for a time that the broker did not give`);
  const seconds = (Date.parse(exit) - Date.parse(entry)) / 1000;
  if (seconds < 0) row.note('CLOSED_BEFORE_OPENED', `exit_time is before entry_time by ${-seconds} s`);
  const told = amount(row, 'holding_duration_seconds');
  if (told !== null && new Exact(told).minus(seconds).abs().gt(2)) row.note('HOLDING_DIFFERS', `holding_duration_seconds is ${told}, and ${seconds} by the times`);
}
