import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonical } from '../../src/legacy/proof/canonical.js';
import { jsonbText } from '../../src/legacy/proof/jsonb-text.js';
import { JsonNumber } from '../../src/legacy/source/cell.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

const RUNS = process.env['FULL_FIGURES'] ? 5_000 : 500;

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());

const number = fc.tuple(fc.constantFrom('', '-'), fc.bigInt({ min: 0n, max: 10n ** 25n }), fc.option(fc.stringMatching(/^\d{1,12}$/)), fc.option(fc.integer({ min: -30, max: 30 })))
  .map(([sign, whole, fraction, exponent]) => `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${exponent === null ? '' : `e${exponent}`}`);
const text = fc.string({ unit: 'binary', maxLength: 12 }).map((given) => given.replaceAll('\0', '').toWellFormed());
const value = fc.letrec((tie) => ({
  any: fc.oneof({ depthSize: 'small' }, fc.constant(null), fc.boolean(), text, number.map((digits) => new JsonNumber(digits)), fc.array(tie('any'), { maxLength: 4 }), fc.dictionary(text, tie('any'), { maxKeys: 5 })),
})).any;
/** As it is sent: the numbers as they are written. */
const sent = (given: unknown): string => (given instanceof JsonNumber ? given.text : Array.isArray(given) ? `[${given.map(sent).join(',')}]`
  : given !== null && typeof given === 'object' ? `{${Object.entries(given).map(([name, inner]) => `${JSON.stringify(name)}:${sent(inner)}`).join(',')}}` : JSON.stringify(given));

/** One statement for all: a thousand round trips would take a minute. */
const texts = async (select: string, given: readonly string[]) => (await db.query<{ shown: string }>(`set timezone = 'UTC'`).then(() => db.query<{ shown: string }>(
  `select ${select} as shown from unnest($1::text[]) with ordinality as given (value, n) order by n`, [given]))).map(({ shown }) => shown);

describe('texts that are made here are those that PostgreSQL makes', () => {
  it('of JSON', async () => {
    const given = fc.sample(value, RUNS);
    expect(given.map(jsonbText)).toEqual(await texts('value::jsonb::text', given.map(sent)));
  });

  it('of decimals', async () => {
    const given = fc.sample(number, RUNS);
    expect(given.map((each) => canonical(each, 'numeric', 'x', ''))).toEqual(await texts('trim_scale(value::numeric)::text', given));
  });

  it('of lists of texts', async () => {
    const given = fc.sample(fc.array(text, { maxLength: 4 }), RUNS);
    expect(given.map((each) => canonical(each, 'text[]', 'x', ''))).toEqual(await texts('to_jsonb(array(select jsonb_array_elements_text(value::jsonb)))::text', given.map((each) => JSON.stringify(each))));
  });

  it('of times', async () => {
    const given = fc.sample(fc.tuple(fc.integer({ min: 631_152_000, max: 4_102_444_799 }), fc.integer({ min: 0, max: 999_999 })), RUNS).map(([seconds, micros]) => `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(micros).padStart(6, '0')}Z`);
    expect(given.map((each) => canonical(each, 'timestamptz', 'x', ''))).toEqual(await texts(`to_char(value::timestamptz at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || coalesce('.' || nullif(rtrim(to_char(value::timestamptz at time zone 'UTC', 'US'), '0'), ''), '') || '+00'`, given));
  });
});
