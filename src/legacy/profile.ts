import type { Cell, Source, SourceTable } from './source/cell.js';
import type { TargetTable } from './targets.js';

export const SYSTEMS = ['ai-trader', 'ai-trading-platform', 'sigmatrader', 'finance-feedback-engine', 'rec-io'] as const;
export type System = (typeof SYSTEMS)[number];

/** A row that cannot be taken over; it is reported, with its row, and fails the run unless rejects are accepted. */
export class Reject extends Error {
  constructor(
    /** As `CATEGORY_CONDITION`. */
    readonly code: string,
    /** For a person: which column, what it holds, what was expected. */
    readonly detail: string,
    readonly column: string | null = null,
  ) {
    super(`${code}: ${detail}`);
  }
}

/** Another row of the same source. The loader puts its id here; where that row is not there, null and a note, or a reject where there must be one. */
export class Ref {
  readonly #without: Readonly<Record<string, string>>;

  /** @param without what else its row then says */
  constructor(
    readonly table: string,
    readonly id: string,
    without: Readonly<Record<string, string>> = {},
  ) {
    // No field that is seen: it is not what the old row says, and the hash of a row is over what is seen.
    this.#without = without;
  }

  get without(): Readonly<Record<string, string>> {
    return this.#without;
  }
}

/** A value of ours: numbers, decimals and times as text (times as RFC 3339 in UTC), JSON as an object. */
export type Value = null | boolean | string | string[] | Ref | Json;
export class Json {
  constructor(readonly value: unknown) {}
}

export interface TargetRow {
  table: TargetTable;
  values: Record<string, Value>;
}

/** What becomes of one old row. The first is the one that the old id stands for; others belong to it and go with it. */
export interface Mapped {
  rows: [TargetRow, ...TargetRow[]];
}

/** A row of an imported table that only is kept, whole, with a note that says why: a position that is flat, say. */
export interface Archived {
  /** `CODE: sentence`. */
  archive: string;
}

/** What is done with a column's value, and where it goes. What is done is said in the report and in the documentation. */
export interface Column<T = unknown> {
  /** Its column of ours, or null where the value stays in the old row that is kept beside. */
  to: string | null;
  /** In a few words: `naive UTC to time`, `0/1 to boolean`. */
  says: string;
  /** @throws {Reject} */
  read(cell: Cell, column: string, row: Reading): T;
}

/** Of the row that is being read: what was changed in reading it is written down with it. */
export interface Reading {
  /** `CODE: sentence`; e.g. `TIME_REPEATED: 2025-11-02 01:30:00 in America/New_York is two instants; the first is taken`. */
  note(code: string, sentence: string): void;
  /** The whole old row: of a date that stands in two columns. */
  cells: Readonly<Record<string, Cell>>;
  id: string;
}

/** Whose imported rows are whose: made by the loader when a row first asks. Ids of ours, the same in every run of one source. */
export interface Owners {
  /** The retired agent of this run for rows of this mode that have no agent, and its account. */
  agent(mode: 'simulation' | 'paper' | 'live'): { agentId: string; accountId: string };
  /** The id that an old row has here, or would have. */
  id(table: string, oldId: string): string;
  /** What a strategy may be called here: the name, or, where another has it, the name with that of the source behind it. */
  freeName(table: string, oldId: string, name: string): string;
  /** The webhook source of this run for old alerts: retired from its first moment, of action `store`, with a token that nobody has. */
  alertSource(): string;
  /** When the run began, RFC 3339: of what has no time of its own. */
  at: string;
}

export interface TableMapping {
  /** Every column that this system is known to have in this table, in any of its shapes. What else is there is kept in the old row. */
  columns: Record<string, Column>;
  /** `import`, or why rows are only kept: `archive` keeps each whole as JSON. A secret inside is replaced all the same. */
  as: 'import' | { archive: string };
  /** Columns (and paths in their JSON, `raw_payload.secret`) that hold secrets, whatever they look like. */
  secrets?: readonly string[];
  /** Columns of money, whose sums are compared on both sides: old column → column of ours. */
  sums?: Record<string, string>;
  /** The old column of the row's own time, for least and greatest. */
  time?: string;
  /** Every column has its place in ours exactly: the old row is not kept beside it. For tables of millions of rows. */
  bulk?: boolean;
  /** Further columns (and paths) that hold a secret in this row: of tables whose rows are a name and a value. */
  secretsOf?(cells: Readonly<Record<string, Cell>>): readonly string[];
  /**
   * Values by the names of the OLD columns, each as its column has read it.
   * @throws {Reject}
   */
  map?(values: Record<string, unknown>, owners: Owners, reading: Reading): Mapped | Archived;
  /** Of a row that is archived: notes on what somebody has to look at. It refuses nothing. */
  remark?(reading: Reading): void;
}

export interface Recognised {
  /** Of which kind of this system's databases it is. */
  shape: string;
  /** Tables that are this system's by their columns. The most wins; with as many, `--profile` is asked for. */
  tables: number;
}

/** Files of a folder that are one table: each a row (JSON object), or each with many (CSV, JSON array, JSON lines). */
export interface FileTable {
  table: string;
  /** Relative, `/` between, `*` within a name, `**` over folders: `ai/strategies/*.json`. */
  files: string;
  /** The field or column that names a row, else its file and place do. */
  id?: string;
  /** Where in the document its rows are, `accounts`; the whole of it by default. */
  at?: string;
  /** The file as it stands is one row, its text in `content`: of documents whose very names are secrets. */
  whole?: boolean;
}

/** One old system: how its data is told from others', and what becomes of each table. */
export interface Profile {
  system: System;
  /** For a folder. */
  files: readonly FileTable[];
  /** By the sets of columns, never by names of files alone. */
  recognise(source: Source): Recognised | null;
  /** Null where the table is not this system's: it is archived whole. `source`: where a row is only whole together with another, as a trade with its orders. */
  mapping(table: SourceTable, shape: string, source: Source): TableMapping | null;
  /** Of the accounts that are made for its rows; USD by default. */
  currency?: string;
  /** Its rows may say nothing of whether their account was real: then `source.mode` does. */
  asksMode?: true;
  /** Bases in the order of loading: what others refer to comes first. */
  order: readonly string[];
}
