import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { Replica } from '../../src/database/replica/replica.service.js';
import { REPORTS } from '../../src/database/replica/reports.js';
import { withIdentity } from '../../src/database/roles.js';
import { ReplicaWatch } from '../../src/health/replica-watch.service.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { databaseOn, onConnection } from '../support/cluster.js';
import { closed, opened } from '../support/traded.js';
import { limitAll, quote } from '../support/ideas.js';
import { scrape } from '../support/metrics.js';
import { until } from '../support/timing.js';
import { describeOnPostgres15, type Postgres15, startPostgres15 } from '../support/postgres15.js';

interface Shown { reason: string | null; lagSeconds: number | null; lagMaxSeconds: number; asOf: string | null; reads: number; fallbacks: number }
interface Stats { items: { closedTrades: number }[] }

const LAG_MOST = 2;

describeOnPostgres15('reports on a streaming replica', () => {
  let primary: Postgres15;
  let standby: Postgres15;
  let t: TestApp;
  let agent: TestAgent;
  beforeAll(async () => {
    primary = await startPostgres15(false, { wal_level: 'replica', max_wal_senders: '5', hot_standby: 'on' });
    const db = await databaseOn({ adminUrl: primary.adminUrl } as never);
    standby = await primary.standby();
    const replicaUrl = withIdentity(standby.adminUrl, { user: 'writer', password: 'writer-of-the-cluster', database: db.name });
    t = await startTestApp({ DATABASE_REPLICA_URL: replicaUrl, REPLICA_LAG_MAX_SECONDS: String(LAG_MOST), DB_QUERY_TIMEOUT: '10' }, db);
    await limitAll(t);
    agent = await t.agent();
    await quote(agent, '1.1', '1.1002');
  });
  afterAll(async () => {
    await t?.close();
    await standby?.remove();
    await primary?.remove();
  });

  const onStandby = (statement: string) => onConnection(standby.adminUrl, (client) => client.query(statement));
  const stats = () => t.http<Stats>('GET', '/trades/stats?executionMode=paper');
  const shown = async () => (await t.http<{ replica: Shown }>('GET', '/system')).body.replica;
  const source = ({ headers }: { headers: Headers }) => headers.get('x-data-source');
  const isRead = () => until(async () => source(await stats()) === 'replica', 10_000);
  const trade = async () => closed(agent, await opened(agent, { clientIntentId: undefined }));
  const closedTrades = ({ body }: { body: Stats }) => body.items.reduce((sum, { closedTrades: n }) => sum + n, 0);
  const incidents = async () => (await t.http<{ items: { summary: string }[] }>('GET', '/incidents?kind=REPLICA_BEHIND&status=open')).body.items;

  it('are read from it, each that is named, and say of when they are', async () => {
    await isRead();
    const asked: Record<(typeof REPORTS)[number], string> = {
      'trades.stats': '/trades/stats', 'trades.equity-curve': `/trades/equity-curve?accountId=${agent.accountId}&executionMode=paper`, 'reports.performance': '/reports/performance',
      'reports.curve-marks': `/reports/curve-marks?account=${agent.accountId}&mode=paper`, 'predictions.stats': '/predictions/stats',
    };
    for (const report of REPORTS) {
      let before = Date.now();
      let answer = await t.http('GET', asked[report]);
      // On a busy machine it may be behind for a moment.
      await until(async () => source(answer) === 'replica' || (before = Date.now(), (answer = await t.http('GET', asked[report])), false), 10_000);
      expect([report, answer.status, source(answer)]).toEqual([report, 200, 'replica']);
      const asOf = Date.parse(answer.headers.get('x-data-as-of') ?? '');
      expect(asOf).toBeGreaterThan(before - LAG_MOST * 1_000 - 2_000);
      expect(asOf).toBeLessThanOrEqual(Date.now() + 1_000);
    }
    // What people and agents act on is read where it is written.
    for (const path of ['/agents', '/trades', '/accounts', '/risk-config', '/auth/me']) expect([path, source(await t.http('GET', path))]).toEqual([path, null]);
  });

  it('are old while it stands still, and of the primary when it is older than REPLICA_LAG_MAX_SECONDS', async () => {
    await isRead();
    const before = closedTrades(await stats());
    await onStandby('select pg_wal_replay_pause()');
    await until(async () => (await onStandby(`select 1 where pg_get_wal_replay_pause_state() = 'paused'`)).rowCount === 1, 5_000);
    await trade();
    const writtenAt = Date.now();
    await until(async () => {
      const answer = await stats();
      if (source(answer) !== 'replica') return true;
      // Never newer than it says, never without what it says.
      if (closedTrades(answer) === before) expect(Date.parse(answer.headers.get('x-data-as-of') ?? '')).toBeLessThan(Date.now());
      return false;
    }, 10_000);
    const late = await stats();
    expect([source(late), late.headers.get('x-data-as-of'), closedTrades(late)]).toEqual(['primary; because=behind', null, before + 1]);
    const state = await shown();
    expect(state).toMatchObject({ reason: 'behind', lagMaxSeconds: LAG_MOST });
    expect(state.lagSeconds).toBeGreaterThan(LAG_MOST);
    expect(Date.parse(state.asOf ?? '')).toBeLessThan(writtenAt + 1_500);
    expect(state.fallbacks).toBeGreaterThan(0);
    const { text } = await scrape(t.base);
    expect(Number(/^tradewarden_replica_lag_seconds (\S+)$/m.exec(text)?.[1])).toBeGreaterThan(LAG_MOST);
    expect(Number(/^tradewarden_replica_fallbacks_total\{reason="behind"\} (\S+)$/m.exec(text)?.[1])).toBeGreaterThan(0);
    await onStandby('select pg_wal_replay_resume()');
    await isRead();
    expect(closedTrades(await stats())).toBe(before + 1);
  });

  it('do not call a replica old where nothing happens', async () => {
    await isRead();
    await until(async () => {
      const { reason, lagSeconds } = await shown();
      return reason === null && lagSeconds !== null && lagSeconds <= LAG_MOST;
    }, 10_000);
  });

  it('come from the primary when it is killed under them, with every answer good; and from it again when it is back', async () => {
    await isRead();
    const answers: { status: number; from: string | null }[] = [];
    let asking = true;
    const load = Promise.all(Array.from({ length: 6 }, async () => {
      while (asking) {
        const answer = await stats();
        answers.push({ status: answer.status, from: source(answer) });
      }
    }));
    await until(() => answers.length > 10, 5_000);
    await standby.kill();
    await until(async () => /away|failed/.test(source(await stats()) ?? ''), 5_000);
    await until(async () => (await shown()).reason === 'away', 10_000);
    asking = false;
    await load;
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    // Who works is not held up by it.
    expect((await agent.http('POST', '/agents/me/heartbeat', { body: { status: 'running' } })).status).toBe(200);
    await standby.start();
    await isRead();
  });

  it('are given up on a replica that hangs, and said to people when it stays so for a minute', async () => {
    await isRead();
    const watch = t.app.get(ReplicaWatch);
    const replica = t.app.get(Replica) as unknown as { unusableSinceMs: number | null };
    standby.freeze();
    try {
      const answer = await stats();
      expect([answer.status, /^primary; because=(failed|away|behind|unknown)$/.test(source(answer) ?? '')]).toEqual([200, true]);
      await until(async () => (await shown()).reason === 'away', 10_000);
      await watch.look();
      expect(await incidents()).toEqual([]);
      replica.unusableSinceMs = (replica.unusableSinceMs ?? 0) - 61_000;
      await watch.look();
      expect(await incidents()).toEqual([expect.objectContaining({ summary: expect.stringMatching(/^The replica cannot be reached: reports are read from the primary, for \d+ s by now\.$/) })]);
    } finally {
      standby.thaw();
    }
    await isRead();
    await watch.look();
    expect(await incidents()).toEqual([]);
  });

  it('are not read from it on the word of a look before it broke: what was killed comes back with less than it had shown', async () => {
    await isRead();
    const replica = t.app.get(Replica) as unknown as { look(): Promise<void>; seen: object | null };
    const real = replica.look;
    // As if the next look took its time.
    replica.look = () => Promise.resolve();
    try {
      expect(replica.seen).not.toBeNull();
      await standby.kill();
      await until(() => replica.seen === null, 5_000);
      expect(source(await stats())).toBe('primary; because=unknown');
      await standby.start();
      expect(source(await stats())).toBe('primary; because=unknown');
    } finally {
      replica.look = real;
    }
    await isRead();
  });

  it('use one pool, also when two looks find it closed', async () => {
    const replica = t.app.get(Replica) as unknown as { opened: DataSource | null; connected(): Promise<DataSource> };
    const before = replica.opened;
    replica.opened = null;
    const [one, other] = await Promise.all([replica.connected(), replica.connected()]);
    await before?.destroy();
    expect(one).toBe(other);
    await isRead();
  });

  it('are not read from a server that was promoted: it goes its own way', async () => {
    await isRead();
    await onStandby('select pg_promote()');
    await until(async () => (await shown()).reason === 'unknown', 10_000);
    const answer = await stats();
    expect([answer.status, source(answer)]).toEqual([200, 'primary; because=unknown']);
    expect((await scrape(t.base)).text).not.toMatch(/^tradewarden_replica_lag_seconds/m);
  });
});

describeOnPostgres15('a replica of a primary that another server was promoted in place of', () => {
  const servers: Postgres15[] = [];
  let t: TestApp;
  let agent: TestAgent;
  const on = async <Row extends object>({ adminUrl }: Postgres15, statement: string): Promise<Row[]> => onConnection(adminUrl, async (client) => (await client.query<Row>(statement)).rows);
  const place = async (server: Postgres15) => (await on<{ at: string }>(server, `select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end - '0/0' as at`))[0]?.at ?? '';
  const isBefore = async (one: Postgres15, other: Postgres15) => BigInt(await place(one)) < BigInt(await place(other));
  /** Until its log is longer than that of another one. */
  const writeBeyond = async (one: Postgres15, other: Postgres15) => {
    do await on(one, `create table if not exists filler (text text); insert into filler select repeat('x', 1000) from generate_series(1, 500)`);
    while (!(await isBefore(other, one)));
  };
  const caughtUp = async (standby: Postgres15, to: Postgres15) => {
    const at = BigInt(await place(to));
    // The end of what was written, without the head of a page that is not.
    await on(to, 'select pg_switch_wal()');
    await until(async () => BigInt(await place(standby)) >= at, 10_000);
  };
  const looked = async () => {
    const replica = t.app.get(Replica) as unknown as { look(): Promise<void>; state(): { reason: string | null } };
    for (let n = 0; n < 3; n++) await replica.look();
    return replica.state().reason;
  };
  const server = (n: number) => servers[n] as Postgres15;
  beforeAll(async () => {
    const old = await startPostgres15(false, { wal_level: 'replica', max_wal_senders: '5', hot_standby: 'on' });
    servers.push(old);
    const db = await databaseOn({ adminUrl: old.adminUrl } as never);
    await on(old, 'grant pg_read_all_stats to writer');
    servers.push(await old.standby(), await old.standby());
    const of = (at: Postgres15, user: 'writer' | 'owner') => withIdentity(at.adminUrl, { user, password: `${user}-of-the-cluster`, database: db.name });
    const promoted = server(1);
    await on(promoted, `alter system set primary_conninfo = ''`);
    await on(promoted, 'select pg_reload_conf()');
    await until(async () => (await on(promoted, 'select 1 from pg_stat_wal_receiver')).length === 0, 10_000);
    await on(promoted, 'select pg_promote()');
    await on(promoted, 'alter system reset primary_conninfo');
    t = await startTestApp({ DATABASE_REPLICA_URL: of(server(2), 'writer'), REPLICA_LAG_MAX_SECONDS: '60' }, { ...db, adminUrl: withIdentity(promoted.adminUrl, { database: db.name }), url: of(promoted, 'writer'), ownerUrl: of(promoted, 'owner') });
    agent = await t.agent();
  });
  afterAll(async () => {
    await t?.close();
    for (const each of servers.reverse()) await each.remove();
  });
  const source = async () => (await t.http('GET', `/trades/equity-curve?accountId=${agent.accountId}&executionMode=paper`)).headers.get('x-data-source');

  it('is not read from while the old one goes on and sends it what nobody else has', async () => {
    const [old, promoted, standby] = [server(0), server(1), server(2)];
    await writeBeyond(promoted, standby);
    await looked();
    // Past where the promoted one was when it was looked at, and not past where it is: by its place it would be a moment old.
    await writeBeyond(old, promoted);
    await caughtUp(standby, old);
    await writeBeyond(promoted, standby);
    expect([await looked(), await source()]).toEqual(['unknown', 'primary; because=unknown']);
  });

  it('nor when that one is gone, however long the log of the promoted one has become', async () => {
    const [old, promoted, standby] = [server(0), server(1), server(2)];
    await writeBeyond(old, promoted);
    await caughtUp(standby, old);
    await old.kill();
    await until(async () => (await on(standby, `select 1 from pg_stat_wal_receiver where status = 'streaming'`)).length === 0, 10_000);
    // Whoever may not know of which log it is sees the same.
    await on(promoted, 'revoke pg_read_all_stats from writer');
    expect(await isBefore(promoted, standby)).toBe(true);
    expect([await looked(), await source()]).toEqual(['unknown', 'primary; because=unknown']);
    await writeBeyond(promoted, standby);
    expect([await looked(), await source()]).toEqual(['unknown', 'primary; because=unknown']);
  });
});

describe('reports without a replica', () => {
  it('say nothing of where they are from, and neither do the figures', async () => {
    const t = await startTestApp();
    try {
      const answer = await t.http('GET', '/trades/stats');
      expect([answer.status, answer.headers.get('x-data-source')]).toEqual([200, null]);
      expect((await t.http<{ replica: Shown | null }>('GET', '/system')).body.replica).toBeNull();
      expect((await scrape(t.base)).text).not.toMatch(/tradewarden_replica/);
    } finally {
      await t.close();
    }
  });
});
