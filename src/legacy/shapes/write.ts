import { own } from '../../common/own.js';
import { Exact } from '../convert/exact.js';
import { offsetAt } from '../convert/zones.js';
import type { Cell } from '../source/cell.js';
import type { OurRow, ShapeColumn } from './shape.js';

/** Values of ours in the spellings of old systems. Each is of a column of ours by its name, or of what is computed of the row. */

type Of = string | ((ours: OurRow) => string | null);
type Write = (ours: OurRow) => Cell;

export const textIn = ({ values }: OurRow, name: string): string | null => (values[name] ?? null) as string | null;
const of = (ours: OurRow, from: Of) => (typeof from === 'string' ? textIn(ours, from) : from(ours));

export const column = (name: string, declared: string, write?: Write): ShapeColumn => (write ? { name, declared, write } : { name, declared });

export const id: Write = ({ oldId }) => whole(oldId);
export const ref = (name: string): Write => ({ refs }) => whole(refs[name] ?? null);
export const text = (from: Of): Write => (ours) => of(ours, from);
export const constant = (cell: Cell): Write => () => cell;
export const flag = (name: string): Write => ({ values }) => (values[name] === null || values[name] === undefined ? null : values[name] === true ? 1n : 0n);
export const integer = (from: Of): Write => (ours) => whole(of(ours, from));
export const spelled = (from: Of, map: Readonly<Record<string, string>>, otherwise: string | null = null): Write => (ours) => {
  const value = of(ours, from);
  return value === null ? null : (own(map, value) ?? otherwise);
};

/** A number as the double nearest to it; where that is another number, the column is marked, and the report says so. */
export const real = (name: string, from: Of): Write => (ours) => nearest(ours, name, of(ours, from));

export function nearest(ours: OurRow, name: string, value: string | null): number | null {
  if (value === null) return null;
  const double = Number(value);
  if (!new Exact(String(double)).eq(value)) ours.inexact.add(name);
  return double;
}

export const realColumn = (name: string, declared: string, from: Of = name): ShapeColumn => column(name, declared, real(name, from));

/** Naive UTC: `2026-01-20 08:00:00.000000`, always 26 characters. */
export const utc = (from: Of): Write => (ours) => of(ours, from)?.replace('T', ' ').replace('Z', '') ?? null;

/** The clock of a zone: `date` and `time` of an instant. Of the hour that comes twice, both are written the same. */
export function wallClock(at: string, zone: string): { date: string; time: string } {
  const seconds = Math.floor(Date.parse(at) / 1000);
  const shown = new Date((seconds + offsetAt(seconds, zone)) * 1000).toISOString();
  return { date: shown.slice(0, 10), time: shown.slice(11, 19) };
}

/** Null for what is no whole number of 64 bits: a ticket of letters has no place in an INTEGER. */
export const whole = (value: string | null): bigint | null => (value !== null && /^-?\d{1,19}$/.test(value) && BigInt.asIntN(64, BigInt(value)) === BigInt(value) ? BigInt(value) : null);

export const added = (...values: (string | null)[]): string | null => (values.every((value) => value === null) ? null : values.reduce((sum, value) => sum.plus(value ?? 0), new Exact(0)).toFixed());
export const negated = (value: string | null): string | null => (value === null ? null : new Exact(value).neg().plus(0).toFixed());
