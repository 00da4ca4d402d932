import { own } from '../../../common/own.js';
import type { Profile, TableMapping } from '../../profile.js';
import type { Source } from '../../source/cell.js';
import { alerts } from './alerts.js';
import { analyticsTrades } from './analytics-trades.js';
import { archiveOf } from './archived.js';
import { ARCHIVED } from './archived-tables.js';
import { candles } from './candles.js';
import { decisionLogs } from './decisions.js';
import { deploymentStates } from './deployment-states.js';
import { equitySnapshots } from './equity.js';
import { Held } from './held.js';
import { fileOf, Lookups } from './lookups.js';
import { managedPositions } from './managed-positions.js';
import { positions } from './positions.js';
import { isOfTable, shapeOf } from './recognise.js';
import { signalStrategies, strategies } from './strategies.js';

/** Without one of these columns a table's rows cannot become rows of ours: it is archived, not refused row by row. */
const NEEDED: Record<string, readonly string[]> = {
  alerts: ['received_at'], analytics_trades: ['entry_order_id', 'pnl', 'opened_at', 'closed_at'], positions: ['symbol', 'qty', 'avg_price'], managed_risk_positions: ['symbol', 'side', 'qty', 'entry_price', 'status'],
  strategy_deployment_states: ['deployment_id', 'state_json'], strategies: ['name'], signal_strategies: ['name'], candles: ['symbol', 'exchange', 'timeframe', 'ts', 'open', 'high', 'low', 'close'],
  equity_snapshots: ['as_of_date', 'equity'], alert_decision_logs: ['decision', 'created_at'],
};

const IMPORTED: Record<string, (lookups: Lookups, held: Held) => TableMapping> = {
  strategies: () => strategies,
  signal_strategies: signalStrategies,
  analytics_trades: analyticsTrades,
  positions: (_, held) => positions(held),
  managed_risk_positions: managedPositions,
  strategy_deployment_states: deploymentStates,
  alerts: () => alerts,
  alert_decision_logs: decisionLogs,
  equity_snapshots: () => equitySnapshots,
  candles: () => candles,
};

/** What is looked up in other tables is the same for all tables of a file. */
const joins = new WeakMap<Source, Map<string, { lookups: Lookups; held: Held }>>();

function joinsOf(source: Source, file: string) {
  const files = joins.get(source) ?? new Map<string, { lookups: Lookups; held: Held }>();
  joins.set(source, files);
  let found = files.get(file);
  if (found === undefined) {
    const lookups = new Lookups(source, file);
    files.set(file, (found = { lookups, held: new Held(lookups) }));
  }
  return found;
}

const NOTHING = new Lookups({ medium: 'sqlite', sha256: '', tables: [], close: () => undefined }, '');

/** Each table of SigmaTrader, and all columns that any of its revisions has. */
export const COLUMNS: Record<string, readonly string[]> = Object.fromEntries([
  ...Object.entries(ARCHIVED).map(([name, { columns }]): [string, string[]] => [name, Object.keys(columns)]),
  ...Object.entries(IMPORTED).map(([name, make]): [string, string[]] => [name, Object.keys(make(NOTHING, new Held(NOTHING)).columns)]),
]);

export const SIGMATRADER: Profile = {
  system: 'sigmatrader',
  // Of its PostgreSQL, or a database that was taken apart: each table in a file of its name.
  files: Object.keys(COLUMNS).map((table) => ({ table, files: `**/${table}.csv`, id: 'id' })),
  currency: 'INR',
  recognise(source) {
    const tables = source.tables.filter((table) => isOfTable(table, COLUMNS)).length;
    return tables === 0 ? null : { shape: shapeOf(source), tables };
  },
  mapping(table, _shape, source) {
    const { lookups, held } = joinsOf(source, fileOf(table));
    const archived = own(ARCHIVED, table.base);
    if (archived !== undefined) return archived;
    const mapping = own(IMPORTED, table.base)?.(lookups, held);
    if (mapping === undefined) return null;
    const lacks = (own(NEEDED, table.base) ?? []).filter((name) => !table.columns.includes(name));
    if (lacks.length > 0) return archiveOf(mapping, lacks);
    // A column that nobody knows has a place in the old row alone, so that has to be kept then.
    return mapping.bulk && table.columns.some((name) => !Object.hasOwn(mapping.columns, name)) ? { ...mapping, bulk: false } : mapping;
  },
  order: [...Object.keys(IMPORTED), ...Object.keys(ARCHIVED).sort()],
};
