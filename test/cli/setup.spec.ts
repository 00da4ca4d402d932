import { afterAll, describe, expect, it } from '@jest/globals';
import { MIGRATIONS } from '../../src/database/migrations.js';
import { cli } from '../support/cli.js';
import { onConnection } from '../support/cluster.js';
import { asAdmin, dropFresh, freshNames } from '../support/fresh-database.js';

const ALL = MIGRATIONS.map(({ name }) => name);
afterAll(dropFresh);

interface SetupAnswer { databaseCreated: boolean; writerCreated: boolean; migrations: string[]; administrator: { email: string } | null; roles: string; verified: boolean }

describe('setup', () => {
  it('makes database, roles, schema and administrator from nothing, says so, and does nothing the second time', async () => {
    const { ownerUrl, url, writer } = await freshNames();
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
    const { ownerUrl, url } = await freshNames();
    const env = { DATABASE_URL: url, DATABASE_OWNER_URL: ownerUrl };
    const { stdout } = await cli(['setup'], env);
    expect(stdout).toMatch(/made admin@tradewarden\.local\n +password \(shown once\): [\w-]{20}\n/);
    expect((await cli(['setup'], env)).stdout).not.toContain('password');
  });

  it('says what it may not do, changes nothing, and leaves exit code 1', async () => {
    const noRights = await freshNames('nocreatedb nocreaterole');
    const missing = await cli(['setup'], { DATABASE_URL: noRights.url, DATABASE_OWNER_URL: noRights.ownerUrl });
    expect([missing.code, missing.stdout]).toEqual([1, '']);
    expect(missing.stderr).toMatch(new RegExp(`^There is no database ${noRights.database}, and ${noRights.owner} may not create one: [^\n]*\n$`));
    const noRoles = await freshNames('createdb nocreaterole');
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

describe('setup with two URLs of different databases on one server', () => {
  it('makes neither database nor writer', async () => {
    const { ownerUrl, url, writer, database } = await freshNames();
    const run = await cli(['setup'], { DATABASE_URL: `${url}_typo`, DATABASE_OWNER_URL: ownerUrl });
    expect([run.code, run.stdout]).toEqual([1, '']);
    expect(run.stderr).toMatch(new RegExp(`^DATABASE_URL names the database ${database}_typo, DATABASE_OWNER_URL ${database}: `));
    const there = await asAdmin(`select rolname as name from pg_roles where rolname = '${writer}' union all select datname from pg_database where datname like '${database}%'`);
    expect(there.rows).toEqual([]);
  });
});

describe('roles', () => {
  it('makes a writer for a database with one role, shows its URL once, and the writer cannot change history', async () => {
    const { ownerUrl, database } = await freshNames();
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
    const { ownerUrl } = await freshNames('createdb nocreaterole');
    await cli(['setup'], { DATABASE_URL: ownerUrl });
    const run = await cli(['roles'], { DATABASE_URL: ownerUrl });
    expect([run.code, run.stdout]).toEqual([1, '']);
    expect(run.stderr).toMatch(/permission denied to create role/);
  });
});
