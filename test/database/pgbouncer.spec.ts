import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { withIdentity } from '../../src/database/roles.js';
import { ADMIN, type TestAgent } from '../support/app.js';
import { cli } from '../support/cli.js';
import { onConnection } from '../support/cluster.js';
import { createTestDatabase, type TestDatabase, testServer } from '../support/database.js';
import { impose, lease, queueOpening, release } from '../support/halts.js';
import { type Client, clientOf, withinASecond } from '../support/http.js';
import { limitAll } from '../support/ideas.js';
import { Load, NOTHING_BROKEN } from '../support/load.js';
import { hasPgBouncer, type PgBouncer, serves, startPgBouncer } from '../support/pgbouncer.js';
import { expectWithin, until } from '../support/timing.js';
import { newDataDir, type ServerProcess, startServerProcess, stopServerProcesses, whenReady } from '../support/server-process.js';

const WATCH_SECONDS = 1;
const POLLS = 5;

(hasPgBouncer ? describe : describe.skip)('two and three servers behind PgBouncer in transaction mode', () => {
  let db: TestDatabase;
  let pgbouncer: PgBouncer;
  let servers: ServerProcess[] = [];
  let adminToken: string;
  let people: Client[];
  beforeAll(async () => {
    db = await createTestDatabase();
    await db.query(`create table claims (n bigint generated always as identity, name text not null, at timestamptz not null default clock_timestamp(), was text, is_now text, lapsed boolean)`);
    await db.query(`create function note_claim() returns trigger language plpgsql security definer as $$ begin
      insert into claims (name, was, is_now, lapsed) values (new.name, case when tg_op = 'UPDATE' then old.token end, new.token, case when tg_op = 'UPDATE' then old.lease_until < app_clock() end);
      return null;
    end $$`);
    await db.query(`create trigger note_claim after insert or update of token on schedules for each row execute function note_claim()`);
    // Fewer connections than any of the servers would like to have: they share them.
    pgbouncer = await startPgBouncer(db.url, db.adminUrl, { default_pool_size: '8' });
    const start = (more: Record<string, string> = {}) => startServerProcess({
      env: { DATABASE_URL: pgbouncer.url, DATABASE_UNPOOLED_URL: db.url, DATABASE_OWNER_URL: db.ownerUrl, MIGRATE_ON_START: 'off', DB_NAMED_STATEMENTS: 'off', WATCH_EVERY_SECONDS: String(WATCH_SECONDS), ...more },
    });
    servers = await Promise.all([start(), start(), start({ DB_LISTEN: 'off', DB_NAMED_STATEMENTS: 'on' })]);
    await Promise.all(servers.map(({ base }) => whenReady(base)));
    adminToken = (await clientOf(bases()[0] ?? '')<{ accessToken: string }>('POST', '/auth/login', { body: ADMIN })).body.accessToken;
    people = servers.map(({ base }) => clientOf(base, adminToken));
    await limitAll({ http: person() });
  });
  afterAll(async () => {
    await stopServerProcesses();
    await pgbouncer?.remove();
    await db?.drop();
  });

  const bases = () => servers.map(({ base }) => base);
  const person = (n = 0) => people[n] as Client;
  let made = 0;
  const newAgent = async (): Promise<TestAgent> => {
    const { body } = await person(made % 3)<Omit<TestAgent, 'http'>>('POST', '/agents', { body: { name: `pooled-${++made}`, mode: 'paper' } });
    return { ...body, http: clientOf(bases()[0] ?? '', body.apiKey) };
  };
  const at = (n: number, { apiKey }: TestAgent) => clientOf(bases()[n] ?? '', apiKey);
  const system = async (n: number) => (await person(n)<{ events: { listen: string }; pool: { max: number } }>('GET', '/system')).body;

  it('keep the writer, and nobody with another password', async () => {
    expect(await serves(pgbouncer.url)).toBe(true);
    expect(await serves(withIdentity(pgbouncer.url, { password: 'not-the-password' }))).toBe(false);
    expect(await serves(withIdentity(pgbouncer.url, testServer().owner))).toBe(false);
  });

  it('keep the timeouts of the role, which no server sets on its connections', async () => {
    const [row] = await onConnection(pgbouncer.url, async (client) => (await client.query<{ statement: string; idle: string }>(
      `select current_setting('statement_timeout') as statement, current_setting('idle_in_transaction_session_timeout') as idle`)).rows);
    expect(row).toEqual({ statement: '90s', idle: '3min' });
  });

  it('do each command once, lose none, and every trade goes through, whichever server is asked', async () => {
    const agents = await Promise.all(Array.from({ length: 12 }, newAgent));
    const load = new Load({ bases, adminToken: () => adminToken, agents, seed: 11 });
    load.start();
    await until(() => load.completed.size > 40 && load.trades.size > 15, 10_000);
    await load.stop();
    expect(load.faults).toEqual([]);
    expect(await load.compare(db)).toEqual(NOTHING_BROKEN);
    expect(load.refused).toBeLessThan(load.answered / 4);
  });

  it('share few connections: more clients than PostgreSQL ever sees', async () => {
    const agents = await Promise.all(Array.from({ length: 6 }, newAgent));
    let most = 0;
    const asking = Promise.all(agents.flatMap((agent) => [0, 1, 2].map(async (n) => {
      for (let i = 0; i < 10; i++) expect((await at(n, agent)('POST', '/agents/me/heartbeat', { body: { status: 'running' } })).status).toBe(200);
    })));
    const watching = (async () => {
      for (let i = 0; i < 20; i++) {
        const [row] = await db.query<{ n: number }>(`select count(*)::int as n from pg_stat_activity where datname = $1 and usename = $2 and application_name <> 'tradewarden-listen'`, [db.name, testServer().writer.user]);
        most = Math.max(most, row?.n ?? 0);
      }
    })();
    await Promise.all([asking, watching]);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(8);
  });

  it('wake a poll on one server when a command comes in on another, by LISTEN past the pooler', async () => {
    expect([(await system(0)).events.listen, (await system(1)).events.listen, (await system(2)).events.listen]).toEqual(['on', 'on', 'off']);
    const woken = async (waitsAt: number) => {
      const agent = await newAgent();
      let total = 0;
      for (let i = 0; i < POLLS; i++) {
        const polled = at(waitsAt, agent)<{ commands: { id: string; leaseToken: string }[] }>('POST', '/agents/me/commands/lease', { body: { waitSeconds: 20 } }).then((answer) => ({ answer, at: performance.now() }));
        await new Promise((resolve) => setTimeout(resolve, 120 + i * 60));
        await person(1)('POST', `/agents/${agent.id}/commands`, { body: { type: 'custom' } });
        const queuedAt = performance.now();
        const { answer, at: wokenAt } = await polled;
        expect(answer.body.commands).toHaveLength(1);
        total += Math.max(0, wokenAt - queuedAt);
      }
      return total;
    };
    // Beside each other, so that the machine is as busy for both: who does not listen looks once a second.
    await expectWithin(0, async () => {
      const [listening, looking] = await Promise.all([woken(0), woken(2)]);
      return listening - looking;
    });
  });

  it('hold a halt that one imposed on all of them, from its answer on', async () => {
    const agent = await newAgent();
    for (let n = 0; n < 3; n++) await queueOpening({ db } as never, agent);
    const { status, body: halt } = await impose({ http: person(0) }, { type: 'agent', id: agent.id });
    expect([201, 202]).toContain(status);
    for (let n = 0; n < 3; n++) expect((await lease({ ...agent, http: at(n, agent) })).body.commands.filter(({ type }) => type === 'open_trade')).toEqual([]);
    for (let n = 0; n < 3; n++) await withinASecond(async () => expect((await at(n, agent)('POST', '/agents/me/heartbeat', { body: { status: 'running' } })).headers.get('x-desired-state')).toMatch(/^halted/));
    await release({ http: person(2) }, halt.id);
    for (let n = 0; n < 3; n++) await withinASecond(async () => expect((await at(n, agent)('POST', '/agents/me/heartbeat', { body: { status: 'running' } })).headers.get('x-desired-state')).toMatch(/^active/));
  });

  it('run what recurs once, not once each', async () => {
    const quick = `select name, count(*) filter (where is_now is not null)::int as claims, extract(epoch from max(at) - min(at))::float8 as seconds from claims group by name having count(*) filter (where is_now is not null) > 4`;
    await until(async () => (await db.query(quick)).length > 0, 15_000);
    for (const { name, claims, seconds } of await db.query<{ name: string; claims: number; seconds: number }>(quick)) expect([name, claims <= seconds / (WATCH_SECONDS - 0.5) + 2]).toEqual([name, true]);
    // Nobody takes what another holds.
    expect(await db.query(`select name from claims where was is not null and is_now is not null and was <> is_now and not lapsed`)).toEqual([]);
    expect((await db.query(`select distinct name from claims`)).length).toBeGreaterThan(5);
  });

  it('find out by themselves that this PgBouncer keeps no prepared statements, say so once, and go on without', async () => {
    const said = servers.map(({ output }) => output().match(/set DB_NAMED_STATEMENTS=off/g)?.length ?? 0);
    expect(said).toEqual([0, 0, 1]);
  });

  it('come back by themselves when PgBouncer is restarted under load, with all that was answered', async () => {
    const agents = await Promise.all(Array.from({ length: 12 }, newAgent));
    const load = new Load({ bases, adminToken: () => adminToken, agents, seed: 12 });
    load.start();
    await until(() => load.answered > 50, 10_000);
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await pgbouncer.stop(signal);
      const before = load.refused;
      await until(() => load.refused > before + 5, 5_000);
      await pgbouncer.start();
      await load.untilAnswered();
      const since = load.answered;
      await until(() => load.answered > since + 50, 10_000);
    }
    await load.stop();
    expect(load.faults).toEqual([]);
    expect(await load.compare(db)).toEqual(NOTHING_BROKEN);
    for (const { base } of servers) await whenReady(base, 10_000);
  });

  it('go past the pooler with a command that locks for as long as its session lasts, and leave no lock behind', async () => {
    const out = join(newDataDir(), '..', 'out.db');
    const env = { DATABASE_URL: pgbouncer.url, DATABASE_UNPOOLED_URL: db.url };
    expect(await cli(['export', '--shape', 'ai-trader', '--out', out], env)).toMatchObject({ code: 0 });
    expect(await db.query(`select pid from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = $1)`, [db.name])).toEqual([]);
    expect((await cli(['export', '--shape', 'ai-trader', '--out', out, '--overwrite'], env)).code).toBe(0);
  });

  it('ask PostgreSQL for passwords where auth-query.sql was run, and let no superuser in on that way', async () => {
    await onConnection(db.adminUrl, (client) => client.query(readFileSync('deploy/pgbouncer/auth-query.sql', 'utf8').replace(':password', `'of-pgbouncer'`)));
    const asking = await startPgBouncer(db.url, db.adminUrl, { auth_user: 'pgbouncer', auth_query: 'select name, secret from pgbouncer.secret_of($1)' }, '"pgbouncer" "of-pgbouncer"');
    try {
      expect(await serves(asking.url)).toBe(true);
      expect(await serves(withIdentity(asking.url, testServer().owner))).toBe(true);
      const { username, password } = new URL(testServer().adminUrl);
      expect(await serves(withIdentity(asking.url, { user: username, password: decodeURIComponent(password) }))).toBe(false);
      // Whoever is not PgBouncer learns nothing.
      await expect(onConnection(db.url, (client) => client.query(`select pgbouncer.secret_of('tradewarden')`))).rejects.toThrow('permission denied');
    } finally {
      await asking.remove();
      await onConnection(db.adminUrl, (client) => client.query('drop schema pgbouncer cascade; drop role pgbouncer'));
    }
  });
});
