import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
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
    t = await startTestApp({ DATABASE_REPLICA_URL: replicaUrl, REPLICA_LAG_MAX_SECONDS: String(LAG_MOST), DB_QUERY_TIMEOUT: '3' }, db);
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
      const answer = await t.http('GET', asked[report]);
      expect([report, answer.status, source(answer)]).toEqual([report, 200, 'replica']);
      expect(Math.abs(Date.now() - Date.parse(answer.headers.get('x-data-as-of') ?? ''))).toBeLessThan(LAG_MOST * 1_000 + 2_000);
    }
    // What people and agents act on is read where it is written.
    for (const path of ['/agents', '/trades', '/accounts', '/risk-config', '/auth/me']) expect([path, source(await t.http('GET', path))]).toEqual([path, null]);
  });

  it('are old while it stands still, and of the primary when it is older than REPLICA_LAG_MAX_SECONDS', async () => {
    await isRead();
    const before = closedTrades(await stats());
    await onStandby('select pg_wal_replay_pause()');
    await until(async () => (await onStandby(`select 1 where pg_get_wal_replay_pause_state() = 'paused'`)).rowCount === 1, 5_000);
    const writtenAt = Date.now();
    await trade();
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
    const [{ reason, lagSeconds }] = [await shown()];
    expect(reason).toBeNull();
    expect(lagSeconds).toBeLessThanOrEqual(LAG_MOST);
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
      expect([answer.status, /^primary; because=(failed|away)$/.test(source(answer) ?? '')]).toEqual([200, true]);
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

  it('are not read from a server that was promoted: it goes its own way', async () => {
    await isRead();
    await onStandby('select pg_promote()');
    await until(async () => (await shown()).reason === 'unknown', 10_000);
    const answer = await stats();
    expect([answer.status, source(answer)]).toEqual([200, 'primary; because=unknown']);
    expect((await scrape(t.base)).text).not.toMatch(/^tradewarden_replica_lag_seconds/m);
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
