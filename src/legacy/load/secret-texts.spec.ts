import { describe, expect, it } from '@jest/globals';
import { seeded } from '../../../test/support/random.js';
import { REMOVED, SecretTexts } from './secret-texts.js';

const texts = new SecretTexts(new Set(['kNOWNsecret99']));
const safe = (text: string) => texts.cell(text, [], () => undefined) as string;

const PARTS = [
  'password', 'passwd=', 'pwd: ', '"password": "', 'api_key', '?apikey=', '&token=', 'https://', 'u:pw@', 'host/', 'Bearer ', 'abcdefghijklmnop1234', ':', '=', ' ', ',', ', ', ';', '"', "'", '\\"', '{', '}', '[', ']',
  'secret', 'name": "password", "value": "', 'eyJabcdefgh.abcdefgh12.abcdefgh', 'sk-abcdefghijklmnop123', 'kNOWNsecret99', 'token', 'key', '\n', 'x', '123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', '-----BEGIN PRIVATE KEY-----', REMOVED, '@',
  'AKIAABCDEFGHIJKLMNOP', 'dsn', 'database_url', 'postgres://a:b@c/d', 'removed]', '[secret',
];

describe('a text from which secrets were removed', () => {
  it.each([
    ['https://x/?apikey=Zz99Yy88&page=2', `https://x/?apikey=${REMOVED}&page=2`], ['server=a;password=Zz99Yy88;database=b', `server=a;password=${REMOVED};database=b`],
    ['it is kNOWNsecret99.', 'it is kNOWNsecret99.'], ['it is kNOWNsecret99, he said', `it is ${REMOVED}, he said`],
  ])('holds none: %s', (text, expected) => {
    expect(safe(text)).toBe(expected);
    expect(safe(expected)).toBe(expected);
  });

  it('is left as it is when it is looked at again, for an import that finds a secret in what it stored fails', () => {
    const next = seeded(20_261_121);
    for (let n = 0; n < 20_000; n += 1) {
      const text = Array.from({ length: 2 + Math.floor(next() * 9) }, () => PARTS[Math.floor(next() * PARTS.length)]).join('');
      const once = safe(text);
      if (safe(once) !== once) throw new Error(`${JSON.stringify(text)} is ${JSON.stringify(once)}, and then ${JSON.stringify(safe(once))}`);
    }
  });
});
