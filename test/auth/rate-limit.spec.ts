import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RateLimiter } from '../../src/auth/rate-limit.js';
import { Schedules } from '../../src/database/schedules.js';
import { type Run, Statements } from '../../src/database/statements.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { onConnection } from '../support/cluster.js';
import { freezeClock, type FrozenClock } from '../support/frozen-clock.js';
import { until } from '../support/timing.js';
import { seeded } from '../support/random.js';

/** Requests at one moment, in seconds since the beginning. */
interface Ask {
  at: number;
  requests: number;
}

const instances: TestApp[] = [];
let limiters: RateLimiter[];
/** Takes the instances in turn. */
const allows = (i: number, subject: string, perSecond: number): Promise<boolean> => (limiters[i % limiters.length] as RateLimiter).allows(subject, perSecond);
let t: TestApp;
let clock: FrozenClock;
/** How often the instances have asked the database to count; their other work goes on meanwhile. */
let statements = 0;
/** Each pattern begins when the one before it is long over. */
let began = 0;
beforeAll(async () => {
  t = await startTestApp();
  instances.push(await t.second(), await t.second(), t);
  limiters = instances.map(({ app }) => app.get(RateLimiter));
  for (const { app } of instances) {
    const own = app.get(Statements) as { run: Run };
    const { run } = own;
    own.run = (statement, values) => {
      if (statement.name === 'rate_limit_count') statements++;
      return run(statement, values);
    };
  }
  clock = await freezeClock(t.db);
});
afterAll(async () => {
  for (const each of instances) await each.close();
});

/** Asks for a new subject, the requests of each moment at once and spread over the instances. Answers how many were granted at each moment. */
async function granted(perSecond: number, pattern: Ask[], subject = randomUUID()): Promise<number[]> {
  const counts: number[] = [];
  for (const { at, requests } of pattern) {
    await clock.moveTo(began + at);
    const answers = await Promise.all(Array.from({ length: requests }, (_, i) => allows(i, subject, perSecond)));
    counts.push(answers.filter(Boolean).length);
  }
  began += (pattern.at(-1)?.at ?? 0) + 10;
  return counts;
}

/** The most that was granted in any time of so many seconds. */
function mostWithin(seconds: number, pattern: Ask[], counts: number[]): number {
  const sums = pattern.map(({ at: from }) => pattern.reduce((sum, { at }, i) => sum + (at >= from && at < from + seconds ? (counts[i] ?? 0) : 0), 0));
  return Math.max(...sums);
}

const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0);

describe('a limit', () => {
  it('grants a whole second\'s worth at once, nothing beyond it, and as much again in the next second', async () => {
    expect(await granted(20, [{ at: 0, requests: 60 }, { at: 0.3, requests: 20 }, { at: 0.9, requests: 0 }])).toEqual([20, 0, 0]);
    expect(await granted(20, [0, 1, 2, 3, 4].map((at) => ({ at, requests: 40 })))).toEqual([20, 20, 20, 20, 20]);
    expect(await granted(1, [{ at: 0, requests: 3 }, { at: 0.8, requests: 1 }, { at: 1.8, requests: 2 }])).toEqual([1, 0, 1]);
  });

  it.each([
    // So much too much that the first second shows it; a little too much comes in waves of a second, which even out.
    [3, 5, 1], [20, 3, 1], [90, 2.6, 1], [400, 4, 1], [3, 1.3, 3], [20, 1.5, 3], [90, 1.2, 3], [400, 1.8, 3],
  ])('of %d a second is met within 10 %% by those who ask for %d times as much, on three instances, in each time from %d s on', async (limit, times, shortest) => {
    const random = seeded(limit * times);
    const pattern: Ask[] = [];
    for (let at = 0; at < 5; at += 0.01 + random() * 0.06) pattern.push({ at, requests: 0 });
    pattern.forEach((ask, i) => (ask.requests = Math.ceil(((pattern[i + 1]?.at ?? 5) - ask.at) * limit * times)));
    const counts = await granted(limit, pattern);
    expect(mostWithin(0.95, pattern, counts)).toBeLessThanOrEqual(limit);
    for (let seconds = shortest; seconds <= 5; seconds += 0.25) {
      const total = sum(counts.filter((_, i) => (pattern[i]?.at ?? 9) < seconds));
      // Of three, a tenth is less than one.
      const tenth = Math.max(1, seconds * limit * 0.1);
      expect(total).toBeGreaterThanOrEqual(seconds * limit - tenth);
      expect(total).toBeLessThanOrEqual(seconds * limit + tenth);
    }
  });

  it.each([11, 12, 13, 14, 15, 16])('never refuses those who keep to it, however they spread their requests (seed %d)', async (seed) => {
    const random = seeded(seed);
    const limit = [1, 4, 25, 200][seed % 4] ?? 0;
    const pattern: Ask[] = [];
    for (let at = 0; at < 8; at += random() ** 2) {
      const lately = sum(pattern.filter((ask) => ask.at > at - 1).map(({ requests }) => requests));
      pattern.push({ at, requests: Math.floor((limit - lately) * Math.min(1, random() * 1.5)) });
    }
    expect(sum(pattern.map(({ requests }) => requests))).toBeGreaterThan(limit);
    expect(await granted(limit, pattern)).toEqual(pattern.map(({ requests }) => requests));
  });

  it('takes a second\'s worth at once in each second also from a timer that is off by 20 ms', async () => {
    const random = seeded(21);
    const pattern = Array.from({ length: 12 }, (_, i) => ({ at: 0.02 + i + (random() - 0.5) * 0.04, requests: 30 }));
    expect(await granted(30, pattern)).toEqual(pattern.map(() => 30));
  });

  it.each([31, 32, 33, 34])('is not passed in any 0.95 s, nor in the long run, by whatever is asked (seed %d)', async (seed) => {
    const random = seeded(seed);
    const limit = [2, 10, 60, 300][seed % 4] ?? 0;
    const pattern: Ask[] = [];
    for (let at = 0; at < 8; at += random() < 0.3 ? random() * 1.5 : random() * 0.2) pattern.push({ at, requests: Math.floor(random() ** 3 * limit * 3) });
    const counts = await granted(limit, pattern);
    expect(mostWithin(0.95, pattern, counts)).toBeLessThanOrEqual(limit);
    for (const { at: from } of pattern) {
      for (const { at: to } of pattern.filter(({ at }) => at > from)) {
        const total = sum(counts.filter((_, i) => (pattern[i]?.at ?? -1) >= from && (pattern[i]?.at ?? 99) <= to));
        expect(total).toBeLessThanOrEqual(limit * (to - from + 1.04) + 1e-6);
      }
    }
  });

  it('shuts nobody out when the clock is set back, and holds', async () => {
    const subject = randomUUID();
    began += 7_200;
    expect(await granted(10, [{ at: 0, requests: 20 }, { at: -3_600, requests: 20 }, { at: -3_599.5, requests: 20 }], subject)).toEqual([10, 10, 0]);
    began += 7_200;
  });

  it('holds as it is now when it was changed', async () => {
    const subject = randomUUID();
    expect(await granted(10, [{ at: 0, requests: 10 }], subject)).toEqual([10]);
    began -= 9.5;
    expect(await granted(4, [{ at: 0, requests: 10 }, { at: 1, requests: 10 }], subject)).toEqual([0, 4]);
    expect(await granted(8, [{ at: 0, requests: 10 }], subject)).toEqual([8]);
  });
});

describe('requests that come together', () => {
  const held = <T>(subject: string, work: () => Promise<T>) =>
    onConnection(t.db.adminUrl, async (other) => {
      await other.query('begin');
      await other.query('select 1 from rate_limit_state where subject_id = $1 for update', [subject]);
      const result = await work();
      await other.query('rollback');
      return result;
    });
  const blocked = async () => (await t.db.query(`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)).length;

  it('are counted by one statement, and granted in the order in which they came', async () => {
    const subject = randomUUID();
    await granted(50, [{ at: 0, requests: 1 }, { at: 2, requests: 0 }], subject);
    const limiter = limiters[0] as RateLimiter;
    const before = statements;
    const asked = await held(subject, async () => {
      const first = limiter.allows(subject, 50);
      await until(async () => (await blocked()) === 1, 5_000);
      return [first, ...Array.from({ length: 119 }, () => limiter.allows(subject, 50))];
    });
    expect(await Promise.all(asked)).toEqual(Array.from({ length: 120 }, (_, i) => i < 50));
    expect(statements - before).toBe(2);
    expect(limiter.waitingSubjects).toBe(0);
  });

  it('for many subjects on three instances never wait for each other in a circle', async () => {
    const random = seeded(41);
    const subjects = Array.from({ length: 24 }, () => randomUUID());
    await clock.moveTo((began += 10));
    const counts = new Map<string, number>();
    const before = statements;
    for (let round = 0; round < 30; round++) {
      await Promise.all(limiters.map(async (limiter) => {
        const order = [...subjects].sort(() => random() - 0.5);
        const answers = await Promise.all(order.map((subject) => limiter.allows(subject, 40)));
        order.forEach((subject, i) => counts.set(subject, (counts.get(subject) ?? 0) + (answers[i] ? 1 : 0)));
      }));
    }
    expect([...counts.values()]).toEqual(subjects.map(() => 40));
    // A deadlock would be tried again.
    expect(statements - before).toBe(30 * limiters.length);
  });

  it('all fail when the database does not answer, and the next are counted again', async () => {
    const subject = randomUUID();
    await granted(5, [{ at: 0, requests: 1 }], subject);
    await t.db.query('alter table rate_limit_state rename to elsewhere');
    const answers = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => allows(i, subject, 5)));
    await t.db.query('alter table elsewhere rename to rate_limit_state');
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 'rejected'));
    expect(await granted(5, [{ at: 0, requests: 9 }], subject)).toEqual([5]);
  });
});

describe('what is kept', () => {
  const rows = async () => (await t.db.query<{ subject_id: string }>('select subject_id from rate_limit_state')).map(({ subject_id }) => subject_id);

  it('is forgotten by a crash of the database, which costs a second\'s worth', async () => {
    const [table] = await t.db.query(`select relpersistence from pg_class where relname = 'rate_limit_state'`);
    expect(table).toEqual({ relpersistence: 'u' });
    const subject = randomUUID();
    expect(await granted(6, [{ at: 0, requests: 9 }], subject)).toEqual([6]);
    began -= 10;
    await t.db.query('truncate rate_limit_state');
    expect(await granted(6, [{ at: 0, requests: 9 }, { at: 0.5, requests: 9 }], subject)).toEqual([6, 0]);
  });

  it('is one row for a subject, deleted after an idle hour', async () => {
    await t.db.query('truncate rate_limit_state');
    const [idle, busy, held] = [randomUUID(), randomUUID(), randomUUID()];
    for (const subject of [idle, held, busy, idle]) await granted(6, [{ at: 0, requests: 9 }, { at: 1, requests: 3 }], subject);
    expect((await rows()).sort()).toEqual([idle, busy, held].sort());
    began += 3_600;
    await granted(6, [{ at: 0, requests: 1 }], busy);
    await clock.moveTo(began);
    await onConnection(t.db.adminUrl, async (other) => {
      await other.query('begin');
      await other.query('select 1 from rate_limit_state where subject_id = $1 for update', [held]);
      await t.db.query(`update schedules set next_run_at = app_clock() where name = 'rate-limits.prune'`);
      await t.app.get(Schedules).runDue();
      await other.query('rollback');
    });
    expect((await rows()).sort()).toEqual([busy, held].sort());
    expect(await t.db.query(`select last_error from schedules where name = 'rate-limits.prune'`)).toEqual([{ last_error: null }]);
  });
});
