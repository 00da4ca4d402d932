import type { Cell, SourceTable } from '../source/cell.js';

type ValueOf = (cells: Readonly<Record<string, Cell>>) => string | null;

/**
 * Says of a value whether more than one row of the table holds it. The table is read through at the first question and once
 * only; by 8 bytes a row, so that five million stay in 40 MB.
 */
export function repeated(table: SourceTable, valueOf: ValueOf): (value: string) => boolean {
  let twice: Set<number> | null = null;
  return (value) => (twice ??= marksHeldTwice(table, valueOf)).has(mark(value));
}

function marksHeldTwice(table: SourceTable, valueOf: ValueOf): Set<number> {
  let marks = new Float64Array(Math.max(16, table.count()));
  let held = 0;
  for (const { cells } of table.rows()) {
    const value = valueOf(cells);
    if (value === null) continue;
    if (held === marks.length) {
      const larger = new Float64Array(2 * marks.length);
      larger.set(marks);
      marks = larger;
    }
    marks[held++] = mark(value);
  }
  const sorted = marks.subarray(0, held).sort();
  return new Set(sorted.filter((each, index) => index > 0 && each === sorted[index - 1]));
}

/** 53 bits of two FNV hashes: among five million values two different ones meet once in a thousand tables. */
function mark(value: string): number {
  let [one, other] = [0x811c9dc5, 0x050c5d1f];
  for (let at = 0; at < value.length; at += 1) {
    const unit = value.charCodeAt(at);
    one = Math.imul(one ^ unit, 0x01000193);
    other = Math.imul(other ^ (unit + at), 0x85ebca6b);
  }
  return (one >>> 0) * 0x20_0000 + ((other ^ (other >>> 13)) & 0x1f_ffff);
}
