import { CLIENT_SESSIONS } from '../database/client-sessions.js';
import type { CountOf, GaugeOf } from './gauges.js';

/** Of the database server, as far as the writer role may see. */
export interface DatabaseFigures {
  /** Sessions in this database by state; `hidden`: of other roles, whose state this one may not see. */
  sessions: Record<string, number>;
  /** Seconds since the oldest transaction of a state began; states without one are left out. */
  oldestTransactions: Record<string, number>;
  lockWaits: number;
  oldestLockWaitSeconds: number;
  serverConnections: number;
  serverConnectionsMax: number;
  xidAge: number;
  deadlocks: number;
  committed: number;
  rolledBack: number;
  /** Null: checksums are off, and nobody knows. */
  checksumFailures: number | null;
  /** Null: nothing is archived. */
  archiveFailing: boolean | null;
}

/** The server's own clock, not the application's: it is the server's times that are compared. */
const seconds = (since: string) => `extract(epoch from statement_timestamp() - ${since})::float8`;
const STATE = `coalesce(replace(replace(replace(state, ' (', '_'), ')', ''), ' ', '_'), 'hidden')`;

const FIGURES = `
  with sessions as materialized (
    select pid, ${STATE} as state, xact_start, datid from pg_stat_activity where ${CLIENT_SESSIONS} and pid <> pg_backend_pid()
  ), here as materialized (
    select * from sessions where datid = (select oid from pg_database where datname = current_database())
  ), waits as materialized (
    select l.pid, min(l.waitstart) as since from pg_locks l join here on here.pid = l.pid where not l.granted group by 1
  )
  select (select coalesce(jsonb_object_agg(state, n), '{}') from (select state, count(*) as n from here group by 1) s) as sessions,
    (select coalesce(jsonb_object_agg(state, age), '{}') from (select state, greatest(${seconds('min(xact_start)')}, 0) as age from here where xact_start is not null group by 1) s) as "oldestTransactions",
    (select count(*)::int from waits) as "lockWaits", coalesce((select greatest(${seconds('min(since)')}, 0) from waits), 0) as "oldestLockWaitSeconds",
    (select count(*)::int from sessions) as "serverConnections", current_setting('max_connections')::int as "serverConnectionsMax",
    age(d.datfrozenxid) as "xidAge", s.deadlocks::float8 as deadlocks, s.xact_commit::float8 as committed, s.xact_rollback::float8 as "rolledBack", s.checksum_failures::float8 as "checksumFailures",
    case when current_setting('archive_mode') <> 'off' then coalesce(a.last_failed_time > coalesce(a.last_archived_time, '-infinity'), false) end as "archiveFailing"
  from pg_database d join pg_stat_database s on s.datid = d.oid cross join pg_stat_archiver a where d.datname = current_database()`;

/** @param query as node-postgres answers several statements at once */
export async function databaseFigures(query: (text: string) => Promise<unknown>): Promise<DatabaseFigures> {
  const results = (await query(`begin read only; set local jit = off; set local statement_timeout = '500ms'; ${FIGURES}; commit`)) as { command: string; rows: DatabaseFigures[] }[];
  const row = results.find(({ command }) => command === 'SELECT')?.rows[0];
  if (!row) throw new Error('the figures of the database were not read');
  return row;
}

const STATES = ['active', 'idle', 'idle_in_transaction', 'idle_in_transaction_aborted', 'hidden'];
const OF_DATABASE = 'of the database, the same on every instance: take max(), not sum()';
const VISIBLE = 'of sessions whose state this server may see: those of its own role, with pg_read_all_stats all';

export function describeDatabaseFigures(gauge: GaugeOf, count: CountOf, seen: DatabaseFigures): void {
  const sessions = gauge('tradewarden_db_sessions', `Sessions in this database by state; hidden: of other roles, whose state this server may not see without pg_read_all_stats; ${OF_DATABASE}.`, ['state']);
  for (const state of STATES) sessions.set({ state }, seen.sessions[state] ?? 0);
  const oldest = gauge('tradewarden_db_oldest_transaction_seconds', `Since when the oldest transaction of a state runs, 0 when there is none, ${VISIBLE}; ${OF_DATABASE}.`, ['state']);
  for (const state of STATES.slice(0, -1)) oldest.set({ state }, seen.oldestTransactions[state] ?? 0);
  gauge('tradewarden_db_lock_waiting_sessions', `Sessions of any role that wait for a lock now; ${OF_DATABASE}.`).set(seen.lockWaits);
  gauge('tradewarden_db_lock_wait_oldest_seconds', `How long the longest of those has waited, 0 when none does; ${OF_DATABASE}.`).set(seen.oldestLockWaitSeconds);
  gauge('tradewarden_db_server_connections', `Connections of clients that the whole server has, in all its databases; ${OF_DATABASE}.`).set(seen.serverConnections);
  gauge('tradewarden_db_server_connections_max', `max_connections of the server; ${OF_DATABASE}.`).set(seen.serverConnectionsMax);
  gauge('tradewarden_db_transaction_id_age', `Transactions since the oldest that is not frozen: PostgreSQL stops writing at 2,000 million; ${OF_DATABASE}.`).set(seen.xidAge);
  count('tradewarden_db_deadlocks_total', `Deadlocks that the database ended; ${OF_DATABASE}.`, seen.deadlocks);
  const transactions = `Transactions by how they ended; ${OF_DATABASE}.`;
  count('tradewarden_db_transactions_total', transactions, seen.committed, { outcome: 'committed' });
  count('tradewarden_db_transactions_total', transactions, seen.rolledBack, { outcome: 'rolled_back' });
  if (seen.checksumFailures !== null) count('tradewarden_db_checksum_failures_total', `Pages that were not what was written, absent where the server has no checksums; ${OF_DATABASE}.`, seen.checksumFailures);
  if (seen.archiveFailing !== null) gauge('tradewarden_db_archive_failing', `1 while the newest attempt to archive the server's log failed, absent where nothing is archived; ${OF_DATABASE}.`).set(seen.archiveFailing ? 1 : 0);
}
