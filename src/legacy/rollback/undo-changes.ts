import { TARGETS, type TargetTable } from '../targets.js';
import type { Blocker, Query } from './blockers.js';
import { BELONGING } from './references.js';

const REVISED = new Set<string>(['snapshot_market', 'snapshot_calendar', 'snapshot_news']);
/** Rows that are only kept; they have no row of ours. */
const ARCHIVE = 'import_archive';

/** Rows of earlier imports that this one changed get back what they were. @returns how many, or those that somebody has changed since */
export async function undoChanges(query: Query, seq: string): Promise<{ undone: number; blockers: Blocker[] }> {
  let undone = 0;
  const blockers: Blocker[] = [];
  const changed = await query<{ target: string }>('select distinct target from import_changes where run_seq = $1 and target <> $2', [seq, ARCHIVE]);
  for (const { target } of changed) {
    if (!(target in TARGETS)) throw new Error(`${target} is no table of imports`);
    const table = target as TargetTable;
    // As rows, not as texts: a time in JSON is written in the zone of whoever wrote it.
    const since = await query<{ id: string }>(
      `select c.target_id::text as id from import_changes c left join ${table} t on t.id = c.target_id
       where c.run_seq = $1 and c.target = $2 and (t.id is null or t is distinct from jsonb_populate_record(null::${table}, c.written)) order by 1 limit 100`, [seq, table]);
    if (REVISED.has(table)) {
      const rows = await query<{ id: string }>('select target_id::text as id from import_changes where run_seq = $1 and target = $2 order by 1 limit 100', [seq, table]);
      blockers.push(...rows.map(({ id }) => ({ table, id, why: 'it was revised, and revisions only go forward: import the older copy with --update' })));
      continue;
    }
    blockers.push(...since.map(({ id }) => ({ table, id, why: 'it was changed after this import had changed it' })));
    if (since.length > 0) continue;
    const [belonging, key] = BELONGING[table] ?? [];
    if (belonging !== undefined && 'version' in TARGETS[belonging].columns) {
      await query(`delete from ${belonging} b using import_changes c where c.run_seq = $1 and c.target = $2 and b.${key} = c.target_id and b.actor = 'import' and b.version > (c.former ->> 'version')::int`, [seq, table]);
    }
    const columns = (await query<{ name: string }>(
      `select attname as name from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped and attidentity = '' and attgenerated = '' and attname <> 'id' order by attnum`, [table])).map(({ name }) => name);
    const rows = await query(
      `update ${table} t set (${columns.join(', ')}) = (select ${columns.map((column) => `f.${column}`).join(', ')} from jsonb_populate_record(null::${table}, c.former) f)
       from import_changes c where c.run_seq = $1 and c.target = $2 and t.id = c.target_id returning 1`, [seq, table]);
    undone += rows.length;
  }
  if (blockers.length > 0) return { undone: 0, blockers };
  const kept = await query(
    `update import_archive a set source_hash = c.former_hash, notes = c.former_notes, original = c.former_original
     from import_changes c where c.run_seq = $1 and c.target = $2 and a.table_id = c.table_id and a.old_id = c.old_id returning 1`, [seq, ARCHIVE]);
  undone += kept.length;
  await query(
    `update import_rows r set source_hash = c.former_hash, notes = c.former_notes, original = c.former_original
     from import_changes c where c.run_seq = $1 and r.table_id = c.table_id and r.old_id = c.old_id`, [seq]);
  await query('delete from import_changes where run_seq = $1', [seq]);
  return { undone, blockers };
}
