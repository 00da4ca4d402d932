import { afterEach, describe, expect, it } from '@jest/globals';
import { pgEnvironment } from '../../src/backup/pg-tools.js';
import { redacted } from '../../src/backup/redacted.js';
import { upload, type UploadFailed } from '../../src/backup/upload.js';
import { readEnv } from '../../src/config/env.js';
import { until } from '../support/timing.js';

const signal = new AbortController().signal;
const failure = (command: string, timeoutMs?: number) => upload(command, '/backups/tradewarden-1', signal, timeoutMs).then(() => null, (error: UploadFailed) => error);

describe('the command that copies a backup elsewhere', () => {
  afterEach(() => {
    delete process.env['OF_THE_CLOUD_TOKEN'];
  });

  it('is good when it ends with 0, whatever it says', async () => {
    expect(await failure(`test "$1" = /backups/tradewarden-1 && test "$BACKUP_NAME" = tradewarden-1 && echo error >&2`)).toBeNull();
  });

  it('fails with its last line, cut, and tells which values are to be hidden', async () => {
    process.env['OF_THE_CLOUD_TOKEN'] = 'token-of-the-cloud';
    const failed = await failure(`seq 1 100000; printf 'first\\nlast %s %0400d\\n' "$OF_THE_CLOUD_TOKEN" 7; exit 4`);
    expect(failed?.message).toMatch(/^BACKUP_UPLOAD_COMMAND ended with 4: last \*\*\* 0{200,}$/);
    expect(failed?.message.length).toBeLessThan(400);
    expect(redacted(failed?.message ?? '', readEnv({ DATABASE_URL: 'postgres://a:pass-of-a@h/d' }), failed?.secrets)).toMatch(/ended with 4: last \*\*\* 0/);
    expect((await failure('/no/such/program'))?.message).toMatch(/ended with 127/);
  });

  it('shows no half of a secret, wherever its words are cut, and no line of one that has several', async () => {
    process.env['OF_THE_CLOUD_TOKEN'] = `first-line-of-it\nabcdefghij${'0123456789'.repeat(8)}`;
    const half = await failure(`printf '%0280d%s' 7 "$OF_THE_CLOUD_TOKEN" | tr -d '\\n'; exit 1`);
    const tail = await failure(`printf '%s%03950d' "$(printf %s "$OF_THE_CLOUD_TOKEN" | tail -1)" 7; exit 1`);
    expect([half?.message, tail?.message].filter((said) => /first-line|abcdefghij|0123456789/.test(said ?? ''))).toEqual([]);
  });

  it('is ended with all that it began when its time is over', async () => {
    const begun = performance.now();
    const failed = await failure(`sleep 601.25 & echo $! >&2; wait`, 300);
    expect(failed?.message).toMatch(/took longer than 0 minutes and was ended/);
    expect(performance.now() - begun).toBeLessThan(200_000);
    const { execFileSync } = await import('node:child_process');
    await until(async () => !execFileSync('ps', ['-ax', '-o', 'args='], { encoding: 'utf8' }).split('\n').includes('sleep 601.25'), 15_000);
  });
});

describe('what went wrong', () => {
  const env = readEnv({ DATABASE_URL: 'postgres://writer:w%40rd-of-writer@h/d', DATABASE_OWNER_URL: 'postgres://owner:secret-of-owner@h/d' });

  it('is one line without passwords, in whatever form they stand there', () => {
    expect(redacted('a\n  b w@rd-of-writer w%40rd-of-writer secret-of-owner', env)).toBe('a b *** *** ***');
    expect(redacted('at ftp://me:hidden@example.com/x', env)).toBe('at ftp://me:***@example.com/x');
    expect(redacted('x'.repeat(2_000), env)).toHaveLength(500);
    expect(redacted(' \n ', env)).toBe('it failed without a word');
  });
});

describe("the environment of PostgreSQL's tools", () => {
  it('is that of the URL, and nothing else of this process', () => {
    process.env['OF_THIS_PROCESS'] = 'x';
    const environment = pgEnvironment('postgres://o%27wner:p%40%3A%2F@[::1]:5433/d%20b?sslmode=verify-full&sslrootcert=%2Fca.pem&uselibpqcompat=true');
    expect(environment).toMatchObject({ PGHOST: '::1', PGPORT: '5433', PGUSER: "o'wner", PGPASSWORD: 'p@:/', PGDATABASE: 'd b', PGSSLMODE: 'verify-full', PGSSLROOTCERT: '/ca.pem' });
    expect(Object.keys(environment).filter((name) => !/^(PG|PATH$|HOME$|LC_ALL$|TZ$)/.test(name))).toEqual([]);
    delete process.env['OF_THIS_PROCESS'];
    expect(pgEnvironment('postgres://u@h/d?sslmode=no-verify')).toMatchObject({ PGHOST: 'h', PGPORT: '5432', PGSSLMODE: 'require' });
    expect(pgEnvironment('postgres://u@localhost/d?host=%2Ftmp%2Fx')).toMatchObject({ PGHOST: '/tmp/x' });
  });
});
