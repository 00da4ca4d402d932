import { Exact } from '../../convert/exact.js';
import { putStrategySchema, type StrategyContent } from '../../../strategies/strategies.schemas.js';
import { Json, type Owners, type Reading, Reject, type TargetRow } from '../../profile.js';
import type { SourceTable } from '../../source/cell.js';

/** Of the amounts among the caps; the old system has none. */
const CURRENCY = 'USD';

/** What stands there beside the caps of a person's own. */
export type Caps = Record<string, string | number>;

/**
 * A limit as ours, if it limits: 0 was off in the old program, and nothing here. Above a bound of ours it is refused, for
 * a limit that was cut would be another one.
 */
export function capOf(value: unknown, name: string, reading: Reading): string | null {
  if (value === null || value === undefined || value === '') return null;
  const text = typeof value === 'number' || typeof value === 'string' ? String(value).trim() : '';
  if (!/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) || text.startsWith('-')) throw new Reject('NUMBER_INVALID', `${name} is ${(JSON.stringify(value) ?? '').slice(0, 100)}; expected a number of 0 or more`, name);
  const number = new Exact(text);
  if (!number.isZero()) return number.toFixed();
  reading.note('LIMIT_OFF', `${name} is 0, which was no limit; none is set`);
  return null;
}

/** As `capOf`, of a whole number. */
export function countOf(value: unknown, name: string, reading: Reading): number | null {
  const text = capOf(value, name, reading);
  if (text === null) return null;
  if (!/^\d{1,9}$/.test(text)) throw new Reject('NUMBER_NOT_WHOLE', `${name} is ${text}; expected a whole number`, name);
  return Number(text);
}

const NAME_MOST = 100;
/** By name: the row that has it. */
const FIRST = new WeakMap<SourceTable, Map<string, string>>();

/**
 * The old program tells strategies apart by id, and a copied file keeps its name; ours have names of their own. The first
 * in the source's order has it, others with their id behind it.
 */
export function nameIn(table: SourceTable, name: string, owners: Owners, reading: Reading): string {
  const own = nameAmong(table, name, reading);
  const free = owners.freeName(table.name, reading.id, own);
  if (free !== own) reading.note('NAME_TAKEN', `a strategy that is here is called "${own}"; this one is "${free}" here`);
  return free;
}

function nameAmong(table: SourceTable, name: string, reading: Reading): string {
  const first = FIRST.get(table) ?? new Map<string, string>();
  if (!FIRST.has(table)) for (const { id, cells } of table.rows()) if (typeof cells.name === 'string' && !first.has(cells.name.trim())) first.set(cells.name.trim(), id);
  FIRST.set(table, first);
  if ((first.get(name) ?? reading.id) === reading.id) return name;
  const behind = ` (${reading.id})`.slice(-NAME_MOST / 2);
  const own = `${name.slice(0, NAME_MOST - behind.length).replace(/[\ud800-\udbff]$/, '')}${behind}`;
  reading.note('NAME_TWICE', `another strategy is called "${name}" too; this one is "${own}" here`);
  return own;
}

export interface OldStrategy {
  content: unknown;
  createdAt: string | null;
  updatedAt: string | null;
}

/**
 * The strategy and its first version. What a person could not send is not stored either: the page's form would refuse to
 * save what it shows.
 * @throws {Reject} STRATEGY_INVALID naming the field
 */
export function strategyRows(id: string, { content, createdAt, updatedAt }: OldStrategy, owners: Owners): [TargetRow, ...TargetRow[]] {
  const checked = putStrategySchema.safeParse(content);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    throw new Reject('STRATEGY_INVALID', `${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim(), issue?.path[0] === undefined ? null : String(issue.path[0]));
  }
  const { reason: _, holidays, ...rest } = checked.data;
  const whole: StrategyContent = { ...rest, holidays: holidays ?? [] };
  const created = createdAt ?? updatedAt ?? owners.at;
  return [
    {
      table: 'strategies',
      values: {
        id, version: '1', name: whole.name, is_active: whole.isActive, allowed_symbols: whole.allowedSymbols, session_windows: whole.sessionWindows === null ? null : new Json(whole.sessionWindows),
        holidays: new Json(whole.holidays), entry_conditions: new Json(whole.entryConditions), exit_rules: new Json(whole.exitRules), forbidden_conditions: new Json(whole.forbiddenConditions),
        risk_caps: new Json(whole.riskCaps), currency: CURRENCY, rr_expectation: whole.rrExpectation, created_at: created, updated_at: updatedAt ?? created, updated_by: 'import',
      },
    },
    { table: 'strategy_versions', values: { strategy_id: id, version: '1', content: new Json({ ...whole, currency: CURRENCY, retired: false }), changed: [], reason: 'imported', actor: 'import' } },
  ];
}

/**
 * Whether it may be used. What could not be taken over as narrow as it was makes it inactive: nothing that is imported
 * may be let through where the old program would have refused it.
 */
export function activeOf(said: boolean | null, wider: readonly string[], reading: Reading): boolean {
  for (const what of wider) reading.note('STRATEGY_INACTIVE', `${what}; it is inactive until a person has looked`);
  if (said === null) reading.note('STRATEGY_INACTIVE', 'whether it is enabled is not said; it is inactive');
  return said === true && wider.length === 0;
}
