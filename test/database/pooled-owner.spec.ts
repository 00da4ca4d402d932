import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { migrateUp } from '../../src/database/migrate.js';
import { ImportSession } from '../../src/legacy/load/import-session.js';
import { alone } from '../../src/restore/restore-database.js';
import { startTestApp } from '../support/app.js';
import { cli } from '../support/cli.js';
import { onConnection } from '../support/cluster.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { hasPgBouncer, type PgBouncer, startPgBouncer } from '../support/pgbouncer.js';
import { until } from '../support/timing.js';

(hasPgBouncer ? describe : describe.skip)('the owner behind a pooler', () => {
  let db: TestDatabase;
  const poolers: PgBouncer[] = [];
  beforeAll(async () => {
    db = await createTestDatabase();
  });
  afterAll(async () => {
    for (const pooler of poolers) await pooler.remove();
    await db?.drop();
  });

  const pooler = async (settings: Record<string, string>): Promise<PgBouncer> => {
    const made = await startPgBouncer(db.ownerUrl, db.adminUrl, settings);
    poolers.push(made);
    return made;
  };
  const locks = () => db.query(`select pid from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = $1)`, [db.name]);
  const timeouts = (url: string) => onConnection(url, async (client) => (await client.query(`select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock`)).rows);

  it('in transaction mode is refused by what locks for a session, which leaves neither a lock nor its settings to others', async () => {
    const { url } = await pooler({});
    const before = await timeouts(url);
    for (const command of ['migrate', 'setup']) {
      const run = await cli(['--json', command], { DATABASE_URL: db.url, DATABASE_OWNER_URL: url });
      expect([command, run.code, run.stdout]).toEqual([command, 1, expect.stringContaining('DATABASE_OWNER_URL (DATABASE_URL where that is not set) goes through a transaction pooler')]);
    }
    await expect(alone(url, db.name, async () => undefined)).rejects.toThrow(/transaction pooler/);
    await expect(ImportSession.open(url)).rejects.toThrow(/DATABASE_UNPOOLED_URL .* transaction pooler/);
    expect([await locks(), await timeouts(url)]).toEqual([[], before]);
  });

  it('in transaction mode keeps no server from starting that has nothing to migrate', async () => {
    const { url } = await pooler({});
    const app = await startTestApp({ DATABASE_OWNER_URL: url, MIGRATE_ON_START: 'on' }, db);
    expect((await app.http('GET', '/agents')).status).toBe(200);
    await app.close();
    expect(await locks()).toEqual([]);
  });

  it('in transaction mode is found also while others take its connections', async () => {
    const { url } = await pooler({ default_pool_size: '4' });
    let isOver = false;
    const others = Promise.all(Array.from({ length: 6 }, () => onConnection(url, async (client) => {
      while (!isOver) {
        await client.query('select pg_sleep(0.002)');
        await pause(1);
      }
    })));
    for (let n = 0; n < 10; n++) await expect(alone(url, db.name, async () => undefined)).rejects.toThrow(/transaction pooler/);
    isOver = true;
    await others;
    expect(await locks()).toEqual([]);
  });

  it.each(['5', '1'])('in session mode is as good as none, with %s connections', async (size) => {
    const { url } = await pooler({ pool_mode: 'session', default_pool_size: size });
    expect(await alone(url, db.name, async () => (await locks()).length)).toBe(1);
    if (size !== '1') expect((await migrateUp(url)).applied).toEqual([]);
    // It cleans a connection when it is given back.
    await until(async () => (await locks()).length === 0, 5_000);
  });
});
