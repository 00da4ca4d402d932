import type { TargetRow } from '../profile.js';
import { type Target, TARGETS, type TargetTable } from '../targets.js';
import { rowSql, rowTexts } from './canonical.js';
import type { Expected } from './expected.js';
import { bucketSql, digestSql } from './side.js';

/** Which rows of a table of ours are compared as one: an old row's own, those that belong to it, or those beside it with ids of their own. */
export type Part = 'own' | 'of' | 'beside';

export interface SideKey {
  part: Part;
  table: TargetTable;
}

export const nameOf = ({ part, table }: SideKey): string => `${part} ${table}`;

/** Where the nth row of an old one belongs. */
export function sideOf(row: TargetRow, place: number): SideKey {
  if (place === 0) return { part: 'own', table: row.table };
  return { part: (TARGETS[row.table] as Target).of === undefined ? 'beside' : 'of', table: row.table };
}

/** What the database fills in where a row says nothing: not compared where no row of a table says it. All else is null then. */
const HAS_DEFAULT = new Set(['created_at', 'updated_at', 'used_by_agent', 'version', 'received_at', 'next_attempt_at', 'at']);

/** But for a row's own id, which is compared as the identity. */
export const comparedColumns = ({ table, part }: SideKey, given: ReadonlySet<string>): string[] => {
  const target: Target = TARGETS[table];
  return Object.keys(target.columns).filter((column) => (given.has(column) || !HAS_DEFAULT.has(column)) && column !== (part === 'of' ? target.key : 'id'));
};

/** Rows of `import_rows` r with their rows t, and the run that brought them. $1 is the number of the old table. */
export function fromSql({ part, table }: SideKey): string {
  const { key } = TARGETS[table] as Target;
  const run = 'join import_runs run on run.seq = r.run_seq';
  switch (part) {
    case 'own': return `import_rows r ${run} left join ${table} t on t.${key} = r.target_id where r.table_id = $1 and r.target = '${table}'`;
    case 'of': return `import_rows r ${run} join ${table} t on t.${key} = r.target_id where r.table_id = $1`;
    case 'beside': return `import_rows r ${run} cross join lateral jsonb_to_recordset(r.others) as o ("table" text, id uuid) left join ${table} t on t.${key} = o.id
      where r.table_id = $1 and o."table" = '${table}'`;
  }
}

/** SQL: what names the row, before its columns. */
const identitySql = { own: `r.target_id, '|', r.source_hash, '|', octet_length(r.original::text), ':', r.original::text, t.id is null, '|'`, of: `'|'`, beside: `o.id, '|', t.id is null, '|'` } as const;

function identityText(part: Part, expected: Expected, id: string): string {
  const { original } = expected;
  if (part === 'of') return '|';
  if (part === 'beside') return `${id}|f|`;
  return `${expected.targetId}|${expected.hash}|${original === null ? '' : Buffer.byteLength(original)}:${original ?? ''}f|`;
}

const oldIdText = (id: string) => `${Buffer.byteLength(id)}:${id}`;

const sideSql = (side: SideKey, columns: readonly string[]): string =>
  `concat(octet_length(r.old_id), ':', r.old_id, ${identitySql[side.part]}, ${rowSql(side.table, columns)})`;

/** The same as `sideSql`, of rows of the source. `id`: of the row of ours. */
export function sideTexts(side: SideKey, columns: readonly string[], beginning: string): (expected: Expected, row: TargetRow, id: string) => string {
  const text = rowTexts(side.table, columns, beginning);
  return (expected, row, id) => oldIdText(expected.id) + identityText(side.part, expected, id) + text(row);
}

export const archiveText = ({ id, hash, original }: Expected): string => `${oldIdText(id)}${hash}|${original ?? ''}`;
const ARCHIVE_SQL = `concat(octet_length(r.old_id), ':', r.old_id, r.source_hash, '|', r.original::text)`;

/** Rows that were refused are not compared: what an earlier run made of them stays. */
export const notRejected = (rejects: ReadonlySet<string>) => (rejects.size === 0 ? '' : ` and r.old_id <> all ($2::text[])`);

/** Sums over buckets, with sums of money and the span of times beside them. */
export function bucketsSql(side: SideKey, columns: readonly string[], sums: readonly string[], time: string | null, rejects: ReadonlySet<string>): string {
  const more = [...sums.map((column, at) => `sum(t.${column})::text as sum_${at}`), ...(time === null ? [] : [`min(nullif(t.${time}, run.started_at))::text as least`, `max(nullif(t.${time}, run.started_at))::text as greatest`])];
  return `select ${bucketSql('r.source_hash')} as bucket, count(*)::int as rows, sum(${digestSql(sideSql(side, columns))})::text as digest${more.map((each) => `, ${each}`).join('')}
    from ${fromSql(side)}${notRejected(rejects)} group by 1`;
}

export const archiveSql = (rejects: ReadonlySet<string>): string =>
  `select ${bucketSql('r.source_hash')} as bucket, count(*)::int as rows, sum(${digestSql(ARCHIVE_SQL)})::text as digest from import_archive r where r.table_id = $1${notRejected(rejects)} group by 1`;

/** Rows that stand for a table of ours which nothing in the source becomes. */
export const elsewhereSql = (targets: readonly TargetTable[], rejects: ReadonlySet<string>): string =>
  `select distinct ${bucketSql('r.source_hash')} as bucket from import_rows r where r.table_id = $1 and r.target <> all (array[${targets.map((table) => `'${table}'`).join(', ')}]::text[])${notRejected(rejects)}`;
