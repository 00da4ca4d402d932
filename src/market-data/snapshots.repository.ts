import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Merged } from '../database/merged.js';
import { type Place, upperBound } from '../database/newest-first.js';
import { inside, type Run, Statements } from '../database/statements.js';
import type { Tx } from '../database/transaction.js';
import type { AnyKind, SnapshotRow, StoredSnapshot } from './snapshot-kind.js';
import { type KindStatements, type SentSnapshot, statementsOf } from './snapshot-statements.js';

export interface SnapshotFilter {
  /** By column; null: not filtered. */
  columns: Record<string, string | null>;
  /** Of news: told as one of its symbols. */
  symbol?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

/** `n` from 1 on; not of a batch. */
type WrittenRow = SnapshotRow & { n?: number; changed: boolean };
type ThereRow = SnapshotRow & { n: number; differs: string[] };
type Taken = (StoredSnapshot | null)[];

const DAY_MS = 86_400_000;
/** How far back the newest rows are looked for before all months are: a look into 83 takes 6 ms, most of it planning. */
const LOOKS_DAYS = [31, 366, null];

export const keyText = ({ key }: AnyKind, columns: Record<string, unknown>): string => key.map((column) => JSON.stringify(columns[column] ?? null)).join(' ');

@Injectable()
export class SnapshotsRepository {
  private readonly merged = new Map<string, Merged<SentSnapshot, StoredSnapshot | null>>();
  private readonly batches = new Map<string, KindStatements>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly statements: Statements,
  ) {}

  /** Merged with what others send now, each with its event. Null: there is no such account. */
  take(kind: AnyKind, sent: SentSnapshot): Promise<StoredSnapshot | null> {
    let merged = this.merged.get(kind.name);
    if (!merged) {
      const texts = statementsOf(kind, true);
      merged = new Merged((asks) => this.takeAll(kind, texts, this.statements.run, asks), { keyOf: ({ columns }) => keyText(kind, columns) });
      this.merged.set(kind.name, merged);
    }
    return merged.do(sent);
  }

  /** The same within a transaction, without events; of the rows it answers id, revision and sender. No two of one key. */
  takeMany(tx: Tx, kind: AnyKind, sent: SentSnapshot[]): Promise<Taken> {
    const texts = this.batches.get(kind.name) ?? statementsOf(kind, false);
    this.batches.set(kind.name, texts);
    // Prepared: to plan it anew took 3 µs more for each of 500 candles.
    return this.takeAll(kind, texts, this.statements.within(tx), sent);
  }

  /** One with its event, within a transaction. */
  async takeOne(tx: Tx, kind: AnyKind, sent: SentSnapshot): Promise<StoredSnapshot | null> {
    const [one = null] = await this.takeAll(kind, statementsOf(kind, true), inside(tx), [sent]);
    return one;
  }

  private async takeAll(kind: AnyKind, { store, read, valuesOf }: KindStatements, run: Run, sent: readonly SentSnapshot[]): Promise<Taken> {
    const taken: Taken = sent.map(() => null);
    const places = new Map(sent.map(({ id }, n) => [id, n]));
    /** Were there before: a batch knows them by their keys only. */
    const corrected = new Map<string, StoredSnapshot>();
    for (const row of await run<WrittenRow>(store, valuesOf(sent))) {
      const made = places.get(row.id);
      const n = made ?? (row.n === undefined ? undefined : row.n - 1);
      const stored: StoredSnapshot = { row, outcome: made !== undefined ? 'created' : row.changed ? 'corrected' : 'repeated', differs: [] };
      if (n === undefined) corrected.set(row.id, stored);
      else taken[n] = stored;
    }
    const rest = [...taken.keys()].filter((n) => taken[n] === null);
    if (rest.length === 0) return taken;
    // Bounds, so that a look into a few months is not one into all.
    const times = sent.map(({ columns }) => String(columns[kind.time])).sort();
    const values = valuesOf(rest.map((n) => sent[n] as SentSnapshot));
    for (const row of await run<ThereRow>(read, [...values, times[0], times.at(-1)])) {
      const n = rest[row.n - 1] as number;
      taken[n] = corrected.get(row.id) ?? { row, outcome: row.differs.length > 0 ? 'kept' : 'repeated', differs: row.differs };
    }
    return taken;
  }

  /** Newest first by the market's time. Text for the planner, not a prepared statement: with the times in it, only their months are planned and locked. */
  async list<Row extends SnapshotRow>(kind: AnyKind, filter: SnapshotFilter, limit: number, after: Place | null): Promise<Row[]> {
    const newest = Date.parse(after?.at ?? filter.to ?? new Date().toISOString());
    for (const days of LOOKS_DAYS) {
      const reach = days === null ? undefined : new Date(Math.max(0, newest - days * DAY_MS)).toISOString();
      const isAll = reach === undefined || (filter.from !== undefined && filter.from >= reach);
      const rows = await this.page<Row>(kind, { ...filter, from: isAll ? filter.from : reach }, limit, after);
      if (isAll || rows.length > limit) return rows;
    }
    return [];
  }

  /**
   * Ordered by the columns of its index too, as in newest-first.ts: only that index gives this order. Those after the first
   * are named as a range of one value: by `= any(…)` PostgreSQL before 17 sorts a whole month for one row (2,976 candles),
   * and by `=` it may take the index without them, and drop the rows of other timeframes.
   */
  private page<Row>({ table, time, key, leads }: AnyKind, { columns, symbol, from, to }: SnapshotFilter, limit: number, after: Place | null): Promise<Row[]> {
    const values: unknown[] = [];
    const put = (value: unknown, type: string) => `$${values.push(value)}::${type}`;
    const filtered = Object.entries(columns).filter(([, value]) => value !== null);
    const lead = leads.find((names) => names.every((name) => filtered.some(([column]) => column === name))) ?? [];
    const upper = upperBound(to, after);
    const typed = (name: string) => put(columns[name], name.endsWith('_id') ? 'uuid' : 'text');
    const [first, ...others] = lead;
    const bound = (than: string, at: string | undefined, end: string) => `(${[...others, time].join(', ')}) ${than} (${[...others.map(typed), put(at ?? end, 'timestamptz')].join(', ')})`;
    const conditions = [
      ...(first === undefined ? [] : [`${first} = any(array[${typed(first)}])`]),
      ...others.map((name) => `${name} between ${typed(name)} and ${typed(name)}`),
      ...(others.length === 0 ? [] : [bound('>=', from, '-infinity'), bound('<=', upper.to ?? upper.at ?? undefined, 'infinity')]),
      ...filtered.filter(([column]) => !lead.includes(column)).map(([column]) => `${column} = ${typed(column)}`),
      ...(symbol === undefined ? [] : [`symbols @> ${put([symbol], 'text[]')}`]),
      ...(from === undefined ? [] : [`${time} >= ${put(from, 'timestamptz')}`]),
      ...(upper.to === null ? [] : [`${time} < ${put(upper.to, 'timestamptz')}`]),
      // The first for the months, which a comparison of rows does not choose.
      ...(upper.at === null ? [] : [`${time} <= ${put(upper.at, 'timestamptz')} and (${time}, seq) < (${put(upper.at, 'timestamptz')}, ${put(upper.seq, 'bigint')})`]),
    ];
    // Unique within the lead: the key's own index gives that order, and there is none with seq.
    const byTime = key.every((column) => column === time || lead.includes(column)) ? `${time} desc` : `${time} desc, seq desc`;
    return this.dataSource.query<Row[]>(
      `select * from ${table} ${conditions.length > 0 ? `where ${conditions.join(' and ')}` : ''}
       order by ${lead.map((name) => `${name} desc, `).join('')}${byTime} limit ${put(limit + 1, 'bigint')}`,
      values,
    );
  }
}
