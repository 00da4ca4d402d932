import { own } from '../../../common/own.js';
import type { Profile, TableMapping } from '../../profile.js';
import type { SourceTable } from '../../source/cell.js';
import { isOne } from '../row.js';
import { ARCHIVED } from './archived.js';
import { breakerEvents, COLUMNS as BREAKERS } from './breakers.js';
import { COLUMNS as EXPLANATIONS, explanations } from './explanations.js';
import { COLUMNS as PREDICTIONS, predictions } from './predictions.js';
import { MARKET_DATA, marketData, PERFORMANCE, performance } from './snapshots.js';
import { COLUMNS as TRADES, trades } from './trades.js';

interface Known {
  columns: readonly string[];
  /** Any of them: what no other system's table of this name has. */
  distinctive: readonly string[];
  mapping(table: SourceTable): TableMapping;
}

const archived = (base: string, distinctive: readonly string[]): Known => {
  const mapping = ARCHIVED[base];
  if (mapping === undefined) throw new Error(`no mapping of ${base}`);
  return { columns: Object.keys(mapping.columns), distinctive, mapping: () => mapping };
};

const TABLES: Record<string, Known> = {
  predictions: { columns: Object.keys(PREDICTIONS), distinctive: ['pred_1h', 'conf_1h', 'prob_up', 'agreement_count', 'market_regime', 'trade_executed'], mapping: predictions },
  trades: { columns: Object.keys(TRADES), distinctive: ['pnl_usd', 'pips', 'is_winner', 'max_holding_bars', 'mt5_ticket', 'profit_usd'], mapping: trades },
  performance_snapshots: { columns: Object.keys(PERFORMANCE), distinctive: ['unrealized_pnl', 'total_pnl_usd', 'total_pips'], mapping: performance },
  market_data: { columns: Object.keys(MARKET_DATA), distinctive: ['timeframe'], mapping: marketData },
  trade_explanations: { columns: Object.keys(EXPLANATIONS), distinctive: ['explanation', 'confidence_factors', 'risk_factors'], mapping: explanations },
  circuit_breaker_events: { columns: Object.keys(BREAKERS), distinctive: ['breaker_type'], mapping: breakerEvents },
  agent_commands: archived('agent_commands', ['command']),
  agent_state: archived('agent_state', ['cycle_count', 'last_cycle_at', 'kill_switch_active', 'circuit_breaker_state']),
  configuration_settings: archived('configuration_settings', ['category', 'value_type', 'constraints']),
  configuration_history: archived('configuration_history', ['setting_id', 'old_value', 'new_value']),
  threshold_history: archived('threshold_history', ['threshold_value', 'blended_value']),
  risk_reduction_state: archived('risk_reduction_state', ['risk_reduction_factor', 'consecutive_losses']),
};

const known = (table: SourceTable): Known | null => {
  const found = own(TABLES, table.base);
  return found !== undefined && isOne(table, found.columns, found.distinctive) ? found : null;
};

/** Both shipped files, and what the program's own PostgreSQL tables are when they are written to SQLite or to CSV. */
export const AI_TRADER: Profile = {
  system: 'ai-trader',
  files: Object.keys(TABLES).map((table) => ({ table, files: `**/${table}.csv`, id: 'id' })),
  recognise({ tables }) {
    const ours = tables.filter((table) => known(table) !== null);
    if (ours.length === 0) return null;
    const has = (base: string, column: string) => ours.some((table) => table.base === base && table.columns.includes(column));
    return { shape: has('trades', 'execution_mode') || has('predictions', 'used_by_agent') || ours.some(({ base }) => base === 'agent_state') ? 'agent' : 'paper', tables: ours.length };
  },
  mapping: (table) => known(table)?.mapping(table) ?? null,
  order: ['predictions', 'trades', 'trade_explanations', 'performance_snapshots', 'market_data', 'circuit_breaker_events', 'threshold_history', 'risk_reduction_state', 'agent_commands', 'agent_state', 'configuration_settings', 'configuration_history'],
};
