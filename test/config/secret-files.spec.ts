import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { readEnv, SettingsError } from '../../src/config/env.js';
import { SETTINGS } from '../../src/config/settings.js';
import { fileSettingOf } from '../../src/config/secret-files.js';
import { TEST_SECRETS } from '../support/app.js';

const folder = mkdtempSync(join(tmpdir(), 'tradewarden-secret-files-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let made = 0;
const file = (content: string | Uint8Array): string => {
  const path = join(folder, `file-${++made}`);
  writeFileSync(path, content);
  return path;
};

function violationsOf(source: NodeJS.ProcessEnv): readonly string[] {
  try {
    readEnv(source);
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.violations;
  }
}

const VALUES: Record<string, string> = {
  ...TEST_SECRETS,
  METRICS_TOKEN: 'Zk3Xw8Vt5Rq2Pn7Ml4Kj9Hg6Fd1Sa0Yb', ADMIN_PASSWORD: 'a long pass phrase with spaces ', AUDIT_KEYS_FORMER: 'b7Nt1xW5vK2mN7rB4cY9uH3jL6pD0sFz',
  DATABASE_URL: 'postgres://writer:pw-of-the-writer@db.example.com/tradewarden', DATABASE_OWNER_URL: 'postgres://owner:pw-of-the-owner@db.example.com/tradewarden',
  DATABASE_UNPOOLED_URL: 'postgres://writer:pw-of-the-writer@direct.example.com/tradewarden', WATCHDOG_URL: 'https://watch.example.com/ping/of-nobody-else',
};
const secrets = SETTINGS.map(({ name }) => name).filter((name) => fileSettingOf(name) !== null);
const also = { ADMIN_EMAIL: 'admin@example.com', DATABASE_URL: VALUES['DATABASE_URL'], ADMIN_PASSWORD: VALUES['ADMIN_PASSWORD'] };
/** The others that a setting needs beside it, without itself. */
const beside = (name: string) => ({ ...also, [name]: undefined });

describe('a secret in a file', () => {
  it('is every setting that holds a password, a key, a token or an address with one in it, and nothing else', () => {
    expect(Object.keys(VALUES).filter((name) => !secrets.includes(name))).toEqual([]);
    for (const name of ['PORT', 'HOST', 'DATA_DIR', 'LOG_LEVEL', 'PUBLIC_URL', 'TELEGRAM_API_URL', 'MIRROR_URL', 'ADMIN_EMAIL', 'NODE_ENV']) expect([name, fileSettingOf(name)]).toEqual([name, null]);
  });

  it.each(Object.keys(VALUES))('is read as the variable would be, without the line end behind it: %s', (name) => {
    const value = VALUES[name] ?? '';
    const byVariable = readEnv({ ...beside(name), [name]: value }) as unknown as Record<string, unknown>;
    for (const content of [value, `${value}\n`, `${value}\r\n`, `${value}\n\n`, `\ufeff${value}\n`]) {
      const byFile = readEnv({ ...beside(name), [`${name}_FILE`]: file(content) }) as unknown as Record<string, unknown>;
      expect(byFile[name]).toEqual(byVariable[name]);
    }
  });

  it('is found behind a link, as an orchestrator mounts it', () => {
    const link = join(folder, 'link');
    symlinkSync(file(`${VALUES['JWT_SECRET']}\n`), link);
    expect(readEnv({ JWT_SECRET_FILE: link }).JWT_SECRET).toBe(VALUES['JWT_SECRET']);
  });

  it('counts as set: production needs no variable beside it', () => {
    const { DATABASE_URL = '', JWT_SECRET = '', AUDIT_KEY = '' } = VALUES;
    expect(violationsOf({ NODE_ENV: 'production', DATABASE_URL_FILE: file(DATABASE_URL), JWT_SECRET_FILE: file(JWT_SECRET), AUDIT_KEY_FILE: file(AUDIT_KEY) })).toEqual([]);
    expect(violationsOf({ NODE_ENV: 'production', DATABASE_URL_FILE: file(DATABASE_URL), JWT_SECRET_FILE: file(JWT_SECRET), AUDIT_KEY_FILE: file(`${JWT_SECRET}\n`) })).toEqual(['AUDIT_KEY must differ from JWT_SECRET']);
    expect(readEnv({ DATABASE_URL_FILE: file(DATABASE_URL) }).embedded).toBe(false);
  });

  it('is no secret when the file name is empty, as compose files write "not set"', () => {
    expect(readEnv({ ...TEST_SECRETS, JWT_SECRET_FILE: '' }).JWT_SECRET).toBe(TEST_SECRETS.JWT_SECRET);
    expect(readEnv({ DATABASE_URL: '', DATABASE_URL_FILE: file(VALUES['DATABASE_URL'] ?? '') }).embedded).toBe(false);
  });

  it('is refused beside the variable, whatever both say', () => {
    const { JWT_SECRET = '' } = VALUES;
    expect(violationsOf({ JWT_SECRET, JWT_SECRET_FILE: file(JWT_SECRET) })).toEqual(['JWT_SECRET and JWT_SECRET_FILE are both set: one of them must go']);
  });

  it('that cannot be had is never taken for one that is not set: the start is refused, in development too', () => {
    mkdirSync(join(folder, 'a-folder'));
    const closed = file('x');
    chmodSync(closed, 0);
    const pipe = join(folder, 'a-pipe');
    execFileSync('mkfifo', [pipe]);
    const wrong: [string, RegExp][] = [
      // Nobody writes into it: a start that waited would wait for ever.
      [pipe, /^DATABASE_URL_FILE names what cannot be read \(not a file\)$/],
      [join(folder, 'nothing-there'), /^DATABASE_URL_FILE names what cannot be read \(ENOENT\)$/],
      [join(folder, 'a-folder'), /^DATABASE_URL_FILE names what cannot be read \((EISDIR|not a file)\)$/],
      ['/dev/zero', /^DATABASE_URL_FILE names what cannot be read \(not a file\)$/],
      [file(''), /^DATABASE_URL_FILE names an empty file$/],
      [file('\n\n'), /^DATABASE_URL_FILE names an empty file$/],
      [file('  \n'), /^DATABASE_URL_FILE names an empty file$/],
      [file('x'.repeat(16_385)), /^DATABASE_URL_FILE names a file of more than 16384 bytes$/],
      [file(new Uint8Array([0x70, 0xff, 0xfe])), /^DATABASE_URL_FILE names a file that is not UTF-8 text$/],
      [file('postgres://a@h/d\npostgres://b@h/d\n'), /^DATABASE_URL_FILE names a file that is not one line of text$/],
      [file('postgres://a@h/d\0'), /^DATABASE_URL_FILE names a file that is not one line of text$/],
      ...(process.getuid?.() === 0 ? [] : [[closed, /^DATABASE_URL_FILE names what cannot be read \(EACCES\)$/] as [string, RegExp]]),
    ];
    for (const [path, fault] of wrong) expect(violationsOf({ DATABASE_URL_FILE: path })).toEqual([expect.stringMatching(fault)]);
  });

  it('is never in what is said of it, nor what stands where its path belongs', () => {
    const hidden = 'hidden-9f3a7c';
    const said = [
      violationsOf({ NODE_ENV: 'production', JWT_SECRET_FILE: file(hidden), AUDIT_KEY_FILE: file(`${hidden}\n${hidden}`), DATABASE_URL_FILE: hidden, METRICS_TOKEN_FILE: file(hidden) }),
      violationsOf({ NODE_ENV: 'production', JWT_SECRET_FILE: file(hidden), DATABASE_URL_FILE: file(`mysql://u:${hidden}@h/d`) }),
    ].flat();
    expect(said.length).toBeGreaterThan(3);
    expect(said.join('\n')).not.toContain(hidden);
  });
});
