import type { Query } from './session.js';

export interface Batch {
  removed: number;
  /** Rows that were old enough to be looked at; none: the table is done. */
  looked: number;
  /** The last of them, with every digit of its time. */
  last_at: string | null;
  last_key: string | null;
}

export interface Expected {
  removable: number;
  oldest: string | null;
}

interface Rows {
  /** Column by which a row ages, and the one that tells rows of one moment apart; an index stands on both. */
  time: string;
  key: string;
  keyType: 'bigint' | 'uuid';
  /** What rows are looked at: as the partial index says. */
  among: string;
  /** Which of these may go. */
  unless: string;
  remove: 'delete' | string;
}

const NOT_IMPORTED = `not exists (select from import_rows r where r.target_id = x.id)`;
/** Of an alert: ideas or trades that came of it, and trades that it was to close. */
const NOTHING_UNFINISHED = `not exists (select from trade_ideas i where i.alert_id = x.id and (i.decided_at is null or exists (select from trades t where t.idea_id = i.id and t.finished_at is null)))
      and not exists (select from jsonb_array_elements_text(case jsonb_typeof(x.outcome -> 'tradeIds') when 'array' then x.outcome -> 'tradeIds' else '[]' end) o (id) join trades t on t.id = o.id::uuid where t.finished_at is null)`;

/** Of the policies by rows. What another row needs is looked at in the statement that deletes. */
export const ROWS: Readonly<Record<string, Rows>> = {
  trade_explanations: { time: 'created_at', key: 'seq', keyType: 'bigint', among: 'x.trade_id is null and x.idea_id is null', unless: NOT_IMPORTED, remove: 'delete' },
  predictions: {
    time: 'predicted_at', key: 'seq', keyType: 'bigint', among: 'true', remove: 'delete',
    unless: `x.created_at < $1::timestamptz and not exists (select from trades t where t.prediction_id = x.id) and not exists (select from trade_ideas i where i.prediction_id = x.id)
      and not exists (select from trade_explanations e where e.prediction_id = x.id and not (e.created_at < $1::timestamptz and e.trade_id is null and e.idea_id is null and not exists (select from import_rows r where r.target_id = e.id))) and not exists (select from prediction_scores s where s.prediction_id = x.id and s.look_at is not null) and ${NOT_IMPORTED}`,
  },
  agent_commands: { time: 'finished_at', key: 'seq', keyType: 'bigint', among: `x.finished_at is not null and x.trade_id is null and x.type <> 'open_trade'`, unless: NOT_IMPORTED, remove: 'delete' },
  incidents: {
    time: 'resolved_at', key: 'seq', keyType: 'bigint', among: 'x.resolved_at is not null', remove: 'delete',
    unless: `not exists (select from notification_deliveries d where d.incident_id = x.id and d.status = 'waiting')`,
  },
  alerts: { time: 'received_at', key: 'seq', keyType: 'bigint', among: `x.body_removed_at is null and x.status in ('processed','ignored','expired')`, unless: `x.finished_at < $1::timestamptz and ${NOTHING_UNFINISHED} and ${NOT_IMPORTED}`, remove: `update alerts set body = '', body_removed_at = app_clock()` },
  retention_runs: { time: 'started_at', key: 'seq', keyType: 'bigint', among: `x.status <> 'running'`, unless: 'true', remove: 'delete' },
  // Its rows refuse a DELETE of the application's.
  snapshot_refs: { time: 'created_at', key: 'id', keyType: 'uuid', among: 'true', unless: `not exists (select from trade_ideas i where i.snapshot_ref = x.id)`, remove: 'retention_prune_refs' },
};

/** So many rows of a table behind the last one looked at: what may go of them goes, what somebody holds stays until the next run. */
export async function removeBatch(query: Query, table: string, before: string, after: Pick<Batch, 'last_at' | 'last_key'>, most: number): Promise<Batch> {
  const { time, key, keyType, among, unless, remove } = rowsOf(table);
  if (remove === 'retention_prune_refs') {
    const [pruned] = await query<Batch>(`select removed, looked, last_created::text as last_at, last_id::text as last_key from retention_prune_refs($1::timestamptz, $2::timestamptz, $3::uuid, $4)`, [before, after.last_at, after.last_key, most]);
    return pruned ?? NOTHING;
  }
  const change = remove === 'delete' ? `delete from ${table} using picked` : `${remove} from picked`;
  const [batch] = await query<Batch>(
    `with page as materialized (
       select x.${key} as key, x.${time} as at from ${table} x
       where x.${time} < $1::timestamptz and ${among} and ($2::timestamptz is null or (x.${time}, x.${key}) > ($2::timestamptz, $3::${keyType})) order by x.${time}, x.${key} limit $4
     ), picked as materialized (
       select x.${key} as key from page join ${table} x on x.${key} = page.key where ${among} and ${unless} for update of x skip locked
     ), gone as (${change} where ${table}.${key} = picked.key returning 1), counted as (
       insert into retention_totals as t (table_name, rows_removed, last_removed_at) select '${table}', count(*), app_clock() from gone having count(*) > 0
       on conflict (table_name) do update set rows_removed = t.rows_removed + excluded.rows_removed, last_removed_at = excluded.last_removed_at
     )
     select (select count(*)::int from gone) as removed, (select count(*)::int from page) as looked, p.at::text as last_at, p.key::text as last_key
     from (values (1)) one left join (select * from page order by page.at desc, page.key desc limit 1) p on true`,
    [before, after.last_at, after.last_key, most],
  );
  return batch ?? NOTHING;
}

/** What would go, and the oldest that stays. */
export async function expectRows(query: Query, table: string, before: string): Promise<Expected> {
  const { time, among, unless } = rowsOf(table);
  const [seen] = await query<Expected>(
    `select count(*) filter (where may)::int as removable, coalesce(min(at) filter (where not may), (select min(x.${time}) from ${table} x where ${among} and x.${time} >= $1::timestamptz)) as oldest
     from (select x.${time} as at, (${unless}) as may from ${table} x where ${among} and x.${time} < $1::timestamptz) x`,
    [before],
  );
  return seen ?? { removable: 0, oldest: null };
}

const NOTHING: Batch = { removed: 0, looked: 0, last_at: null, last_key: null };

function rowsOf(table: string): Rows {
  const rows = ROWS[table];
  if (!rows) throw new Error(`no rows are removed of ${table}`);
  return rows;
}
