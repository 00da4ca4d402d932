import type { DatabaseServer } from './database-server.js';
import type { Row } from './table.js';

/** What every scenario gets. */
export interface Bench {
  /** A minute for everything: while developing. The figures say little. */
  quick: boolean;
  /** Measurements of each contender. */
  rounds: number;
  /** Of the large table, where a scenario lets it be chosen; null: its own. */
  rows: number | null;
  databases: DatabaseServer;
  say: (line: string) => void;
}

export interface Report {
  rows: Row[];
  /** Sentences under the table: how it was done, what was checked. */
  notes: string[];
}

export interface Scenario {
  /** On the command line, and in the markers of README.md. */
  name: string;
  run(bench: Bench): Promise<Report>;
}
