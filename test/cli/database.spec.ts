import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { MIGRATIONS } from '../../src/database/migrations.js';
import { withIdentity } from '../../src/database/roles.js';
import { cli } from '../support/cli.js';
import { onConnection } from '../support/cluster.js';
import { testServer } from '../support/database.js';

const { adminUrl } = testServer();
const ALL = MIGRATIONS.map(({ name }) => name);
const asAdmin = (statement: string) => onConnection(adminUrl, (admin) => admin.query(statement));

const made: { databases: string[]; roles: string[] } = { databases: [], roles: [] };
afterAll(async () => {
  for (const name of made.databases) await asAdmin(`drop database if exists ${name} with (force)`);
  for (const name of made.roles) await asAdmin(`drop role if exists ${name}`);
});

/** Names that nobody has yet; what is made under them is removed. */
function names() {
  const suffix = randomBytes(4).toString('hex');
  const all = { database: `cli_${suffix}`, owner: `cli_owner_${suffix}`, writer: `cli_writer_${suffix}` };
  made.databases.push(all.database);
  made.roles.push(all.writer, `${all.database}_writer`, all.owner);
  return all;
}

/** An owner that may do so much and is no superuser, and the URLs of a database and a writer that are not there. */
async function fresh(rights = 'createdb createrole') {
  const { database, owner, writer } = names();
  await asAdmin(`create role ${owner} login password 'of-the-owner' nosuperuser ${rights}`);
  return {
    database, owner, writer,
    ownerUrl: withIdentity(adminUrl, { user: owner, password: 'of-the-owner', database }),
    url: withIdentity(adminUrl, { user: writer, password: 'of-the-writer', database }),
  };
}

interface SetupAnswer { databaseCreated: boolean; writerCreated: boolean; migrations: string[]; administrator: { email: string } | null; roles: string; verified: boolean }

describe('setup', () => {
  it('makes database, roles, schema and administrator from nothing, says so, and does nothing the second time', async () => {
    const { ownerUrl, url, writer } = await fresh();
    const env = { DATABASE_URL: url, DATABASE_OWNER_URL: ownerUrl, ADMIN_EMAIL: 'first@example.com', ADMIN_PASSWORD: 'correct horse battery' };
    const first = await cli<SetupAnswer>(['setup', '--json'], env);
    expect(first).toMatchObject({
      code: 0, stderr: '',
      json: { databaseCreated: true, writerCreated: true, migrations: ALL, administrator: { email: 'first@example.com', password: null }, roles: 'separate', verified: true, notes: [] },
    });
    const second = await cli(['setup'], env);
    expect(second.code).toBe(0);
    expect(second.stdout).toMatch(/^schema +was up to date$/m);
    expect(second.stdout).toMatch(/^administrator +nobody made$/m);
    expect(second.stdout).not.toMatch(/created/);
    expect(await onConnection(ownerUrl, async (owner) => (await owner.query(`select count(*)::int as n from events where type = 'setup.verified'`)).rows)).toEqual([{ n: 0 }]);
    const status = await cli<{ safe: boolean }>(['status', '--json'], env);
    expect(status).toMatchObject({ code: 0, json: { safe: true, roles: 'separate', pending: [] } });
    expect(await cli(['roles'], env)).toMatchObject({ code: 0, stdout: expect.stringContaining(`${writer} writes`) });
  });

  it('makes one administrator with a password that is shown once, where nobody said who', async () => {
    const { ownerUrl, url } = await fresh();
    const env = { DATABASE_URL: url, DATABASE_OWNER_URL: ownerUrl };
    const { stdout } = await cli(['setup'], env);
    expect(stdout).toMatch(/made admin@tradewarden\.local\n +password \(shown once\): [\w-]{20}\n/);
    expect((await cli(['setup'], env)).stdout).not.toContain('password');
  });

  it('says what it may not do, changes nothing, and leaves exit code 1', async () => {
    const noRights = await fresh('nocreatedb nocreaterole');
    const missing = await cli(['setup'], { DATABASE_URL: noRights.url, DATABASE_OWNER_URL: noRights.ownerUrl });
    expect([missing.code, missing.stdout]).toEqual([1, '']);
    expect(missing.stderr).toMatch(new RegExp(`^There is no database ${noRights.database}, and ${noRights.owner} may not create one: [^\n]*\n$`));
    const noRoles = await fresh('createdb nocreaterole');
    const env = { DATABASE_URL: noRoles.url, DATABASE_OWNER_URL: noRoles.ownerUrl };
    expect((await cli(['setup'], env)).stderr).toMatch(new RegExp(`^There is no role ${noRoles.writer}, and ${noRoles.owner} may not create one`));
    await asAdmin(`create role ${noRoles.writer} login password 'another'`);
    const refused = await cli(['setup', '--json'], env);
    expect(refused).toMatchObject({ code: 1, json: { error: { code: 'WRITER_REFUSED', message: expect.not.stringContaining('of-the-writer') } } });
    expect(await onConnection(noRoles.ownerUrl, async (owner) => (await owner.query(`select to_regclass('migrations') as there`)).rows)).toEqual([{ there: null }]);
    await asAdmin(`alter role ${noRoles.writer} password 'of-the-writer'`);
    expect((await cli(['setup'], env)).code).toBe(0);
  });
});

describe('roles', () => {
  it('makes a writer for a database with one role, shows its URL once, and the writer cannot change history', async () => {
    const { ownerUrl, database } = await fresh();
    const setup = await cli<SetupAnswer>(['setup', '--json'], { DATABASE_URL: ownerUrl });
    expect(setup).toMatchObject({ code: 0, json: { roles: 'single', writerCreated: false, notes: [expect.stringContaining('roles')] } });
    const before = await cli<{ safe: boolean; checks: { check: string; state: string }[] }>(['status', '--json'], { DATABASE_URL: ownerUrl });
    expect(before).toMatchObject({ code: 0, json: { safe: true } });
    expect(before.json.checks.filter(({ state }) => state !== 'ok').map(({ check }) => check)).toEqual(['roles']);

    const roles = await cli(['roles'], { DATABASE_URL: ownerUrl });
    expect([roles.code, roles.stderr]).toEqual([0, '']);
    const url = /^ {2}DATABASE_URL=(\S+)$/m.exec(roles.stdout)?.[1] ?? '';
    expect(new URL(url).username).toBe(`${database}_writer`);
    await onConnection(url, async (writer) => {
      for (const statement of ['delete from events', 'update auth_audit set kind = kind', 'create table mine (n int)', 'drop table users']) {
        await expect(writer.query(statement)).rejects.toMatchObject({ code: '42501' });
      }
      expect((await writer.query('show statement_timeout')).rows).toEqual([{ statement_timeout: '15s' }]);
    });
    expect(await cli(['status'], { DATABASE_URL: url, DATABASE_OWNER_URL: ownerUrl })).toMatchObject({ code: 0, stdout: expect.not.stringMatching(/warning|unsafe/) });

    const again = await cli(['roles', '--json'], { DATABASE_URL: ownerUrl });
    expect(again).toMatchObject({ code: 1, json: { error: { code: 'ROLE_EXISTS' } } });
    const other = await cli<{ databaseUrl: string; made: boolean }>(['roles', '--new-password', '--json'], { DATABASE_URL: ownerUrl });
    expect(other).toMatchObject({ code: 0, json: { made: false } });
    await onConnection(other.json.databaseUrl, (writer) => writer.query('select 1'));
    await expect(onConnection(url, (writer) => writer.query('select 1'))).rejects.toMatchObject({ code: '28P01' });
  });

  it('leaves nothing when the owner may not make roles', async () => {
    const { ownerUrl } = await fresh('createdb nocreaterole');
    await cli(['setup'], { DATABASE_URL: ownerUrl });
    const run = await cli(['roles'], { DATABASE_URL: ownerUrl });
    expect([run.code, run.stdout]).toEqual([1, '']);
    expect(run.stderr).toMatch(/permission denied to create role/);
  });
});

describe('migrations', () => {
  let env: Record<string, string>;
  afterEach(() => asAdmin('select 1'));

  it('from six processes at once on an empty database are applied by one, and all succeed', async () => {
    const { ownerUrl, url, database, writer } = await fresh();
    await onConnection(withIdentity(ownerUrl, { database: 'postgres' }), (owner) => owner.query(`create database ${database}`));
    await asAdmin(`create role ${writer} login password 'of-the-writer'`);
    env = { DATABASE_URL: url, DATABASE_OWNER_URL: ownerUrl };
    const runs = await Promise.all(Array.from({ length: 6 }, () => cli<{ applied: string[] }>(['migrate', '--json'], env)));
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(runs.map(({ json }) => json.applied.length).sort()).toEqual([0, 0, 0, 0, 0, ALL.length]);
    expect(await onConnection(ownerUrl, async (owner) => (await owner.query('select name from migrations order by id')).rows)).toEqual(ALL.map((name) => ({ name })));
  });

  it('are taken back one at a time, only when that is meant, and applied again', async () => {
    expect((await cli(['migrate:down'], env)).code).toBe(2);
    for (const name of [...ALL].reverse()) expect((await cli(['migrate:down', '--yes', '--json'], env)).json).toEqual({ undone: name });
    expect(await cli(['migrate:down', '--yes'], env)).toMatchObject({ code: 0, stdout: 'There is no migration to take back.\n' });
    expect((await cli(['migrate:status', '--json'], env)).json).toEqual({ applied: [], pending: ALL, ahead: [] });
    const behind = await cli<{ safe: boolean; pending: string[] }>(['status', '--json'], env);
    expect(behind).toMatchObject({ code: 3, json: { safe: false, pending: ALL } });
    expect(await cli(['user:create', 'a@example.com', '--role', 'viewer'], env)).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^the schema is behind by .*\n$/) });
    expect((await cli(['migrate'], env)).stdout).toBe(`Applied:\n${ALL.map((name) => `  ${name}\n`).join('')}`);
    expect((await cli(['status'], env)).code).toBe(0);
  });
});
