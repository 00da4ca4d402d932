import { decimal } from '../../convert/decimals.js';
import { flag, integer, kept, oneOf, symbol } from '../../convert/columns.js';
import { time } from '../../convert/times.js';
import { type Reading, Reject, type TableMapping } from '../../profile.js';
import type { SourceTable } from '../../source/cell.js';
import { together } from '../columns.js';
import { tradeOf } from '../imported-trade.js';
import { type Beside, STATUS, STATUS_READ } from './trades.js';
import { ZONE } from './wall-time.js';

const QUANTITY = integer('lot_size', { least: 1n, most: 1_000_000_000_000n });
const PRICE = decimal('entry_price', { money: true, least: '0', most: '1' });
const TIME = time('entry_time', { zone: ZONE, slashes: 'month/day' });
const SIDE = oneOf('outcome', { map: { y: 'yes', yes: 'yes', n: 'no', no: 'no' }, caseless: true });
const SYMBOL = symbol('symbol');
const TEST = flag(null);

/** The table that the installer made first, so that no trade of the program could be written: what is in it was put there by hand. */
export function installerMapping(table: SourceTable, { mode: account }: Beside): TableMapping {
  return {
    as: 'import', time: 'timestamp',
    columns: {
      id: kept('names the row'), user_id: kept('trades of ours have an agent'), symbol: together('symbol', 'the market'), side: together('outcome', 'Y, yes, N, no to yes or no; never guessed'),
      quantity: together('lot_size', 'contracts'), price: together('entry_price', 'dollars of a contract'), timestamp: together('entry_time', `wall clock of ${ZONE} to time`),
      status: together('status', 'pending, open, closing, expired to unknown; a closed one has no exit here and is refused'), test_filter: kept('true is noted, and mode simulation'),
    },
    map: (_values, owners, row) => {
      const read = <T>(name: string, column: { read(cell: never, name: string, row: Reading): T | null }): T => {
        const value = column.read((row.cells[name] ?? null) as never, name, row);
        if (value === null) throw new Reject('VALUE_MISSING', `${name} is not there`, name);
        return value;
      };
      const said = read('status', STATUS_READ);
      if (STATUS[said] === 'closed') throw new Reject('EXIT_TIME_MISSING', 'the trade is closed, and this table has no column for when and at what', 'status');
      const isTest = TEST.read(row.cells.test_filter ?? null, 'test_filter', row) === true;
      if (isTest) row.note('SYNTHETIC', 'test_filter is true; mode simulation');
      else if (account === null) row.note('MODE_NOT_SAID', 'no account_mode file says prod or demo; the old program then traded live');
      row.note('TIME_ZONE_ASSUMED', `timestamp does not say its zone; it is read in ${ZONE}, as the other times of this system`);
      return tradeOf({
        mode: isTest ? 'simulation' : account ?? 'live', symbol: read('symbol', SYMBOL), direction: 'long', outcome: read('side', SIDE) as 'yes' | 'no', size: read('quantity', QUANTITY),
        entryPrice: read('price', PRICE), entryTime: read('timestamp', TIME), entered: false, status: 'unknown', exit: null, gross: null, fees: null, profitSource: 'told', broker: 'Kalshi', ticket: null, said,
      }, table.name, owners, row);
    },
  };
}
