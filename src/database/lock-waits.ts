import type { WatchedClient } from './client.js';

/** Who is in the way of a session. What a role may not see of another's session is null. */
export interface Blocker {
  waiter: number;
  waitsSeconds: number | null;
  /** `ShareLock on transactionid`, `AccessExclusiveLock on relation trades`. */
  lock: string | null;
  /** Null: a prepared transaction, which has no session any more. */
  pid: number | null;
  application: string | null;
  user: string | null;
  state: string | null;
  transactionSeconds: number | null;
}

const seconds = (since: string) => `round(extract(epoch from statement_timestamp() - ${since})::numeric, 1)::float8`;
const BLOCKERS = `
  select w.pid as waiter, ${seconds('l.waitstart')} as "waitsSeconds", l.mode || ' on ' || l.locktype || coalesce(' ' || l.relation::regclass::text, '') as lock,
    nullif(b.pid, 0) as pid, a.application_name as application, a.usename::text as "user", a.state, ${seconds('a.xact_start')} as "transactionSeconds"
  from unnest($1::int[]) w (pid) cross join lateral unnest(pg_blocking_pids(w.pid)) b (pid)
    left join pg_stat_activity a on a.pid = b.pid left join lateral (select * from pg_locks where pid = w.pid and not granted limit 1) l on true`;

/** Behind a pooler the process ids that a client knows are the pooler's own: then there is nobody to be found. */
export async function blockersOf(client: WatchedClient, waiters: readonly number[]): Promise<Blocker[]> {
  return (await client.query<Blocker & object>(BLOCKERS, [waiters])).rows;
}
