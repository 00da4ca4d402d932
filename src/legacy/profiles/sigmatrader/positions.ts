import { Exact } from '../../convert/exact.js';
import { kept, text } from '../../convert/columns.js';
import { decimal } from '../../convert/decimals.js';
import { time } from '../../convert/times.js';
import type { TableMapping } from '../../profile.js';
import { type Held, holdingOf, isSaleOfHolding } from './held.js';
import { neededInstrument } from './instrument.js';
import { price, productOf, sizeOf, tradeRows } from './trade-rows.js';
import { lenient, together, valueOf } from './values.js';

/** What the broker held when the old system last asked. Whether it still does is not known: a person, or the executor's next report, says so. */
export const positions = (held: Held): TableMapping => ({
  as: 'import',
  columns: {
    id: kept('names the row'), broker_name: lenient(text('broker')), symbol: together('symbol', 'with its exchange, to canonical symbol'), exchange: together('exchange', 'before the symbol'), product: lenient(text('product')),
    qty: decimal('lot_size'), avg_price: price('entry_price'), pnl: kept('in part not realised'), last_updated: lenient(time('created_at', { zone: 'UTC' })),
  },
  time: 'last_updated',
  map(values, owners, reading) {
    const written = valueOf(values, 'qty');
    if (written === null) return { archive: 'POSITION_SIZE_NOT_KNOWN: it does not say how much is held' };
    if (new Exact(written).isZero()) return { archive: 'POSITION_FLAT: nothing is held' };
    const row = { id: reading.id, cells: reading.cells };
    if (isSaleOfHolding(row, written)) return { archive: 'SALE_OF_HOLDING: delivery cannot be sold short; it is what was sold that day out of a holding' };
    const instrument = neededInstrument(reading.cells['symbol'], reading.cells['exchange'], reading);
    const standing = held.standing(holdingOf(row) ?? '');
    if (standing !== undefined && standing.id !== reading.id) return { archive: `COUNTED_ELSEWHERE: position ${standing.id} is of the same holding, and counts` };
    const entryPrice = valueOf(values, 'avg_price');
    if (entryPrice === null) return { archive: 'POSITION_PRICE_NOT_KNOWN: it does not say at what price; look at the broker, for nothing here counts it' };
    const asOf = valueOf(values, 'last_updated');
    const at = asOf ?? owners.at;
    reading.note('ENTRY_TIME_NOT_KNOWN', 'the broker does not say since when it is held');
    return {
      rows: tradeRows({
        table: 'positions', oldId: reading.id, mode: 'live', instrument, direction: new Exact(written).gt(0) ? 'long' : 'short', size: sizeOf(new Exact(written).abs().toFixed(), 'qty'),
        product: productOf(valueOf(values, 'product')), broker: valueOf(values, 'broker_name'), entryPrice, status: 'unknown', at, facts: asOf === null ? {} : { asOf }, more: { created_at: at, updated_at: at },
      }, owners),
    };
  },
});
