import { Exact } from '../../convert/exact.js';
import { kept, oneOf, required, text, ticket } from '../../convert/columns.js';
import { decimal } from '../../convert/decimals.js';
import { time } from '../../convert/times.js';
import { Ref, type Reading, Reject, type TableMapping } from '../../profile.js';
import type { SourceRow } from '../../source/cell.js';
import { neededInstrument } from './instrument.js';
import { keyOf, type Lookups } from './lookups.js';
import { modeOf } from './modes.js';
import { price, productOf, sizeOf, tradeRows } from './trade-rows.js';
import { lenient, read, together, valueOf } from './values.js';

const side = oneOf('direction', { map: { BUY: 'long', SELL: 'short' }, caseless: true });
const exits = oneOf('exit_reason', { map: { SL: 'stop', TRAIL: 'trailing', TP: 'target', MANUAL: 'operator' }, caseless: true });
const words = lenient(text(null));

/**
 * Pairs of an entry and an exit of the same size, as the old system counted its results. Which symbol, side, size and prices
 * stands with the two orders; fills were never stored, so the prices are those of the orders.
 */
export const analyticsTrades = (lookups: Lookups): TableMapping => ({
  as: 'import',
  columns: {
    id: kept('names the row'), entry_order_id: together('symbol', 'symbol, direction, size, product, broker and entry price of this order'), exit_order_id: together('exit_price', 'exit price of this order'),
    strategy_id: together('strategy_id', 'id of the strategy'), pnl: required(decimal('gross_profit')), r_multiple: kept('computed from the others here'),
    opened_at: required(time('entry_time', { zone: 'UTC' })), closed_at: required(time('exit_time', { zone: 'UTC' })),
  },
  sums: { pnl: 'gross_profit' },
  time: 'closed_at',
  map(values, owners, reading) {
    const entry = orderOf(lookups, 'entry_order_id', reading);
    const exit = lookups.row('orders', reading.cells['exit_order_id']);
    if (exit === undefined) reading.note('REFERENCE_MISSING', 'its exit order is not there: at what price it ended is not known');
    const mode = modeOf(entry.cells);
    if (mode === null) throw new Reject('VALUE_UNKNOWN', 'execution_target of its entry order is neither LIVE nor PAPER', 'execution_target');
    const direction = required(side).read(entry.cells['side'] ?? null, 'orders.side', reading) === 'long' ? 'long' : 'short';
    const size = sizeOf(decimal(null).read(entry.cells['qty'] ?? null, 'orders.qty', reading), 'orders.qty');
    const exitSize = exit === undefined ? null : read(lenient(decimal(null)), 'qty', exit.cells, reading);
    if (exitSize !== null && !new Exact(exitSize).abs().eq(size)) reading.note('SIZES_DIFFER', `its exit order is of ${exitSize.slice(0, 100)}; the size of the entry counts`);
    const exitPrice = exit === undefined ? null : read(lenient(price('exit_price')), 'price', exit.cells, reading);
    const openedAt = valueOf(values, 'opened_at');
    const closedAt = valueOf(values, 'closed_at');
    if (openedAt === null || closedAt === null) throw new Reject('VALUE_MISSING', 'a trade needs the times of its entry and its exit');
    if (Date.parse(closedAt) < Date.parse(openedAt)) reading.note('TIMES_REVERSED', 'it ended before it began');
    reading.note('PRICE_OF_ORDER', 'prices are those of its orders, for fills were not stored; the result is as it was told');
    const strategy = keyOf(reading.cells['strategy_id']);
    const strategyRow = strategy === null ? undefined : lookups.row('strategies', strategy);
    return {
      rows: tradeRows({
        table: 'analytics_trades', oldId: reading.id, mode, instrument: neededInstrument(entry.cells['symbol'], entry.cells['exchange'], reading), direction, size, product: productOf(read(words, 'product', entry.cells, reading)),
        broker: read(words, 'broker_name', entry.cells, reading), entryPrice: read(lenient(price('entry_price')), 'price', entry.cells, reading), status: 'closed', at: closedAt,
        facts: { entryOrder: entry.id, exitOrder: keyOf(reading.cells['exit_order_id']) },
        more: {
          entry_time: openedAt, exit_time: closedAt, finished_at: closedAt, created_at: openedAt, updated_at: closedAt, exit_price: exitPrice, exit_reason: exitPrice === null ? 'unknown' : reasonOf(lookups, reading),
          gross_profit: valueOf(values, 'pnl'), profit_source: 'told', entered_size: size, exited_size: size, strategy_id: strategy === null ? null : new Ref('strategies', strategyRow?.id ?? strategy), broker_order_id: brokerOrderOf(entry, reading),
        },
      }, owners),
    };
  },
});

function orderOf(lookups: Lookups, name: string, reading: Reading): SourceRow {
  const order = lookups.row('orders', reading.cells[name]);
  if (order === undefined) throw new Reject('REFERENCE_MISSING', `${name} is ${keyOf(reading.cells[name]) ?? 'null'}, and there is no such order: symbol, side and size of the trade are not known`, name);
  return order;
}

/** Why it ended is known only where the old system itself watched its stop and target. */
function reasonOf(lookups: Lookups, reading: Reading): string {
  const exit = keyOf(reading.cells['exit_order_id']);
  const watched = exit === null ? undefined : lookups.by('managed_risk_positions', 'exit_order_id', exit)[0];
  return (watched && read(lenient(exits), 'exit_reason', watched.cells, reading)) ?? 'unknown';
}

const orderNumber = lenient(ticket('broker_order_id'));
export const brokerOrderOf = ({ cells }: SourceRow, reading: Reading): string | null => read(orderNumber, 'broker_order_id', cells, reading) ?? read(orderNumber, 'zerodha_order_id', cells, reading);
