import { flag, json, kept, required, text } from '../../convert/columns.js';
import { refused } from '../../convert/cells.js';
import { decimal } from '../../convert/decimals.js';
import { time } from '../../convert/times.js';
import { type Reading, type TableMapping } from '../../profile.js';
import type { Cell, SourceTable } from '../../source/cell.js';
import { listOf, objectIn, plain, Values } from '../row.js';
import { windowsOfTimes } from './sessions.js';
import { activeOf, capOf, type Caps, countOf, nameIn, strategyRows } from './strategy-content.js';

/** A timestamptz; what has no offset was written by a server in UTC. */
const instant = (to: string | null) => time(to, { zone: 'UTC', epoch: 'either' });

export const COLUMNS: TableMapping['columns'] = {
  id: kept('it names the row'),
  name: required(text('name', { trim: true })),
  is_active: flag('is_active'),
  allowed_symbols: { to: 'allowed_symbols', says: 'array, {a,b} or JSON to a list', read: (cell, column) => symbolsIn(cell, column) },
  session_windows: json('session_windows'),
  entry_conditions: json('entry_conditions'),
  exit_rules: json('exit_rules'),
  forbidden_conditions: json('forbidden_conditions'),
  risk_caps: json('risk_caps'),
  rr_expectation: decimal('rr_expectation'),
  created_at: instant('created_at'),
  updated_at: instant('updated_at'),
};

function symbolsIn(cell: Cell, column: string): unknown[] | null {
  if (cell === null || cell === '') return null;
  const list = listOf(cell);
  if (list === null) throw refused('LIST_INVALID', column, cell, 'a list');
  return list.map(plain);
}

/** A row of the program's PostgreSQL table. */
export const strategyTable = (table: SourceTable): TableMapping => ({
  columns: COLUMNS,
  as: 'import',
  time: 'created_at',
  map(given, owners, reading) {
    const values = new Values(given);
    const wider: string[] = [];
    const symbols = (given.allowed_symbols as unknown[] | null | undefined) ?? [];
    if (symbols.length === 0) wider.push('it allows no symbol, and none would be any');
    const stored = values.json('session_windows');
    const windows = Array.isArray(stored) ? windowsOfTimes(stored) : [];
    if (windows.length === 0) wider.push('it has no session window, and none would be any time');
    const exits = objectIn(values.json('exit_rules'));
    const forbidden = objectIn(values.json('forbidden_conditions'));
    const minutes = countOf(exits.time_limit_min, 'exit_rules.time_limit_min', reading);
    const { exit_rules: _, ...entry } = objectIn(values.json('entry_conditions'));
    const content = {
      name: nameIn(table, values.need('name'), owners, reading), isActive: activeOf(values.flag('is_active'), wider, reading), allowedSymbols: symbols.length === 0 ? null : symbols, sessionWindows: windows.length === 0 ? null : windows, holidays: [],
      entryConditions: Object.keys(exits).length === 0 ? entry : { ...entry, exitRules: exits },
      exitRules: minutes === null ? {} : { maxHoldingSeconds: minutes * 60 },
      ...limitsOf(objectIn(values.json('risk_caps')), forbidden, reading),
      rrExpectation: values.text('rr_expectation'),
    };
    return { rows: strategyRows(owners.id(table.name, reading.id), { content, createdAt: values.text('created_at'), updatedAt: values.text('updated_at') }, owners) };
  },
});

/** Caps that are known become ours and are enforced; the others stand beside for the agent's own code, and are named. */
function limitsOf(stored: Record<string, unknown>, forbidden: Record<string, unknown>, reading: Reading): { riskCaps: Caps; forbiddenConditions: Record<string, unknown> } {
  const caps: Caps = {};
  const set = (name: string, value: string | number | null) => {
    if (value !== null) caps[name] = value;
  };
  const { max_lot_size: lots, max_concurrent_positions: positions, max_concurrent_trades: trades, max_positions_per_symbol: perSymbol, min_rr: reward, ...others } = stored;
  set('maxLotSize', capOf(lots, 'risk_caps.max_lot_size', reading));
  set('maxConcurrentTrades', countOf(positions ?? trades, 'risk_caps.max_concurrent_positions', reading));
  set('maxTradesPerSymbol', countOf(perSymbol, 'risk_caps.max_positions_per_symbol', reading));
  set('minRewardToRisk', capOf(reward, 'risk_caps.min_rr', reading));
  set('newsEmbargoMinutes', countOf(forbidden.block_high_impact_news_minutes, 'forbidden_conditions.block_high_impact_news_minutes', reading));
  if (Object.keys(others).length === 0) return { riskCaps: caps, forbiddenConditions: forbidden };
  reading.note('RISK_CAP_NOT_ENFORCED', `${Object.keys(others).join(', ').slice(0, 200)} of risk_caps are no limits of ours; they stand in forbiddenConditions.riskCaps for the agent's own code`);
  return { riskCaps: caps, forbiddenConditions: { ...forbidden, riskCaps: others } };
}
