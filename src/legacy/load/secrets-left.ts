import type { Tx } from '../../database/transaction.js';
import type { Cell } from '../source/cell.js';
import { type Target, TARGETS, type TargetTable } from '../targets.js';
import type { ImportRun } from './import-run.js';
import type { Secrets } from './secrets.js';

const ROWS_AT_ONCE = 1_000;
const WORDED = new Set(['text', 'jsonb', 'text[]', 'bytea']);

/**
 * Looks through everything that a run has stored, as it was stored: the old rows that are kept, the rejects, our own rows and
 * the decisions. Tables of ours that only bulk mappings have filled are left out: each of their texts was looked at when it was read.
 * @param tables of ours that the run has filled
 */
export async function secretsLeft(tx: Tx, secrets: Secrets, { id, seq }: ImportRun, tables: readonly TargetTable[]): Promise<number> {
  const looks = [
    `select original, notes from import_rows where run_seq = ${seq} and (original is not null or notes is not null)`,
    `select original, notes from import_archive where run_seq = ${seq}`,
    `select original, detail from import_rejects where run_id = '${id}'`,
    `select canonical from decision_history where stream = 'import:${id}'`,
    ...tables.flatMap((table) => ofOurs(table, seq)),
  ];
  let left = 0;
  for (const look of looks) {
    await tx.query(`declare looked no scroll cursor for ${look}`);
    for (let rows = await next(tx); rows.length > 0; rows = await next(tx)) for (const row of rows) left += inRow(secrets, row);
    await tx.query('close looked');
  }
  return left;
}

const next = (tx: Tx) => tx.query<Record<string, Cell>[]>(`fetch ${ROWS_AT_ONCE} from looked`);

/** Names inside what is kept are the old system's; those of our columns say nothing. */
function inRow(secrets: Secrets, row: Record<string, Cell>): number {
  const { original, ...ours } = row;
  const inside = original !== null && typeof original === 'object' ? secrets.left(original as Record<string, Cell>) : 0;
  return inside + secrets.left(Object.fromEntries(Object.values(ours).map((value, place) => [`c${place}`, value])));
}

function ofOurs(table: TargetTable, seq: string): string[] {
  if (table === 'decision_history') return [];
  const { columns } = TARGETS[table] as Target;
  const belonging = (Object.keys(TARGETS) as TargetTable[]).filter((other) => (TARGETS[other] as Target).of === table);
  const worded = (of: Record<string, string>) => Object.keys(of).filter((name) => WORDED.has(of[name] ?? ''));
  const query = (of: TargetTable, key: string, names: string[]) => `select ${names.map((name) => `t.${name}`).join(', ')} from import_rows r join ${of} t on t.${key} = r.target_id where r.run_seq = ${seq} and r.target = '${table}'`;
  return [query(table, 'id', worded(columns)), ...belonging.map((other) => query(other, (TARGETS[other] as Target).key, worded((TARGETS[other] as Target).columns)))];
}
