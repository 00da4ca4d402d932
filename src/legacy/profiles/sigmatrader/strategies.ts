import { credentialIn } from '../../../auth/credentials.js';
import { flag, json, kept, text } from '../../convert/columns.js';
import { time } from '../../convert/times.js';
import { Json, type Mapped, type Owners, type Reading, type TableMapping } from '../../profile.js';
import type { Cell } from '../../source/cell.js';
import { keyOf, type Lookups } from './lookups.js';
import { lenient, together, valueOf } from './values.js';

const NAME_MOST = 100;
/** As a strategy's conditions may be. */
const CONDITIONS_BYTES_MOST = 16_384;
const CURRENCY = 'INR';
const NOT_IN_NAMES = /[\p{Cc}\u2028-\u202e\u2066-\u2069]+/gu;

const utc = (to: string) => lenient(time(to, { zone: 'UTC' }));

export const strategies: TableMapping = {
  as: 'import',
  columns: {
    id: kept('names the row'), name: together('name', 'one line of at most 100 characters'), description: lenient(text('entry_conditions')), owner_id: kept('whose it was: nobody is taken along'), scope: lenient(text('entry_conditions')),
    dsl_expression: lenient(text('entry_conditions')), expression_json: lenient(json('entry_conditions')), is_builtin: lenient(flag('entry_conditions')), execution_mode: lenient(text('entry_conditions')),
    execution_target: lenient(text('entry_conditions')), paper_poll_interval_sec: kept('nothing here runs it'), enabled: lenient(flag('entry_conditions')), available_for_alert: kept('nothing here runs it'),
    created_at: utc('created_at'), updated_at: utc('updated_at'),
  },
  time: 'created_at',
  map(values, owners, reading) {
    return made('strategies', values, owners, reading, {
      description: valueOf(values, 'description'), dsl: valueOf(values, 'dsl_expression'), expression: jsonOf(values, 'expression_json'), scope: valueOf(values, 'scope'), isBuiltin: valueOf(values, 'is_builtin'),
      executionMode: valueOf(values, 'execution_mode'), executionTarget: valueOf(values, 'execution_target'), wasEnabled: valueOf(values, 'enabled'),
    });
  },
};

const inner = json(null);

/** With its latest version, which holds what it says. */
export const signalStrategies = (lookups: Lookups): TableMapping => ({
  as: 'import',
  columns: {
    id: kept('names the row'), scope: lenient(text('entry_conditions')), owner_id: kept('whose it was: nobody is taken along'), name: together('name', 'one line of at most 100 characters'),
    description: lenient(text('entry_conditions')), tags_json: lenient(json('entry_conditions')), regimes_json: lenient(json('entry_conditions')),
    latest_version: together('entry_conditions', 'the version whose inputs, variables and outputs are shown'), created_at: utc('created_at'), updated_at: utc('updated_at'),
  },
  time: 'created_at',
  map(values, owners, reading) {
    const latest = keyOf(reading.cells['latest_version']);
    const version = lookups.by('signal_strategy_versions', 'strategy_id', keyOf(reading.cells['id']) ?? '').find(({ cells }) => keyOf(cells['version']) === latest);
    if (version === undefined) reading.note('VERSION_MISSING', `its version ${latest ?? 'null'} is not there: its rules are not known`);
    const of = (name: string) => lenient(inner).read(version?.cells[name] ?? null, `signal_strategy_versions.${name}`, reading)?.value ?? null;
    return made('signal_strategies', values, owners, reading, {
      description: valueOf(values, 'description'), scope: valueOf(values, 'scope'), tags: jsonOf(values, 'tags_json'), regimes: jsonOf(values, 'regimes_json'), version: latest,
      inputs: of('inputs_json'), variables: of('variables_json'), outputs: of('outputs_json'),
    });
  },
});

const jsonOf = (values: Record<string, unknown>, name: string): unknown => valueOf<Json>(values, name)?.value ?? null;

/**
 * Retired from the beginning: nothing here carries out the old language, so no idea may name it; and names of retired ones are free,
 * also for the same one out of another file.
 */
function made(table: string, values: Record<string, unknown>, owners: Owners, reading: Reading, says: Record<string, unknown>): Mapped {
  const id = owners.id(table, reading.id);
  const createdAt = valueOf(values, 'created_at') ?? valueOf(values, 'updated_at') ?? owners.at;
  const retiredAt = valueOf(values, 'updated_at') ?? createdAt;
  const content = {
    name: nameOf(reading.cells['name'], reading), isActive: false, allowedSymbols: null, sessionWindows: null, holidays: [], entryConditions: conditionsOf(says, reading),
    exitRules: {}, forbiddenConditions: {}, riskCaps: {}, rrExpectation: null,
  };
  return {
    rows: [
      {
        table: 'strategies',
        values: {
          id, version: '1', name: content.name, is_active: false, allowed_symbols: null, session_windows: null, holidays: new Json([]), entry_conditions: new Json(content.entryConditions), exit_rules: new Json({}),
          forbidden_conditions: new Json({}), risk_caps: new Json({}), currency: CURRENCY, rr_expectation: null, created_at: createdAt, updated_at: retiredAt, updated_by: 'import', retired_at: retiredAt,
        },
      },
      { table: 'strategy_versions', values: { strategy_id: id, version: '1', content: new Json({ ...content, currency: CURRENCY, retired: true }), changed: [], reason: 'as it was when it was imported', actor: 'import' } },
    ],
  };
}

function nameOf(cell: Cell | undefined, reading: Reading): string {
  const written = typeof cell === 'string' ? cell.replace(NOT_IN_NAMES, ' ').trim() : '';
  const name = written.isWellFormed() ? written.slice(0, NAME_MOST).replace(/[\ud800-\udbff]$/, '').trim() : '';
  if (name === '') {
    reading.note('NAME_MISSING', 'it has no name that can be shown; it is named by its id');
    return `unnamed ${reading.id}`.slice(0, NAME_MOST);
  }
  if (name !== cell) reading.note('NAME_CHANGED', 'its name is one line of at most 100 characters here');
  return name;
}

/** Seen by every viewer, so without credentials; and no larger than a strategy's conditions may be. */
function conditionsOf(says: Record<string, unknown>, reading: Reading): Record<string, unknown> {
  const conditions = { sigmatrader: Object.fromEntries(Object.entries(says).filter(([, value]) => value !== null)) };
  const place = credentialIn(conditions);
  if (place !== null) {
    reading.note('RULES_LEFT_OUT', `${place} looks like a credential: its rules stay in the old row`);
    return {};
  }
  if (Buffer.byteLength(JSON.stringify(conditions)) <= CONDITIONS_BYTES_MOST) return conditions;
  reading.note('RULES_LEFT_OUT', `they are more than ${CONDITIONS_BYTES_MOST} bytes: they stay in the old row`);
  return {};
}
