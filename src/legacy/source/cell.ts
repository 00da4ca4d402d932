/** A TEXT of SQLite, or a file's text, that is not UTF-8 or holds a NUL: PostgreSQL has no text for it. Its bytes are kept. */
export class BadText {
  constructor(
    readonly bytes: Uint8Array,
    readonly fault: 'NUL' | 'NOT_UTF8',
  ) {}
}

/** A number of a JSON document as it is written there: a double would change digits of some. */
export class JsonNumber {
  constructor(readonly text: string) {}

  /** `JSON.stringify` writes its digits as they stood. */
  toJSON(): unknown {
    return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(this.text);
  }
}

/** What a JSON document holds inside: numbers stay as they are written. */
export type JsonCell = null | boolean | string | JsonNumber | JsonCell[] | { [name: string]: JsonCell };

/**
 * One value as the old file holds it, whatever its column is declared as: INTEGER is a bigint, REAL a number (which may be
 * infinite), BLOB its bytes. CSV has text alone; JSON has its own kinds, and where it nests, its own values.
 */
export type Cell = null | bigint | number | string | BadText | Uint8Array | boolean | JsonNumber | JsonCell[] | { [name: string]: JsonCell };

export interface SourceRow {
  /**
   * What names the row in its table, for ever: its primary key, several columns joined by `|` with `\` and `|` escaped by
   * `\`; its rowid (`#7`) where it has no key; a file's path and line or index (`a/b.json#3`) elsewhere.
   */
  id: string;
  cells: Record<string, Cell>;
  /** What was found in reading it, `CODE: sentence`; it goes with the row as the notes of its conversion do. */
  notes?: readonly string[];
  /** It could not be read as a row of its table; it is a reject, whatever the profile says. Its cells hold what was there. */
  broken?: { code: string; detail: string };
}

export interface SourceTable {
  /** Unique in its source: `trades`, and in a folder with its file before it, `data/auth.db/api_keys`, unless files are grouped. */
  name: string;
  /** Without the file: what a profile looks for. */
  base: string;
  /** In their order. A row of JSON or CSV may lack some; then it has null there. */
  columns: readonly string[];
  /** Declared types, upper case, '' where none; of SQLite alone. */
  declared: Readonly<Record<string, string>>;
  /** Of the primary key; empty where there is none. */
  key: readonly string[];
  /** As it is declared, where one is; of SQLite alone. */
  primary?: readonly string[];
  /** As the database counts, for progress and for the sum of the report: it reads no row. */
  count(): number;
  /** Of the table as a whole, `CODE: sentence`: two columns of one name, a table that cannot be read. For the report. */
  notes?: readonly string[];
  /** In a stable order, from after this id on where one is given. One row at a time: a table may be larger than memory. */
  rows(after?: string): Iterable<SourceRow>;
  /** The row of this id, where it can be had without reading the others. */
  find?(id: string): SourceRow | undefined;
  /** The same, with its base and columns in another spelling: of a database to which both are one name. */
  respelled?(base: string, columns: (name: string) => string): SourceTable;
  /** Columns that go by another spelling here than in the file, and that one. */
  spelled?: Readonly<Record<string, string>>;
}

export interface Source {
  medium: 'sqlite' | 'folder';
  /** Hex SHA-256 of the file; of a folder, over the sorted paths and digests of its files. */
  sha256: string;
  /** Of its account, as whoever imports says: for rows of which the source says nothing. */
  mode?: 'simulation' | 'paper' | 'live' | null;
  tables: readonly SourceTable[];
  /** What lies there and is no table, and why it was not read: views, hidden files, links that lead out. For the report. */
  notRead?: readonly { name: string; why: string }[];
  /**
   * After the last row: that what was read is what lies there still.
   * @throws {SourceError} SOURCE_CHANGED
   */
  unchanged?(): Promise<void>;
  close(): void;
}
