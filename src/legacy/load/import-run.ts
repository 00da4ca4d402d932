import type { Proof } from '../proof/proof.js';
import type { Profile, System } from '../profile.js';
import type { Source } from '../source/cell.js';
import type { Mode } from './owners.js';

/** What was opened, and what it was found to be. */
export interface GivenSource {
  /** Without its folder. */
  fileName: string;
  source: Source;
  profile: Profile;
  shape: string;
}

export interface ImportOptions {
  /** Names the source for ever: with table and old id it is the identity of a row. */
  source: string;
  /** Accounts that are there already, for rows without one; null: made when a row asks. */
  account: string | null;
  liveAccount: string | null;
  /** Of the account, where the source does not say it; left out: as the run before it, else live. */
  mode?: Mode | null;
  /** All of it, and then rolled back. */
  dryRun: boolean;
  /** Only what each table and column would become. */
  skipData: boolean;
  acceptRejects: boolean;
  /** Commits after so many rows; null: one transaction. */
  batch: number | null;
  resume: boolean;
  /** Rows that differ from what was imported take its place. */
  update: boolean;
  /** The last copy: the old system has stopped. */
  final?: boolean;
  /** Of rejects. */
  report: string;
}

/** A row of `import_runs`, as loader and proof need it. `options` of the row has `at` and `accounts` too. */
export interface ImportRun {
  id: string;
  seq: string;
  /** The name of the source. */
  source: string;
  /** When it began, RFC 3339 to the microsecond, UTC: of rows without a time of their own. */
  at: string;
  /** Ids of accounts that were named; null: the import's own. */
  accounts: { paper: string | null; live: string | null };
  /** As whoever imported said, of rows that do not say it. */
  mode: Mode | null;
}

export interface ColumnReport {
  name: string;
  /** Null: it stays in the old row that is kept beside. */
  to: string | null;
  says: string;
  /** Its type as the old table declares it, in capitals, '' where it says none; left out where the old table lacks the column. */
  declared?: string;
  /** In the old file, where its name is spelled otherwise there: `Pnl_USD`. */
  spelled?: string;
}

export interface TableReport {
  /** Of the source. */
  name: string;
  /** What its rows become, `archive` or a table of ours; several with a comma. */
  target: string;
  /** Why, where they are only kept. */
  because: string | null;
  /** Each row that was read is exactly one of the four. */
  read: number;
  imported: number;
  unchanged: number;
  archived: number;
  rejected: number;
  /** Of those imported: rows that were here already and were changed to what the source says now. */
  updated: number;
  columns: ColumnReport[];
  /** Its primary key as the old table declares it. */
  primary?: readonly string[];
}

export interface RejectReport {
  table: string;
  oldId: string;
  code: string;
  column: string | null;
  detail: string;
  /** The old row, without its secrets. */
  original: unknown;
}

export interface SecretReport {
  table: string;
  column: string;
  count: number;
}

/** Decimal text; of the rows that this run has imported. */
export interface SumReport {
  source: string;
  target: string;
}

export type RunStatus = 'finished' | 'failed';

export interface ImportReport {
  runId: string;
  status: RunStatus;
  source: { file: string; name: string; sha256: string; system: System; shape: string };
  dryRun: boolean;
  /** Rows of a batch; null: all or nothing. */
  batch: number | null;
  tables: TableReport[];
  /** By table and old column. */
  sums: Record<string, Record<string, SumReport>>;
  /** How often each change was made in reading. */
  notes: Record<string, number>;
  /** By code: `table id: sentence` of the first of them. */
  noteExamples: Record<string, string>;
  /** The first of them. */
  rejects: RejectReport[];
  rejected: number;
  /** Where all of them are; null: there are none, or nothing was to be written. */
  rejectsFile: string | null;
  secrets: SecretReport[];
  secretsLeft: number;
  proof: Proof | null;
  error: { code: string; message: string } | null;
}

/** Why a run came to nothing, for a person; `CATEGORY_CONDITION`. */
export class ImportFailure extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}
