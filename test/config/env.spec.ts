import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { readEnv, SettingsError } from '../../src/config/env.js';
import { envExample } from '../../src/config/settings-text.js';
import { SETTINGS } from '../../src/config/settings.js';
import { TEST_SECRETS } from '../support/app.js';

const folder = mkdtempSync(join(tmpdir(), 'tradewarden-env-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const url = 'postgres://writer:pw-of-the-writer@db.example.com/tradewarden';
const production = { NODE_ENV: 'production', DATABASE_URL: url, ...TEST_SECRETS };

function violationsOf(source: NodeJS.ProcessEnv): readonly string[] {
  try {
    readEnv(source);
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.violations;
  }
}

describe('settings in production', () => {
  it('are complete with a database and two secrets', () => {
    expect(violationsOf(production)).toEqual([]);
    expect(readEnv(production)).toMatchObject({ embedded: false, MIGRATE_ON_START: false, DB_POOL_TYPE: 'pooled', DB_LISTEN: true });
  });

  it('name every violation at once', () => {
    expect(violationsOf({ NODE_ENV: 'production', PORT: 'http', DB_POOL_SIZE: '0', HOST: '' })).toEqual([
      'PORT must be a whole number from 0 to 65535',
      'DB_POOL_SIZE must be a whole number from 1 to 500',
      'DATABASE_URL is required when NODE_ENV is production',
      'JWT_SECRET is required when NODE_ENV is production (`openssl rand -hex 32` makes one)',
      'AUDIT_KEY is required when NODE_ENV is production (`openssl rand -hex 32` makes one)',
    ]);
  });

  it('never print a value, which may be a secret', () => {
    const wrong = {
      NODE_ENV: 'production', JWT_SECRET: 'short-value', AUDIT_KEY: 'change-me-value-that-is-long-enough', DATABASE_URL: 'mysql://u:hidden@h/d',
      ADMIN_EMAIL: 'no-address', ADMIN_PASSWORD: 'tiny', DB_POOL_PRE_PING: 'perhaps', PORT: '-1', TRUST_PROXY: 'the-proxy', LOG_LEVEL: 'chatty',
    };
    const text = new SettingsError(violationsOf(wrong)).message;
    const { NODE_ENV: _production, ...settings } = wrong;
    for (const [name, value] of Object.entries(settings)) {
      expect(text).toContain(name);
      expect(text).not.toContain(value);
    }
  });

  it('are not what a misspelt NODE_ENV silently turns off', () => {
    expect(violationsOf({ ...production, NODE_ENV: 'prod' })).toHaveLength(1);
  });
});

describe('secrets', () => {
  it.each([
    ['31 characters', 'q8Zt1xW5vK2mN7rB4cY9uH3jL6pD0sF'],
    ['one character repeated', 'a'.repeat(64)],
    ['a tutorial value', 'your-super-secret-jwt-key-change-me'],
    ['a name with a counter', 'secret-1234567890-1234567890-1234567'],
  ])('are refused in production and warned of elsewhere when they are weak: %s', (_what, value) => {
    expect(violationsOf({ ...production, AUDIT_KEY: value })).toHaveLength(1);
    expect(violationsOf({ ...production, JWT_SECRET: value })).toHaveLength(1);
    const { warnings, JWT_SECRET } = readEnv({ JWT_SECRET: value });
    expect(JWT_SECRET).toBe(value);
    expect(warnings).toEqual([expect.stringMatching(/^JWT_SECRET .*: production would refuse to start$/)]);
    expect(warnings.join()).not.toContain(value);
  });

  it('differ from each other', () => {
    expect(violationsOf({ ...production, AUDIT_KEY: production.JWT_SECRET })).toEqual(['AUDIT_KEY must differ from JWT_SECRET']);
    expect(violationsOf({ ...production, METRICS_TOKEN: production.AUDIT_KEY })).toEqual(['METRICS_TOKEN must differ from AUDIT_KEY']);
  });

  it('that close the metrics are as strong as the others, fit a header, and are not made when nobody sets one', () => {
    expect(violationsOf({ ...production, METRICS_TOKEN: 'short' })).toEqual([expect.stringMatching(/^METRICS_TOKEN must have at least 32/)]);
    expect(violationsOf({ ...production, METRICS_TOKEN: 'q8Zt1xW5vK2mN7rB 4cY9uH3jL6pD0sFé' })).toEqual([expect.stringMatching(/^METRICS_TOKEN must be visible ASCII/)]);
    expect(readEnv(production).METRICS_TOKEN).toBeUndefined();
    expect(readEnv({ ...production, METRICS_TOKEN: '' }).METRICS_TOKEN).toBeUndefined();
  });

  it('are made outside production when somebody needs them, kept, and not before', () => {
    const dataDir = join(folder, 'data');
    const env = readEnv({ DATA_DIR: dataDir });
    expect(existsSync(dataDir)).toBe(false);
    expect(env.JWT_SECRET).toMatch(/^[0-9a-f]{64}$/);
    expect(env.AUDIT_KEY).not.toBe(env.JWT_SECRET);
    expect(readEnv({ DATA_DIR: dataDir }).JWT_SECRET).toBe(env.JWT_SECRET);
  });

  it('of the first administrator go together and have 12 characters', () => {
    expect(violationsOf({ ADMIN_EMAIL: 'a@example.com' })).toEqual(['ADMIN_EMAIL and ADMIN_PASSWORD go together']);
    expect(violationsOf({ ADMIN_PASSWORD: 'long enough it is' })).toEqual(['ADMIN_EMAIL and ADMIN_PASSWORD go together']);
    expect(violationsOf({ ADMIN_EMAIL: 'a@example.com', ADMIN_PASSWORD: 'too short' })).toEqual(['ADMIN_PASSWORD must have at least 12 characters']);
  });
});

describe('development', () => {
  it('needs no setting at all', () => {
    expect(readEnv({ DATA_DIR: join(folder, 'fresh') })).toMatchObject({
      embedded: true, NODE_ENV: 'development', PORT: 3000, HOST: '::', MIGRATE_ON_START: true, DB_POOL_TYPE: 'pooled', DB_LISTEN: true,
      DB_POOL_SIZE: 5, DB_POOL_OVERFLOW: 10, DB_POOL_TIMEOUT: 30, DB_POOL_RECYCLE: 1800, DB_POOL_PRE_PING: true, warnings: [],
    });
  });

  it('reads an empty variable as one that is not set', () => {
    const empty = Object.fromEntries(SETTINGS.map(({ name }) => [name, '']));
    expect(readEnv({ ...empty, ...TEST_SECRETS })).toEqual(readEnv(TEST_SECRETS));
  });
});

describe('the pool', () => {
  it.each([
    [{}, 'pooled', true],
    [{ RAILWAY_ENVIRONMENT: 'production' }, 'null', false],
    [{ RAILWAY_ENVIRONMENT_NAME: 'production' }, 'null', false],
    [{ RAILWAY_ENVIRONMENT: '', RAILWAY_ENVIRONMENT_NAME: 'staging' }, 'null', false],
    [{ SERVERLESS: 'true' }, 'null', false],
    [{ SERVERLESS: 'off' }, 'pooled', true],
    [{ RAILWAY_ENVIRONMENT: 'production', DB_POOL_TYPE: 'pooled' }, 'pooled', true],
    [{ RAILWAY_ENVIRONMENT: 'production', DB_LISTEN: 'on' }, 'null', true],
    [{ DB_POOL_TYPE: 'null' }, 'null', false],
  ])('in the environment %j is %s, listening %s', (source, type, listens) => {
    expect(readEnv({ DATABASE_URL: url, ...source })).toMatchObject({ DB_POOL_TYPE: type, DB_LISTEN: listens });
  });

  it('says that a server that lasts may keep connections, where it was the environment that chose', () => {
    expect(readEnv({ SERVERLESS: 'on' }).warnings).toEqual([expect.stringContaining('DB_POOL_TYPE=pooled')]);
    expect(readEnv({ SERVERLESS: 'on', DB_POOL_TYPE: 'null' }).warnings).toEqual([]);
  });
});

describe('embedded data on Railway', () => {
  const railway = { RAILWAY_PROJECT_ID: 'p', RAILWAY_VOLUME_MOUNT_PATH: '/volume' };

  it.each([
    [{ DATA_DIR: '/volume' }, true],
    [{ DATA_DIR: '/volume/data' }, true],
    [{ DATA_DIR: '/volume/../volume/data' }, true],
    [{ RAILWAY_VOLUME_MOUNT_PATH: '/', DATA_DIR: '/anywhere' }, true],
    [{}, false],
    [{ DATA_DIR: '/volume2' }, false],
    [{ DATA_DIR: '/volume/../elsewhere' }, false],
    [{ DATA_DIR: '/volume/data', RAILWAY_VOLUME_MOUNT_PATH: '' }, false],
    [{ DATA_DIR: '/elsewhere', DATABASE_URL: url }, true],
  ])('with %j is fine: %s', (source, fine) => {
    expect(violationsOf({ ...railway, ...source })).toHaveLength(fine ? 0 : 1);
  });
});

describe('values', () => {
  it.each([
    ['DB_POOL_TIMEOUT', ['0', '1e1', '0x10', ' ', '3.5', '-1', '601', '30s', 'NaN'], ['1', '600', '007']],
    ['DB_POOL_PRE_PING', ['maybe', '2', 'oui'], ['on', 'OFF', 'True', '0', 'no']],
    ['TRUST_PROXY', ['proxy', '10.0.0.0/33', '10.0.0.0/8/8', '1.2.3.4,', '::1/129'], ['1', 'loopback', '10.0.0.0/8, fd00::/8', '127.0.0.1']],
    ['DATABASE_URL', ['db.example.com', 'http://db', 'postgres://u:p@h/d?sslmode=prefer', 'postgres://u:p@h/d?sslmode=verify-ca', 'postgres://h/d?user=u&password=p', 'postgres://u@h/d?password=p'], [url, `${url}?sslmode=require`]],
  ])('of %s are checked', (name, wrong, right) => {
    for (const value of wrong) expect([value, violationsOf({ [name]: value }).length]).toEqual([value, 1]);
    for (const value of right) expect([value, violationsOf({ [name]: value })]).toEqual([value, []]);
  });

  it('of sslmode keep their meaning: require takes a certificate that nobody signed, verify-full does not', () => {
    expect(readEnv({ DATABASE_URL: `${url}?sslmode=require` }).DATABASE_URL).toBe(`${url}?sslmode=require&uselibpqcompat=true`);
    expect(readEnv({ DATABASE_URL: `${url}?sslmode=disable` }).DATABASE_URL).toBe(`${url}?sslmode=disable`);
  });

  it('of the other URLs need DATABASE_URL, and an owner needs a writer with a name', () => {
    expect(violationsOf({ DATABASE_OWNER_URL: url })).toEqual(['DATABASE_URL is required beside DATABASE_OWNER_URL']);
    expect(violationsOf({ DATABASE_OWNER_URL: url, DATABASE_URL: 'postgres://h/d' })).toHaveLength(1);
  });
});

describe('.env.example', () => {
  it('has every setting, commented out, with what it does', () => {
    const lines = envExample().split('\n');
    for (const { name, shown, about } of SETTINGS) {
      expect(lines).toContain(`# ${name}=${shown}`);
      expect(about.length).toBeGreaterThan(5);
    }
    expect(lines.filter((line) => line !== '' && !line.startsWith('#'))).toEqual([]);
  });

  it('shows the defaults as they are', () => {
    const shown = Object.fromEntries(SETTINGS.filter(({ shown }) => shown !== '').map(({ name, shown }) => [name, shown]));
    const pick = (env: object) => SETTINGS.filter(({ name }) => name in shown).map(({ name }) => [name, (env as Record<string, unknown>)[name]]);
    expect(pick(readEnv(shown))).toEqual(pick(readEnv({})));
  });
});
