import { credentialIn } from '../../../auth/credentials.js';
import { shown } from '../../convert/cells.js';
import { kept } from '../../convert/columns.js';
import type { Column, TableMapping } from '../../profile.js';

const all = (why: string, names: string): Record<string, Column> => Object.fromEntries(names.split(' ').map((name) => [name, kept(why)]));
const OLD = 'the row is archived whole';
const WAITING = new Set(['pending', 'processing']);

/** Of a row that is a name and a value: the value's columns where the name is a credential's. They are JSON: `null` is none. */
const valuesOf = (cells: Readonly<Record<string, unknown>>, columns: readonly string[]): string[] =>
  typeof cells.key === 'string' ? columns.filter((column) => cells[column] !== 'null' && credentialIn({ key: cells.key, value: typeof cells[column] === 'number' || typeof cells[column] === 'bigint' ? String(cells[column]) : cells[column] }) !== null) : [];

export const ARCHIVED: Record<string, TableMapping> = {
  agent_commands: {
    columns: all(OLD, 'id command payload status created_at processed_at result error_message'),
    as: { archive: 'a command of the old queue is for the old agent; one that still waits must never be carried out here' },
    time: 'created_at',
    secrets: ['payload.authorization', 'payload.mt5_password', 'payload.mt5_login', 'payload.code', 'payload.reset_code', 'result.reset_code', 'result.code', 'result.authorization_code'],
    remark(reading) {
      const { command, status } = reading.cells;
      if (typeof status === 'string' && WAITING.has(status.trim().toLowerCase())) reading.note('COMMAND_NOT_RUN', `the command ${shown(command ?? null)} was ${status}; it is kept and never carried out`);
    },
  },
  agent_state: {
    columns: all(OLD, 'id status mode cycle_count last_cycle_at last_prediction last_signal account_equity open_positions circuit_breaker_state kill_switch_active error_message config started_at stopped_at updated_at'),
    as: { archive: "what the old agent last said of itself: here an agent's state comes from its own heartbeats" },
    time: 'updated_at',
    secrets: ['config.mt5_password', 'config.mt5_login', 'config.password'],
    remark(reading) {
      if (['1', 'true', 't'].includes(String(reading.cells.kill_switch_active as string).toLowerCase())) reading.note('KILL_SWITCH_WAS_ACTIVE', 'the kill switch of the old agent was active; nothing is halted here by it');
    },
  },
  configuration_settings: {
    columns: all(OLD, 'id category key value value_type description version updated_by updated_at created_at constraints'),
    as: { archive: 'settings of the old program have other names, units and effects: limits are set by a person, in /risk-config and /limits' },
    time: 'updated_at',
    secretsOf: (cells) => valuesOf(cells, ['value']),
  },
  configuration_history: {
    columns: all(OLD, 'id setting_id category key old_value new_value version changed_by changed_at reason'),
    as: { archive: 'the history of settings that are archived' },
    time: 'changed_at',
    secretsOf: (cells) => valuesOf(cells, ['old_value', 'new_value']),
  },
  threshold_history: {
    columns: all(OLD, 'id timestamp threshold_value short_term_component medium_term_component long_term_component blended_value performance_adjustment prediction_count_7d prediction_count_14d prediction_count_30d trade_win_rate_25 trade_count_25 reason config_version'),
    as: { archive: 'here the threshold is minConfidenceThreshold, with a history of its own; each prediction keeps the one it was held against' },
    time: 'timestamp',
  },
  risk_reduction_state: {
    columns: all(OLD, 'id consecutive_losses risk_reduction_factor last_trade_id updated_at created_at'),
    as: { archive: 'a count of losses of the paper service: imported trades feed no streak' },
    time: 'updated_at',
  },
};
