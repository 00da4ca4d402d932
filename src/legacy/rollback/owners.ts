import type { Query } from './blockers.js';
import { OWNERS } from './references.js';

export interface Kept {
  table: string;
  id: string;
  why: string;
}

/** What only tells of them, or is a part of them. */
const NOT_ASKED = new Set(['events', 'auth_audit', 'import_runs', 'import_rows', 'import_rejects', 'import_changes', 'agent_state']);
/** Ids that stand in texts. */
const IN_TEXTS = [['halts', 'scope_id'], ['circuit_breaker_events', 'scope_id'], ['breaker_states', 'scope_id'], ['incidents', 'subject_id']] as const;

/** Retired agents, their accounts and the source of alerts go when nobody else needs them: another import of the same source does. */
export async function removeOwners(query: Query): Promise<{ removed: Record<string, number>; kept: Kept[] }> {
  const owners = await query<{ target: string; id: string }>('select target, id::text from owners');
  const columns = owners.length === 0 ? [] : await query<{ table: string; column: string }>(
    `select c.relname as "table", a.attname as "column" from pg_attribute a join pg_class c on c.oid = a.attrelid
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and a.atttypid = 'uuid'::regtype and not a.attisdropped and a.attnum > 0 order by 1, 2`);
  const removed: Record<string, number> = {};
  const kept: Kept[] = [];
  for (const table of OWNERS) {
    for (const { id } of owners.filter(({ target }) => target === table)) {
      const by = await neededBy(query, table, id, columns);
      if (by !== null) {
        kept.push({ table, id, why: `${by} refers to it` });
        continue;
      }
      if (table === 'agents') await query('delete from agent_state where agent_id = $1', [id]);
      const gone = await query(`delete from ${table} where id = $1 returning 1`, [id]);
      removed[table] = (removed[table] ?? 0) + gone.length;
    }
  }
  return { removed, kept };
}

async function neededBy(query: Query, own: string, id: string, columns: readonly { table: string; column: string }[]): Promise<string | null> {
  for (const { table, column } of columns) {
    if (NOT_ASKED.has(table) || (table === own && column === 'id')) continue;
    const [found] = await query(`select 1 from ${table} where ${column} = $1 limit 1`, [id]);
    if (found) return `${table}.${column}`;
  }
  for (const [table, column] of IN_TEXTS) {
    const [found] = await query(`select 1 from ${table} where ${column} = $1 limit 1`, [id]);
    if (found) return `${table}.${column}`;
  }
  return null;
}
