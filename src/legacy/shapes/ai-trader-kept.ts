import type { ShapeTable } from './shape.js';

/** Tables of the old program that nothing here fills: they are made so that it opens, with the rows that were imported. */
const kept = (name: string, columns: string, indexes: readonly string[] = [], constraints: readonly string[] = ['PRIMARY KEY (id)']): ShapeTable => ({
  name, part: '', key: ['id'], constraints, indexes, ours: null, events: [], newId: 'number',
  columns: columns.split(', ').map((each) => ({ name: each.slice(0, each.indexOf(' ')), declared: each.slice(each.indexOf(' ') + 1) })),
});

export const AI_TRADER_KEPT: readonly ShapeTable[] = [
  kept('threshold_history', 'id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp DATETIME NOT NULL, threshold_value FLOAT NOT NULL, short_term_component FLOAT, medium_term_component FLOAT, long_term_component FLOAT, blended_value FLOAT, performance_adjustment FLOAT, prediction_count_7d INTEGER NOT NULL DEFAULT 0, prediction_count_14d INTEGER NOT NULL DEFAULT 0, prediction_count_30d INTEGER NOT NULL DEFAULT 0, trade_win_rate_25 FLOAT, trade_count_25 INTEGER, reason VARCHAR(200), config_version INTEGER',
    ['CREATE INDEX IF NOT EXISTS idx_threshold_history_timestamp ON threshold_history (timestamp)', 'CREATE INDEX IF NOT EXISTS idx_threshold_history_reason ON threshold_history (reason)'], []),
  kept('agent_commands', "id INTEGER NOT NULL, command VARCHAR(50) NOT NULL, payload JSON, status VARCHAR(20) NOT NULL, created_at DATETIME NOT NULL, processed_at DATETIME, result JSON, error_message TEXT",
    ['CREATE INDEX IF NOT EXISTS idx_agent_commands_status ON agent_commands (status)', 'CREATE INDEX IF NOT EXISTS idx_agent_commands_created ON agent_commands (created_at)']),
  kept('agent_state', 'id INTEGER NOT NULL, status VARCHAR(20) NOT NULL, mode VARCHAR(20) NOT NULL, cycle_count INTEGER NOT NULL, last_cycle_at DATETIME, last_prediction JSON, last_signal JSON, account_equity FLOAT, open_positions INTEGER NOT NULL, circuit_breaker_state VARCHAR(50), kill_switch_active BOOLEAN NOT NULL, error_message TEXT, config JSON NOT NULL, started_at DATETIME, updated_at DATETIME NOT NULL'),
  kept('configuration_settings', 'id INTEGER NOT NULL, category VARCHAR(50) NOT NULL, key VARCHAR(100) NOT NULL, value JSON NOT NULL, value_type VARCHAR(20) NOT NULL, description TEXT, version INTEGER NOT NULL, updated_by VARCHAR(100), updated_at DATETIME NOT NULL, created_at DATETIME NOT NULL, constraints JSON',
    ['CREATE UNIQUE INDEX IF NOT EXISTS idx_config_category_key ON configuration_settings (category, key)']),
  kept('configuration_history', 'id INTEGER NOT NULL, setting_id INTEGER NOT NULL, category VARCHAR(50) NOT NULL, key VARCHAR(100) NOT NULL, old_value JSON, new_value JSON NOT NULL, version INTEGER NOT NULL, changed_by VARCHAR(100), changed_at DATETIME NOT NULL, reason TEXT'),
  kept('risk_reduction_state', 'id INTEGER NOT NULL, consecutive_losses INTEGER NOT NULL, risk_reduction_factor FLOAT NOT NULL, last_trade_id INTEGER, updated_at DATETIME NOT NULL'),
];
