import { describe, expect, it } from '@jest/globals';
import { credentialIn, masked, withoutCredentials } from './credentials.js';
import { expectWithin, timeOf } from '../../test/support/timing.js';

describe('what looks like a credential', () => {
  it.each<[string, unknown, string]>([
    ['a password', { password: 'hunter2' }, 'password'],
    ['in any spelling', { 'MT5-Login': 1, mt5_PASSWORD: 'x' }, 'mt5_PASSWORD'],
    ['in camel case', { dbPassword: 'x' }, 'dbPassword'],
    ['shortened', { brokerPwd: 'x' }, 'brokerPwd'],
    ['in few letters', { db_pass: 'x' }, 'db_pass'],
    ['as a number', { mt5: { password: 12345678 } }, 'mt5.password'],
    ['an API key', { exchange: { apiKey: 'x' } }, 'exchange.apiKey'],
    ['with blanks', { 'api key': 'x' }, 'api key'],
    ['a private key', { 'private-key': 'x' }, 'private-key'],
    ['an access key', { aws: { accessKeyId: 'x' } }, 'aws.accessKeyId'],
    ['a secret', { clientSecret: 'x' }, 'clientSecret'],
    ['a list of them', { passwords: ['a', 'b'] }, 'passwords'],
    ['an object of them', { credentials: { user: 'a' } }, 'credentials'],
    ['deep in lists', { hosts: [{ name: 'a' }, { accounts: [{ authToken: 'x' }] }] }, 'hosts.1.accounts.0.authToken'],
    ['a bot token', { telegramBotToken: 'x' }, 'telegramBotToken'],
    ['a long token', { token: 'a1b2c3d4e5f6' }, 'token'],
    ['a one-time code seed', { totpSeed: 'JBSWY3DP' }, 'totpSeed'],
    ['a PIN', { pin: 1234 }, 'pin'],
    ['a database URL', { DATABASE_URL: 'sqlite:///file' }, 'DATABASE_URL'],
    ['a pair', { settings: [{ name: 'DB_PASSWORD', value: 'x' }] }, 'settings.0.value'],
    ['a URL with a password', { feed: 'postgres://bot:s3cret@db/x' }, 'feed'],
    ['a URL without a user', { feed: 'redis://:s3cret@cache:6379' }, 'feed'],
    ['inside a sentence', { note: 'see https://me:s3cret@host/' }, 'note'],
    ['a URL with a key', { hook: 'https://host/hook?a=1&api_key=abc' }, 'hook'],
    ['a connection text', { db: 'Server=x;User=y;Pwd=z' }, 'db'],
    ['a key of our own', { k: `tw_${'a'.repeat(43)}` }, 'k'],
    ['a key of a model vendor', { k: 'sk-proj-abcdefghijklmnop123456' }, 'k'],
    ['a cloud key', ['AKIAABCDEFGHIJKLMNOP'], '0'],
    ['a signed token', { k: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlc2lnbmF0dXJl' }, 'k'],
    ['a header', { h: 'Bearer abcdefghijklmnopqrst' }, 'h'],
    ['a chat bot', { url: 'https://api.telegram.org/bot123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc/send' }, 'url'],
    ['the address of a hook', { hook: 'https://hooks.slack.com/services/T0/B0/abcdefgh' }, 'hook'],
    ['a private key text', { pem: '-----BEGIN RSA PRIVATE KEY-----\nabc' }, 'pem'],
  ])('is found: %s', (_what, config, path) => {
    expect(credentialIn(config)).toBe(path);
  });

  it.each([
    [{ maxTokens: 4096, tokenBudget: 100_000, promptTokens: 12, maxSessionTokens: 5 }],
    [{ passThrough: true, lowPass: 0.2, compass: 'north', bypass: 'x', passes: 3 }],
    [{ stopToken: '###', tokens: ['BTC', 'ETH'], token: 'ETH', tokenizer: 'cl100k' }],
    [{ hasPassword: true, usePin: false, password: null, secret: '' }],
    [{ pinBar: 'bullish', spin: 'x', keyLevels: [1.1], hotkey: 'F1', monkey: 'x', keyboard: 'x' }],
    [{ brokerUrl: 'https://api.example.com:8443/v3?symbol=EURUSD', feed: 'wss://stream.example.com/ws' }],
    [{ model: 'sk-learn-classifier', note: 'the password is kept by the agent', author: 'Authority' }],
    [{ ratio: '1:2', at: '2026-11-20T10:00:00Z', window: '08:00-17:00', hash: 'e3b0c44298fc1c149afbf4c8996fb924' }],
    [{}], [null], [[]], ['plain words'],
  ])('is not found in %j', (config) => {
    expect(credentialIn(config)).toBeNull();
  });
});

describe('masking', () => {
  it('keeps what is said and takes out the secret', () => {
    expect(masked('cannot reach postgres://bot:s3cret@db:5432/x: timeout')).toBe('cannot reach postgres://bot:***@db:5432/x: timeout');
    expect(masked('GET https://h/?symbol=EURUSD&token=abc 401')).toBe('GET https://h/?symbol=EURUSD&token=*** 401');
    expect(masked('login failed for 12345 (password=abc; server=x)')).toBe('login failed for 12345 (password=***; server=x)');
    expect(masked('password=*** and password=[secret removed], ?token=[secret removed]')).toBe('password=*** and password=[secret removed], ?token=[secret removed]');
    expect(masked('sent KALSHI-ACCESS-SIGNATURE: abcd== KALSHI-ACCESS-TIMESTAMP: 17 "KALSHI-ACCESS-KEY": "123e-4567"')).toBe('sent KALSHI-ACCESS-SIGNATURE: *** KALSHI-ACCESS-TIMESTAMP: 17 "KALSHI-ACCESS-KEY": "***"');
    expect(masked('sent Authorization: Basic dXNlcjpwYXNz== to h, "authorization": "Token 9944b091"; a Basic understanding')).toBe('sent Authorization: Basic *** to h, "authorization": "Token ***"; a Basic understanding');
    expect(masked('mail: app password: abcd efgh ijkl mnop, password=abcd efgh ijkl mnop')).toBe('mail: app password: ***, password=***');
    expect(masked('order 123 rejected: no money')).toBe('order 123 rejected: no money');
  });

  it('of JSON leaves nothing to find, and everything else as it was', () => {
    const report = { ok: true, config: { database_url: 'postgresql://u:p@h/db', lots: '0.10', nested: [{ apiKey: 'k' }, { name: 'SECRET', value: 's' }] }, n: 1.5, none: null };
    const safe = withoutCredentials(report);
    expect(safe).toEqual({ ok: true, config: { database_url: '***', lots: '0.10', nested: [{ apiKey: '***' }, { name: 'SECRET', value: '***' }] }, n: 1.5, none: null });
    expect(credentialIn(safe)).toBeNull();
    expect(withoutCredentials(safe)).toEqual(safe);
  });

  it('leaves whole characters, however long a secret is: half of one cannot be stored', () => {
    for (const before of ['password=', '?token=', 'a://b:', 'pwd = ']) for (const length of [510, 511, 512, 513]) {
      expect(masked(`${before}${'x'.repeat(length)}😀😀@`).isWellFormed()).toBe(true);
    }
  });

  it('takes no longer for a text made to slow it down', async () => {
    for (const text of ['a://'.repeat(60_000), 'a'.repeat(240_000), `${'x://'}${'y'.repeat(240_000)}`, 'password='.repeat(26_000), '1'.repeat(240_000), 'eyJ'.repeat(80_000), '?token='.repeat(34_000), 'eyJ-'.repeat(60_000), 'eyJaaaaaaaa.'.repeat(20_000),
      'tw_-'.repeat(60_000), 'sk-'.repeat(80_000), 'Bearer '.repeat(34_000), '123456:-'.repeat(30_000), `${'a'.repeat(31)}://${'x'.repeat(256)}:${'y'.repeat(512)} `.repeat(300), '-----BEGIN '.repeat(22_000)]) {
      await expectWithin(1_000, () => timeOf(async () => masked(text)));
    }
  });
});
