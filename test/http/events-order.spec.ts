import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { onConnection } from '../support/cluster.js';
import { insertEvent, insertEvents, openStreams, storedSeqs, wake } from '../support/event-log.js';
import { closeEventSources, type EventSource, openEvents } from '../support/event-source.js';
import { until } from '../support/timing.js';
import { seeded } from '../support/random.js';

const TENTH = process.env['FULL_FIGURES'] === '1' ? 1 : 0.1;

let t: TestApp;
let second: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  second = await t.second();
  agent = await t.agent();
});
afterEach(async () => {
  closeEventSources();
  await until(() => openStreams(t) + openStreams(second) === 0, 2_000);
});
afterAll(async () => {
  await second.close();
  await t.close();
});

const open = async (lastEventId?: string, at = t): Promise<EventSource> => {
  const stream = await openEvents(at.base, t.adminToken, { lastEventId });
  await stream.ready();
  return stream;
};
const seqsOf = (...streams: EventSource[]) => streams.flatMap((stream) => stream.events.map(({ seq }) => seq));

/** A transaction that has drawn a number and goes on. */
async function held<T>(work: (other: pg.Client, seq: number) => Promise<T>, url = t.db.url): Promise<T> {
  return onConnection(url, async (other) => {
    await other.query('begin');
    return work(other, await insertEvent(other, { type: 'test.held' }));
  });
}

describe('an event that is committed after events with higher numbers', () => {
  it('is told before them: they wait for it', async () => {
    const stream = await open();
    await held(async (other, low) => {
      const higher = [await insertEvent(t.db), await insertEvent(t.db)];
      wake(t);
      await pause(300);
      expect(stream.events).toEqual([]);
      await other.query('commit');
      await stream.has(3);
      expect(seqsOf(stream)).toEqual([low, ...higher]);
    });
  });

  it('is told before them too when the owner writes into the month itself', async () => {
    const stream = await open();
    const [{ month } = { month: '' }] = await t.db.query<{ month: string }>(`select 'events' || to_char(app_clock() at time zone 'UTC', '"_y"YYYY"m"MM') as month`);
    await onConnection(t.db.ownerUrl, async (other) => {
      await other.query('begin');
      await other.query(`insert into ${month} (type, actor) values ('test.held', 'system')`);
      await insertEvent(t.db);
      wake(t);
      await pause(200);
      expect(stream.events).toEqual([]);
      await other.query('commit');
    });
    await stream.has(2);
    expect(stream.events.map(({ type }) => type)).toEqual(['test.held', 'test.written']);
  });

  it('is part of what a stream that begins meanwhile does not tell, and not lost: the stream is ready when it can be read', async () => {
    await held(async (other, low) => {
      await insertEvent(t.db);
      const stream = await openEvents(t.base, t.adminToken);
      await pause(100);
      // Who reads state from `ready` on must find there what the stream will not tell.
      expect(stream.messages).toEqual([]);
      await other.query('commit');
      await stream.ready();
      const after = await insertEvent(t.db);
      wake(t);
      await stream.has(1);
      expect(seqsOf(stream)).toEqual([after]);
      expect(Number(stream.messages[0]?.id.split('-')[0])).toBeGreaterThan(low);
    });
  });

  it('is told to a stream that begins on an instance that knew of it', async () => {
    const watching = await open();
    await held(async (other, low) => {
      const high = await insertEvent(t.db);
      wake(t);
      await pause(100);
      const stream = await open();
      await other.query('commit');
      await stream.has(2);
      expect(seqsOf(stream)).toEqual([low, high]);
      await watching.has(2);
    });
  });

  it('is told to a stream that resumes meanwhile, from another instance too', async () => {
    const first = await open();
    await insertEvents(t, 1);
    await first.has(1);
    first.close();
    await held(async (other, low) => {
      const high = await insertEvent(t.db);
      const streams = [await openEvents(t.base, t.adminToken, { lastEventId: first.lastId }), await openEvents(second.base, t.adminToken, { lastEventId: first.lastId })];
      await pause(200);
      expect(seqsOf(...streams)).toEqual([]);
      await other.query('commit');
      for (const stream of streams) {
        await stream.has(2);
        expect(seqsOf(stream)).toEqual([low, high]);
      }
    });
  });

  it('holds up nobody who has begun to write later', async () => {
    const stream = await open();
    await held(async (one) => {
      const between = await insertEvent(t.db);
      wake(t);
      await pause(100);
      await held(async (late) => {
        await one.query('rollback');
        await stream.has(1);
        // The later one still writes; what stands below its number needs not wait for it.
        expect(seqsOf(stream)).toEqual([between]);
        await late.query('commit');
        await stream.has(2);
      });
    });
  });
});

describe('a number that nobody commits', () => {
  it('is passed over when its transaction has ended: rolled back, failed, cut or taken back to a savepoint', async () => {
    const stream = await open();
    const before = (await storedSeqs(t)).length;
    await held(async (other) => {
      await insertEvent(t.db);
      await other.query('rollback');
    });
    await held(async (other) => {
      await insertEvent(t.db);
      await other.query('select 1/0').catch(() => undefined);
      await other.query('commit');
    });
    await held(async (other) => {
      const [{ pid } = { pid: 0 }] = (await other.query<{ pid: number }>('select pg_backend_pid() as pid')).rows;
      await insertEvent(t.db);
      await t.db.query('select pg_terminate_backend($1, 1000)', [pid]);
    });
    await onConnection(t.db.url, async (other) => {
      await other.query('begin; savepoint here');
      await insertEvent(other);
      await other.query('rollback to here');
      await insertEvent(other);
      await other.query('commit');
    });
    await t.db.query(`select nextval('events_seq') from generate_series(1, 1000)`);
    await insertEvent(t.db);
    wake(t);
    await stream.has(5, 3_000);
    expect(seqsOf(stream)).toEqual((await storedSeqs(t)).slice(before));
  });

  it('at the end holds nothing up', async () => {
    const stream = await open();
    await held((other) => other.query('rollback'));
    const seq = await insertEvent(t.db);
    wake(t);
    await stream.has(1);
    expect(seqsOf(stream)).toEqual([seq]);
  });
});

describe('an event whose time is far from the present', () => {
  const insertAt = (type: string, at: string) => t.db.query(`insert into events (type, actor, at) values ($1, 'system', ${at})`, [type]);

  it('is told all the same: the clock ran ahead and was set back, with others after it', async () => {
    const stream = await open();
    await t.db.query(`select ensure_months('2024-02-01', '2024-02-28')`);
    for (const [i, write] of [() => insertAt('test.ahead', `app_clock() + interval '5 months'`), () => insertEvent(t.db), () => insertAt('test.old', `timestamptz '2024-02-03T04:05:06Z'`).then(() => insertEvent(t.db)), () => insertEvent(t.db)].entries()) {
      await write();
      wake(t);
      await stream.has([1, 2, 4, 5][i] ?? 0);
    }
    expect(stream.events.map(({ type }) => type)).toEqual(['test.ahead', 'test.written', 'test.old', 'test.written', 'test.written']);
    const replayed = await open(stream.messages[0]?.id);
    await replayed.has(5);
    expect(seqsOf(replayed)).toEqual(seqsOf(stream));
  });

  it('is told within a look through all months when nothing comes after it', async () => {
    const stream = await open();
    await insertEvent(t.db);
    wake(t);
    await stream.has(1);
    await insertAt('test.old', `timestamptz '2024-02-03T04:05:06Z'`);
    await stream.has(2, 13_000);
  });
});

describe('many writers and many readers', () => {
  /** Transactions of every kind: one row or many, short or long, some rolled back. */
  async function writer(random: () => number, rounds: number): Promise<void> {
    await onConnection(t.db.url, async (client) => {
      for (let i = 0; i < rounds; i++) {
        await client.query('begin');
        for (let n = Math.ceil(random() * 3); n > 0; n--) await insertEvent(client, { agentId: random() < 0.5 ? agent.id : null });
        if (random() < 0.3) await pause(random() * 20);
        await client.query(random() < 0.2 ? 'rollback' : 'commit');
      }
    });
  }

  /** Leaves in the middle and comes back, here or on another instance, until it has seen the last. */
  async function wanderer(random: () => number, from: string, isLast: () => number): Promise<number[]> {
    const seen: number[] = [];
    for (let lastId: string | undefined = from, fresh = true; seen.at(-1) !== isLast(); fresh = false) {
      const stream: EventSource = await openEvents((random() < 0.5 ? t : second).base, t.adminToken, { lastEventId: lastId });
      if (stream.status !== 200) throw new Error(`${stream.status} ${fresh}`);
      await pause(random() * 300);
      stream.close();
      await stream.whenEnded();
      seen.push(...seqsOf(stream));
      lastId = stream.lastId || lastId;
    }
    return seen;
  }

  it('each reader sees each event once and in order, also who comes and goes, and an agent just its own', async () => {
    const random = seeded(20_261_120);
    const before = (await storedSeqs(t)).at(-1) ?? 0;
    const live = await Promise.all(Array.from({ length: 6 }, (_, i) => open(undefined, i % 2 ? t : second)));
    const own = await openEvents(t.base, agent.apiKey);
    await own.ready();
    let last = -1;
    const wanderers = Array.from({ length: 6 }, () => wanderer(random, live[0]?.lastId ?? '', () => last));
    await Promise.all(Array.from({ length: 8 }, () => writer(random, 1_500 * TENTH)));
    const [{ seq } = { seq: '' }] = await t.db.query<{ seq: string }>(`insert into events (type, actor, agent_id) values ('test.last', 'system', $1) returning seq`, [agent.id]);
    last = Number(seq);
    const stored = await storedSeqs(t, before);
    for (const stream of [...live, own]) await until(() => stream.events.at(-1)?.seq === last, 20_000);
    for (const stream of live) expect(seqsOf(stream)).toEqual(stored);
    const ownStored = await t.db.query<{ seq: string }>(`select seq from events where seq > $1 and agent_id = $2 order by seq`, [before, agent.id]);
    expect(seqsOf(own)).toEqual(ownStored.map((row) => Number(row.seq)));
    for (const seen of await Promise.all(wanderers)) expect(seen).toEqual(stored);
    expect(stored.length).toBeGreaterThan(1_000 * TENTH * 8);
  });
});
