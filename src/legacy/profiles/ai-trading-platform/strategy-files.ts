import { flag, json, required, text } from '../../convert/columns.js';
import { time } from '../../convert/times.js';
import type { Reading, TableMapping } from '../../profile.js';
import type { SourceTable } from '../../source/cell.js';
import { listOf, objectIn, Values } from '../row.js';
import { windowsOfNames } from './sessions.js';
import { activeOf, capOf, type Caps, countOf, nameIn, strategyRows } from './strategy-content.js';

/** Times in files have an offset, a Z, or neither and are UTC then. */
const instant = (to: string | null) => time(to, { zone: 'UTC', epoch: 'either' });

export const COLUMNS: TableMapping['columns'] = {
  id: text('entry_conditions', { trim: true }),
  name: required(text('name', { trim: true })),
  description: text('entry_conditions', { trim: true }),
  enabled: flag('is_active'),
  symbol: required(text('allowed_symbols', { trim: true })),
  timeframe: text('entry_conditions', { trim: true }),
  sessions: json('session_windows'),
  indicators: json('entry_conditions'),
  conditions: json('entry_conditions'),
  strategy: json('risk_caps'),
  created_at: instant('created_at'),
  updated_at: instant('updated_at'),
  created_by: text('entry_conditions', { trim: true }),
};

interface Rules {
  direction?: unknown;
  min_rr?: unknown;
  news_embargo_minutes?: unknown;
  invalidations?: unknown;
  max_risk_pct?: unknown;
}

const withoutNothing = (object: Record<string, unknown>): Record<string, unknown> => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null && value !== undefined));

/** A JSON file of `config/ai/strategies`: one symbol, one timeframe. */
export const strategyFiles = (table: SourceTable): TableMapping => ({
  columns: COLUMNS,
  as: 'import',
  time: 'created_at',
  map(given, owners, reading) {
    const values = new Values(given);
    const wider: string[] = [];
    const conditions = objectIn(values.json('conditions'));
    const rules: Rules = objectIn(values.json('strategy'));
    const entry = listOf(conditions.entry) ?? [];
    if (entry.length === 0) wider.push('it has no condition of entry, which was never true');
    const sessions = listOf(values.json('sessions')) ?? [];
    if (sessions.length === 0) wider.push('it has no session, and none would be any time');
    const content = {
      name: nameIn(table, values.need('name'), owners, reading), isActive: activeOf(values.flag('enabled'), wider, reading), allowedSymbols: [values.need('symbol')],
      sessionWindows: sessions.length === 0 ? null : windowsOfNames(sessions), holidays: [],
      entryConditions: withoutNothing({
        ...conditions, direction: rules.direction, timeframe: values.text('timeframe'), indicators: values.json('indicators'), description: values.text('description'), importedFrom: values.text('id'), createdBy: values.text('created_by'),
      }),
      exitRules: {},
      forbiddenConditions: withoutNothing({ invalidations: rules.invalidations, newsEmbargoMinutes: rules.news_embargo_minutes, maxRiskFraction: riskOf(rules, reading) }),
      riskCaps: capsOf(rules, reading),
      rrExpectation: capOf(rules.min_rr, 'strategy.min_rr', reading),
    };
    return { rows: strategyRows(owners.id(table.name, reading.id), { content, createdAt: values.text('created_at'), updatedAt: values.text('updated_at') }, owners) };
  },
});

function capsOf(rules: Rules, reading: Reading): Caps {
  const caps: Caps = {};
  const reward = capOf(rules.min_rr, 'strategy.min_rr', { ...reading, note: () => undefined });
  const embargo = countOf(rules.news_embargo_minutes, 'strategy.news_embargo_minutes', reading);
  if (reward !== null) caps.minRewardToRisk = reward;
  if (embargo !== null) caps.newsEmbargoMinutes = embargo;
  return caps;
}

/** Of the account, at most lost by one trade: no limit of ours is a part of the account, so the agent's own code has to hold it. */
function riskOf(rules: Rules, reading: Reading): string | null {
  const risk = capOf(rules.max_risk_pct, 'strategy.max_risk_pct', reading);
  if (risk !== null) reading.note('RISK_FRACTION_NOT_ENFORCED', `max_risk_pct ${risk} of the account stands in forbiddenConditions.maxRiskFraction for the agent; nothing here enforces it: consider maxOpenRiskAmount or maxLotSize`);
  return risk;
}
