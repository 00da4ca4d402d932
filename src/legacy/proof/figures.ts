import type { TableMapping, TargetRow } from '../profile.js';
import { type Cell, JsonNumber, type SourceTable } from '../source/cell.js';
import type { TargetTable } from '../targets.js';
import { BEGINNING, canonical, typesOf } from './canonical.js';
import type { Expected } from './expected.js';
import { ExactSum, plainDecimal } from './plain-decimal.js';
import type { Damage, Span, TableProof } from './proof.js';
import type { FiguredRow } from './table-proof.js';

interface Money {
  /** Of the old system, and of ours. */
  column: string;
  to: string;
  /** Of the values as the old file has them. */
  raw: ExactSum;
  /** A value was no number by itself: `$1,234.50`, or nothing at all where ours has one. */
  isRaw: boolean;
  mapped: ExactSum;
}

/** Old units in one of ours: cents and percent are moved by the point, and some systems write costs without their sign. */
const FACTORS = [0, 2, 4, -2, -4].flatMap((places) => [{ places, sign: 1n as const }, { places, sign: -1n as const }]);

/** Sums of money and the span of times of one table, of the source's side. */
export class Figures {
  private money: Money[] = [];
  private table: TargetTable | null = null;
  private time: string | null = null;
  private span: Span = { least: null, greatest: null };

  constructor(
    private readonly old: SourceTable,
    private readonly mapping: TableMapping | null,
    private readonly beginning: string,
  ) {}

  /** @param table what the old rows become first */
  restart(table: TargetTable | null): void {
    this.table = table;
    const known = table === null ? {} : typesOf(table);
    this.money = Object.entries(this.mapping?.sums ?? {}).filter(([column, to]) => known[to] === 'numeric' && this.old.columns.includes(column))
      .map(([column, to]) => ({ column, to, raw: new ExactSum(), isRaw: true, mapped: new ExactSum() }));
    const to = this.mapping?.columns[this.mapping.time ?? '']?.to ?? null;
    // What a sealed text keeps is compared with its row.
    this.time = to !== null && known[to] === 'timestamptz' && table !== 'decision_history' ? to : null;
    this.span = { least: null, greatest: null };
  }

  get columns(): readonly string[] {
    return this.money.map(({ to }) => to);
  }

  of(table: TargetTable): { sums: readonly string[]; time: string | null } {
    return table === this.table ? { sums: this.columns, time: this.time } : { sums: [], time: null };
  }

  add(expected: Expected, row: TargetRow): void {
    if (row.table !== this.table) return;
    for (const money of this.money) {
      const value = canonical(row.values[money.to], 'numeric', money.to, '');
      if (value !== null) money.mapped.add(value);
      const raw = rawNumber(expected.cells[money.column] as Cell | undefined);
      if (raw !== null) money.raw.add(raw);
      else if (value !== null) money.isRaw = false;
    }
    if (this.time === null) return;
    const time = canonical(row.values[this.time], 'timestamptz', this.time, this.beginning);
    // What had no time of its own has that of the run that brought it, which may be an earlier one.
    if (time === null || time === BEGINNING) return;
    if (this.span.least === null || time < this.span.least) this.span.least = time;
    if (this.span.greatest === null || time > this.span.greatest) this.span.greatest = time;
  }

  /** @param moved by how much the application has changed them since, column by column */
  sums(theirs: readonly FiguredRow[], moved: ReadonlyMap<string, ExactSum>): { sums: TableProof['sums']; damage: Damage[] } {
    const sums: TableProof['sums'] = {};
    const damage: Damage[] = [];
    for (const [at, { column, to, raw, isRaw, mapped }] of this.money.entries()) {
      const stored = new ExactSum();
      for (const row of theirs) if (row[`sum_${at}`] != null) stored.add(plainDecimal(row[`sum_${at}`] ?? '0'));
      const target = stored.toString();
      sums[column] = { to, source: isRaw ? raw.toString() : mapped.toString(), target };
      const since = plainDecimal((moved.get(to) ?? new ExactSum()).toString());
      stored.add(since, -1n);
      if (stored.toString() !== mapped.toString()) damage.push(this.differs(column, `${column} adds up to ${mapped.toString()} in the source and ${to} to ${target} here`));
      else if (isRaw && !FACTORS.some((factor) => scaled(mapped.toString(), factor) === raw.toString())) {
        damage.push(this.differs(column, `${column} adds up to ${raw.toString()} as it is written, and to ${mapped.toString()} as it was taken`));
      }
    }
    return { sums, damage };
  }

  times(theirs: readonly FiguredRow[]): { shown: TableProof['times']; damage: Damage[] } {
    if (this.time === null) return { shown: null, damage: [] };
    const target: Span = { least: null, greatest: null };
    for (const { least, greatest } of theirs) {
      if (least != null && (target.least === null || least < target.least)) target.least = least;
      if (greatest != null && (target.greatest === null || greatest > target.greatest)) target.greatest = greatest;
    }
    const shown = { column: this.time, source: this.span, target };
    const isSame = this.span.least === target.least && this.span.greatest === target.greatest;
    const told = ({ least, greatest }: Span) => `from ${least} to ${greatest}`;
    return { shown, damage: isSame ? [] : [{ ...this.differs(this.time, `${told(this.span)} in the source, ${told(target)} here`), code: 'TIMES_DIFFER' }] };
  }

  private differs(column: string, detail: string): Damage {
    return { code: 'SUM_DIFFERS', table: this.old.name, oldId: null, target: this.table, targetId: null, columns: [column], detail };
  }
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/;

/** A plain decimal of what is a number by itself. */
function rawNumber(cell: Cell | undefined): string | null {
  const text = cell instanceof JsonNumber ? cell.text : typeof cell === 'string' ? cell.trim() : typeof cell === 'bigint' || typeof cell === 'number' ? String(cell) : '';
  return NUMBER.test(text) ? plainDecimal(text) : null;
}

function scaled(sum: string, { places, sign }: (typeof FACTORS)[number]): string {
  const moved = plainDecimal(`${sum}e${places}`);
  if (sign === 1n || moved === '0') return moved;
  return moved.startsWith('-') ? moved.slice(1) : `-${moved}`;
}
