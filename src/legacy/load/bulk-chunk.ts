import type { TargetRow, Value } from '../profile.js';
import type { Expected } from '../proof/expected.js';
import { bucketOf } from '../proof/side.js';
import { type Target, TARGETS, type TargetTable, type TargetType } from '../targets.js';
import { CopyBytes } from './copy-bytes.js';
import { arrayText, field, valueText } from './copy-text.js';
import { importedId } from './imported-id.js';
import { codeOf, type PreparedRow } from './table-reader.js';

/** Which table of ours, and which of its columns, all rows of a bulk table fill. */
export interface BulkForm {
  table: TargetTable;
  /** Without `id`, which each row has. */
  columns: readonly string[];
  types: readonly TargetType[];
  /** Where in `columns` the time is by which it has months; -1: it has none. */
  month: number;
}

export function formOf({ table, values }: TargetRow): BulkForm | null {
  const { key, month, columns: known }: Target = TARGETS[table];
  const columns = Object.keys(values).filter((column) => column !== 'id');
  const types = columns.map((column) => known[column]);
  // Decisions are sealed one by one.
  if (key !== 'id' || table === 'decision_history' || !types.every((type) => type !== undefined)) return null;
  return { table, columns, types, month: month === undefined ? -1 : columns.indexOf(month) };
}

/** Rows of a bulk table as they are sent, each with its identity; of the rows themselves nothing is held. */
export class BulkChunk {
  readonly rows = new CopyBytes();
  readonly identities = new CopyBytes();
  /** `2026-01-02`, of each day that a row is of. */
  readonly days = new Set<string>();
  /** Where in the bytes rows of another day begin. */
  private readonly cuts: { day: string; from: number }[] = [];
  readonly notes = new Map<string, number>();
  count = 0;
  lastId = '';
  private lastDay = '';

  constructor(
    private readonly source: string,
    private readonly table: string,
    private readonly of: string,
    private readonly by: string,
  ) {}

  clear(): void {
    for (const bytes of [this.rows, this.identities]) bytes.clear();
    for (const each of [this.days, this.notes]) each.clear();
    [this.count, this.lastDay, this.cuts.length] = [0, '', 0];
  }

  /** The bytes of rows of such days, and those of all others; good until the next row is added. */
  partsBy(isSuch: (day: string) => boolean): [such: Buffer, others: Buffer] {
    const parts: [Buffer[], Buffer[]] = [[], []];
    const bytes = this.rows.taken();
    if (this.cuts.length === 0) return [bytes.subarray(0, 0), bytes];
    for (const [at, { day, from }] of this.cuts.entries()) parts[isSuch(day) ? 0 : 1].push(bytes.subarray(from, this.cuts[at + 1]?.from));
    return [joined(parts[0]), joined(parts[1])];
  }

  /** What the old row must become, for the proof; null where the row is not as all others, and was not taken. */
  add(form: BulkForm, row: PreparedRow, values: Readonly<Record<string, Value>>): Pick<Expected, 'id' | 'bucket' | 'hash' | 'original' | 'targetId'> | null {
    const { columns, types } = form;
    const { oldId, notes } = row;
    let place = 0;
    let line = '';
    let day = '';
    for (const column in values) {
      if (column === 'id') continue;
      if (column !== columns[place]) return null;
      const value = values[column] as Value;
      line += `\t${field(typeof value === 'string' ? value : valueText(value, types[place] as TargetType))}`;
      if (place === form.month) day = typeof value === 'string' ? value.slice(0, 10) : '';
      place += 1;
    }
    if (place !== columns.length) return null;
    if (day !== this.lastDay) {
      this.days.add((this.lastDay = day));
      this.cuts.push({ day, from: this.rows.length });
    }
    const targetId = importedId(this.source, this.table, oldId);
    const hash = `\\x${row.hash.toString('hex')}`;
    for (const note of notes) this.notes.set(codeOf(note), (this.notes.get(codeOf(note)) ?? 0) + 1);
    this.rows.add(`${targetId}${line}\n`);
    this.identities.add(`${this.of}\t${field(oldId)}\t${this.by}\t${form.table}\t${targetId}\t\\${hash}\t${notes.length === 0 ? '\\N' : field(arrayText(notes))}\n`);
    this.count += 1;
    this.lastId = oldId;
    return { id: oldId, bucket: bucketOf(row.hash), hash, original: null, targetId };
  }
}

/** Parts that lie one after another are one already. */
function joined(parts: readonly Buffer[]): Buffer {
  const [first, ...more] = parts;
  if (!first) return Buffer.alloc(0);
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const isOne = more.every((part, at) => part.byteOffset === (parts[at] as Buffer).byteOffset + (parts[at] as Buffer).length);
  return isOne ? Buffer.from(first.buffer, first.byteOffset, length) : Buffer.concat(parts);
}
