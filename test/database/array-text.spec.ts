import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import pg from 'pg';
import { arrayText } from '../../src/database/statements.js';
import { dropFresh, freshDatabase } from '../support/fresh-database.js';

let client: pg.Client;
beforeAll(async () => {
  client = new pg.Client({ connectionString: (await freshDatabase()).url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await dropFresh();
});

/** What the database reads. */
const read = async (texts: unknown) => (await client.query<{ read: unknown }>('select $1::text[] as read', [arrayText(texts)])).rows[0]?.read;

describe('an array of texts as a parameter', () => {
  it('is read as it was given, whatever stands in it', async () => {
    // PostgreSQL stores no NUL.
    const texts = fc.oneof(fc.constantFrom(null, '', 'null', 'NULL', '{}', '{"a"}', 'a,b', ' a ', '"', '\\', '\\"', "'", '\n', '\t', '\u0007', '\u2028', '💥'), fc.string({ unit: 'binary' }).filter((one) => !one.includes('\0')));
    await fc.assert(fc.asyncProperty(fc.array(texts, { maxLength: 8 }), async (given) => expect(await read(given)).toEqual(given)), { numRuns: 500, seed: 7 });
  });

  it('is one text, where none of them needs a backslash', () => {
    expect(arrayText(['1.10421', null, '2026-11-20T10:00:00.000Z'])).toBe('{"1.10421",null,"2026-11-20T10:00:00.000Z"}');
  });

  it.each([[['a\\b']], [[1, 2]], [['a', Number.NaN]], [[['a']]], ['a'], [null]])('leaves %j to the driver', (value) => {
    expect(arrayText(value)).toBe(value);
  });
});
