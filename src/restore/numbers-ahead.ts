import { withClient } from '../database/client.js';

/** More than is drawn in a day by far, and few enough that who follows the event log is through the gap in a second (200 looks). */
const AHEAD = { events: 10_000_000, others: 1_000_000 };
/** Of transactions that draw numbers at this moment. */
const ABOVE_LIVE = 100_000;

/** Where the sequences of a database stand, by name. */
export function numbersOf(url: string): Promise<Map<string, number>> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ name: string; value: number }>(`select sequencename::text as name, last_value::float8 as value from pg_sequences where schemaname = 'public' and last_value is not null`);
    return new Map(rows.map(({ name, value }) => [name, value]));
  });
}

/**
 * Moves every number that anybody outside has seen (events, trades, decisions, agents' magic numbers …) so far on that what
 * was drawn after the backup is not drawn again. Only up, so it may be repeated.
 * @param live of the database that is replaced, where it can still be read
 */
export function numbersAhead(ownerUrl: string, live: ReadonlyMap<string, number> | null): Promise<void> {
  return withClient(ownerUrl, async (client) => {
    // Numbers of 32 bits (migrations, tables of imports) nobody outside has seen, and they would run out.
    const { rows } = await client.query<{ name: string; value: number }>(
      `select sequencename::text as name, coalesce(last_value, start_value)::float8 as value from pg_sequences where schemaname = 'public' and data_type = 'bigint'::regtype order by 1`);
    for (const { name, value } of rows) {
      const next = Math.max(value + (name === 'events_seq' ? AHEAD.events : AHEAD.others), (live?.get(name) ?? 0) + ABOVE_LIVE);
      await client.query(`select setval(format('public.%I', $1::text)::regclass, $2::bigint)`, [name, next]);
    }
  });
}
