import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());

/** The rollovers around a moment: the last one at it or before, and the next one. */
async function around(zone: string, rollover: string, at: string): Promise<string[]> {
  const [row] = await db.query<{ before: Date; after: Date }>('select rollover_before($1, $2, $3::time) as before, rollover_after($1, $2, $3::time) as after', [at, zone, rollover]);
  return [row?.before, row?.after].map((time) => time?.toISOString().replace(':00.000Z', 'Z') ?? '');
}

describe('the rollovers around a moment', () => {
  it.each<[string, string, string, string, string, string]>([
    ['midnight UTC', 'UTC', '00:00', '2026-03-05T12:00Z', '2026-03-05T00:00Z', '2026-03-06T00:00Z'],
    ['the rollover itself, which belongs to the new day', 'UTC', '00:00', '2026-03-05T00:00Z', '2026-03-05T00:00Z', '2026-03-06T00:00Z'],
    ['a microsecond before it', 'UTC', '00:00', '2026-03-04T23:59:59.999999Z', '2026-03-04T00:00Z', '2026-03-05T00:00Z'],
    ['a rollover in the middle of the date', 'UTC', '22:00', '2026-03-05T12:00Z', '2026-03-04T22:00Z', '2026-03-05T22:00Z'],
    ['the turn of the year', 'UTC', '23:59', '2025-12-31T23:59:30Z', '2025-12-31T23:59Z', '2026-01-01T23:59Z'],
    ['29 February', 'UTC', '00:00', '2024-02-29T12:00Z', '2024-02-29T00:00Z', '2024-03-01T00:00Z'],

    ['New York, 17:00 in winter', 'America/New_York', '17:00', '2026-01-15T21:59Z', '2026-01-14T22:00Z', '2026-01-15T22:00Z'],
    ['New York, 17:00 in summer', 'America/New_York', '17:00', '2026-07-15T21:59Z', '2026-07-15T21:00Z', '2026-07-16T21:00Z'],
    ['New York, into daylight saving: 23 hours', 'America/New_York', '17:00', '2026-03-08T12:00Z', '2026-03-07T22:00Z', '2026-03-08T21:00Z'],
    ['New York, out of daylight saving: 25 hours', 'America/New_York', '17:00', '2026-11-01T12:00Z', '2026-10-31T21:00Z', '2026-11-01T22:00Z'],
    ['Prague, into daylight saving: 23 hours', 'Europe/Prague', '00:00', '2026-03-29T12:00Z', '2026-03-28T23:00Z', '2026-03-29T22:00Z'],
    ['Prague, out of daylight saving: 25 hours', 'Europe/Prague', '00:00', '2025-10-26T12:00Z', '2025-10-25T22:00Z', '2025-10-26T23:00Z'],
    ['Chicago, 17:00 into daylight saving', 'America/Chicago', '17:00', '2026-03-08T12:00Z', '2026-03-07T23:00Z', '2026-03-08T22:00Z'],
    ['Sydney, where summer is in January', 'Australia/Sydney', '00:00', '2026-04-05T00:00Z', '2026-04-04T13:00Z', '2026-04-05T14:00Z'],

    ['02:30, which does not exist when the clocks spring: an hour later by the clock', 'America/New_York', '02:30', '2026-03-08T12:00Z', '2026-03-08T07:30Z', '2026-03-09T06:30Z'],
    ['02:30, the day before it does not exist', 'America/New_York', '02:30', '2026-03-08T07:29Z', '2026-03-07T07:30Z', '2026-03-08T07:30Z'],
    ['01:30, which comes twice: not the first time', 'America/New_York', '01:30', '2026-11-01T05:45Z', '2026-10-31T05:30Z', '2026-11-01T06:30Z'],
    ['01:30, which comes twice: the second time', 'America/New_York', '01:30', '2026-11-01T06:30Z', '2026-11-01T06:30Z', '2026-11-02T06:30Z'],
    ['02:30 in Prague, which does not exist', 'Europe/Prague', '02:30', '2026-03-29T12:00Z', '2026-03-29T01:30Z', '2026-03-30T00:30Z'],
    ['02:30 in Prague, which comes twice', 'Europe/Prague', '02:30', '2025-10-26T01:00Z', '2025-10-25T00:30Z', '2025-10-26T01:30Z'],
    ['midnight that does not exist (Beirut springs at 00:00)', 'Asia/Beirut', '00:00', '2026-03-29T12:00Z', '2026-03-28T22:00Z', '2026-03-29T21:00Z'],
    ['midnight that comes twice (Havana falls back to 00:00)', 'America/Havana', '00:00', '2026-11-01T04:30Z', '2026-10-31T04:00Z', '2026-11-01T05:00Z'],

    ['Kolkata, half an hour off', 'Asia/Kolkata', '00:00', '2026-03-05T12:00Z', '2026-03-04T18:30Z', '2026-03-05T18:30Z'],
    ['Kolkata, the close of the exchange', 'Asia/Kolkata', '15:30', '2026-03-05T12:00Z', '2026-03-05T10:00Z', '2026-03-06T10:00Z'],
    ['Kathmandu, three quarters off', 'Asia/Kathmandu', '00:00', '2026-03-05T12:00Z', '2026-03-04T18:15Z', '2026-03-05T18:15Z'],
    ['Chatham, three quarters off and daylight saving', 'Pacific/Chatham', '00:00', '2026-04-05T00:00Z', '2026-04-04T10:15Z', '2026-04-05T11:15Z'],
    ['Lord Howe, which springs by half an hour', 'Australia/Lord_Howe', '00:00', '2025-10-05T00:00Z', '2025-10-04T13:30Z', '2025-10-05T13:00Z'],
    ['Lord Howe, 02:15, which does not exist', 'Australia/Lord_Howe', '02:15', '2025-10-04T16:00Z', '2025-10-04T15:45Z', '2025-10-05T15:15Z'],
    ['Kiritimati, fourteen hours ahead', 'Pacific/Kiritimati', '00:00', '2026-03-05T12:00Z', '2026-03-05T10:00Z', '2026-03-06T10:00Z'],
    ['Midway, eleven behind', 'Pacific/Midway', '00:00', '2026-03-05T10:00Z', '2026-03-04T11:00Z', '2026-03-05T11:00Z'],
    ['Apia, which skipped 30 December 2011: one day, not an empty one beside it', 'Pacific/Apia', '00:00', '2011-12-30T09:00Z', '2011-12-29T10:00Z', '2011-12-30T10:00Z'],
    ['Apia, the day after the date that was not', 'Pacific/Apia', '00:00', '2011-12-30T10:00Z', '2011-12-30T10:00Z', '2011-12-31T10:00Z'],
    ['a firm that resets at 00:30 UTC', 'UTC', '00:30', '2026-03-05T00:15Z', '2026-03-04T00:30Z', '2026-03-05T00:30Z'],
  ])('%s', async (_name, zone, rollover, at, before, after) => {
    expect(await around(zone, rollover, at)).toEqual([before, after]);
  });

  it('follow each other without gap or overlap, for every zone of the database through 18 months', async () => {
    const broken = await db.query(`
      with zones as (select name, r.rollover from pg_timezone_names, (values (time '00:00'), ('01:30'), ('02:30'), ('17:00'), ('23:45')) r (rollover) where name !~ '^(posix|right)/'),
      moments as (select timestamptz '2025-01-01 00:17Z' + make_interval(hours => 7 * n) as at from generate_series(0, 1880) n),
      around as (select name, rollover, at, rollover_before(at, name, rollover) as before, rollover_after(at, name, rollover) as after from zones, moments where hashtext(name || rollover::text || at::text) % 499 = 0)
      select * from around where before is null or after is null or before > at or after <= at or rollover_before(after, name, rollover) <> after or rollover_after(before, name, rollover) <> after
        or after - before not between interval '22 hours' and interval '26 hours' limit 5`);
    expect(broken).toEqual([]);
  });
});
