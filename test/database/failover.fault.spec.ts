import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ADMIN } from '../support/app.js';
import { databaseOn, onConnection } from '../support/cluster.js';
import type { TestDatabase } from '../support/database.js';
import { clientOf } from '../support/http.js';
import { limitAll } from '../support/ideas.js';
import { Load, NOTHING_BROKEN } from '../support/load.js';
import { hasPgBouncer, type PgBouncer, startPgBouncer } from '../support/pgbouncer.js';
import { until } from '../support/timing.js';
import { describeOnPostgres15, hasPostgres15, type Postgres15, serverOf, startPostgres15, unprivileged } from '../support/postgres15.js';
import { type ServerProcess, startServerProcess, stopServerProcesses, whenReady } from '../support/server-process.js';

const AGENTS = 10;

(hasPgBouncer && hasPostgres15 ? describe : describe.skip)('a primary that dies, with a synchronous standby', () => {
  let primary: Postgres15;
  let standby: Postgres15;
  let db: TestDatabase;
  let pgbouncer: PgBouncer;
  let server: ServerProcess;
  beforeAll(async () => {
    primary = await startPostgres15(false, { wal_level: 'replica', max_wal_senders: '5' });
    db = await databaseOn({ adminUrl: primary.adminUrl } as never);
    standby = await primary.standby();
    // From here on nothing is answered that the standby has not.
    await onConnection(primary.adminUrl, async (client) => {
      await client.query(`alter system set synchronous_standby_names = '*'`);
      await client.query('select pg_reload_conf()');
    });
    await until(async () => (await db.query(`select 1 from pg_stat_replication where sync_state = 'sync'`)).length === 1, 10_000);
    pgbouncer = await startPgBouncer(db.url, db.adminUrl);
    server = await startServerProcess({ env: { DATABASE_URL: pgbouncer.url, MIGRATE_ON_START: 'off', DB_NAMED_STATEMENTS: 'off', DB_LISTEN: 'off' } });
    await whenReady(server.base);
  });
  afterAll(async () => {
    await stopServerProcesses();
    await pgbouncer?.remove();
    await standby?.remove();
    await primary?.remove();
  });

  it('is followed by the standby under load: PgBouncer is pointed at it, clients come back by themselves, nothing that was answered is lost', async () => {
    const { body: { accessToken } } = await clientOf(server.base)<{ accessToken: string }>('POST', '/auth/login', { body: ADMIN });
    const people = clientOf(server.base, accessToken);
    await limitAll({ http: people });
    const agents = await Promise.all(Array.from({ length: AGENTS }, async (_, n) => (await people<{ id: string; apiKey: string }>('POST', '/agents', { body: { name: `failover-${n}`, mode: 'paper' } })).body));
    const load = new Load({ bases: () => [server.base], adminToken: () => accessToken, agents, seed: 3 });
    load.start();
    await until(() => load.answered > 10 * AGENTS && load.trades.size > 0, 20_000);
    await primary.kill();
    const diedAt = performance.now();
    await onConnection(standby.adminUrl, async (client) => {
      await client.query('select pg_promote()');
      // It was told to wait for a standby of its own, by what it copied.
      await client.query(`alter system reset synchronous_standby_names`);
      await client.query('select pg_reload_conf()');
    });
    await pgbouncer.pointAt({ host: '127.0.0.1', port: standby.port });
    const seconds = await load.untilAnswered(diedAt);
    const before = load.answered;
    await until(() => load.answered > before + 10 * AGENTS, 20_000);
    await load.stop();
    process.stdout.write(`failover: answers again after ${seconds.toFixed(2)} s\n`);
    expect(load.faults).toEqual([]);
    const now = { query: (text: string) => onConnection(standby.adminUrl.replace(/\/postgres$/, `/${db.name}`), async (client) => (await client.query(text)).rows) };
    expect(await load.compare(now as never)).toEqual(NOTHING_BROKEN);
    await whenReady(server.base);
  });
});

describeOnPostgres15('the log of changes, kept beside a copy', () => {
  const servers: Postgres15[] = [];
  const folders: string[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.remove();
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  /** Of the user that PostgreSQL runs as. */
  function folderOf(name: string): string {
    const folder = mkdtempSync(join(tmpdir(), `tradewarden-${name}-`));
    folders.push(folder);
    const user = unprivileged();
    if (user) execFileSync('chown', [`${user.uid}:${user.gid}`, folder]);
    return folder;
  }

  it('brings back the moment before a mistake, with archive_command, pg_basebackup and recovery_target_time as docs/operations.md says', async () => {
    const archive = folderOf('archive');
    const settings = { wal_level: 'replica', archive_mode: 'on', archive_command: `test ! -f ${archive}/%f && cp %p ${archive}/%f`, max_wal_senders: '5' };
    const live = await startPostgres15(false, settings);
    servers.push(live);
    const ask = <Row extends object>(url: string, text: string) => onConnection(url, async (client) => (await client.query<Row>(text)).rows);
    await ask(live.adminUrl, 'create table kept (n int)');
    const copy = folderOf('copy');
    execFileSync('/usr/lib/postgresql/15/bin/pg_basebackup', ['-D', join(copy, 'data'), '-d', `${live.adminUrl.replace(/\/postgres$/, '')}/?application_name=copy`, '-X', 'none', '-c', 'fast'],
      { ...unprivileged(), cwd: '/', env: { PATH: '/usr/bin:/bin' }, stdio: 'ignore' });
    await ask(live.adminUrl, 'insert into kept select generate_series(1, 100)');
    const [moment] = await ask<{ at: string }>(live.adminUrl, 'select clock_timestamp()::text as at');
    await ask(live.adminUrl, 'select pg_sleep(0.1)');
    await ask(live.adminUrl, 'delete from kept');
    const [{ last = '' } = {}] = await ask<{ last: string }>(live.adminUrl, 'select pg_walfile_name(pg_switch_wal()) as last');
    await until(async () => (await ask<{ done: boolean }>(live.adminUrl, `select coalesce(last_archived_wal >= '${last}', false) as done from pg_stat_archiver`))[0]?.done === true, 10_000);

    const place = folderOf('back');
    mkdirSync(dirname(join(place, 'data')), { recursive: true });
    cpSync(join(copy, 'data'), join(place, 'data'), { recursive: true, preserveTimestamps: true });
    appendFileSync(join(place, 'data', 'postgresql.auto.conf'), `restore_command = 'cp ${archive}/%f %p'\nrecovery_target_time = '${moment?.at}'\nrecovery_target_action = 'promote'\n`);
    writeFileSync(join(place, 'data', 'recovery.signal'), '');
    const user = unprivileged();
    if (user) execFileSync('chown', ['-R', `${user.uid}:${user.gid}`, place]);
    execFileSync('chmod', ['-R', 'go-rwx', join(place, 'data')]);
    const back = await serverOf(place, { archive_mode: 'off' });
    servers.push(back);
    await until(async () => (await ask<{ over: boolean }>(back.adminUrl, 'select not pg_is_in_recovery() as over'))[0]?.over === true, 15_000);
    expect(await ask(back.adminUrl, 'select count(*)::int as n from kept')).toEqual([{ n: 100 }]);
    // What is live was not touched.
    expect(await ask(live.adminUrl, 'select count(*)::int as n from kept')).toEqual([{ n: 0 }]);
  });
});
