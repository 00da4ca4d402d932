import type { TestDatabase } from './database.js';

/** The application's clock, standing still until it is moved: for what counts by hundredths of a second. */
export interface FrozenClock {
  /** @param seconds since it was frozen, for the first time */
  moveTo(seconds: number): Promise<void>;
}

/** Stands still for the rest of the database's life. */
export async function freezeClock(db: TestDatabase): Promise<FrozenClock> {
  // Not at a round time: nothing is to depend on that.
  await db.query(`create table frozen_clock as select date_trunc('second', clock_timestamp()) + interval '37 milliseconds' as began, interval '0' as passed`);
  await db.query('grant select on frozen_clock to public');
  await db.query(`create or replace function app_clock() returns timestamptz language sql volatile security definer set search_path = public
    as 'select began + passed from frozen_clock'`);
  return {
    async moveTo(seconds) {
      await db.query('update frozen_clock set passed = make_interval(secs => $1)', [seconds]);
    },
  };
}

/**
 * Stops the clock: until it is let go on, `db.advance` alone moves it. For limits of some seconds, which a busy machine
 * passes by itself between two lines.
 * @returns lets it go on
 */
export async function stopClock(db: TestDatabase): Promise<() => Promise<void>> {
  const replace = (now: string) => db.query(`create or replace function app_clock() returns timestamptz language sql volatile security definer set search_path = public
    as $$select ${now} + (select shift from test_clock)$$`);
  const [{ now = '' } = {}] = await db.query<{ now: string }>('select clock_timestamp()::text as now');
  await replace(`timestamptz '${now}'`);
  return async () => void (await replace('clock_timestamp()'));
}
