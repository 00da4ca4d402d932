import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { DatabaseService } from '../../src/database/database.service.js';
import { EventFeed } from '../../src/events/event-feed.js';
import { OUTSTANDING_BYTES_MAX } from '../../src/live/event-stream.js';
import { STREAMS_MAX, STREAMS_PER_CALLER_MAX, Streams } from '../../src/live/streams.js';
import { ADMIN, restSchedules, startTestApp, type TestApp } from '../support/app.js';
import { type Cluster, databaseOn, onConnection, startCluster } from '../support/cluster.js';
import { insertEvent, insertEvents, openStreams, storedSeqs, wake } from '../support/event-log.js';
import { closeEventSources, type EventSource, openEvents } from '../support/event-source.js';
import { clientOf } from '../support/http.js';
import { until } from '../support/timing.js';
import { type ServerProcess, startServerProcess, stopServerProcesses, whenReady } from '../support/server-process.js';

afterEach(closeEventSources);

const open = async (t: { base: string }, token: string, lastEventId?: string): Promise<EventSource> => {
  const stream = await openEvents(t.base, token, { lastEventId });
  await stream.ready();
  return stream;
};
const seqsOf = (stream: EventSource) => stream.events.map(({ seq }) => seq);

describe('a reader that does not read', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t.close());

  it('is let go when too much waits for it, holds up nobody, and goes on where it was when it comes back', async () => {
    const before = (await storedSeqs(t)).at(-1) ?? 0;
    const slow = await open(t, t.adminToken);
    const fine = await open(t, t.adminToken);
    slow.pause();
    const data = { text: randomBytes(4_000).toString('hex') };
    for (let i = 0; i < 200 && openStreams(t) === 2; i++) {
      await insertEvents(t, 50, { data });
      await fine.has((i + 1) * 50);
    }
    expect(openStreams(t)).toBe(1);
    slow.resume();
    await slow.whenEnded();
    const stored = await storedSeqs(t, before);
    const again = await open(t, t.adminToken, slow.lastId);
    expect([...seqsOf(slow), ...seqsOf(again)]).toEqual(stored);
    expect(again.events.length).toBeGreaterThan(0);
    expect(seqsOf(fine)).toEqual(stored);
  });

  it('costs no more than what may wait for it, however long it comes from the past', async () => {
    await insertEvents(t, 600, { data: { text: 'x'.repeat(40_000) } });
    const slow = await Promise.all(Array.from({ length: 5 }, () => openEvents(t.base, t.adminToken, { lastEventId: '0', paused: true })));
    // The kernel takes some megabytes for each; then it waits here.
    await until(() => waitingBytes(t).filter((bytes) => bytes > 0).length === 5, 30_000);
    // Then nothing more is read for them; a heartbeat may come by.
    await until(async () => {
      const before = waitingBytes(t);
      await pause(1_000);
      return waitingBytes(t).every((bytes, i) => bytes - (before[i] ?? 0) < 100);
    }, 10_000);
    expect(waitingBytes(t)).toHaveLength(5);
    expect(Math.max(...waitingBytes(t))).toBeLessThanOrEqual(OUTSTANDING_BYTES_MAX + 500);
    const fine = await open(t, t.adminToken);
    await insertEvents(t, 1);
    await fine.has(1);
    slow[0]?.resume();
    const stored = await storedSeqs(t);
    await slow[0]?.has(stored.length, 30_000);
    expect(seqsOf(slow[0] as EventSource)).toEqual(stored);
  });

  it('gets one event that is larger by itself than what may wait', async () => {
    const stream = await open(t, t.adminToken);
    await insertEvents(t, 1, { data: { text: 'y'.repeat(2 * OUTSTANDING_BYTES_MAX) } });
    await stream.has(1);
    await insertEvents(t, 1);
    await stream.has(2);
  });
});

/** Bytes that wait in this process for each open stream. */
const waitingBytes = (t: TestApp): number[] =>
  [...(t.app.get(Streams) as unknown as { open: Set<{ raw: { writableLength: number } }> }).open].map(({ raw }) => raw.writableLength);

describe('an idle server', () => {
  const connections = async (t: TestApp) =>
    (await t.db.query<{ n: number }>(`select count(*)::int as n from pg_stat_activity where datname = current_database() and application_name like 'tradewarden%'`))[0]?.n;

  it('with the null pool holds no connection when nobody follows any more, and asks nothing', async () => {
    const t = await startTestApp({ SERVERLESS: 'on' });
    // What they look for opens a connection for a moment.
    restSchedules(t);
    const stream = await open(t, t.adminToken);
    await insertEvent(t.db);
    await stream.has(1, 2_500);
    stream.close();
    await until(() => openStreams(t) === 0, 1_000);
    await until(async () => (await connections(t)) === 0, 700);
    for (let i = 0; i < 15; i++) {
      await pause(100);
      expect(await connections(t)).toBe(0);
    }
    const again = await open(t, t.adminToken, stream.lastId);
    await insertEvent(t.db);
    await again.has(1, 2_500);
    await t.close();
  });

  it('while somebody follows uses one connection, for however many', async () => {
    const t = await startTestApp({ SERVERLESS: 'on' });
    restSchedules(t);
    const people = await Promise.all(Array.from({ length: 3 }, () => t.person('viewer')));
    const streams = await Promise.all(people.flatMap((token) => Array.from({ length: 15 }, () => open(t, token))));
    await until(async () => (await connections(t)) === 0, 3_000);
    let most = 0;
    let told = 0;
    // Until it was seen once: a look may come before or after all of it.
    for (let i = 0; i < 30 || most === 0; i++) {
      await insertEvents(t, 3);
      told += 3;
      await pause(20);
      most = Math.max(most, (await connections(t)) ?? 0);
      await pause(30);
    }
    for (const stream of streams) await stream.has(told);
    expect(most).toBe(1);
    await t.close();
  });
});

describe('a transaction that hangs', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t.close());

  it('holds the events up and neither a connection nor a heartbeat; it is ended by its own timeout, and nothing is lost', async () => {
    const stream = await open(t, t.adminToken);
    await onConnection(t.db.url, async (other) => {
      const [{ timeout } = { timeout: '' }] = (await other.query<{ timeout: string }>(`select current_setting('idle_in_transaction_session_timeout') as timeout`)).rows;
      expect(timeout).not.toBe('0');
      await other.query(`set idle_in_transaction_session_timeout = '15s'`);
      const [{ pid } = { pid: 0 }] = (await other.query<{ pid: number }>('select pg_backend_pid() as pid')).rows;
      await other.query('begin');
      await insertEvent(other, { type: 'test.lost' });
      const after = await insertEvent(t.db);
      wake(t);
      const active = () => t.db.query<{ state: string; query: string }>(`select state, query from pg_stat_activity where datname = current_database() and application_name = 'tradewarden' and (state <> 'idle' or xact_start is not null)`);
      let [heardMeanwhile, heldNothing] = [0, false];
      await until(async () => {
        const heard = stream.events.length;
        const isFree = (await active()).length === 0;
        // The transaction still hangs after the look at what was heard.
        if ((await t.db.query('select 1 from pg_stat_activity where pid = $1', [pid])).length === 0) return true;
        heardMeanwhile = heard;
        heldNothing ||= isFree;
        return false;
      }, 20_000);
      expect([heardMeanwhile, heldNothing]).toEqual([0, true]);
      expect(stream.comments.some((comment) => /^behind \d+ s$/.test(comment))).toBe(true);
      await stream.has(1, 5_000);
      expect(seqsOf(stream)).toEqual([after]);
    });
  });
});

describe('a shutdown', () => {
  it('ends the streams at once, with a word, also of readers that do not read, and waits for none', async () => {
    const t = await startTestApp({ SHUTDOWN_TIMEOUT: '120' });
    const stream = await open(t, t.adminToken);
    const stalled = await open(t, t.adminToken);
    const half = await openEvents(t.base, t.adminToken, { lastEventId: '0', paused: true });
    stalled.pause();
    await insertEvents(t, 400, { data: { text: 'z'.repeat(1_000) } });
    await stream.has(400);
    const began = performance.now();
    const closing = t.app.close();
    await stream.whenEnded();
    expect(stream.messages.at(-1)).toMatchObject({ event: 'end', data: '{"code":"DRAINING"}' });
    await closing;
    expect(performance.now() - began).toBeLessThan(50_000);
    expect(half.status).toBe(200);
    await t.close();
  });
});

describe('a server that', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(async () => {
    await stopServerProcesses();
    await t.close();
  });
  const start = async (env: Record<string, string> = {}): Promise<ServerProcess> => {
    const server = await startServerProcess({ env: { DATABASE_URL: t.db.url, DATABASE_OWNER_URL: t.db.ownerUrl, MIGRATE_ON_START: 'off', SHUTDOWN_TIMEOUT: '120', ...env } });
    await whenReady(server.base);
    return server;
  };
  const signIn = async (server: ServerProcess) => (await clientOf(server.base)<{ accessToken: string }>('POST', '/auth/login', { body: ADMIN })).body.accessToken;

  it.each<NodeJS.Signals>(['SIGTERM', 'SIGKILL'])('is ended by %s and started anew goes on with the id that was seen last: no event is missing and none comes twice', async (signal) => {
    const before = (await storedSeqs(t)).at(-1) ?? 0;
    const seen: number[] = [];
    let writing = true;
    const writer = (async () => {
      while (writing) {
        await insertEvent(t.db);
        await pause(3);
      }
    })();
    let lastId: string | undefined;
    for (let round = 0; round < 2; round++) {
      const server = await start();
      const stream = await open(server, await signIn(server), lastId);
      await stream.has(60, 30_000);
      const began = performance.now();
      server.kill(signal);
      await server.exited;
      // One that waited for its readers would be cut after a minute.
      if (signal === 'SIGTERM') expect(performance.now() - began).toBeLessThan(50_000);
      await stream.whenEnded();
      seen.push(...seqsOf(stream));
      lastId = stream.lastId;
    }
    writing = false;
    await writer;
    const rest = await open(t, t.adminToken, lastId);
    seen.push(...seqsOf(rest));
    const stored = await storedSeqs(t, before);
    expect(seen).toEqual(stored.slice(stored.indexOf(seen[0] ?? -1)));
    expect(seen.length).toBeGreaterThan(100);
  });

  it('drains refuses a stream that was asked for before and could be opened only now', async () => {
    const server = await start();
    const token = await signIn(server);
    const stream = await open(server, token);
    await onConnection(t.db.adminUrl, async (other) => {
      await other.query('begin; lock table events in access exclusive mode');
      const late = openEvents(server.base, token, { lastEventId: stream.lastId });
      await until(async () => (await t.db.query(`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%seq = $1 and at%'`)).length > 0, 5_000);
      server.kill('SIGTERM');
      await stream.whenEnded();
      await other.query('rollback');
      const { status, problem } = await late;
      expect([status, problem.code]).toEqual([503, 'DRAINING']);
    });
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect(server.output()).not.toContain('cutting');
  });
});

describe('a database that', () => {
  let cluster: Cluster;
  let t: TestApp;
  beforeAll(async () => {
    cluster = await startCluster();
    // Longer than a line on a busy machine takes, and shorter than the database is frozen for.
    t = await startTestApp({ DB_POOL_TIMEOUT: '20', DB_QUERY_TIMEOUT: '6' }, await databaseOn(cluster));
  });
  afterEach(() => cluster.thaw());
  afterAll(async () => {
    closeEventSources();
    await t.close();
    await cluster.remove();
  });

  it('is away and comes back leaves the streams open, with heartbeats that say so, and nothing is lost', async () => {
    const stream = await open(t, t.adminToken);
    const back = await openEvents(t.base, t.adminToken, { lastEventId: '0' });
    await back.ready();
    const before = back.events.length;
    await cluster.stop();
    await until(() => stream.comments.some((comment) => comment.startsWith('behind')), 12_000);
    expect(stream.ended).toBe(false);
    await cluster.start();
    const seq = await insertEvent(t.db);
    await stream.has(1, 5_000);
    expect(seqsOf(stream)).toEqual([seq]);
    await back.has(before + 1);
    await until(() => stream.comments.at(-1) === 'current', 7_000);
  });

  it('freezes ends no stream, and goes on when it thaws', async () => {
    const stream = await open(t, t.adminToken);
    cluster.freeze();
    await pause(8_000);
    cluster.thaw();
    const seq = await insertEvent(t.db);
    await stream.has(1, 8_000);
    expect(seqsOf(stream)).toEqual([seq]);
  });

  it('was put back to an older state ends the streams, and says 410 to those that come back', async () => {
    const first = await open(t, t.adminToken);
    await insertEvent(t.db);
    await first.has(1, 3_000);
    await t.db.query(`set session_replication_role = replica; delete from events where seq > ${first.events[0]?.seq ?? 0} - 1; select setval('events_seq', ${(first.events[0]?.seq ?? 1) - 1}); set session_replication_role = origin`);
    await first.whenEnded(13_000);
    expect(first.messages.at(-1)).toMatchObject({ event: 'end', data: '{"code":"RESET"}' });
    await insertEvent(t.db);
    const again = await openEvents(t.base, t.adminToken, { lastEventId: first.lastId });
    expect([again.status, again.problem.code]).toEqual([410, 'EVENT_ID_GONE']);
    expect((await open(t, t.adminToken)).status).toBe(200);
  });
});

describe('a thousand streams', () => {
  it('are all told, on one connection; one more is refused with a time to come back', async () => {
    const t = await startTestApp({ SERVERLESS: 'on' });
    const callers: string[] = [];
    while (callers.length < STREAMS_MAX / STREAMS_PER_CALLER_MAX) callers.push((await t.agent()).apiKey);
    const streams: EventSource[] = [];
    for (const token of callers) streams.push(...(await Promise.all(Array.from({ length: STREAMS_PER_CALLER_MAX }, () => open(t, token)))));
    expect(openStreams(t)).toBe(STREAMS_MAX);
    const refused = await openEvents(t.base, t.adminToken);
    expect([refused.status, refused.problem.code, Number(refused.headers['retry-after']) > 0]).toEqual([503, 'STREAMS_FULL', true]);
    await t.db.query(`insert into events (type, actor, agent_id) select 'test.all', 'system', id from agents`);
    wake(t);
    for (const stream of streams) await stream.has(1, 10_000);
    expect(new Set(streams.map(({ events }) => events.length))).toEqual(new Set([1]));
    streams[0]?.close();
    await until(() => openStreams(t) < STREAMS_MAX, 1_000);
    expect((await open(t, t.adminToken)).status).toBe(200);
    closeEventSources();
    await t.close();
  });
});

describe('connections of a hostile reader', () => {
  it('that come and go by the hundred leave nothing behind', async () => {
    const t = await startTestApp();
    const { hostname, port } = new URL(t.base);
    const feed = t.app.get(EventFeed);
    for (let i = 0; i < 300; i++) {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined);
      socket.write(`GET /api/v1/events${i % 3 ? '' : '?lastEventId=0'} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${t.adminToken}\r\n\r\n`);
      if (i % 10 === 0) await pause(20);
      setTimeout(() => (i % 2 ? socket.destroy() : socket.resetAndDestroy()), Math.random() * 60);
    }
    await until(() => openStreams(t) === 0, 5_000);
    await until(() => feed.position === null, 3_000);
    await until(() => t.app.get(DatabaseService).pool().active + t.app.get(DatabaseService).pool().waiting === 0, 2_000);
    const stream = await open(t, t.adminToken);
    await insertEvents(t, 1);
    await stream.has(1);
    await t.close();
  });
});
