import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Mapping } from '../mapping/declared-mapping.js';
import { readAlert } from './read-alert.js';
import { expectWithin } from '../../../test/support/timing.js';

const OWN: Mapping = { fields: { symbol: 'what.symbol', action: 'what.todo', secret: 'auth.key' }, actions: { go: 'buy' } };
const MAPPINGS: Mapping[] = ['sigmatrader', 'traderspost', 'octobot', OWN];

const read = (text: string | Buffer, contentType = 'text/plain', mapping: Mapping = 'sigmatrader') => readAlert(Buffer.from(text as string), contentType, mapping);
const payloadOf = (text: string, contentType?: string, mapping?: Mapping) => read(text, contentType, mapping).payload;

const ALERT = { symbol: 'NSE:INFY', order_action: 'BUY', quantity: '1' };
const JSON_ALERT = '{"symbol":"NSE:INFY","order_action":"BUY","quantity":1}';

describe('a body is read', () => {
  it.each([
    ['as JSON', JSON_ALERT], ['behind a byte order mark', `\ufeff${JSON_ALERT}`], ['between blanks and line breaks', `\r\n  ${JSON_ALERT}\n\n`],
    ['in double quotes', `"${JSON_ALERT}"`], ['in single quotes', `'${JSON_ALERT}'`], ['as JSON in JSON', JSON.stringify(JSON_ALERT)], ['as JSON in JSON in JSON', JSON.stringify(JSON.stringify(JSON_ALERT))],
    ['with commas too many', '{"symbol":"NSE:INFY","order_action":"BUY","quantity":1,}'], ['with words around it', `Alert on INFY: ${JSON_ALERT} (fired)`],
    ['as a form', 'symbol=NSE:INFY&order_action=BUY&quantity=1'], ['as an encoded form', 'symbol=NSE%3AINFY&order_action=BUY&quantity=1'], ['as lines', 'symbol=NSE:INFY\norder_action=BUY\r\nquantity = 1\n'],
    ['between semicolons', 'symbol=NSE:INFY;order_action=BUY; quantity=1;'], ['with line breaks spelled out', 'symbol=NSE:INFY\\norder_action=BUY\\nquantity=1'],
    ['as lines with a heading', 'New signal\nsymbol=NSE:INFY\norder_action=BUY\nquantity=1'],
  ])('%s', (_how, text) => {
    expect(payloadOf(text)).toEqual(_how.endsWith('heading') ? null : ALERT);
  });

  it('as lines with a heading, where lines are what the sender speaks', () => {
    expect(payloadOf('EXCHANGE=BINANCE\nNew signal\nSYMBOL=M&M;SIGNAL=BUY', 'text/plain', 'octobot')).toEqual({ EXCHANGE: 'BINANCE', SYMBOL: 'M&M', SIGNAL: 'BUY' });
  });

  it('as JSON, though a client called it a form', () => expect(payloadOf(JSON_ALERT, 'application/x-www-form-urlencoded')).toEqual(ALERT));
  it('as the form that it is, with plus signs and a semicolon', () => {
    expect(payloadOf('symbol=M%26M&comment=a+b;c&bad=100%', 'application/x-www-form-urlencoded; charset=utf-8')).toEqual({ symbol: 'M&M', comment: 'a b;c', bad: '100%' });
  });
  it('only as what its mapping declares', () => {
    expect(payloadOf('a=b', 'text/plain', { ...OWN, format: 'json' })).toBeNull();
    expect(payloadOf('{"a":"b"}', 'text/plain', { ...OWN, format: 'lines' })).toBeNull();
    expect(payloadOf('a=b&c', 'text/plain', { ...OWN, format: 'lines' })).toEqual({ a: 'b&c' });
  });

  it.each([
    ['nothing', '', 'BODY_NOT_READABLE'], ['blanks', ' \n', 'BODY_NOT_READABLE'], ['words', 'INFY crossed 1500', 'BODY_NOT_READABLE'], ['a list', '[{"symbol":"INFY"}]', 'BODY_NOT_OBJECT'], ['a number', '17', 'BODY_NOT_READABLE'], ['true', ' true ', 'BODY_NOT_OBJECT'],
    ['NUL', '{"symbol":"IN\0FY"}', 'TEXT_HAS_NUL'], ['an encoded NUL', 'symbol=a%00b&x=y', 'TEXT_HAS_NUL'], ['what is no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 'BODY_NOT_UTF8'],
    ['a prototype', '{"__proto__":{"symbol":"INFY"}}', 'KEY_NOT_ALLOWED'], ['a pair for a prototype', '__proto__=1&a=b', 'KEY_NOT_ALLOWED'], ['two sizes', '{"quantity":1,"quantity":100}', 'FIELD_TWICE'],
    ['two sizes in pairs', 'quantity=1&quantity=2', 'FIELD_TWICE'], ['a bare placeholder', '{{strategy.order.alert_message}}', 'UNRESOLVED_PLACEHOLDER'], ['too much', `{"a":"${'x'.repeat(70_000)}"}`, 'BODY_TOO_LARGE'],
  ])('but not %s', (_what, body, code) => {
    const { payload, unreadable, key, symbol } = read(body);
    expect({ payload, code: unreadable?.code, kind: key.kind, symbol }).toEqual({ payload: null, code, kind: 'bytes', symbol: '' });
  });

  it('knows a test of the line', () => {
    expect(read('{"test":"tradingview","secret":"my-secret"}')).toMatchObject({ ping: true, secrets: ['my-secret'] });
    expect(read('test=TradingView&secret=my-secret').ping).toBe(true);
    expect(read('{"test":"tradingview","symbol":"INFY","order_action":"BUY"}').ping).toBe(false);
    expect(read('{"test":"no"}').ping).toBe(false);
  });

  it.each([
    ['{"symbol":"nse:infy","exchange":"NSE"}', 'NSE:INFY'], ['{"ticker":"INFY","exchange":"nse"}', 'NSE:INFY'], ['{"symbol":"NSE:INFY","exchange":"NSE_DLY"}', 'NSE:INFY'], ['{"symbol":"OANDA:EURUSD"}', 'EURUSD'],
    ['{"symbol":"BTCUSDT","exchange":"BINANCE"}', 'BINANCE:BTCUSDT'], ['{"symbol":"{{ticker}}","exchange":"NSE"}', ''], ['{"symbol":"NSE:INFY","exchange":"BSE"}', ''], ['{"order_action":"BUY"}', ''], ['{"symbol":["INFY"]}', ''],
  ])('%s belongs to the stream %p', (text, symbol) => expect(read(text).symbol).toBe(symbol));
});

describe('a told secret', () => {
  it.each<[string, string, string, string[], Mapping]>([
    ['at the root', '{"secret":"my-secret","a":1}', '{"secret":"***","a":1}', ['my-secret'], 'sigmatrader'],
    ['of meta', '{"meta": {"secret" : " my-secret "}, "a": "my-secret!"}', '{"meta": {"secret" : "***"}, "a": "***!"}', ['my-secret'], 'sigmatrader'],
    ['as a number', '{"secret":12345678,"a":1}', '{"secret":"***","a":1}', ['12345678'], 'sigmatrader'],
    ['twice, one hidden by the other', '{"secret":"wrong-one","a":1,"secret":"my-secret"}', '{"secret":"***","a":1,"secret":"***"}', ['wrong-one', 'my-secret'], 'sigmatrader'],
    ['in a form', 'secret=my%20secret&a=my+secret', 'secret=***&a=***', ['my secret'], 'sigmatrader'],
    ['of OctoBot', 'SYMBOL=X\nTOKEN=my-token\n', 'SYMBOL=X\nTOKEN=***\n', ['my-token'], 'octobot'],
    ['of nobody else', '{"token":"BTC"}', '{"token":"BTC"}', [], 'traderspost'],
    ['as a pass phrase', '{"passphrase":"open sesame"}', '{"passphrase":"***"}', ['open sesame'], 'traderspost'],
    ['where the mapping says', '{"auth":{"key":"my-key"},"what":{"symbol":"X"}}', '{"auth":{"key":"***"},"what":{"symbol":"X"}}', ['my-key'], OWN],
    ['in JSON in JSON', '"{\\"secret\\":\\"my-secret\\"}"', '"{\\"secret\\":\\"***\\"}"', ['my-secret'], 'sigmatrader'],
    ['with quotes in it', '{"secret":"a\\"b\\\\c","note":"a\\"b\\\\c"}', '{"secret":"***","note":"***"}', ['a"b\\c'], 'sigmatrader'],
    ['spelled in another way', '{"secret":"abcd","note":"\\u0061bcd"}', '{"secret":"***","note":"***"}', ['abcd'], 'sigmatrader'],
    ['that is also a number elsewhere', '{"secret":"1500","price":1500.5}', '{"secret":"***","price":"***.5"}', ['1500'], 'sigmatrader'],
    ['too short to be sought elsewhere', '{"secret":"1","price":1}', '{"secret":"***","price":1}', ['1'], 'sigmatrader'],
    ['in what cannot be read', '{"secret": "my-secret", oops, x my-secret', '{"secret": "***", oops, x ***', ['my-secret'], 'sigmatrader'],
    ['in what cannot be read, escaped', '{\\"secret\\":\\"my-secret\\" oops', '{\\"secret\\":\\"***\\" oops', ['my-secret'], 'sigmatrader'],
    ['not at all', '{"secret":"","meta":{"secret":null}}', '{"secret":"","meta":{"secret":null}}', [], 'sigmatrader'],
  ])('%s', (_how, text, stored, secrets, mapping) => {
    const alert = read(text, 'text/plain', mapping);
    expect({ stored: alert.masked.toString(), secrets: alert.secrets }).toEqual({ stored, secrets });
  });

  it('is found in bytes that are no text', () => {
    const { masked, secrets } = read(Buffer.concat([Buffer.from('{"secret":"my-secret","a":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]));
    expect(secrets).toEqual(['my-secret']);
    expect(masked.equals(Buffer.concat([Buffer.from('{"secret":"***","a":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]))).toBe(true);
  });

  it('leaves nothing of a body that tells more of them than anybody has', () => {
    const body = JSON.stringify(Array.from({ length: 20 }, (_, index) => `"secret":"secret-number-${index}"`).join(',')).slice(1, -1).replaceAll('\\"', '"');
    expect(read(`{${body}}`).masked.toString()).toBe('***');
  });
});

const textsOf = (value: unknown): string[] =>
  typeof value === 'string' ? [value] : value !== null && typeof value === 'object' ? Object.entries(value).flatMap(([name, inner]) => [name, ...textsOf(inner)]) : [];

describe('whatever is sent', () => {
  const word = fc.constantFrom('secret', 'meta', 'symbol', 'NSE:INFY', 'order_action', 'BUY', 'quantity', '1,500', 'token', 'TOKEN', 'passphrase', 'alertId', '{{ticker}}', 'auth', 'key', 's3cret-word', 'signal', 'hints', '***', '"', '\\', '\0');
  const text = fc.oneof(word, fc.string(), fc.string({ unit: 'binary' }));
  const value = fc.letrec((tie) => ({
    any: fc.oneof({ depthSize: 'small' }, text, fc.integer(), fc.double(), fc.boolean(), fc.constant(null), fc.array(tie('any'), { maxLength: 4 }), fc.dictionary(text, tie('any'), { maxKeys: 6 })),
  })).any;
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
    value.map((json) => Buffer.from(JSON.stringify(json))),
    value.map((json) => Buffer.from(JSON.stringify(JSON.stringify(json)))),
    fc.array(fc.oneof(word, fc.constantFrom('{', '}', '[', ']', ':', ',', '=', '&', ';', '\n', ' ', '"', "'", '\\', '\\u00')), { maxLength: 60 }).map((parts) => Buffer.from(parts.join(''))),
    fc.array(fc.tuple(word, text), { maxLength: 8 }).map((pairs) => Buffer.from(pairs.map(([name, told]) => `${name}=${told}`).join('&'))),
    fc.tuple(text, value).map(([secret, rest]) => Buffer.from(JSON.stringify({ secret, meta: { secret }, note: `x${secret}y`, rest }))),
  );
  const contentType = fc.constantFrom(undefined, 'application/json', 'text/plain', 'application/x-www-form-urlencoded', '\0');

  it('is answered, keeps no secret, and says the same of what is stored', () => {
    fc.assert(fc.property(body, contentType, fc.constantFrom(...MAPPINGS), (bytes, type, mapping) => {
      const first = readAlert(bytes, type, mapping);
      expect(first.key.text).toMatch(/^[0-9a-f]{64}$/);
      expect(first.payload === null).toBe(first.unreadable !== null);
      const stored = first.masked.toString(first.unreadable?.code === 'BODY_NOT_UTF8' ? 'latin1' : 'utf8');
      for (const secret of first.secrets.filter(({ length }) => length >= 4)) {
        expect(stored.includes(secret)).toBe(false);
        expect(textsOf(first.payload).some((told) => told.includes(secret))).toBe(false);
      }
      const again = readAlert(first.masked, type, mapping);
      expect({ key: again.key, symbol: again.symbol, payload: again.payload, stored: again.masked.toString('hex') }).toEqual({ key: first.key, symbol: first.symbol, payload: first.payload, stored: first.masked.toString('hex') });
      expect(again.secrets).toEqual([]);
    }), { numRuns: 3_000 });
  });

  const FULL = 65_536;
  const filled = (unit: string, before = '', after = '') => before + unit.repeat(Math.floor((FULL - before.length - after.length) / unit.length)) + after;
  it.each([
    ['braces', filled('{')], ['closing braces', filled('}')], ['placeholders', filled('{"a":{{')], ['quotes', filled('"')], ['backslashes', filled('\\', '"')], ['blanks', filled(' ')], ['blanks and braces', filled(' {')],
    ['digits', filled('1', '{"a":')], ['groups of digits', filled(',111', '{"a":1', 'x}')], ['equals signs', filled('=')], ['ampersands', filled('a&')], ['secrets', filled('secret=')],
    ['different secrets', Array.from({ length: 4_000 }, (_, index) => `secret=s${index}x`).join('&').slice(0, FULL)], ['a secret again and again', filled('aaaa', '{"secret":"aaaa","b":"', '"}')],
    ['secrets that grow together', filled('*a', '{"secret":"*a***","b":"', '***"}')], ['escaped names', filled('secret\\\\\\"', '{')], ['commas', filled(',', '{"a":1')], ['brackets', filled('[')], ['keys', `{${Array.from({ length: 6_000 }, (_, index) => `"k${index}":1`).join(',')}}`.slice(0, FULL)],
    ['one name twice and twice', `{${filled('"a":{"b":1},').slice(0, FULL - 12)}"a":{"b":1}}`], ['percent signs', filled('%', 'a=', '&b=c')], ['semicolons', filled(';', 'a=b')], ['lines', filled('a=b\n')], ['a long name around many values', `{"${'\u0130'.repeat(8_000)}":[${'1,'.repeat(20_000)}1]}`],
    ['one around values beside a secret in escapes', `{"secret":"abcd","x":"\\u0061bcd","${'\u0130'.repeat(15_000)}":[${'1,'.repeat(16_000)}1]}`], ['byte order marks', '\ufeff'.repeat(20_000)],
  ])('takes no long time: 64 KiB of %s', (_what, text) => expectWithin(1_500, async () => {
    const began = process.cpuUsage();
    for (const mapping of MAPPINGS) readAlert(Buffer.from(text).subarray(0, FULL), 'text/plain', mapping);
    const { user, system } = process.cpuUsage(began);
    // Of processor time, of which a busy machine takes up to twice as much. A quadratic reading takes many seconds.
    return (user + system) / 1_000;
  }));
});
