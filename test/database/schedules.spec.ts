import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Schedules } from '../../src/database/schedules.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { until } from '../support/timing.js';

let first: TestApp;
let second: TestApp;
beforeAll(async () => {
  first = await startTestApp();
  second = await first.second();
});
afterAll(async () => {
  await second.close();
  await first.close();
});

const of = (t: TestApp) => t.app.get(Schedules);
const runBoth = () => Promise.all([of(first).runDue(), of(second).runDue()]);
/** Seconds up to a whole ten: they are counted from when it was due, and time goes by. */
const row = async (name: string) =>
  (await first.db.query<{ due_in: number; last_error: string | null; claimed: boolean }>(
    `select (ceil(extract(epoch from next_run_at - app_clock()) / 10) * 10)::int as due_in, last_error, lease_until is not null as claimed from schedules where name = $1`, [name]))[0];

/** The same work on both instances. */
function schedule(name: string, everySeconds: number, run: () => Promise<unknown>): void {
  for (const t of [first, second]) of(t).every(everySeconds, name, run);
}

describe('a schedule', () => {
  it('runs on one instance at a time, when it is due, and is caught up once', async () => {
    let runs = 0;
    schedule('test.counted', 3_600, async () => (runs += 1));
    await runBoth();
    await runBoth();
    expect(runs).toBe(1);
    expect(await row('test.counted')).toEqual({ due_in: 3_600, last_error: null, claimed: false });
    await first.db.advance(3_599);
    await runBoth();
    expect(runs).toBe(1);
    await first.db.advance(5 * 3_600);
    await runBoth();
    await runBoth();
    expect(runs).toBe(2);
  });

  it('keeps its cadence however long it takes, and does not make up for what it missed', async () => {
    let runs = 0;
    let takes = 20;
    schedule('test.cadence', 60, async () => {
      runs += 1;
      await first.db.advance(takes);
    });
    await runBoth();
    expect([runs, await row('test.cadence')]).toEqual([1, { due_in: 40, last_error: null, claimed: false }]);
    await first.db.advance(41);
    takes = 150;
    await runBoth();
    expect([runs, await row('test.cadence')]).toEqual([2, { due_in: 30, last_error: null, claimed: false }]);
    takes = 0;
    await runBoth();
    expect(runs).toBe(2);
  });

  it('of every minute runs every minute: it is looked for more often than that', async () => {
    const timers = jest.spyOn(globalThis, 'setInterval');
    const third = await first.second();
    try {
      const { timer } = of(third) as unknown as { timer: NodeJS.Timeout };
      const made = timers.mock.results.findIndex(({ value }) => value === timer);
      expect(timers.mock.calls[made]?.[1]).toBeLessThanOrEqual(15_000);
    } finally {
      timers.mockRestore();
      await third.close();
    }
  });

  it('that failed is tried again in five minutes, and tells why', async () => {
    let fails = true;
    schedule('test.failing', 86_400, async () => {
      if (fails) throw new Error('no space');
    });
    await runBoth();
    expect(await row('test.failing')).toEqual({ due_in: 300, last_error: 'no space', claimed: false });
    fails = false;
    await first.db.advance(301);
    await runBoth();
    expect(await row('test.failing')).toEqual({ due_in: 86_400, last_error: null, claimed: false });
  });

  it('whose instance died with it is taken over when its claim has lapsed', async () => {
    let runs = 0;
    schedule('test.taken', 3_600, async () => (runs += 1));
    await first.db.query(`insert into schedules (name, next_run_at, lease_until, token) values ('test.taken', app_clock(), app_clock() + interval '300 seconds', gen_random_uuid())`);
    await runBoth();
    expect(runs).toBe(0);
    await first.db.advance(301);
    await runBoth();
    expect(runs).toBe(1);
  });

  it.each([[5, 30], [3_600, 300]])('of every %p s is claimed for %p s at a time: who is killed in the middle of it holds it up no longer', async (everySeconds, lease) => {
    const name = `test.held-${everySeconds}`;
    let held: number | undefined;
    schedule(name, everySeconds, async () => {
      const [seen] = await first.db.query<{ held: number }>(`select ceil(extract(epoch from lease_until - app_clock()))::int as held from schedules where name = $1`, [name]);
      held = seen?.held;
    });
    await runBoth();
    expect(held).toBeLessThanOrEqual(lease);
    expect(held).toBeGreaterThan(lease - 20);
  });

  it('whose end could not be written down gives its claim back with the next look', async () => {
    const name = 'test.cut-off';
    await first.db.query(`create function refuse_cut_off() returns trigger language plpgsql as $$ begin raise exception 'the server is shutting down' using errcode = '57P01'; end $$`);
    await first.db.query(`create trigger refuse_cut_off before update on schedules for each row when (old.name = '${name}' and new.token is null) execute function refuse_cut_off()`);
    let runs = 0;
    of(first).every(5, name, async () => (runs += 1));
    await expect(of(first).runDue()).rejects.toThrow('shutting down');
    expect(await row(name)).toMatchObject({ claimed: true });
    await first.db.query(`drop trigger refuse_cut_off on schedules`);
    await of(first).runDue();
    expect([runs, await row(name)]).toEqual([1, expect.objectContaining({ claimed: false, last_error: null })]);
  });

  it('goes on when a clock that was ahead is right again, also one that was claimed then', async () => {
    const runs = { daily: 0, quick: 0, claimed: 0, parked: 0 };
    schedule('test.daily', 86_400, async () => (runs.daily += 1));
    schedule('test.quick', 10, async () => (runs.quick += 1));
    schedule('test.claimed', 3_600, async () => (runs.claimed += 1));
    schedule('test.parked', 3_600, async () => (runs.parked += 1));
    await first.db.query(`insert into schedules (name, next_run_at) values ('test.parked', 'infinity')`);
    await first.db.advance(366 * 86_400);
    await runBoth();
    await first.db.query(`update schedules set next_run_at = app_clock(), lease_until = app_clock() + interval '300 seconds', token = gen_random_uuid() where name = 'test.claimed'`);
    await first.db.advance(-366 * 86_400);
    await runBoth();
    expect(runs).toEqual({ daily: 2, quick: 2, claimed: 2, parked: 0 });
    expect(await row('test.daily')).toEqual({ due_in: 86_400, last_error: null, claimed: false });
    await runBoth();
    expect(runs).toEqual({ daily: 2, quick: 2, claimed: 2, parked: 0 });
  });

  it('runs in time also when the clock was set back by hours after it was planned, and keeps its cadence from then on', async () => {
    let runs = 0;
    schedule('test.set-back', 5, async () => (runs += 1));
    await first.db.query(`insert into schedules (name, next_run_at) values ('test.set-back', app_clock() + interval '2 hours')`);
    await runBoth();
    await runBoth();
    expect(runs).toBe(1);
    expect((await row('test.set-back'))?.due_in).toBeLessThanOrEqual(60);
    await first.db.query(`update schedules set next_run_at = 'infinity' where name = 'test.set-back'`);
    await runBoth();
    expect(runs).toBe(1);
  });

  it('that runs holds no connection and no transaction, and does not let the other instance begin', async () => {
    let running = 0;
    let most = 0;
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    schedule('test.long', 3_600, async () => {
      most = Math.max(most, (running += 1));
      await finished;
      running -= 1;
    });
    const both = runBoth();
    await until(() => running === 1, 2_000);
    // The other server may still be looking through what else is due.
    await until(async () => (await first.db.query(`select 1 from pg_stat_activity where datname = current_database() and application_name = 'tradewarden' and state <> 'idle'`)).length === 0, 2_000);
    finish();
    await both;
    expect([most, running]).toEqual([1, 0]);
  });
});
