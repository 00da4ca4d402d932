import type { Profile, TableMapping } from '../../profile.js';
import type { Source, SourceTable } from '../../source/cell.js';
import { plainName } from '../../source/plain-name.js';
import { has } from '../columns.js';
import type { Mode } from '../imported-trade.js';
import { activeTradesMapping, isActiveTrades } from './active-trades.js';
import { archiveMapping, knownOf } from './archives.js';
import { balancesMapping } from './balances.js';
import { candlesMapping, isCandles } from './candles.js';
import { installerMapping } from './other-trades.js';
import { settlementsIn } from './settlements.js';
import { tradesMapping } from './trades.js';

/**
 * rec_io: hourly contracts at Kalshi. Its tables go by many names (`trades_0001`), and one name has seven shapes, so each
 * is known by its columns.
 */
export const REC_IO: Profile = {
  system: 'rec-io',
  files: [
    // Tokens are the names in these documents.
    { table: 'auth_tokens', files: '**/auth_tokens.json', whole: true }, { table: 'device_tokens', files: '**/device_tokens.json', whole: true },
    // Of its PostgreSQL: a trade goes by its id, as in the databases, and comes back into the table that it is of.
    ...['trades', 'trades_0001', 'active_trades', 'active_trades_0001'].flatMap((table) => ['', 'users.', '**/trade_history/', '**/active_trades/'].map((before) => ({ table, files: `${before}${table}.csv`, id: 'id' }))),
  ],
  recognise(source) {
    const known = source.tables.filter((table) => mappingOf(table, source) !== null);
    if (known.length === 0) return null;
    const [first] = known;
    const shape = known.map(shapeOfTrades).find((each) => each !== null) ?? (first && knownOf(first)?.shape) ?? first?.base ?? '';
    const mode = accountMode(source);
    return { shape: `${shape}${mode === null ? '' : `, account mode ${mode === 'live' ? 'prod' : 'demo'}`}`, tables: known.length };
  },
  mapping: (table, _shape, source) => mappingOf(table, source),
  asksMode: true,
  order: ['trades', 'active_trades'],
};

function mappingOf(table: SourceTable, source: Source): TableMapping | null {
  if (isCandles(table.columns)) return candlesMapping(table);
  const beside = { mode: modeAt(table.name) ?? accountMode(source) ?? source.mode ?? null, settlement: settlementsIn(source.tables) };
  if (isActiveTrades(table)) return activeTradesMapping(table, source.tables.filter((each) => isTrades(each) && everHeld(each, source)), beside);
  const known = knownOf(table);
  if (known !== undefined) return archiveMapping(known);
  if (isTrades(table)) return tradesMapping(table, beside);
  if (isInstaller(table)) return installerMapping(table, beside);
  return isBalances(table) ? balancesMapping(table, beside) : null;
}

const isTrades = (table: SourceTable) => has(table.columns, 'side buy_price position status') && !isActiveTrades(table);
/** An export makes `trades` for what comes, also beside a watcher's file that was alone; where rows were deleted, the counter tells. */
const everHeld = (table: SourceTable, { tables }: Source): boolean =>
  table.count() > 0 || tables.some((each) => each.base === 'sqlite_sequence' && [...each.rows()].some(({ cells }) => typeof cells.name === 'string' && plainName(cells.name) === plainName(table.base)));
const isInstaller = ({ columns }: SourceTable) => has(columns, 'side quantity price timestamp status test_filter');
const isBalances = ({ base, columns }: SourceTable) => has(columns, 'balance timestamp') && /balance/i.test(base) && columns.every((name) => ['id', 'balance', 'timestamp', 'created_at'].includes(name));

/** Which of the seven; null for any other table. */
function shapeOfTrades(table: SourceTable): string | null {
  const { columns, declared } = table;
  if (isInstaller(table)) return 'trades of the installer';
  if (!isTrades(table)) return null;
  if (!columns.includes('ticket_id')) return 'trades of the first half of 2025';
  if (!columns.includes('closed_at')) return 'trades of made test data';
  if (!columns.includes('market_id')) return 'trades of the abstraction layer';
  if (declared.date === 'DATE') return 'trades with dates of PostgreSQL';
  if (/^(?:DECIMAL|NUMERIC)/.test(declared.buy_price ?? '')) return 'trades with decimals of PostgreSQL';
  if (columns.includes('created_at')) return 'trades with times of the row';
  return /^(?:REAL|DOUBLE|FLOAT)/.test(declared.pnl ?? '') ? 'trades with fractions' : 'trades';
}

/** `accounts/kalshi/demo/balance.db`: the exchange's own files lie in a folder for each. */
function modeAt(name: string): Mode | null {
  const [, folder] = /(?:^|\/)(prod|demo)\//.exec(name) ?? [];
  return folder === undefined ? null : folder === 'prod' ? 'live' : 'paper';
}

/** As account_mode_state.json says. */
function accountMode(source: Source): Mode | null {
  for (const table of source.tables) {
    if (!/account_mode/i.test(table.base) || !table.columns.includes('mode')) continue;
    for (const { cells } of table.rows()) {
      const mode = typeof cells.mode === 'string' ? cells.mode.trim().toLowerCase() : '';
      if (mode === 'prod') return 'live';
      if (mode === 'demo') return 'paper';
    }
  }
  return null;
}
