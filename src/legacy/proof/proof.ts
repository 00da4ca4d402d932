import { beginningOf } from './canonical.js';
import { danglingReferences, nextInsert, unknownRows } from './fitting.js';
import { NAMED_MOST } from './row-by-row.js';
import type { SeenRows } from './seen.js';
import { slowReads } from './slow-reads.js';
import { type TableAsk, TableProver } from './table-proof.js';
import { type Target, TARGETS, type TargetTable } from '../targets.js';
import type { TableMapping, TargetRow } from '../profile.js';
import type { Source, SourceRow, SourceTable } from '../source/cell.js';

/** What becomes of one old row, read again. */
export interface ReadAgain {
  /** As the mapping says it; references still as they are. Empty: it is archived. */
  rows: readonly TargetRow[];
  /** First 16 bytes of SHA-256 over all cells. */
  hash: Uint8Array;
  /** The old row as JSON text, without its secrets; null where it is not kept. */
  original: string | null;
}

export interface ProofAsk {
  /** Runs in an open transaction, of the import or of the proof's own: what it looks at must stand still. Nothing that it writes stays. */
  query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** `id` and `seq` of import_runs, and the name of its source. */
  run: { id: string; seq: string; source: string; startedAt: string };
  source: Source;
  mapping(table: SourceTable): TableMapping | null;
  /** @throws {Reject} of a row that is not there on purpose */
  read(table: SourceTable, row: SourceRow): ReadAgain;
  progress?(table: string, rows: number): void;
  /** What was read of a table while it was loaded, where that was all of it and nothing else was here of it. */
  seen?(table: SourceTable): SeenRows | null;
}

export type DamageCode =
  | 'ROW_MISSING' | 'ROW_FOREIGN' | 'ROW_DIFFERS' | 'IDENTITY_DIFFERS' | 'ARCHIVE_MISSING' | 'ARCHIVE_FOREIGN' | 'ARCHIVE_DIFFERS'
  | 'SUM_DIFFERS' | 'TIMES_DIFFER' | 'COUNT_DIFFERS' | 'REFERENCE_DANGLES' | 'NEXT_INSERT_FAILS';

export interface Damage {
  code: DamageCode;
  /** Of the old system; null of what concerns no single one. */
  table: string | null;
  oldId: string | null;
  target: string | null;
  targetId: string | null;
  /** That differ. */
  columns: string[];
  detail: string;
}

/** Least and greatest of the row's own time. */
export interface Span {
  least: string | null;
  greatest: string | null;
}

export interface TableProof {
  name: string;
  ok: boolean;
  read: number;
  imported: number;
  archived: number;
  /** Of the source, with a reason. */
  rejected: number;
  /** That the application has changed since, as it may. */
  changedSince: number;
  /** That stand here and no longer in the source: of an older copy of it. */
  goneFromSource: number;
  sums: Record<string, { to: string; source: string; target: string }>;
  times: { column: string; source: Span; target: Span } | null;
  damaged: number;
}

/** As the report names it. */
export type ProofReport = Proof;

export interface Proof {
  ok: boolean;
  tables: TableProof[];
  damaged: number;
  /** The first 100. */
  damage: Damage[];
  /** Reads that would look through a whole large table. */
  slowReads: string[];
  milliseconds: number;
}

/** Settings of the transaction: texts are compared, and rows of a million are joined without the disk. A lateral join costs so much where loops are off that JIT would compile it. */
const SETTINGS = `set local timezone = 'UTC'; set local datestyle = 'ISO'; set local bytea_output = 'hex'; set local work_mem = '128MB'; set local statement_timeout = 0;
  set local idle_in_transaction_session_timeout = 0; set local jit = off`;

/** Compares what a run's source holds with what is stored, value by value. Writes nothing. */
export async function prove(given: ProofAsk): Promise<Proof> {
  const began = performance.now();
  const ask: ProofAsk = { ...given, query: inTurn(given) };
  for (const setting of SETTINGS.split(';')) await ask.query(setting);
  const numbers = new Map((await ask.query<{ id: number; name: string }>(`select id, name from import_tables where source = $1`, [ask.run.source])).map(({ id, name }) => [name, id]));
  const proof: Proof = { ok: true, tables: [], damaged: 0, damage: [], slowReads: [], milliseconds: 0 };
  const say = (damage: readonly Damage[], damaged = damage.length) => {
    proof.damaged += damaged;
    proof.damage.push(...damage.slice(0, NAMED_MOST - proof.damage.length));
  };
  for (const table of ask.source.tables) {
    const rejects = await ask.query<{ old_id: string }>(`select distinct old_id from import_rejects where run_id = $1 and table_name = $2`, [ask.run.id, table.name]);
    const of: TableAsk = { ...ask, table, number: numbers.get(table.name) ?? -1, rejects: new Set(rejects.map(({ old_id: id }) => id)), beginning: beginningOf(ask.run.startedAt) };
    const { proof: one, damage } = await new TableProver(of, ask.mapping(table), ask.seen?.(table) ?? null).prove();
    proof.tables.push(one);
    say(damage, one.damaged);
  }
  for (const table of await filled(ask, [...numbers.values()])) {
    for (const check of [danglingReferences, unknownRows, nextInsert]) say(await check(ask, table));
    proof.slowReads.push(...(await slowReads(ask, table)));
  }
  return { ...proof, ok: proof.damaged === 0, milliseconds: Math.round(performance.now() - began) };
}

/** One statement at a time: a connection has no more. */
function inTurn({ query }: ProofAsk): ProofAsk['query'] {
  let last: Promise<unknown> = Promise.resolve();
  return <Row>(text: string, values?: readonly unknown[]) => {
    const mine = last.then(() => query<Row>(text, values), () => query<Row>(text, values));
    last = mine.catch(() => undefined);
    return mine;
  };
}

/** Tables of ours that hold rows of this source, and those whose rows belong to them. */
async function filled({ query }: ProofAsk, numbers: readonly number[]): Promise<TargetTable[]> {
  const rows = await query<{ target: string }>(
    `select distinct target from import_rows where table_id = any($1::int[]) union select distinct o."table" from import_rows r, jsonb_to_recordset(r.others) as o ("table" text) where r.table_id = any($1::int[]) and r.others is not null`, [numbers]);
  const own = new Set(rows.map(({ target }) => target));
  return (Object.keys(TARGETS) as TargetTable[]).filter((table) => own.has(table) || own.has((TARGETS[table] as Target).of ?? ''));
}
