import { describe, expect, it } from '@jest/globals';
import { seeded } from '../../../test/support/random.js';
import { REMOVED } from '../../auth/credentials.js';
import { BadText, type Cell } from '../source/cell.js';
import { SecretTexts } from './secret-texts.js';
import { expectWithin, timeOf } from '../../../test/support/timing.js';

const texts = new SecretTexts(new Set(['kNOWNsecret99']));
const safe = (text: string) => texts.cell(text, [], () => undefined) as string;

const PARTS = [
  'password', 'passwd=', 'pwd: ', '"password": "', 'api_key', '?apikey=', '&token=', 'https://', 'u:pw@', 'host/', 'Bearer ', 'abcdefghijklmnop1234', ':', '=', ' ', ',', ', ', ';', '"', "'", '\\"', '{', '}', '[', ']',
  'secret', 'name": "password", "value": "', 'eyJabcdefgh.abcdefgh12.abcdefgh', 'sk-abcdefghijklmnop123', 'kNOWNsecret99', 'token', 'key', '\n', 'x', '123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', '-----BEGIN PRIVATE KEY-----', REMOVED, '@',
  'AKIAABCDEFGHIJKLMNOP', 'dsn', 'database_url', 'postgres://a:b@c/d', 'removed]', '[secret', 'DB_PASSWORD=', 'pwd = ', 'api_key: ', 'Zz99Yy88Xx77', ': "',
];

describe('a text from which secrets were removed', () => {
  it.each([
    ['https://x/?apikey=Zz99Yy88&page=2', `https://x/?apikey=${REMOVED}&page=2`], ['server=a;password=Zz99Yy88;database=b', `server=a;password=${REMOVED};database=b`],
    ['was pbkdf2_sha256$260000$abcdEFGH12$ZGVyaXZlZGtleQ, now', `was ${REMOVED}, now`], ['$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW', REMOVED], ['scrypt:32768:8:1$c2FsdHNhbHQ$aGFzaGhhc2g and scrypt: a word', `${REMOVED} and scrypt: a word`],
    ['$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub', REMOVED], ['{"Password Hash": "Zz99", "hash": "Zz99"}', `{"Password Hash":"${REMOVED}","hash":"Zz99"}`],
    ['it is kNOWNsecret99.', 'it is kNOWNsecret99.'], ['it is kNOWNsecret99, he said', `it is ${REMOVED}, he said`],
    ['smtp app password: abcd efgh ijkl mnop', `smtp app password: ${REMOVED}`], ['the password: xyz, he said', `the password: ${REMOVED}, he said`], ['MT5_PASSWORD=Zz99Yy88 MT5_LOGIN=1', `MT5_PASSWORD=${REMOVED} MT5_LOGIN=1`], ['password: "of two words"; then', `password: ${REMOVED}; then`],
    ["broker.pwd = 'Zz99'", `broker.pwd = ${REMOVED}`], ['api_key: Zz99Yy88Xx77', `api_key: ${REMOVED}`], ['Passwort: unbekannt; secret: patience; key levels: 1.1050; password: ***', 'Passwort: unbekannt; secret: patience; key levels: 1.1050; password: ***'],
    ['api_keys:\n  default: "Zz99 Yy88"\n  other: plain # mine\nhost: x\n', `api_keys:\n  default: ${REMOVED}\n  other: ${REMOVED} # mine\nhost: x\n`],
    ['auth:\n  enabled: true\n  limit: 100\n  user: ann\nfees: 2\n', `auth:\n  enabled: true\n  limit: 100\n  user: ${REMOVED}\nfees: 2\n`],
    ['tokens:\n- Zz99\n- Yy88\nnext: 1\n', `tokens:\n- ${REMOVED}\n- ${REMOVED}\nnext: 1\n`], ['api:\n  key: Zz99Yy88Xx77Ww66\n  host: h\n', `api:\n  key: ${REMOVED}\n  host: h\n`], ['a\nkey: levels of today\n', 'a\nkey: levels of today\n'],
    ['see https://hooks.slack.com/services/T0/B0/Zz99Yy88Xx77', `see https://hooks.slack.com/services/${REMOVED}`], ['https://discord.com/api/webhooks/123456/Zz99-Yy88_Xx77?wait=1', `https://discord.com/api/webhooks/123456/${REMOVED}?wait=1`],
    ['{"coinbase": {"key": "Zz99Yy88", "secret": "Xx77"}}', `{"coinbase":{"key":"${REMOVED}","secret":"${REMOVED}"}}`], ['{"key": "max_trades", "value": 5}', '{"key": "max_trades", "value": 5}'],
    ['{"a": "his password:", "b": "x"}', '{"a": "his password:", "b": "x"}'], ['{"a": "his password: ", "b": "x", c}', '{"a": "his password: ", "b": "x", c}'],
  ])('holds none: %s', (text, expected) => {
    expect(safe(text)).toBe(expected);
    expect(safe(expected)).toBe(expected);
  });

  const bytes = (...parts: (string | number)[]) => new Uint8Array(Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from([part])))));
  it('keeps the rest of a text that has a byte which is none, and of other bytes nothing', () => {
    const [nul, odd] = [bytes('{"password": "Zz99Yy88", "name": "Ann ', 0, '"}'), bytes('ü', 0xff, ' password=Zz', 0xa0, 'Yy88;über')];
    const of = (cell: Cell) => texts.cell(cell, [], () => undefined);
    expect(of(new BadText(nul, 'NUL'))).toEqual(new BadText(bytes(`{"password": "${REMOVED}", "name": "Ann `, 0, '"}'), 'NUL'));
    expect(of(new BadText(odd, 'NOT_UTF8'))).toEqual(new BadText(bytes('ü', 0xff, ` password=${REMOVED};über`), 'NOT_UTF8'));
    expect(of(new BadText(bytes('a', 0xff), 'NOT_UTF8'))).toEqual(new BadText(bytes('a', 0xff), 'NOT_UTF8'));
    expect(of(nul)).toBe(REMOVED);
    expect(of(new BadText(new Uint8Array(Buffer.from('\ufeff{"password": "Zz99Yy88"}', 'utf16le')), 'NOT_UTF8'))).toBe(REMOVED);
    expect(of(bytes('x'.repeat(1_100_000), ' "password": "Zz99Yy88"'))).toBe(REMOVED);
  });

  it('takes no longer to look through when it was made to slow it down', async () => {
    for (const text of ['password '.repeat(26_000), 'password:'.repeat(26_000), 'password: "'.repeat(20_000), `password${' '.repeat(240_000)}`, 'a.'.repeat(120_000), 'pwd=a:'.repeat(40_000), 'x password'.repeat(24_000), `password ${'x'.repeat(1_000_000)}`]) {
      await expectWithin(2_000, () => timeOf(async () => safe(text)));
    }
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
