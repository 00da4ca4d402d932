import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADMIN } from '../support/app.js';
import { databaseOn, onConnection } from '../support/cluster.js';
import type { TestDatabase } from '../support/database.js';
import type { Halt, Release } from '../support/halts.js';
import { type Answer, clientOf } from '../support/http.js';
import { limitAll } from '../support/ideas.js';
import { Load, NOTHING_BROKEN } from '../support/load.js';
import { hasPgBouncer, type PgBouncer, startPgBouncer } from '../support/pgbouncer.js';
import { until } from '../support/timing.js';
import { hasPostgres15, type Postgres15, startPostgres15 } from '../support/postgres15.js';
import { seeded } from '../support/random.js';
import { freePort, type ServerProcess, startServerProcess, stopServerProcesses, whenReady } from '../support/server-process.js';

/** One round of all faults in the everyday run; ten with `npm run test:fuzz`. */
const ROUNDS = process.env['FULL_FIGURES'] ? 10 : 1;
const AGENTS = 50;
const SERVERS = 2;
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000);
/** Of the servers' own clocks, by turns; and of every fifth agent's. */
const SKEWS_SECONDS = [0, 240, -240];
const AGENT_SKEW_SECONDS = 7_200;

interface Recovery { fault: string; seconds: number }

(hasPgBouncer && hasPostgres15 ? describe : describe.skip)(`fifty agents on ${SERVERS} servers, while everything is killed, cut, restarted and set wrong (seed ${SEED})`, () => {
  const random = seeded(SEED);
  const servers: ServerProcess[] = [];
  const recoveries: Recovery[] = [];
  let postgres: Postgres15;
  let db: TestDatabase;
  let pgbouncer: PgBouncer;
  let adminToken = '';
  let started = 0;
  let load: Load;

  async function startServer(port: number): Promise<ServerProcess> {
    const server = await startServerProcess({ env: {
      PORT: String(port), DATABASE_URL: pgbouncer.url, DATABASE_UNPOOLED_URL: db.url, DATABASE_OWNER_URL: db.ownerUrl, MIGRATE_ON_START: 'off', DB_NAMED_STATEMENTS: 'off', WATCH_EVERY_SECONDS: '1', DB_POOL_TIMEOUT: '5',
      NODE_OPTIONS: `--import=${pathToFileURL(join(process.cwd(), 'test/support/skewed-clock.mjs')).href}`, CLOCK_SKEW_SECONDS: String(SKEWS_SECONDS[started++ % SKEWS_SECONDS.length]),
    } });
    await whenReady(server.base).catch((error: Error) => {
      throw new Error(`${error.message}: ${server.output()}`);
    });
    return server;
  }

  const bases = () => servers.map(({ base }) => base);

  /** As the administrator, until one of the servers has answered. */
  async function insist<T>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
    for (let n = Math.floor(random() * 9); ; n++) {
      const answer = await clientOf(bases()[n % SERVERS] ?? '', adminToken)<T>(method, path, body === undefined ? {} : { body }).catch(() => null);
      if (answer && answer.status !== 503 && answer.status !== 401) return answer;
      if (answer?.status === 401) await signIn();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async function signIn(): Promise<void> {
    for (const base of bases()) {
      const answer = await clientOf(base)<{ accessToken: string }>('POST', '/auth/login', { body: ADMIN }).catch(() => null);
      if (answer?.status === 200) adminToken = answer.body.accessToken;
      if (answer?.status === 200) return;
    }
  }

  beforeAll(async () => {
    postgres = await startPostgres15(false, { max_connections: '100' });
    db = await databaseOn({ adminUrl: postgres.adminUrl } as never);
    await onConnection(db.ownerUrl, (client) => client.query(`create table test_clock (shift interval not null); insert into test_clock values ('0');
      create or replace function app_clock() returns timestamptz language sql volatile security definer set search_path = public as 'select clock_timestamp() + (select shift from test_clock)';
      update circuit_breakers set parameters = parameters || '{"millisecondsMost": 60000}' where name = 'database_latency'`));
    pgbouncer = await startPgBouncer(db.url, db.adminUrl);
    // One after the other: the first makes the administrator.
    for (let n = 0; n < SERVERS; n++) servers.push(await startServer(await freePort()));
    await signIn();
    await limitAll({ http: clientOf(bases()[0] ?? '', adminToken) });
    const agents: { id: string; apiKey: string }[] = [];
    for (let n = 0; n < AGENTS; n++) agents.push((await insist<{ id: string; apiKey: string }>('POST', '/agents', { name: `fault-${n}`, mode: 'paper' })).body);
    load = new Load({ bases, adminToken: () => adminToken, agents, seed: SEED, skew: (n) => (n % 5 === 1 ? AGENT_SKEW_SECONDS : n % 5 === 2 ? -AGENT_SKEW_SECONDS : 0) });
  });
  afterAll(async () => {
    await stopServerProcesses();
    await pgbouncer?.remove();
    await postgres?.remove();
  });

  /** What is measured is what a client waits for: the time until anything is answered well again. */
  async function recovered(fault: string, since: number): Promise<void> {
    recoveries.push({ fault, seconds: await load.untilAnswered(since) });
    const before = load.answered;
    await until(() => load.answered > before + AGENTS, 20_000);
  }

  const killServer = async () => {
    const n = Math.floor(random() * SERVERS);
    const [server, since] = [servers[n] as ServerProcess, performance.now()];
    server.kill('SIGKILL');
    await server.exited;
    servers[n] = await startServer(server.port);
    recoveries.push({ fault: 'server killed, until it is ready', seconds: (performance.now() - since) / 1_000 });
  };

  const FAULTS: Record<string, () => Promise<void>> = {
    'server killed': killServer,
    'PostgreSQL killed': async () => {
      await postgres.kill();
      const since = performance.now();
      await postgres.start();
      await recovered('PostgreSQL killed, from its start on', since);
    },
    'connections cut': async () => {
      const since = performance.now();
      for (let n = 0; n < 3; n++) await db.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()');
      await recovered('connections cut', since);
    },
    'PgBouncer restarted': async () => {
      await pgbouncer.stop(random() < 0.5 ? 'SIGTERM' : 'SIGKILL');
      const since = performance.now();
      await pgbouncer.start();
      await recovered('PgBouncer restarted', since);
    },
    "the application's clock set forward and back": async () => {
      const since = performance.now();
      for (const shift of ['95 seconds', '-40 seconds', '0']) {
        await onConnection(db.adminUrl, (client) => client.query('update test_clock set shift = $1::interval', [shift]));
        const before = load.answered;
        await until(() => load.answered > before + AGENTS / 2, 20_000);
      }
      await recovered('clock set', since);
    },
    'halted, and a server killed meanwhile': async () => {
      const halted = await insist<Halt>('POST', '/kill-switch', { scope: { type: 'global' }, mode: 'halt', reason: 'a fault' });
      const from = performance.now();
      expect([201, 202]).toContain(halted.status);
      await killServer();
      const before = load.answered;
      await until(() => load.answered > before + AGENTS, 20_000);
      const to = performance.now();
      expect(load.handedBetween(from, to)).toEqual([]);
      const released = await insist<Release>('POST', `/kill-switch/${halted.body.id}/release`, { confirm: 'RELEASE', reason: 'the fault is over' });
      expect(released.status).toBeLessThan(300);
    },
  };

  it('loses nothing that was answered, completes nothing twice, and hands out nothing that a halt holds', async () => {
    load.start();
    await until(() => load.answered > AGENTS && load.handed.length > 0, 20_000);
    for (let round = 0; round < ROUNDS; round++) {
      await signIn();
      for (const name of shuffled(Object.keys(FAULTS), random)) await FAULTS[name]?.();
    }
    // On a slow machine the faults are over before a trade has gone its whole way: there is something of everything to lose.
    const { queued, completed, trades, deals, marks, predictions, beats, handed } = load;
    await until(() => [queued, completed, trades, deals, marks, predictions, beats].every(({ size }) => size > 0) && handed.length > 10, 20_000);
    await load.stop();
    // Printed and not asserted: it says more of the machine than of the program.
    process.stdout.write(`recovery under ${AGENTS} agents, ${load.answered} answered well, ${load.refused} not:\n${[...Map.groupBy(recoveries, ({ fault }) => fault)]
      .map(([fault, all]) => `  ${fault}: ${all.map(({ seconds }) => seconds.toFixed(2)).join(' ')} s\n`).join('')}`);
    expect(load.faults).toEqual([]);
    expect(await load.compare(db)).toEqual(NOTHING_BROKEN);
  });
});

function shuffled<T>(all: readonly T[], random: () => number): T[] {
  return all.map((each) => [random(), each] as const).sort(([one], [other]) => one - other).map(([, each]) => each);
}
