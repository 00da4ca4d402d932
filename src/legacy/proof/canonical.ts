import { Json, Ref, type TargetRow, type Value } from '../profile.js';
import { TARGETS, type Target, type TargetTable, type TargetType } from '../targets.js';
import { jsonbText } from './jsonb-text.js';
import { plainDecimal } from './plain-decimal.js';

/** Of a table whose rows keep what was mapped inside another column. Operands are SQL written in the code. */
const INSIDE: Partial<Record<TargetTable, Record<string, string>>> = {
  decision_history: {
    at: `((t.canonical::jsonb ->> 'decidedAt')::timestamptz)`, reason: `(t.canonical::jsonb ->> 'reason')`,
    risk_check_result: `nullif(t.canonical::jsonb -> 'riskCheckResult', 'null')`, human_override: `nullif(t.canonical::jsonb -> 'humanOverride', 'null')`,
  },
};

/** What the loader gives a row that says nothing, where others of its table do. */
const DEFAULTS: Record<string, string> = { used_by_agent: 'f', created_at: '@', updated_at: '@' };

/** The run's own beginning, in columns of time: rows of several runs are read against one. */
export const BEGINNING = '@';

export const typesOf = (table: TargetTable): Readonly<Record<string, TargetType>> => (TARGETS[table] as Target).columns;

/** SQL: a column of `t`, as it is compared; `run` is the run that brought the row. */
export function columnSql(table: TargetTable, column: string): string {
  const value = INSIDE[table]?.[column] ?? `t.${column}`;
  switch (typesOf(table)[column]) {
    case 'numeric': return `trim_scale(${value})`;
    case 'timestamptz': return `case when ${value} = run.started_at then '${BEGINNING}' else ${value}::text end`;
    case 'text[]': return `to_jsonb(${value})::text`;
    case 'jsonb': return `${value}::text`;
    default: return value;
  }
}

const isFree = (type: TargetType | undefined) => type === 'text' || type === 'jsonb' || type === 'text[]';

/** SQL: those columns as one text, out of which no other row's columns come: what may hold anything has its length before it. */
export const rowSql = (table: TargetTable, columns: readonly string[]): string => `concat('${table}'${columns.map((column) => {
  const sql = columnSql(table, column);
  return isFree(typesOf(table)[column]) ? `, octet_length(${sql}), ':', ${sql}` : `, ${sql}, '|'`;
}).join('')})`;

/** A value as `columnSql` gives it; null stays null. `beginning`: of the run. */
export function canonical(value: Value | undefined, type: TargetType | undefined, column: string, beginning: string): string | null {
  if (value === undefined) return DEFAULTS[column] ?? null;
  if (value === null) return null;
  if (value instanceof Ref) throw new Error(`the reference in ${column} has not been looked up`);
  switch (type) {
    case 'numeric': case 'integer': return plainDecimal(String(value));
    case 'timestamptz': return timeText(String(value), beginning);
    case 'jsonb': return jsonbText(value instanceof Json ? value.value : value);
    case 'text[]': return jsonbText(value);
    case 'uuid': return String(value).toLowerCase();
    case 'boolean': return value === true || value === 'true' ? 't' : 'f';
    default: return String(value);
  }
}

/** The same as `rowSql`, of rows that were mapped. Types are looked up once for a million rows. */
export function rowTexts(table: TargetTable, columns: readonly string[], beginning: string): (row: TargetRow) => string {
  const types = typesOf(table);
  const known = columns.map((column) => ({ column, type: types[column], free: isFree(types[column]) }));
  return ({ values }) => {
    let text: string = table;
    for (const { column, type, free } of known) {
      const shown = canonical(values[column], type, column, beginning);
      if (!free) text += shown === null ? '|' : `${shown}|`;
      else text += shown === null ? ':' : `${byteLength(shown)}:${shown}`;
    }
    return text;
  };
}

/** Most are short words of ASCII, of which the runtime need not be asked. */
const byteLength = (text: string): number => (text.length <= 16 && SHORT.test(text) ? text.length : Buffer.byteLength(text));
const SHORT = /^[\x20-\x7e]*$/;

/** As most times come: whole seconds, or milliseconds out of JavaScript. */
const USUAL = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.000)?Z$/;
const RFC3339 = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+?)0*)?(?:Z|\+00(?::?00)?)$/;

/** As PostgreSQL writes a time in UTC: microseconds without zeros at the end. */
function timeText(text: string, beginning: string): string {
  if (USUAL.test(text)) {
    const whole = `${text.slice(0, 10)} ${text.slice(11, 19)}+00`;
    return whole === beginning ? BEGINNING : whole;
  }
  const [, date, time, fraction = '0'] = RFC3339.exec(text) ?? [];
  if (date === undefined || time === undefined) return Number.isNaN(Date.parse(text)) ? text : timeText(new Date(text).toISOString(), beginning);
  const shown = `${date} ${time}${fraction === '0' ? '' : `.${fraction}`}+00`;
  return shown === beginning ? BEGINNING : shown;
}

/** How the run's beginning is written in `canonical`. */
export const beginningOf = (startedAt: string): string => timeText(startedAt, '');
