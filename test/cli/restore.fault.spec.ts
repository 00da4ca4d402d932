import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { migrateDown, migrateUp } from '../../src/database/migrate.js';
import { withIdentity } from '../../src/database/roles.js';
import { cli, diesAt } from '../support/cli.js';
import { onConnection } from '../support/cluster.js';
import { describeOnPostgres15 } from '../support/postgres15.js';
import { type Restorable, restorable } from '../support/restores.js';


describeOnPostgres15('a restore that fails', () => {
  let r: Restorable;
  let name: string;
  beforeAll(async () => {
    r = await restorable();
    await r.db.query(`insert into accounts (id, name, kind, currency, margin_mode) values (gen_random_uuid(), 'first', 'demo', 'EUR', 'hedging')`);
    name = await r.backUp();
    await r.db.query(`insert into accounts (id, name, kind, currency, margin_mode) values (gen_random_uuid(), 'after the backup', 'demo', 'EUR', 'hedging')`);
  });
  afterAll(() => r.end());

  const accounts = async () => (await onConnection(withIdentity(r.server.adminUrl, { database: 'tradewarden' }), async (client) => (await client.query<{ name: string }>('select name from accounts order by seq')).rows)).map((row) => row.name);
  const halts = async () => (await onConnection(withIdentity(r.server.adminUrl, { database: 'tradewarden' }), async (client) => (await client.query(`select 1 from halts`)).rowCount));
  const asAdmin = (statement: string) => onConnection(r.server.adminUrl, (client) => client.query(statement));
  /** The pool of this test's own looks is a connection too. */
  const restore = (args: string[], ...more: [hear?: Parameters<Restorable['restore']>[1], env?: Record<string, string>]) => r.restore([...args, '--disconnect'], ...more);
  const untouched = async () => {
    expect([await accounts(), await halts(), await r.databases()]).toEqual([['first', 'after the backup'], 0, ['tradewarden']]);
  };

  it('without a word changes nothing: on no terminal, RESTORE is not asked for', async () => {
    expect(await restore([name])).toMatchObject({ code: 2, json: { error: { code: 'WRONG_USAGE' } } });
    expect(await restore([])).toMatchObject({ code: 2 });
    expect(await restore([name, '--continue'])).toMatchObject({ code: 2 });
    await untouched();
  });

  it.each<[string, string, string[]]>([
    ['of nothing', 'NO_BACKUP', ['tradewarden-20200101T000000Z-00000000', '--yes']],
    ['into a name that is taken', 'NAME_TAKEN', ['latest', '--into', 'tradewarden']],
    ['with nothing to go on with', 'NOTHING_TO_CONTINUE', ['--continue', '--yes']],
  ])('%s says so', async (_what, code, args) => {
    expect(await restore(args)).toMatchObject({ code: 1, json: { error: { code } } });
    await untouched();
  });

  it('says that a backup was never proven, and takes it where that is meant', async () => {
    const hope = await r.backUp(false);
    expect(await restore([hope, '--yes'])).toMatchObject({ code: 1, json: { error: { code: 'NOT_VERIFIED' } } });
    expect(await restore([hope, '--unverified', '--into', 'looked_at'])).toMatchObject({ code: 0, json: { database: 'looked_at', before: null } });
    expect(await onConnection(withIdentity(r.server.adminUrl, { database: 'looked_at' }), async (client) => (await client.query(`select source from halts where released_at is null`)).rows)).toEqual([{ source: 'restore' }]);
    await asAdmin('drop database looked_at');
    await untouched();
  });

  it.each([
    ['manifest.json', (text: Buffer) => Buffer.from(text.toString().replace('"format": 1', '"format": 2'))],
    ['manifest.json', (text: Buffer) => Buffer.from(text.toString().replace(/"rows": \d+/, '"rows": 7'))],
    ['SHA256SUMS', (text: Buffer) => text.subarray(0, text.length - 10)],
    ['dump.pgc', (bytes: Buffer) => bytes.subarray(0, bytes.length - 100)],
    ['dump.pgc', (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 5_000), Buffer.from([(bytes[5_000] ?? 0) ^ 1]), bytes.subarray(5_001)])],
  ])('finds that %s was changed, and names it', async (file, change) => {
    const path = join(r.folder, name, file);
    const bytes = readFileSync(path);
    writeFileSync(path, change(bytes));
    const run = await restore([name, '--yes']);
    writeFileSync(path, bytes);
    expect(run).toMatchObject({ code: 1, json: { error: { code: 'BACKUP_DAMAGED', message: expect.stringMatching(/manifest\.json|SHA256SUMS|dump\.pgc/) } } });
    await untouched();
  });

  it('refuses the writer with the setting that is missing, and gives no advice that would make him more than he is', async () => {
    const { DATABASE_OWNER_URL: _, ...env } = r.env;
    for (const args of [['restore', name, '--yes', '--disconnect', '--json'], ['restore:drill', '--json']]) {
      const run = await cli<{ error: { code: string; message: string } }>(args, env);
      expect(run).toMatchObject({ code: 1, json: { error: { message: expect.stringContaining('set DATABASE_OWNER_URL, of its owner owner') } } });
      expect(run.json.error.message).not.toContain('createdb');
    }
    await untouched();
  });

  it('refuses a role that may not make databases, with the statement that lets it', async () => {
    await asAdmin('alter role owner nocreatedb');
    const run = await restore([name, '--yes']);
    await asAdmin('alter role owner createdb');
    expect(run).toMatchObject({ code: 1, json: { error: { code: 'NO_RIGHTS', message: expect.stringContaining('alter role "owner" createdb') } } });
    await untouched();
  });

  it('refuses a wrong password, and never shows one', async () => {
    const run = await cli<{ error: { code: string } }>(['restore', name, '--yes', '--json'], { ...r.env, DATABASE_OWNER_URL: withIdentity(r.db.ownerUrl, { password: 'not-this-one-at-all' }) });
    expect([run.code, run.json.error.code, /not-this-one|owner-of-the-cluster/.test(run.stdout + run.stderr)]).toEqual([1, 'DATABASE_UNAVAILABLE', false]);
    await untouched();
  });

  it('refuses the backup of another system', async () => {
    await onConnection(withIdentity(r.server.adminUrl, { database: 'tradewarden' }), (client) => client.query(`set session_replication_role = replica; update accounts set id = gen_random_uuid() where name = 'first'`));
    expect(await restore([name, '--yes'])).toMatchObject({ code: 1, json: { error: { code: 'OTHER_SYSTEM' } } });
    const [original] = await r.db.query<{ id: string }>('select id from accounts order by seq limit 1');
    expect(original).toBeDefined();
    await untouched();
    expect(await restore([name, '--into', 'of_another', '--other-system'])).toMatchObject({ code: 0 });
    const [first] = await onConnection(withIdentity(r.server.adminUrl, { database: 'of_another' }), async (client) => (await client.query<{ id: string }>('select id from accounts order by seq limit 1')).rows);
    await onConnection(withIdentity(r.server.adminUrl, { database: 'tradewarden' }), (client) => client.query(`set session_replication_role = replica; update accounts set id = '${first?.id}' where name = 'first'`));
    await asAdmin('drop database of_another');
  });

  it('killed at any step leaves the live database as it is, and the next one clears up', async () => {
    for (const step of ['reading the backup', 'making', 'restoring', 'comparing', 'migrating', 'counting on', 'halting']) {
      const run = await restore([name, '--yes'], (stderr, child) => {
        if (stderr.includes(step)) child.kill('SIGKILL');
        // At the latest when it would swap: while this process stands still it has time for that.
      }, diesAt('swapping'));
      expect([step, run.code, await accounts(), await halts()]).toEqual([step, null, ['first', 'after the backup'], 0]);
    }
    expect((await restore([name, '--into', 'next_one'])).code).toBe(0);
    await asAdmin('drop database next_one');
    // Whatever the killed one's pg_restore was still doing, nothing of it is left.
    await untouched();
  });

  it.each([['before', true], ['while', false]])('killed %s it swaps has swapped or not, and --continue does what is left to do', async (_when, isBefore) => {
    const run = await restore([name, '--yes'], (stderr, child) => {
      if (stderr.includes('swapping')) child.kill('SIGKILL');
    }, isBefore ? diesAt('swapping') : {});
    // It may be over before this process has heard of it.
    expect(isBefore ? [null] : [null, 0]).toContain(run.code);
    const left = await r.databases();
    const isLeft = left.some((each) => each.includes('_restore_'));
    if (isBefore) expect(isLeft).toBe(true);
    if (isLeft) {
      expect(await accounts()).toEqual(['first', 'after the backup']);
      expect(await restore(['--continue', '--yes'])).toMatchObject({ code: 0, json: { database: 'tradewarden', before: expect.any(String) } });
    }
    expect([await accounts(), await halts()]).toEqual([['first'], 1]);
    const [old] = (await r.databases()).filter((each) => each.includes('_before_'));
    await asAdmin(`select pg_terminate_backend(pid) from pg_stat_activity where datname = 'tradewarden'`);
    await asAdmin(`alter database tradewarden rename to done`);
    await asAdmin(`alter database ${old} rename to tradewarden`);
    await asAdmin(`drop database done with (force)`);
    await asAdmin(`comment on database tradewarden is null`);
    await untouched();
  });

  it('brings an older schema up to this version, and refuses a newer one', async () => {
    const newest = await migrateDown(r.db.ownerUrl);
    const older = await r.backUp();
    await migrateUp(r.db.ownerUrl, { writer: 'writer' });
    expect(await restore([older, '--into', 'of_an_older_one'])).toMatchObject({ code: 0, json: { migrations: [newest] } });
    await asAdmin('drop database of_an_older_one');
    await r.db.query(`insert into migrations (timestamp, name) values (9999999999999, 'OfTomorrow9999999999999')`);
    const newer = await r.backUp();
    await r.db.query(`delete from migrations where name = 'OfTomorrow9999999999999'`);
    expect(await restore([newer, '--yes'])).toMatchObject({ code: 1, json: { error: { code: 'BACKUP_NEWER', message: expect.stringContaining('OfTomorrow') } } });
    await untouched();
  });

  it('that does not fit on the disk says so and leaves nothing of itself', async () => {
    // A full disk as pg_restore meets it: the server says an error in the middle.
    await asAdmin(`alter role owner set temp_file_limit = '1kB'; alter role owner set maintenance_work_mem = '1MB'`);
    await r.db.query(`insert into events (type, actor, data) select 'test.filled', 'system', jsonb_build_object('n', n) from generate_series(1, 60000) n`);
    const large = await r.backUp(false);
    const run = await restore([large, '--yes', '--unverified']);
    await asAdmin(`alter role owner reset temp_file_limit; alter role owner reset maintenance_work_mem`);
    expect(run).toMatchObject({ code: 1, json: { error: { code: 'RESTORE_FAILED', message: expect.stringMatching(/temporary file size exceeds.*Nothing was changed/) } } });
    await untouched();
  });

  it('says that what was live is retired', async () => {
    await r.db.query(`insert into halts (scope_type, mode, reason, source, imposed_by) values ('global', 'halt', 'x', 'retirement', 'system')`);
    const run = await restore([name, '--into', 'beside_a_retired_one']);
    await r.db.query(`alter table halts disable trigger user; delete from halts`);
    expect(run.json.notes).toEqual([expect.stringContaining('tradewarden retire')]);
    await asAdmin('drop database beside_a_retired_one');
    await untouched();
  });

  it('is alone: of several at once one is done, and the others are told', async () => {
    const runs = await Promise.all([1, 2, 3].map((n) => restore([name, '--into', `at_once_${n}`])));
    const done = runs.filter(({ code }) => code === 0);
    expect(done.length).toBeGreaterThanOrEqual(1);
    for (const run of runs.filter(({ code }) => code !== 0)) expect(run.json.error.code).toBe('RESTORE_RUNNING');
    for (const n of [1, 2, 3]) await asAdmin(`drop database if exists at_once_${n}`);
    await untouched();
  });

  it('on a machine without the database makes it', async () => {
    await asAdmin(`select pg_terminate_backend(pid) from pg_stat_activity where datname = 'tradewarden'`);
    await asAdmin('alter database tradewarden rename to away');
    const run = await r.restore([name, '--yes']);
    expect(run).toMatchObject({ code: 0, json: { database: 'tradewarden', before: null } });
    expect([await accounts(), await halts()]).toEqual([['first'], 1]);
    await asAdmin('drop database tradewarden with (force)');
    await asAdmin('alter database away rename to tradewarden');
    await untouched();
  });
});
