import type { System } from '../profile.js';
import type { OpenTrade } from './export.repository.js';

export interface ExportOptions {
  system: System;
  /** Null: the only one of that system that was imported, else everything of ours. */
  source: string | null;
  out: string;
  withOpenTrades: boolean;
  /** Only of what an export wrote. */
  overwrite: boolean;
  progress: (table: string, written: number) => void;
}

export interface TableReport {
  name: string;
  /** = written + leftOut. */
  read: number;
  written: number;
  leftOut: number;
  /** Of those written: rows that did not come from the old system. */
  added: number;
}

export interface LeftOut {
  table: string;
  /** Of ours; of the old row where none of ours stands for it. */
  id: string;
  code: string;
  detail: string;
}

export interface ExportReport {
  system: System;
  source: string | null;
  out: string;
  /** The one moment that all of it is of. */
  at: string;
  tables: TableReport[];
  /** The first 1,000; `tables` counts all. */
  leftOut: LeftOut[];
  /** `table.column`: in how many rows a number has more digits than the old column holds. */
  inexact: Record<string, number>;
  /** Live, and written because that was asked for. */
  openTrades: number;
}

/** Nothing was written. */
export class ExportFailure extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly exitCode: 1 | 2 = 1,
    readonly openTrades: readonly OpenTrade[] = [],
  ) {
    super(message);
  }
}
