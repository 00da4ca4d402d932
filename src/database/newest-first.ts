/** The filters of a list by column; null and undefined: not filtered. */
export type ColumnFilter = Record<string, string | null | undefined>;

/** The column whose index a newest-first list walks. Goes into SQL as `column = any(values)` and before the order. */
export interface Lead {
  column: string;
  values: unknown[];
  order: string;
  /** The filter of a column, for a plain comparison; null where the lead is that filter. */
  rest: (column: string) => string | null;
}

/**
 * Takes the first filtered column as the lead. Where SQL says `agent_id = … order by seq desc limit 50`, the planner
 * may walk the index on seq alone and drop other agents' rows: good for a busy agent, the whole table for one that has
 * long been silent (40,000 rows read for 50 of 200,000). `agent_id = any(…) order by agent_id, seq` says the same, and
 * only indexes that begin with agent_id give that order.
 * @param columns each with an index on (column, …, order); the most selective first
 */
export function leadOf(columns: readonly string[], filter: ColumnFilter): Lead {
  const lead = columns.find((column) => filter[column] != null);
  const rest = (column: string) => (column === lead ? null : (filter[column] ?? null));
  if (lead === undefined) return { column: 'true', values: [true], order: '', rest };
  return { column: lead, values: [filter[lead]], order: `${lead} desc,`, rest };
}

/** Where a page begins in a list that is ordered by a time: the last row of the page before. */
export interface Place {
  /** As PostgreSQL writes it, with its microseconds. */
  at: string;
  seq: string;
}

/** One upper bound, not two: with both, the index is entered at the wrong one. */
export function upperBound(to: string | undefined, after: Place | null): { to: string | null; at: string | null; seq: string | null } {
  if (after && (to === undefined || Date.parse(after.at) < Date.parse(to))) return { to: null, ...after };
  return { to: to ?? null, at: null, seq: null };
}

/** Lists as one: each is newest first by this time and seq, and so is what comes out, of so many rows at most. */
export function newestOf<Row extends { seq: number }>(lists: Row[][], most: number, timeOf: (row: Row) => string): Row[] {
  if (lists.length < 2) return lists[0] ?? [];
  const later = (a: Row, b: Row) => (timeOf(a) === timeOf(b) ? b.seq - a.seq : timeOf(a) < timeOf(b) ? 1 : -1);
  return lists.flat().sort(later).slice(0, most);
}
