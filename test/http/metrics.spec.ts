import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { DatabaseService } from '../../src/database/database.service.js';
import { ADMIN, startTestApp, type TestAgent, type TestApp, TEST_SECRETS } from '../support/app.js';
import { onConnection } from '../support/cluster.js';
import { clientOf } from '../support/http.js';
import { scrape, scrapeOnce } from '../support/metrics.js';
import { until } from '../support/timing.js';
import { rawRequest } from '../support/raw-http.js';

interface Leased { id: string; leaseToken: string }

const opened: TestApp[] = [];
/** An application for one test, closed after it also when it fails. */
const open = async (settings: Record<string, string> = {}): Promise<TestApp> => {
  const app = await startTestApp(settings);
  opened.push(app);
  return app;
};
afterEach(async () => {
  for (const app of opened.splice(0)) await app.close();
});

const times = <T>(n: number, one: (i: number) => Promise<T>) => Promise.all(Array.from({ length: n }, (_, i) => one(i)));
const requests = (method: string, route: string, status: string) => `tradewarden_http_request_duration_seconds_count{method="${method}",route="${route}",status="${status}"}`;
const outcome = (name: string) => `tradewarden_lease_outcomes_total{outcome="${name}"}`;
const queued = (status: string) => `tradewarden_queue_commands{status="${status}"}`;

const queue = async (t: TestApp, agent: TestAgent, count: number, body: object = {}) =>
  (await times(count, () => t.http<{ id: string }>('POST', `/agents/${agent.id}/commands`, { body: { type: 'custom', ...body } }))).map((made) => made.body.id);
const lease = async (agent: TestAgent, body: object = {}): Promise<Leased[]> =>
  (await agent.http<{ commands: Leased[] }>('POST', '/agents/me/commands/lease', { body })).body.commands;
const say = (agent: TestAgent, what: string, { id, leaseToken }: Leased, body: object = {}) =>
  agent.http('POST', `/commands/${id}/${what}`, { body: { leaseToken, ...body } });
const error = { code: 'X', message: 'said so' };

describe('/metrics', () => {
  let t: TestApp;
  let agent: TestAgent;
  beforeAll(async () => {
    t = await startTestApp();
    agent = await t.agent();
  });
  afterAll(() => t.close());

  it('is open, uncached text in the format of Prometheus, at the root', async () => {
    const { status, headers, text } = await scrape(t.base);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(text.endsWith('\n')).toBe(true);
    expect((await t.http('GET', '/api/v1/metrics')).status).toBe(404);
  });

  it('tells of the process, the build, the schema and the pool', async () => {
    const pool = () => t.app.get(DatabaseService).pool();
    const acquired = 'tradewarden_db_pool_acquired_total{type="pooled"}';
    let seen = await scrape(t.base);
    // What the server does by itself may take a connection between the scrape and the look at the pool.
    await until(async () => {
      const { total, acquiredTotal } = pool();
      seen = await scrape(t.base);
      return [total, acquiredTotal].join() === [pool().total, pool().acquiredTotal].join() && Object.values(seen.of('tradewarden_db_pool_connections')).reduce((sum, each) => sum + each) === total && seen.value(acquired) === acquiredTotal;
    }, 10_000);
    expect(seen.value('process_resident_memory_bytes')).toBeGreaterThan(10_000_000);
    expect(seen.value('process_cpu_seconds_total')).toBeGreaterThan(0);
    // Within an hour: a virtual machine that pauses sets its clock forward, and `uptime` does not count the pause (28 s were seen).
    expect(Math.abs((seen.value('process_start_time_seconds') ?? 0) - (Date.now() / 1000 - process.uptime()))).toBeLessThan(3600);
    expect(Object.entries(seen.of('tradewarden_build_info'))).toEqual([[expect.stringMatching(/^tradewarden_build_info\{version="\d+\.\d+\.\d+",node="v24\./), 1]]);
    const [{ name }] = (await t.db.query<{ name: string }>('select name from migrations order by id desc limit 1')) as [{ name: string }];
    expect(seen.of('tradewarden_schema_info')).toEqual({ [`tradewarden_schema_info{version="${name}"}`]: 1 });
    expect([seen.value('tradewarden_database_up'), seen.value('tradewarden_schema_pending_migrations')]).toEqual([1, 0]);
    const connections = seen.of('tradewarden_db_pool_connections');
    expect(Object.keys(connections)).toEqual(['tradewarden_db_pool_connections{type="pooled",state="idle"}', 'tradewarden_db_pool_connections{type="pooled",state="active"}']);
    expect([seen.value('tradewarden_db_pool_size{type="pooled"}'), seen.value('tradewarden_db_pool_max{type="pooled"}'), seen.value('tradewarden_db_pool_waiting{type="pooled"}')]).toEqual([5, 15, 0]);
    expect(seen.value('tradewarden_db_pool_timeouts_total{type="pooled"}')).toBe(0);
  });

  it('counts every request once, by route pattern, method and class of status', async () => {
    const before = await scrapeOnce(t.base);
    await times(7, () => t.http('GET', `/agents/${agent.id}/state`));
    await times(3, () => t.http('GET', `/agents/${agent.id}/state`, { token: 'tw_wrong' }));
    await times(2, () => t.http('POST', '/agents', { body: { name: '' } }));
    await t.http('GET', `/agents/${agent.id}/state?unknown=1`);
    const after = await scrapeOnce(t.base);
    const grown = (series: string) => (after.value(series) ?? 0) - (before.value(series) ?? 0);
    expect(grown(requests('GET', '/api/v1/agents/:agentId/state', '2xx'))).toBe(7);
    expect(grown(requests('GET', '/api/v1/agents/:agentId/state', '4xx'))).toBe(4);
    expect(grown(requests('POST', '/api/v1/agents', '4xx'))).toBe(2);
    expect(grown(requests('GET', '/metrics', '2xx'))).toBe(1);
    const all = (seen: typeof after) => Object.values(seen.of('tradewarden_http_request_duration_seconds_count')).reduce((sum, each) => sum + each, 0);
    expect(all(after) - all(before)).toBe(14);
  });

  it('puts each request into every bucket that it fits, the last of which holds all', async () => {
    const labels = 'method="GET",route="/api/v1/agents/:agentId/state",status="2xx"';
    const seen = await scrape(t.base);
    const buckets = Object.entries(seen.of('tradewarden_http_request_duration_seconds_bucket')).filter(([series]) => series.includes(labels)).map(([, count]) => count);
    expect(buckets).toHaveLength(13);
    expect(buckets).toEqual([...buckets].sort((a, b) => a - b));
    expect(buckets.at(-1)).toBe(seen.value(requests('GET', '/api/v1/agents/:agentId/state', '2xx')));
    const sum = seen.value(`tradewarden_http_request_duration_seconds_sum{${labels}}`) ?? 0;
    expect(sum).toBeGreaterThan(0);
    expect(sum).toBeLessThan(60);
  });

  it('gives paths without a route one label, whatever they and their methods are called', async () => {
    const one = async (i: number) => {
      const path = `/${['', 'api/v1/', 'api/v1/agents/', 'metrics/'][i % 4]}${randomBytes(6).toString('hex')}`;
      return clientOf(t.base)(['GET', 'POST', 'DELETE', 'PUT'][i % 4 === 2 ? 2 : i % 3] as string, path);
    };
    for (let i = 0; i < 20; i++) await times(50, (n) => one(i * 50 + n));
    for (const method of ['PROPFIND', 'REPORT', 'MKCOL', 'LOCK', 'PURGE']) await rawRequest(t.base, `${method} /x HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n`, 50);
    const counts = (await scrape(t.base)).of('tradewarden_http_request_duration_seconds_count');
    const none = Object.entries(counts).filter(([series]) => series.includes('route="none"'));
    expect(none.map(([series]) => /method="(\w+)"/.exec(series)?.[1]).sort()).toEqual(['DELETE', 'GET', 'POST', 'PUT', 'other'].filter((method) => none.some(([series]) => series.includes(`"${method}"`))));
    expect(none.length).toBeLessThanOrEqual(5);
    expect(none.reduce((sum, [, count]) => sum + count, 0)).toBeGreaterThanOrEqual(1_000);
    expect(Object.keys(counts).length).toBeLessThan(40);
    for (const series of Object.keys(counts)) expect(series).not.toMatch(/[0-9a-f]{12}/);
  });

  it('counts leases as the database has them, also what a client repeats, loses or never receives', async () => {
    const fresh = await open();
    const own = await fresh.agent();
    await queue(fresh, own, 9);
    const [done, again, notSent, rejected, unknown, extended, ...late] = (await lease(own, { max: 9, leaseSeconds: 30 })) as [Leased, Leased, Leased, Leased, Leased, Leased, ...Leased[]];
    for (const each of [done, again, again, again]) expect((await say(own, 'complete', each)).status).toBe(200);
    expect((await say(own, 'fail', notSent, { outcome: 'not_sent', retryable: true, error })).status).toBe(200);
    expect((await say(own, 'fail', rejected, { outcome: 'rejected', retryable: false, error })).status).toBe(200);
    expect((await say(own, 'fail', unknown, { outcome: 'unknown', retryable: false, error })).status).toBe(200);
    expect((await say(own, 'extend', extended, { leaseSeconds: 600 })).status).toBe(200);
    await fresh.db.advance(31);
    expect((await say(own, 'complete', late[0] as Leased)).status).toBe(409);
    expect((await say(own, 'fail', late[1] as Leased, { outcome: 'not_sent', retryable: true, error })).status).toBe(409);
    expect((await say(own, 'extend', late[2] as Leased, { leaseSeconds: 30 })).status).toBe(409);
    // The lapsed ones and the one that was not sent come again.
    expect([...(await lease(own, { max: 9 })), ...(await lease(own, { max: 9 }))]).toHaveLength(4);
    const seen = await scrape(fresh.base);
    const stored = await fresh.db.query<{ outcome: string; n: number }>(`select outcome, count(*)::int as n from command_attempts where outcome is not null group by outcome`);
    for (const { outcome: name, n } of stored) expect([name, seen.value(outcome(name))]).toEqual([name, n]);
    expect(Object.fromEntries(stored.map(({ outcome: name, n }) => [name, n]))).toEqual({ succeeded: 2, not_sent: 1, rejected: 1, unknown: 1, lapsed: 3 });
    expect([seen.value(outcome('leased')), seen.value(outcome('lost')), seen.value(outcome('given_back'))]).toEqual([13, 3, 0]);
  });

  it('counts what a sync hands out and hears, also when it hands out less than it tried to', async () => {
    const fresh = await open();
    const own = await fresh.agent();
    const sync = async (syncSeq: number, body: object) => (await own.http<{ commands: Leased[]; acks: { status: string }[] }>('POST', '/agents/me/sync', { body: { syncSeq, ...body } })).body;
    // Two of them fit into an answer of 8 KiB.
    await queue(fresh, own, 3, { payload: { text: 'x'.repeat(2_900) } });
    const handedOut = (await sync(1, { lease: { max: 3, leaseSeconds: 30 } })).commands;
    expect(handedOut).toHaveLength(2);
    const [first, second] = handedOut as [Leased, Leased];
    await sync(1, { lease: { max: 3, leaseSeconds: 30 } });
    const ack = ({ id, leaseToken }: Leased, more: object) => ({ commandId: id, leaseToken, ...more });
    const failure = { outcome: 'rejected', error, retryable: false };
    const { acks } = await sync(2, { acks: [ack(first, { outcome: 'succeeded' }), ack({ ...second, leaseToken: first.leaseToken }, failure), ack(second, failure)] });
    expect(acks.map(({ status }) => status)).toEqual(['ok', 'refused', 'ok']);
    await lease(own, { leaseSeconds: 30 });
    await fresh.db.advance(31);
    expect((await sync(3, { lease: { max: 3, leaseSeconds: 30 } })).commands).toHaveLength(1);
    const seen = await scrape(fresh.base);
    expect(['leased', 'succeeded', 'rejected', 'lapsed', 'lost'].map((name) => [name, seen.value(outcome(name))])).toEqual([['leased', 4], ['succeeded', 1], ['rejected', 1], ['lapsed', 1], ['lost', 1]]);
    expect(await fresh.db.query('select 1 from command_attempts')).toHaveLength(4);
  });

  it('counts a lease whose client had gone as given back', async () => {
    const fresh = await open();
    const own = await fresh.agent();
    await queue(fresh, own, 2);
    const gone = new AbortController();
    await onConnection(fresh.db.adminUrl, async (other) => {
      await other.query('begin; lock table command_attempts in access exclusive mode');
      const asked = own.http('POST', '/agents/me/commands/lease', { body: { max: 2 }, signal: gone.signal }).catch(() => null);
      await until(async () => (await fresh.db.query(`select 1 from pg_locks where not granted`)).length > 0, 2_000);
      gone.abort();
      await asked;
      await other.query('rollback');
    });
    await until(async () => (await scrape(fresh.base)).value(outcome('given_back')) === 2, 3_000);
    const seen = await scrape(fresh.base);
    expect(seen.value(requests('POST', '/api/v1/agents/:agentId/commands/lease', 'gone'))).toBe(1);
    expect(Object.keys(seen.of('tradewarden_http_request_duration_seconds_count')).filter((series) => series.includes('/lease'))).toHaveLength(1);
    expect([seen.value(outcome('leased')), seen.value(queued('queued')), seen.value(queued('leased'))]).toEqual([2, 2, 0]);
  });

  it('tells how many polls wait, and of no one that has gone', async () => {
    const gone = new AbortController();
    const polls = times(5, () => agent.http('POST', '/agents/me/commands/lease', { body: { waitSeconds: 20 }, signal: gone.signal }).catch(() => null));
    const waiting = async (n: number) => (await scrape(t.base)).value('tradewarden_parked_polls') === n;
    await until(() => waiting(5), 3_000);
    gone.abort();
    await polls;
    await until(() => waiting(0), 3_000);
  });

  it('holds no id, address, name, key, password or token', async () => {
    const { text } = await scrape(t.base);
    const { rows: ids } = { rows: await t.db.query<{ id: string }>('select id from agents union all select id from users union all select id from api_keys') };
    expect(ids.length).toBeGreaterThan(2);
    for (const secret of [...ids.map(({ id }) => id), agent.name, agent.apiKey, ADMIN.email, ADMIN.password, t.adminToken, ...Object.values(TEST_SECRETS), t.db.url, t.db.name, 'postgres:', '127.0.0.1']) {
      expect([secret, text.includes(secret)]).toEqual([secret, false]);
    }
  });
});

describe('METRICS_TOKEN', () => {
  const token = `Xk${randomBytes(24).toString('base64url')}`;

  it('closes /metrics to all who do not send it, and to nothing else', async () => {
    const t = await open({ METRICS_TOKEN: token });
    const agent = await t.agent();
    expect((await scrape(t.base, token)).value('tradewarden_database_up')).toBe(1);
    const wrong = [null, '', 'x', `${token}x`, token.slice(0, -1), token.toUpperCase(), t.adminToken, agent.apiKey];
    for (const each of wrong) {
      const answer = await clientOf(t.base)<{ code: string }>('GET', '/metrics', { token: each });
      expect([each, answer.status, answer.body.code]).toEqual([each, 401, 'METRICS_TOKEN_REFUSED']);
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      expect(answer.text).not.toMatch(/tradewarden_/);
    }
    for (const authorization of [`Basic ${btoa(`x:${token}`)}`, token, `Bearer`, `bearer ${token}`]) {
      expect((await clientOf(t.base)('GET', '/metrics', { headers: { authorization } })).status).toBe(authorization.startsWith('bearer') ? 200 : 401);
    }
    expect((await clientOf(t.base)('GET', `/metrics?token=${token}`)).status).toBe(401);
    expect((await clientOf(t.base)('GET', '/metrics', { headers: { 'x-api-key': token } })).status).toBe(401);
    expect((await clientOf(t.base, token)('GET', '/agents')).status).toBe(401);
    for (const path of ['/livez', '/readyz', '/health']) await until(async () => (await clientOf(t.base)('GET', path)).status === 200, 5_000);
    for (const path of ['/health', '/api/docs-json', '/metrics']) expect((await clientOf(t.base)('GET', path, { token })).text).not.toContain(token);
    const rows = await t.db.query<{ found: string }>(`select coalesce(string_agg(e::text, ''), '') || (select coalesce(string_agg(a::text, ''), '') from auth_audit a) as found from events e`);
    expect(rows[0]?.found).not.toContain(token);
  });
});
