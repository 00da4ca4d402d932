import { afterAll, describe, expect, it } from '@jest/globals';
import { MIGRATIONS } from '../../src/database/migrations.js';
import { withIdentity } from '../../src/database/roles.js';
import { cli } from '../support/cli.js';
import { onConnection } from '../support/cluster.js';
import { asAdmin, dropFresh, freshNames } from '../support/fresh-database.js';

const ALL = MIGRATIONS.map(({ name }) => name);
afterAll(dropFresh);

describe('migrations', () => {
  let env: Record<string, string>;

  it('from six processes at once on an empty database are applied by one, and all succeed', async () => {
    const { ownerUrl, url, database, writer } = await freshNames();
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
    // A process for each of them.
  });
});
