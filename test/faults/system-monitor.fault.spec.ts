import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ADMIN } from '../support/app.js';
import { databaseOn } from '../support/cluster.js';
import type { TestDatabase } from '../support/database.js';
import { type Client, clientOf } from '../support/http.js';
import { type Idea, limitAll, LONG } from '../support/ideas.js';
import { until } from '../support/timing.js';
import { describeOnPostgres15, type Postgres15, startPostgres15 } from '../support/postgres15.js';
import { freePort, type ServerProcess, startServerProcess, stopServerProcesses, whenReady } from '../support/server-process.js';

interface Monitor { level: string; cause: string | null; suspension: { id: string } | null; parts: { name: string; level: string; why: string }[] }

const AGENTS = 6;
/** Two looks, ten seconds apart, on a machine that does other things. */
const SEEN_WITHIN_MS = 45_000;

/** Nothing is moved here but what a schedule says of itself, the silence, and the minutes that it takes. */
describeOnPostgres15('two servers whose database freezes and dies, one of which is killed, while agents fall silent', () => {
  const agents: { id: string; http: (base: string) => Client }[] = [];
  const beating = new AbortController();
  let postgres: Postgres15;
  let db: TestDatabase;
  let first: ServerProcess;
  let second: ServerProcess;
  let token = '';
  let beats = true;
  let trade = '';

  const start = async (port: number) => {
    const server = await startServerProcess({ env: { PORT: String(port), DATABASE_URL: db.url, DATABASE_OWNER_URL: db.ownerUrl, MIGRATE_ON_START: 'off', WATCH_EVERY_SECONDS: '1', DB_POOL_TIMEOUT: '5', DB_QUERY_TIMEOUT: '5' } });
    await whenReady(server.base);
    return server;
  };
  const admin = (): Client => clientOf(first.base, token);
  const monitor = async () => (await admin()<{ monitor: Monitor | null }>('GET', '/system')).body.monitor;
  /** With what it sees instead, should it not come to that. */
  const sooner = (condition: () => Promise<boolean>) => until(condition, SEEN_WITHIN_MS).catch(async (error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(await monitor())}`, { cause: error });
  });
  const seen = (expected: (monitor: Monitor) => boolean) => sooner(async () => {
    const now = await monitor().catch(() => null);
    return now !== null && expected(now);
  });
  const idea = async () => (await agents[0]?.http(first.base)<Idea>('POST', '/trade-ideas', { body: { ...LONG, validForSeconds: 3_600 } }))?.body;
  const suspensions = () => db.query<{ ended_by: string | null; holds: boolean }>('select ended_by, lapses_at > app_clock() as holds from opening_suspensions order by began_at');
  const incidents = () => db.query<{ resolved: boolean }>(`select resolved_at is not null as resolved from incidents where kind = 'SYSTEM_FAILING' order by seq`);
  const switches = async () => [await db.query('select * from risk_config'), await db.query('select id, run, state_version, mode from agents order by id'), await db.query('select * from halts')];

  async function keepBeating(): Promise<void> {
    for (let n = 0; !beating.signal.aborted; n++) {
      const server = n % 2 === 0 ? first : second;
      if (beats) await Promise.all(agents.map(({ http }) => http(server.base)('POST', '/agents/me/heartbeat', { body: { status: 'running', brokerConnected: true, tradeAllowed: true } }).catch(() => null)));
      if (beats) await agents[0]?.http(server.base)('POST', '/quotes', { body: { items: [{ symbol: 'EURUSD', bid: '1.1', ask: '1.1002', quotedAt: new Date().toISOString() }] } }).catch(() => null);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  beforeAll(async () => {
    postgres = await startPostgres15();
    db = await databaseOn({ adminUrl: postgres.adminUrl } as never);
    first = await start(await freePort());
    second = await start(await freePort());
    token = (await clientOf(first.base)<{ accessToken: string }>('POST', '/auth/login', { body: ADMIN })).body.accessToken;
    await limitAll({ http: admin() });
    // What is asked here is what the monitor makes of a database that stood still, not what its breaker does.
    await db.query(`update circuit_breakers set parameters = parameters || '{"millisecondsMost": 60000}' where name = 'database_latency'`);
    for (let n = 0; n < AGENTS; n++) {
      const { body } = await admin()<{ id: string; apiKey: string }>('POST', '/agents', { body: { name: `a${n}`, mode: 'paper' } });
      agents.push({ id: body.id, http: (base) => clientOf(base, body.apiKey) });
    }
    void keepBeating();
    await until(async () => (await idea())?.status === 'auto_executed', 30_000);
    const opened = await agents[0]?.http(first.base)<{ id: string }>('POST', '/trades', { body: { clientOrderId: crypto.randomUUID(), symbol: 'EURUSD', direction: 'long', lotSize: '0.1', entryPrice: '1.1002', entryTime: new Date().toISOString(), stopLoss: '1.09' } });
    trade = opened?.body.id ?? '';
    // Servers that have been well for a while, as they are on any other day.
    await db.query(`insert into server_health (beat_at, well_since) values (app_clock(), app_clock()) on conflict (id) do nothing`);
    await db.query(`update server_health set well_since = app_clock() - interval '1 hour'`);
    // It says that it is there ten seconds after it came.
    await until(async () => (await db.query('select 1 from server_instances')).length === 2 && (await monitor()) !== null, SEEN_WITHIN_MS);
  });
  afterAll(async () => {
    beating.abort();
    postgres?.thaw();
    await stopServerProcesses();
    await postgres?.remove();
  });

  it('names the server that is gone, and holds nothing for the sake of one', async () => {
    second.kill('SIGKILL');
    await second.exited;
    await db.query(`update server_instances set seen_at = seen_at - interval '40 seconds' where name like $1`, [`%:${second.port}`]);
    await seen(({ parts }) => parts.some(({ name, level, why }) => name === 'servers' && level === 'warning' && why.includes(`:${second.port}`)));
    expect(await suspensions()).toEqual([]);
    second = await start(second.port);
  });

  it('stands still with its database, and tells of nothing that a moment did', async () => {
    const before = (await incidents()).length;
    postgres.freeze();
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    const health = await clientOf(first.base)<{ status: string }>('GET', '/health');
    postgres.thaw();
    expect([health.status, health.body.status]).toEqual([503, 'error']);
    await until(async () => (await clientOf(first.base)('GET', '/readyz')).status === 200, 20_000);
    expect([(await incidents()).length - before, await suspensions()]).toEqual([0, []]);
  });

  it('makes one incident of what fails together, holds openings through the death of its database and of the server that looked, and ends by itself', async () => {
    await until(async () => (await idea())?.status === 'auto_executed', 30_000);
    const before = await switches();
    // The agents fall silent, and what watches over open trades fails.
    beats = false;
    await db.query(`update server_health set well_since = app_clock() - interval '1 hour'`);
    await sooner(async () => {
      // A beat or a run that was under way says the contrary when it ends.
      await db.query(`update agent_state set last_seen_at = app_clock() - interval '10 minutes' where last_seen_at > app_clock() - interval '5 minutes'`);
      await db.query(`update schedules set last_error = 'no room for it', next_run_at = 'infinity' where name = 'supervisor.watch' and last_error is null`);
      const now = await monitor();
      return now?.level === 'cascading' && now.suspension !== null;
    });
    expect(await incidents()).toEqual([{ resolved: false }]);

    // The database dies, and the server that looked last with it.
    await postgres.kill();
    first.kill('SIGKILL');
    await first.exited;
    await postgres.start();
    first = await start(first.port);
    expect(await suspensions()).toEqual([{ ended_by: null, holds: true }]);

    // What closes passes, and moves of stops: nobody is to be left with what is open.
    await agents[0]?.http(first.base)('POST', '/agents/me/heartbeat', { body: { status: 'running', brokerConnected: true, tradeAllowed: true } });
    await agents[0]?.http(first.base)('POST', '/quotes', { body: { items: [{ symbol: 'EURUSD', bid: '1.1', ask: '1.1002', quotedAt: new Date().toISOString() }] } });
    expect((await idea())?.decision.reasons).toMatchObject([{ code: 'SYSTEM_SUSPENDED' }]);
    for (const [type, more] of [['modify_trade', { stopLoss: '1.095' }], ['close_trade', {}]] as const) {
      expect((await admin()('POST', `/agents/${agents[0]?.id}/commands`, { body: { type, payload: { tradeId: trade, ...more } } })).status).toBe(201);
    }
    const handed = async () => (await agents[0]?.http(first.base)<{ commands: { type: string; payload: { tradeId?: string } }[] }>('POST', '/agents/me/commands/lease', { body: { max: 50 } }))?.body.commands ?? [];
    const types: string[] = [];
    await until(async () => {
      types.push(...(await handed()).map(({ type }) => type));
      return types.includes('close_trade') && types.includes('modify_trade');
    }, 30_000);
    expect(types).not.toContain('open_trade');

    // All is well: it ends by itself, and nothing of people's was touched.
    await db.query(`update schedules set last_error = null, next_run_at = app_clock() where name = 'supervisor.watch'`);
    beats = true;
    await sooner(async () => (await db.query('select 1 from system_status where quiet_since is not null')).length === 1);
    await db.query(`update system_status set quiet_since = quiet_since - interval '60 seconds'`);
    await sooner(async () => (await suspensions())[0]?.ended_by === 'system');
    expect([await suspensions(), await incidents()]).toEqual([[{ ended_by: 'system', holds: expect.any(Boolean) }], [{ resolved: true }]]);
    expect(await switches()).toEqual(before);
    await until(async () => (await idea())?.status === 'auto_executed', 60_000);
  });
});
