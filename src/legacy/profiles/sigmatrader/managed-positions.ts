import { Exact } from '../../convert/exact.js';
import { flag, kept, oneOf, required, text } from '../../convert/columns.js';
import { decimal } from '../../convert/decimals.js';
import { time } from '../../convert/times.js';
import type { Archived, TableMapping } from '../../profile.js';
import { brokerOrderOf } from './analytics-trades.js';
import { type Held, holdingOf } from './held.js';
import { neededInstrument } from './instrument.js';
import { keyOf, type Lookups } from './lookups.js';
import { price, productOf, sizeOf, tradeRows } from './trade-rows.js';
import { lenient, together, valueOf } from './values.js';

const target = oneOf('execution_mode', { map: { LIVE: 'live', PAPER: 'paper' }, caseless: true });

/** Positions whose stop and target the old system watched itself. */
export const managedPositions = (lookups: Lookups, held: Held): TableMapping => ({
  as: 'import',
  columns: {
    id: kept('names the row'), user_id: kept('whose it was: nobody is taken along'), entry_order_id: together('broker_order_id', "the broker's number of this order"), broker_name: lenient(text('broker')),
    symbol: together('symbol', 'with its exchange, to canonical symbol'), exchange: together('exchange', 'before the symbol'), product: lenient(text('product')), side: required(oneOf('direction', { map: { BUY: 'long', SELL: 'short' }, caseless: true })),
    qty: decimal('lot_size'), execution_target: target, risk_spec_json: kept('nothing here watches it'), entry_price: price('entry_price'), stop_distance: lenient(decimal('stop_loss')),
    take_profit_distance: kept('nothing here watches it'), trail_distance: kept('nothing here watches it'), activation_distance: kept('nothing here watches it'), best_favorable_price: kept('nothing here watches it'),
    trail_price: lenient(price('stop_loss')), is_trailing_active: lenient(flag('stop_loss')), last_ltp: kept('a price of the past'),
    status: required(oneOf('status', { map: { ACTIVE: 'open', PAUSED: 'open', EXITING: 'open', EXITED: 'closed' }, caseless: true })), exit_order_id: kept('names another row, as written'), exit_reason: kept('of the exit of its trade, in analytics_trades'),
    created_at: lenient(time('entry_time', { zone: 'UTC' })), updated_at: lenient(time('updated_at', { zone: 'UTC' })),
  },
  time: 'created_at',
  map(values, owners, reading) {
    if (valueOf(values, 'status') === 'closed') return { archive: 'POSITION_CLOSED: it is held no more; its result, where one was counted, is in analytics_trades' };
    const direction = valueOf(values, 'side') === 'long' ? 'long' : 'short';
    const mode = valueOf(values, 'execution_target') === 'paper' ? 'paper' : 'live';
    const counted = countedElsewhere(lookups, held, mode, direction, reading);
    if (counted !== null) return counted;
    const entryPrice = valueOf(values, 'entry_price');
    if (entryPrice === null) return { archive: 'POSITION_PRICE_NOT_KNOWN: it does not say at what price; look at the broker, for nothing here counts it' };
    const written = valueOf(values, 'qty');
    if (written === null) return { archive: 'POSITION_SIZE_NOT_KNOWN: it does not say how much is held' };
    const at = valueOf(values, 'created_at') ?? valueOf(values, 'updated_at') ?? owners.at;
    const stop = stopOf(values, entryPrice, direction);
    if (stop === null) reading.note('STOP_NOT_KNOWN', 'it has no stop that is a price');
    const order = lookups.row('orders', reading.cells['entry_order_id']);
    return {
      rows: tradeRows({
        table: 'managed_risk_positions', oldId: reading.id, mode, instrument: neededInstrument(reading.cells['symbol'], reading.cells['exchange'], reading), direction, size: sizeOf(written, 'qty'),
        product: productOf(valueOf(values, 'product')), broker: valueOf(values, 'broker_name'), entryPrice, status: 'unknown', at, facts: { entryOrder: keyOf(reading.cells['entry_order_id']) },
        more: {
          entry_time: valueOf(values, 'created_at'), stop_loss: stop, first_stop_loss: stop, created_at: at, updated_at: valueOf(values, 'updated_at') ?? at,
          broker_order_id: order === undefined ? null : brokerOrderOf(order, reading),
        },
      }, owners),
    };
  },
});

function countedElsewhere(lookups: Lookups, held: Held, mode: 'paper' | 'live', direction: 'long' | 'short', { cells, id }: { cells: Parameters<typeof holdingOf>[0]['cells']; id: string }): Archived | null {
  const entry = keyOf(cells['entry_order_id']);
  const pair = entry === null ? undefined : lookups.by('analytics_trades', 'entry_order_id', entry)[0];
  if (pair !== undefined) return { archive: `COUNTED_ELSEWHERE: its entry was paired with an exit, analytics_trades ${pair.id}` };
  if (mode === 'live') {
    const position = held.covering(holdingOf({ id, cells }) ?? '', direction);
    return position === undefined ? null : { archive: `COUNTED_ELSEWHERE: the broker's position ${position.id} holds it` };
  }
  const deployment = lookups.row('orders', cells['entry_order_id'])?.cells['deployment_id'] ?? null;
  return deployment === null ? null : { archive: `COUNTED_ELSEWHERE: deployment ${keyOf(deployment)} holds it` };
}

/** A distance there, a price here; nothing that is not above 0. */
function stopOf(values: Record<string, unknown>, entryPrice: string, direction: 'long' | 'short'): string | null {
  const trailed = valueOf<boolean>(values, 'is_trailing_active') === true ? valueOf(values, 'trail_price') : null;
  if (trailed !== null) return trailed;
  const distance = valueOf(values, 'stop_distance');
  if (distance === null || new Exact(distance).lte(0)) return null;
  const stop = direction === 'long' ? new Exact(entryPrice).minus(distance) : new Exact(entryPrice).plus(distance);
  return stop.gt(0) ? stop.toFixed() : null;
}
