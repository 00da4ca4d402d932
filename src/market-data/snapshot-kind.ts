export const SNAPSHOT_KINDS = ['market', 'indicators', 'calendar', 'news', 'account'] as const;
export type SnapshotKindName = (typeof SNAPSHOT_KINDS)[number];

/** What every snapshot has, whatever it is of. */
export interface SnapshotRow {
  seq: number;
  id: string;
  revision: number;
  agent_id: string | null;
  captured_at: string;
  last_captured_at: string;
  created_at: string;
}

/** One kind of snapshot: its table, and between which words of the contract and columns it stands. */
export interface SnapshotKind<Body, Row extends SnapshotRow, Answer> {
  name: SnapshotKindName;
  table: string;
  /** The time of the market that it is of: cuts the table into months, orders the lists, and stands in the id. A body has it, by the name that clients call it. */
  time: string;
  /** What makes it one: a repeat is not stored twice. Those of which the sender is a part are shown to the sender only. */
  key: readonly string[];
  isPrivate: boolean;
  /** What is written, with the types of the columns. */
  columns: Record<string, string>;
  /** Columns in which a repeat may differ. */
  figures: readonly string[];
  /** SQL on the stored row `s`: may figures that were captured later still correct it? Null: never. */
  correctable: string | null;
  /** Columns with an index on (columns, time, seq); what narrows most first. */
  leads: readonly (readonly string[])[];
  toRow: (body: Body, sender: string) => Record<string, unknown>;
  toAnswer: (row: Row) => Answer;
}

/** For those who only need to know of the tables. */
export type AnyKind = SnapshotKind<never, never, unknown>;

export type SnapshotOutcome = 'created' | 'corrected' | 'repeated' | 'kept';

export interface StoredSnapshot<Row = SnapshotRow> {
  row: Row;
  outcome: SnapshotOutcome;
  /** Of one that was kept as it is: the fields in which the repeat differs, as clients call them. */
  differs: string[];
}

export const toCamel = (column: string): string => column.replace(/_(\w)/g, (_whole, letter: string) => letter.toUpperCase());
