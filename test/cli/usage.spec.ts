import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { envExample } from '../../src/config/settings-text.js';
import { identityOf, withIdentity } from '../../src/database/roles.js';
import { cli } from '../support/cli.js';
import { testServer } from '../support/database.js';
import { freePort } from '../support/server-process.js';

const folder = mkdtempSync(join(tmpdir(), 'tradewarden-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('wrong usage', () => {
  it.each([
    [['nonsense'], /unknown command 'nonsense'/],
    [[], /--help lists them/],
    [['user:create', 'a@example.com'], /--role/],
    [['user:create', 'no-address', '--role', 'viewer'], /email/],
    [['user:create', 'a@example.com', '--role', 'boss'], /^role: must be one of viewer, operator, admin$/m],
    [['user:create', 'a@example.com', '--role', 'viewer', '--password', 'hunter2'], /never stands on the command line/],
    [['key:create', 'alpha', '--name', 'k', '--scopes', 'everything'], /scopes/],
    [['key:create', 'alpha', '--name', 'k', '--expires', '2030-01-01T00:00:00'], /expiresAt/],
    [['key:create', 'alpha', '--name', 'k', '--rate-limit-per-second', '1e2'], /^rateLimitPerSecond: must be a number$/m],
    [['key:create', 'alpha', '--name', 'k', '--rate-limit-per-second', '10001'], /rateLimitPerSecond/],
    [['migrate:down'], /--yes/],
    [['migrate', 'now'], /too many arguments/],
    [['status', '--quick'], /unknown option/],
  ])('%j is exit code 2 with a reason on stderr and nothing on stdout', async (args, reason) => {
    const run = await cli(args);
    expect([run.code, run.stdout]).toEqual([2, '']);
    expect(run.stderr).toMatch(reason);
    expect(run.stderr).not.toContain('hunter2');
  });

  it.each([['--help'], ['--port', '80']])('%j of the server starts nothing, and says what there is', async (...args) => {
    const main = spawn(process.execPath, [join(process.cwd(), 'dist', 'src', 'main.js'), ...args], { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env['PATH'], DATA_DIR: join(folder, 'none') } });
    let said = '';
    main.stderr.on('data', (data: Buffer) => (said += data.toString()));
    expect(await new Promise((resolve) => main.once('close', resolve))).toBe(2);
    expect(said).toMatch(`was not started: ${args.join(' ')}\n`);
    expect(said).toMatch('npm run cli -- --help');
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });

  it('is one object on stdout with --json', async () => {
    const run = await cli(['user:create', '--json']);
    expect(run).toMatchObject({ code: 2, stderr: '', json: { error: { code: 'WRONG_USAGE', message: expect.stringContaining('--role') } } });
  });
});

describe('a database that cannot be used', () => {
  const { adminUrl } = testServer();
  const elsewhere = async () => {
    const url = new URL(adminUrl);
    url.port = String(await freePort());
    return url.href;
  };

  it.each([
    ['nobody listens', elsewhere, /cannot be reached \(ECONNREFUSED\) at 127\.0\.0\.1:\d+$/],
    ['the password is wrong', async () => withIdentity(adminUrl, { password: 'hidden-and-wrong' }), /refused the credentials at .*"postgres"$/],
    ['the database is missing', async () => withIdentity(adminUrl, { database: 'nowhere' }), /does not exist at .*"nowhere"/],
    ['the host is unknown', async () => 'postgres://user:hidden-and-wrong@database.invalid/x', /cannot be reached \((ENOTFOUND|EAI_AGAIN)\) at database\.invalid$/],
  ])('is told in one line without the password when %s', async (_what, address, line) => {
    const url = await address();
    const run = await cli(['migrate:status'], { DATABASE_URL: url });
    expect([run.code, run.stdout]).toEqual([1, '']);
    expect(run.stderr.trim()).toMatch(line);
    expect(run.stderr.trim().split('\n')).toHaveLength(1);
    expect(run.stderr).not.toContain(identityOf(url).password);
  });

  it('is not safe: status says so with exit code 3', async () => {
    const run = await cli<{ safe: boolean; checks: { check: string; state: string }[] }>(['status', '--json'], { DATABASE_URL: await elsewhere() });
    expect(run).toMatchObject({ code: 3, json: { safe: false, checks: [{ check: 'database', state: 'unsafe' }] } });
  });

  it('is not made by looking for it', async () => {
    const DATA_DIR = join(folder, 'data');
    expect(await cli(['status'], { DATA_DIR })).toMatchObject({ code: 3, stdout: expect.stringContaining('there is none in') });
    expect(existsSync(DATA_DIR)).toBe(false);
  });
});

describe('settings that are wrong', () => {
  it('are all named, without their values', async () => {
    const run = await cli(['migrate', '--json'], { NODE_ENV: 'production', JWT_SECRET: 'short-secret', PORT: 'http' });
    expect(run).toMatchObject({ code: 1, stderr: '', json: { error: { code: 'SETTINGS' } } });
    expect(run.stdout).toMatch(/PORT .*JWT_SECRET .*DATABASE_URL is required/);
    expect(run.stdout).not.toContain('short-secret');
  });
});

describe('env:example', () => {
  it('prints the settings, whatever the environment says', async () => {
    expect(await cli(['env:example'], { NODE_ENV: 'production', PORT: 'http' })).toMatchObject({ code: 0, stdout: envExample() });
  });
});

describe('--help and --version', () => {
  it('are no failure', async () => {
    const help = await cli(['--help']);
    expect(help.code).toBe(0);
    for (const name of ['setup', 'migrate', 'migrate:status', 'migrate:down', 'roles', 'user:create', 'user:password', 'key:create', 'env:example', 'status']) {
      expect(help.stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'));
    }
    expect(await cli(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });
});
