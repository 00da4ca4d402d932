import type { WatchedClient } from '../database/client.js';
import { shownStatement } from '../database/statement-watch.js';

/** What took the database's time, since its statistics were last set back. */
export interface TopStatement {
  /** Without values, one line. */
  statement: string;
  calls: number;
  totalMs: number;
  meanMs: number;
  rows: number;
}

const SHOWN = 10;

/**
 * From pg_stat_statements, where an administrator has put it; null where it is not. Only what reads and writes rows: of other
 * statements it keeps the text as it was, with the passwords of `alter role` in it.
 */
export async function topStatements(client: WatchedClient): Promise<TopStatement[] | null> {
  const { rows: [extension] } = await client.query<{ schema: string }>(`select extnamespace::regnamespace::text as schema from pg_extension where extname = 'pg_stat_statements'`);
  if (!extension) return null;
  try {
    const { rows } = await client.query<{ query: string; calls: string; total: number; mean: number; rows: string }>(
      `select query, calls::text as calls, total_exec_time as total, mean_exec_time as mean, rows::text as rows from ${extension.schema}.pg_stat_statements
       where dbid = (select oid from pg_database where datname = current_database()) and query ~* '^\\s*(with|select|insert|update|delete|merge)\\M' order by total_exec_time desc limit $1`,
      [SHOWN],
    );
    return rows.map(({ query, calls, total, mean, rows: touched }) => ({ statement: shownStatement(query), calls: Number(calls), totalMs: Math.round(total), meanMs: Math.round(mean * 100) / 100, rows: Number(touched) }));
  } catch {
    // It is there, and not loaded, or not for this role.
    return null;
  }
}
