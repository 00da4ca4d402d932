import { BELONGING, CHANGED, ORDER, REFERRING } from './references.js';

export type Query = <Row>(text: string, values?: readonly unknown[]) => Promise<Row[]>;

/** Why an import cannot be taken back: a row of ours, and who needs it or has changed it. */
export interface Blocker {
  table: string;
  id: string;
  why: string;
}

const NAMED_MOST = 100;

interface Found {
  id: string;
  n: number;
}

/** Rows of the run that were changed since, or that rows refer to which do not go with them. `going` is the table of rows that go. */
export async function blockersOf(query: Query, seq: string): Promise<{ count: number; blockers: Blocker[] }> {
  const found = { count: 0, blockers: [] as Blocker[] };
  const say = async (table: string, why: string, select: string) => {
    const rows = await query<Found>(`select id::text as id, (count(*) over ())::int as n from (${select}) found order by id limit ${NAMED_MOST}`);
    found.count += rows[0]?.n ?? 0;
    found.blockers.push(...rows.slice(0, NAMED_MOST - found.blockers.length).map(({ id }) => ({ table, id, why })));
  };
  const there = new Set((await query<{ target: string }>('select distinct target from going')).map(({ target }) => target));
  for (const table of ORDER.filter((each) => there.has(each))) {
    const going = `going g join ${table} t on t.id = g.id`;
    const isOne = `g.target = '${table}'`;
    // What an update of this run changed goes back by itself; see undo-changes.ts.
    const isOwnChange = `exists (select from import_changes c where c.target_id = t.id and c.run_seq = run.seq)`;
    if (CHANGED[table] !== undefined) await say(table, 'it was changed since', `select t.id from ${going} join import_runs run on run.seq = ${seq} where ${isOne} and (${CHANGED[table]}) and not ${isOwnChange}`);
    await say(table, 'a later import changed it: take that one back first',
      `select t.id from ${going} where ${isOne} and exists (select from import_changes c join import_runs u on u.seq = c.run_seq and u.status <> 'rolled_back' where c.target_id = t.id and c.run_seq <> ${seq})`);
    const [belonging, key] = BELONGING[table] ?? [];
    if (belonging !== undefined) await say(table, `it has rows of ${belonging} that the import did not write`, `select distinct g.id from going g join ${belonging} b on b.${key} = g.id where ${isOne} and b.actor <> 'import'`);
    for (const [referring, column] of REFERRING[table] ?? []) {
      const isGoing = ORDER.some((each) => each === referring) ? ` and not exists (select from going o where o.target = '${referring}' and o.id = x.id)` : '';
      await say(table, `${referring}.${column} refers to it`, `select distinct g.id from going g join ${referring} x on x.${column} = g.id where ${isOne}${isGoing}`);
    }
  }
  await say('import_archive', 'a later import changed it: take that one back first', `select i.name || ' ' || c.old_id as id from import_changes c join import_runs u on u.seq = c.run_seq and u.status <> 'rolled_back'
    join import_archive a on a.table_id = c.table_id and a.old_id = c.old_id join import_tables i on i.id = c.table_id where a.run_seq = ${seq} and c.target = 'import_archive' and c.run_seq <> ${seq}`);
  return found;
}
