import type { TargetTable } from '../targets.js';

interface Seen {
  version: number | null;
  touched: boolean;
}

/** What the application never changes in a row of these tables: a difference there is damage, whoever moved the version. */
const NEVER_MOVES: Partial<Record<TargetTable, readonly string[]>> = {
  trades: ['agent_id', 'account_id', 'client_order_id', 'symbol', 'direction', 'execution_mode', 'request_hash', 'created_at'],
  strategies: ['created_at'],
  snapshot_market: ['symbol', 'timeframe', 'frame', 'open_time', 'close_time'],
};

/** By which rows that belong to one are told apart. */
export const versionColumn = (table: TargetTable): string => (table === 'alert_runs' ? 'run' : 'version');

/** SQL: what of a row t says that it was changed, and whether its time of change is later than the import's end. */
export function versionSql(table: TargetTable): { version: string; touched: string } {
  switch (table) {
    case 'trades': case 'strategies': return { version: 't.version', touched: `t.updated_at > coalesce(run.finished_at, 'infinity')` };
    case 'snapshot_market': return { version: 't.revision', touched: 'false' };
    case 'trade_transitions': case 'strategy_versions': case 'alert_runs': return { version: `t.${versionColumn(table)}`, touched: 'false' };
    default: return { version: 'null::int', touched: 'false' };
  }
}

/** Whether the application changed the row since, as it may. @param values of a column: as it came in, and as it is */
export function changedSince(table: TargetTable, differ: readonly string[], { version, touched }: Seen, firstVersion: string, values: (column: string) => [string | null, string | null]): boolean {
  if (differ.some((column) => NEVER_MOVES[table]?.includes(column))) return false;
  switch (table) {
    case 'trades': case 'strategies': return touched || (version ?? 1) > Number(firstVersion);
    case 'snapshot_market': return (version ?? 1) > 1 || differ.every((column) => column === 'last_captured_at' && isLater(values(column)));
    default: return false;
  }
}

/** The same candle was seen again. Both are written as PostgreSQL writes times of one zone; `@` is the import itself. */
const isLater = ([from, to]: [string | null, string | null]): boolean => from !== null && to !== null && to !== '@' && (from === '@' || to > from);
