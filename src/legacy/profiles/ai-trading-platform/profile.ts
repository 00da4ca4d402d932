import { own } from '../../../common/own.js';
import type { FileTable, Profile, TableMapping } from '../../profile.js';
import type { SourceTable } from '../../source/cell.js';
import { isOne } from '../row.js';
import { ARCHIVED, DISTINCTIVE } from './archived.js';
import { DECISIONS, decisionTable, IDEAS, ideaTable } from './decision-rows.js';
import { COLUMNS as IDEA_FILES, ideaFiles } from './idea-files.js';
import { ACCOUNT, accountSnapshots, CALENDAR, calendarSnapshots, INDICATORS, indicatorSnapshots, NEWS, newsSnapshots } from './snapshots.js';
import { COLUMNS as STRATEGY_FILES, strategyFiles } from './strategy-files.js';
import { COLUMNS as STRATEGY_ROWS, strategyTable } from './strategy-rows.js';

/** Files that are rows of one table, wherever the folder begins: at the program, at its `config` or at its `data`. */
const FILES: FileTable[] = [
  { table: 'strategies', files: '**/ai/strategies/*.json', id: 'id' }, { table: 'profiles', files: '**/ai/profiles/*.json', id: 'symbol' }, { table: 'settings', files: '**/ai/settings.json' },
  { table: 'risk_limits', files: '**/risk_limits.csv', id: 'key' }, { table: 'sessions', files: '**/sessions.csv', id: 'canonical' }, { table: 'symbol_map', files: '**/symbol_map.csv', id: 'canonical' },
  { table: 'appearance', files: '**/appearance.json' }, { table: 'rss_feeds', files: '**/rss_feeds.json', at: 'feeds' },
  { table: 'accounts', files: '**/accounts.json', at: 'accounts', id: 'id' }, { table: 'accounts_example', files: '**/accounts.json.example', at: 'accounts', id: 'id' },
  { table: 'api_integrations', files: '**/api_integrations.json', at: 'integrations', id: 'id' }, { table: 'api_integrations_example', files: '**/api_integrations.json.example', at: 'integrations', id: 'id' },
  { table: 'trade_ideas', files: '**/trade_ideas/*.json', id: 'id' }, { table: 'evaluations', files: '**/evaluations/*.json' }, { table: 'health_checks', files: '**/health_checks/*.json' }, { table: 'indicator_decisions', files: '**/ai/indicators/*.csv' },
  ...['orders', 'deals', 'pending_orders', 'errors', 'security', 'metrics', 'ai_executions'].map((table) => ({ table, files: `**/logs/${table}.csv` })),
  // Its tables, each written to a file of its name.
  ...['strategies', 'risk_config', 'snapshot_market', 'snapshot_indicators', 'snapshot_calendar', 'snapshot_news', 'snapshot_account', 'trade_ideas', 'decision_history', 'users', 'api_integrations', 'accounts', 'appearance_settings', 'rss_feeds'].map(
    (table) => ({ table, files: `**/${table}.csv`, id: 'id' })),
];

interface Known {
  columns: readonly string[];
  distinctive: readonly string[];
  mapping(table: SourceTable, shape: string): TableMapping;
}

/** A file that shows how another is written may have its ids. */
const ofExample = (base: string): string => base.replace(/_example$/, '');

const archived = (written: string): Known | null => {
  const base = ofExample(written);
  const mapping = own(ARCHIVED, base);
  if (mapping === undefined) return null;
  const columns = Object.keys(mapping.columns);
  return { columns, distinctive: DISTINCTIVE[base] ?? columns, mapping: () => mapping };
};

/** Ideas whose decisions are in a log beside them would be told twice. */
const IDEAS_ARCHIVED: TableMapping = { columns: IDEAS, as: { archive: 'what was decided on an idea is imported from decision_history; an idea of the past must never be approved or carried out' }, time: 'created_at' };

const IMPORTED: Record<string, readonly Known[]> = {
  strategies: [
    { columns: Object.keys(STRATEGY_FILES), distinctive: ['conditions', 'strategy', 'timeframe'], mapping: strategyFiles },
    { columns: Object.keys(STRATEGY_ROWS), distinctive: ['allowed_symbols', 'session_windows', 'risk_caps', 'entry_conditions'], mapping: strategyTable },
  ],
  trade_ideas: [
    { columns: Object.keys(IDEAS), distinctive: ['confidence_score', 'entry_range', 'expected_hold'], mapping: (table, shape) => (shape === WITH_LOG ? IDEAS_ARCHIVED : ideaTable(table)) },
    { columns: Object.keys(IDEA_FILES), distinctive: ['timeframe', 'emnr_flags', 'execution_plan', 'approval_status', 'rr_ratio'], mapping: ideaFiles },
  ],
  decision_history: [{ columns: Object.keys(DECISIONS), distinctive: ['occurred_at', 'risk_check_result'], mapping: decisionTable }],
  snapshot_account: [{ columns: Object.keys(ACCOUNT), distinctive: ['balance'], mapping: accountSnapshots }],
  snapshot_indicators: [{ columns: Object.keys(INDICATORS), distinctive: ['rsi_14', 'sma_50', 'atr'], mapping: indicatorSnapshots }],
  snapshot_calendar: [{ columns: Object.keys(CALENDAR), distinctive: ['event_time', 'impact_level'], mapping: calendarSnapshots }],
  snapshot_news: [{ columns: Object.keys(NEWS), distinctive: ['headline'], mapping: newsSnapshots }],
};

/** Its PostgreSQL tables with a log of decisions, without one, its SQLite settings store, or its files. */
const WITH_LOG = 'tables with decisions';

/** One of those that the program appends to at every look at the page. */
const isAccountFile = ({ columns }: SourceTable): boolean => {
  const names = columns.map((name) => name.toLowerCase());
  return names.includes('balance') && names.includes('equity') && ['timestamp', 'ts_utc', 'time_utc', 'ts', 'time', 'datetime', 'captured_at'].some((name) => names.includes(name));
};

function known(table: SourceTable): Known | null {
  const imported = own(IMPORTED, table.base);
  const found = [...(imported ?? []), ...[archived(table.base)].filter((each) => each !== null)].find(({ columns, distinctive }) => isOne(table, columns, distinctive));
  if (found !== undefined) return found;
  return own(table.declared, table.columns[0] ?? '') === undefined && isAccountFile(table) ? { columns: Object.keys(ACCOUNT), distinctive: ['balance'], mapping: accountSnapshots } : null;
}

export const AI_TRADING_PLATFORM: Profile = {
  system: 'ai-trading-platform',
  files: FILES,
  recognise({ tables, medium }) {
    const ours = tables.filter((table) => known(table) !== null);
    if (ours.length === 0) return null;
    const has = (base: string) => ours.some((table) => table.base === base);
    const isStore = ['appearance_settings', 'api_integrations', 'cache'].some(has) && medium === 'sqlite';
    const shape = has('decision_history') ? WITH_LOG : has('risk_config') || has('snapshot_indicators') || has('snapshot_account') ? 'tables' : isStore ? 'settings store' : 'files';
    return { shape, tables: ours.length };
  },
  mapping: (table, shape) => known(table)?.mapping(table, shape) ?? null,
  order: [
    'strategies', 'snapshot_account', 'snapshot_indicators', 'snapshot_calendar', 'snapshot_news', 'trade_ideas', 'decision_history', ...Object.keys(ARCHIVED),
  ],
};
