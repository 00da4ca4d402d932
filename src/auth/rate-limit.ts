import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { AgentCaller } from '../common/principal.js';
import { Problem } from '../common/problem.js';
import { Merged } from '../database/merged.js';
import { Schedules } from '../database/schedules.js';
import { type Statement, Statements } from '../database/statements.js';

/**
 * The window is 96 slots of 10 ms: the one that runs and 95 before it, so 0.95 to 0.96 s. That is less than a second so
 * that a client that sends its whole second's worth at once, each second, may come up to 40 ms early.
 */
const SLOT_MS = 10;
const SLOTS = 96;
/** Credit grows by the limit each second, up to this many seconds' worth: the same 40 ms of coming early. */
const CREDIT_SECONDS = 1.04;
/** Longer than the window, and what fills the credit: who waits for it is served. */
const RETRY_AFTER_SECONDS = 1;
/** An idle subject has all its credit and an empty window, as one that was never seen. */
const IDLE_HOURS = 1;

/** Requests of one subject that go into one statement. */
interface Count {
  subjectId: string;
  perSecond: number;
  requests: number;
  /** How many of them, once the statement has run. */
  granted: Promise<number>;
}

/**
 * How many of the requests of each subject are granted. The rows are locked in the order of their ids, so that two
 * instances with several subjects do not wait for each other, and the clock is read under the lock. A clock that is
 * set back counts like one that moved on: nobody is shut out until it has caught up.
 */
const COUNT: Statement = {
  name: 'rate_limit_count',
  text: `
    with asked as (
      select * from unnest($1::uuid[], $2::int[], $3::int[]) as a (subject_id, requests, per_second)
    ), counted as (
      insert into rate_limit_state as s (subject_id, checked_at, credit, slots, granted)
      select subject_id, app_clock(), per_second * ${CREDIT_SECONDS}::float8 - least(requests, floor(per_second * ${CREDIT_SECONDS}::float8)),
        least(requests, per_second) || array_fill(0, array[${SLOTS - 1}]), least(requests, per_second)
      from asked order by subject_id
      on conflict (subject_id) do update set (checked_at, credit, slots, granted) = (
        select clock.at, had.credit - spent.n, (left_over.slots[1] + given.n) || left_over.slots[2:], given.n
        from asked a
        cross join lateral (select app_clock() as at) clock
        cross join lateral (select abs(extract(epoch from clock.at - s.checked_at))::float8 as seconds,
          least(${SLOTS}, abs(floor(extract(epoch from clock.at) * 1000 / ${SLOT_MS}) - floor(extract(epoch from s.checked_at) * 1000 / ${SLOT_MS})))::int as slots) passed
        cross join lateral (select least(a.per_second * ${CREDIT_SECONDS}::float8, s.credit + a.per_second * passed.seconds) as credit) had
        cross join lateral (select least(a.requests, floor(had.credit))::int as n) spent
        cross join lateral (select array_fill(0, array[passed.slots]) || s.slots[1:${SLOTS} - passed.slots] as slots) left_over
        cross join lateral (select greatest(0, least(spent.n, a.per_second - (select sum(n) from unnest(left_over.slots) n)))::int as n) given
        where a.subject_id = s.subject_id
      ) returning subject_id, granted
    ) select * from counted`,
};

/**
 * Counts requests against a limit, for all instances together: in one row for each limited subject, by the database's
 * clock. Requests that arrive while a statement is under way are counted together by the next one, and what it grants
 * is handed out in the order of arrival.
 *
 * A request needs room in the window and credit. Credit alone would give those who hammer two seconds' worth in the first
 * second; the window alone a whole second's worth at the first moment of each, so six in a bit more than five. Credit is
 * therefore spent by requests that the window refuses, too: who hammers has none left when the window opens, and gets
 * requests at the pace of the limit from then on, T times the limit in T seconds. Who keeps to the limit is never refused.
 */
@Injectable()
export class RateLimiter {
  /** Counts that no statement has taken yet. */
  private readonly open = new Map<string, Count>();
  private readonly counts = new Merged((counts: readonly Count[]) => this.take(counts), { keyOf: ({ subjectId }) => subjectId });

  constructor(
    private readonly dataSource: DataSource,
    private readonly statements: Statements,
    schedules: Schedules,
  ) {
    schedules.every(3_600, 'rate-limits.prune', () => this.prune());
  }

  /** Subjects that requests wait for: none when nobody asks. */
  get waitingSubjects(): number {
    return this.open.size;
  }

  /** What to answer to a request that is over the limit of its key; null for one that is within it, and for keys without. */
  async refusalOf({ keyId, rateLimitPerSecond }: AgentCaller): Promise<Problem | null> {
    if (rateLimitPerSecond === null || (await this.allows(keyId, rateLimitPerSecond))) return null;
    return new Problem(429, 'RATE_LIMITED', `This key may make ${rateLimitPerSecond} requests a second (rateLimitPerSecond), on all instances together.`, {
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    });
  }

  /**
   * Whether one more request is within the limit. Only for subjects that are known to exist: each has a row.
   * @param perSecond 1 to 10,000
   * @throws when the database cannot answer: a request that nobody counted does not pass
   */
  async allows(subjectId: string, perSecond: number): Promise<boolean> {
    const count = this.open.get(subjectId) ?? this.begin(subjectId);
    count.perSecond = perSecond;
    const place = count.requests++;
    return place < (await count.granted);
  }

  private begin(subjectId: string): Count {
    const count: Count = { subjectId, perSecond: 0, requests: 0, granted: Promise.resolve(0) };
    this.open.set(subjectId, count);
    count.granted = this.counts.do(count);
    return count;
  }

  private async take(counts: readonly Count[]): Promise<number[]> {
    // A statement that is tried again takes what it took before; who came meanwhile waits for the next.
    for (const count of counts) if (this.open.get(count.subjectId) === count) this.open.delete(count.subjectId);
    const rows = await this.statements.run<{ subject_id: string; granted: number }>(COUNT, [
      counts.map(({ subjectId }) => subjectId), counts.map(({ requests }) => requests), counts.map(({ perSecond }) => perSecond),
    ]);
    const granted = new Map(rows.map((row) => [row.subject_id, row.granted]));
    return counts.map(({ subjectId }) => granted.get(subjectId) ?? 0);
  }

  /** Deletes the rows of idle subjects. One that is just being counted is passed over: waiting for it could be a deadlock. */
  private async prune(): Promise<void> {
    await this.dataSource.sql`
      with idle as (
        select subject_id from rate_limit_state where checked_at < app_clock() - make_interval(hours => ${IDLE_HOURS}) for update skip locked
      ) delete from rate_limit_state s using idle where s.subject_id = idle.subject_id`;
  }
}
