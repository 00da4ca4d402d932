import { expect } from '@jest/globals';
import type { Document, Route, Schema } from './census.js';
import type { Answer } from './http.js';
import { resolved, sample } from './sample.js';

export type Refusal = Answer<{ code: string; correlationId: string; title: string; status: number; detail: string; errors?: { path: string; message: string }[] }>;

/** Words of the machinery: SQL, its driver, files, stacks. None of them stands in a hostile value. */
const INSIDES =
  /syntax error|at or near|insert into|returning \w|violates|duplicate key|relation "|column "|constraint "|query ?failed|typeorm|node_modules|\.(ts|js):\d|\n\s+at |ECONN|pg_catalog|zod|argon2|password_hash|key_hash|tradewarden_test/i;

/** Keys and tokens of a success: any three letters turn up in them now and then. */
const RANDOM = /[\w-]{30,}/g;

/** What is wrong with an answer to a hostile request; null when it is a problem as promised, or a proper success. */
export function faultOf(answer: Refusal, field?: string): string | null {
  const { status, headers, text, body } = answer;
  if (status < 200 || status >= 500) return `status ${status}`;
  if (INSIDES.test(text.replace(RANDOM, ''))) return 'shows its insides';
  if (status < 400) return null;
  if (!headers.get('content-type')?.startsWith('application/problem+json')) return `is ${headers.get('content-type')}`;
  if (!/^[A-Z][A-Z0-9_]+$/.test(body.code) || body.status !== status || !body.title) return 'is no problem';
  if (body.correlationId !== headers.get('x-request-id')) return 'has another correlation id than its header';
  if (status !== 400) return null;
  // These stop what no schema stopped, and so cannot name the field.
  if (['VALUE_NOT_STORABLE', 'RULE_OF_DATA', 'BAD_REQUEST'].includes(body.code)) return `was stopped late: ${body.code}`;
  if (field !== undefined && !body.errors?.some(({ path }) => path.split(/[.,]/)[0] === field.split('.')[0])) return `names ${body.errors?.map(({ path }) => path).join()} and not ${field}`;
  const [first] = body.errors ?? [];
  if (first?.path && !body.detail.startsWith(`${first.path}: `)) return `has a detail that does not name ${first.path}: ${body.detail}`;
  return null;
}

/** Runs all requests, a few at a time, and lists those whose answers are wrong. */
export async function faults<T extends { name: string; field?: string }>(asks: T[], send: (ask: T) => Promise<Refusal>, expected?: (answer: Refusal, ask: T) => boolean): Promise<string[]> {
  const found: string[] = [];
  const queue = [...asks];
  await Promise.all(Array.from({ length: 6 }, async () => {
    for (let ask = queue.shift(); ask; ask = queue.shift()) {
      const answer = await send(ask);
      const fault = faultOf(answer, ask.field) ?? (expected && !expected(answer, ask) ? 'is not the answer expected' : null);
      if (fault !== null) found.push(`${ask.name}: ${fault}: ${answer.status} ${answer.text.slice(0, 240)}`);
    }
  }));
  expect(asks.length).toBeGreaterThan(0);
  return found.slice(0, 10);
}

const SQL = `'; DROP TABLE trades; --`;
const ANY = [null, true, 0, [], {}, [null], { $gt: '' }];
const LONG = 'x'.repeat(25_000);
const WORDS = ['', ' ', SQL, '${7*7}', '$1', '{{7*7}}', '%s%n%x', '../../etc/passwd', '\u202egnirts', '<script>alert(1)</script>', "a' || sleep(9) || '", '\u0001\u001b[31m', '😀'.repeat(60), LONG];
const DECIMALS = ['NaN', 'Infinity', '-Infinity', '1e400', '1e5', '0x10', '1_000', '１２３', '-', '.', '9'.repeat(30), '0.'.padEnd(40, '1'), '-0', -1, 1e300, 5e-324, 0];
const TIMES = [
  '2026-01-01T00:00:00', '2026-01-01', '2026-02-31T00:00:00Z', '2026-13-01T00:00:00Z', '2026-01-01T24:00:00Z', '2026-01-01T00:00:60Z', '99999-01-01T00:00:00Z', '+012026-01-01T00:00:00Z',
  '0001-01-01T00:00:00Z', '1969-12-31T23:59:59Z', '9999-12-31T23:59:59-12:00', 'now', 'infinity', '-infinity', 'epoch', 'today', -1, 1e18, 0.5, 253402300800000,
];
const WHOLES = [-1, 0, 0.5, 1e300, 2 ** 31, 2 ** 53, '1', 'NaN', '1; select 1'];
const IDS = ['me', '../', 'null', '{01930000-0000-7000-8000-00000000beef}', '01930000-0000-7000-8000-00000000bee', 'urn:uuid:01930000-0000-7000-8000-00000000beef', SQL];

/** In `npm run test:fuzz` every field gets all of them; every day a third, and the next field the next third. */
const inTurn = (list: unknown[], turn: number) => (process.env['FULL_FIGURES'] ? list : list.filter((_, i) => (i + turn) % 3 === 0));

/**
 * Values that a field of this schema must survive. Some of them are fine for it. What could be taken for a value of its
 * type is always there, what is no such thing in turn.
 */
export function hostileValues(given: Schema, document: Document, turn = 0): unknown[] {
  const ref = given.$ref ?? given.allOf?.[0]?.$ref ?? '';
  const schema = resolved(given, document);
  const other = (...list: unknown[]) => inTurn([...list, ...ANY], turn);
  if (ref.endsWith('/DecimalInput')) return [...DECIMALS, ...other(...WORDS)];
  if (ref.endsWith('/InstantInput')) return [...TIMES, ...other(SQL, '')];
  if (schema.enum) return ['__proto__', 'constructor', ...other('', SQL, LONG)];
  if (schema.format === 'uuid') return [...IDS, ...other('')];
  if (schema.type === 'string') return other(...WORDS, 1e300);
  if (schema.type === 'integer' || schema.type === 'number') return [...WHOLES, ...other()];
  if (schema.type === 'boolean') return ['true', 1, 'yes', null, [], {}];
  if (schema.type === 'array') return [{}, 'x', null, Array(1_001).fill(sample(schema.items ?? {}, document)), Array(3).fill(null), [[[]]], ['', SQL, LONG]];
  return ['x', [], null, 0, { [SQL]: SQL }, { '': '' }, { 'a.b': { $ne: 1 } }, { big: LONG }];
}

export interface Field {
  /** `brokerAccount.server`, `items.0.symbol`. */
  path: string;
  schema: Schema;
}

/** The fields of a body, with those inside its objects and lists. */
export function fieldsOf(given: Schema, document: Document, above = ''): Field[] {
  const schema = resolved(given, document);
  const inside = schema.anyOf?.map((each) => resolved(each, document)).find((each) => each.type === 'object' || each.type === 'array') ?? schema;
  if (inside.type === 'array') return fieldsOf(inside.items ?? {}, document, `${above}0.`);
  return Object.entries(inside.properties ?? {}).flatMap(([name, field]) => [{ path: above + name, schema: field }, ...fieldsOf(field, document, `${above}${name}.`)]);
}

/** The body with one field replaced, and with what must stand around it. */
export function bodyWith(body: unknown, field: Field, value: unknown, root: Schema, document: Document): unknown {
  const parts = field.path.split('.');
  const copy = structuredClone(body) as Record<string, unknown>;
  let at = copy;
  const objects = (each: Schema): Schema => each.anyOf?.map((one) => resolved(one, document)).find((one) => one.type === 'object' || one.type === 'array') ?? each;
  let schema = objects(resolved(root, document));
  for (const part of parts.slice(0, -1)) {
    const inner = objects(resolved((part === '0' ? schema.items : schema.properties?.[part]) ?? {}, document));
    const there = at[part];
    if (there === null || typeof there !== 'object') at[part] = inner.type === 'array' ? [sample(inner.items ?? {}, document)] : sample(inner, document);
    else if (Array.isArray(there) && there.length === 0) there.push(sample(inner.items ?? {}, document));
    at = at[part] as Record<string, unknown>;
    schema = inner;
  }
  at[parts.at(-1) ?? ''] = value;
  return copy;
}

export const short = (value: unknown): string => {
  const written = JSON.stringify(value) ?? 'undefined';
  return written.length > 60 ? `${written.slice(0, 40)}…${written.length}` : written;
};

export const bodySchema = (route: Route): Schema | undefined => route.operation.requestBody?.content['application/json'].schema;
