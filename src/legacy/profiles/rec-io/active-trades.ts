import { kept, wholeDigits } from '../../convert/columns.js';
import { type Owners, Reject, type TableMapping } from '../../profile.js';
import { type Cell, JsonNumber, type SourceRow, type SourceTable } from '../../source/cell.js';
import { archived, has, keptAll } from '../columns.js';
import { tradeOf } from '../imported-trade.js';
import { type Beside, oldTrade, TRADE_COLUMNS, tradesMapping } from './trades.js';

const OWN = `current_symbol_price current_probability buffer_from_entry buffer_from_strike time_since_entry ttc_seconds current_close_price current_pnl last_updated notes entry_price current_price`;

const COLUMNS: TableMapping['columns'] = {
  ...Object.fromEntries('id ticket_id date time strike side buy_price position contract ticker symbol market trade_strategy symbol_open momentum prob fees diff status'.split(' ').map((name) => [name, TRADE_COLUMNS[name] ?? kept('of the watcher')])),
  trade_id: kept('the row of trades that is watched; a row whose trade is there is archived, one without is an open trade that nothing else knows'),
  ...keptAll(OWN, 'the watcher wrote it over each second'),
};

export const isActiveTrades = ({ base, columns }: SourceTable): boolean =>
  has(columns, 'trade_id strike buy_price') || (has(columns, 'trade_id side buy_price') && /active/i.test(base)) || (/active_?trades/i.test(base) && has(columns, 'entry_price current_price'));

/**
 * The watcher's copy of open trades. Whoever deleted a row of `trades` (the old program does so each hour with those in
 * error) left a position that only this table knows: it comes in as unknown, and counts. So does one whose trade is refused.
 * @param trades of the same source
 */
export function activeTradesMapping(table: SourceTable, trades: readonly SourceTable[], beside: Beside): TableMapping {
  const whole = (reason: string) => ({ ...archived(reason, ''), columns: COLUMNS });
  if (!table.columns.includes('buy_price')) return whole('the working copy of open trades, in the shape of the installer, without side and size: no trade can be made of it');
  if (trades.length === 0) return whole('the working copy of open trades: the trades are in a file of their own');
  let there: Set<string> | null = null;
  return {
    as: 'import', columns: COLUMNS,
    map(values, owners, row) {
      const named = word(row.cells.trade_id);
      if (named !== null && (there ??= idsIn(trades, table, (each) => tradesMapping(each, beside), owners)).has(named)) return { archive: `MIRROR_OF_TRADE: the trade ${named} comes in from its own table` };
      row.note('TRADE_MISSING', `trade_id ${named ?? ''} has no row in trades that can be taken over; the position is only known here, and comes in as unknown`);
      return tradeOf(oldTrade(row, values, beside, () => false), table.name, owners, row);
    },
  };
}

/** Of the trades that are watched, those that come in. */
function idsIn(trades: readonly SourceTable[], active: SourceTable, mappingOf: (table: SourceTable) => TableMapping, owners: Owners): Set<string> {
  const asked = new Set<string>();
  for (const { cells } of active.rows()) {
    const named = word(cells.trade_id);
    if (named !== null) asked.add(named);
  }
  const found = new Set<string>();
  for (const table of trades) {
    const mapping = mappingOf(table);
    for (const row of table.rows()) {
      const id = word(row.cells.id);
      if (id !== null && asked.has(id) && isTaken(row, mapping, owners)) found.add(id);
    }
  }
  return found;
}

/** Whether the row is not refused when its turn comes. */
function isTaken({ id, cells, broken }: SourceRow, { columns, map }: TableMapping, owners: Owners): boolean {
  if (broken || !map) return false;
  const reading = { id, cells, note: () => undefined };
  try {
    map(Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, column.read(cells[name] ?? null, name, reading)])), owners, reading);
    return true;
  } catch (error) {
    if (error instanceof Reject) return false;
    throw error;
  }
}

/** `5`, 5, 5.0 and `5.0` are one trade: SQLite keeps what a column was given, and pandas writes whole numbers as doubles. */
function word(cell: Cell | undefined): string | null {
  if (typeof cell === 'bigint' || typeof cell === 'number') return String(cell);
  const written = cell instanceof JsonNumber ? cell.text : typeof cell === 'string' ? cell.trim() : '';
  return written === '' ? null : (wholeDigits(written) ?? written);
}
