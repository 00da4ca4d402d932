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
