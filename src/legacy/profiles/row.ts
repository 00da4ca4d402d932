import { Json, Reject } from '../profile.js';
import { type Cell, JsonNumber, type SourceTable } from '../source/cell.js';

/**
 * How much of what a system is known to have is there: half of a table's columns, or of the known ones, make it that
 * system's. Names alone do not: every one of the old systems has a table `trades`.
 */
export function isOne(table: SourceTable, known: readonly string[], distinctive: readonly string[]): boolean {
  const columns = new Set(table.columns);
  const shared = known.filter((name) => columns.has(name)).length;
  return distinctive.some((name) => columns.has(name)) && 2 * shared >= Math.min(columns.size, known.length);
}

/** What a row's columns were read as; a column that the old table lacks is null. */
export class Values {
  constructor(private readonly values: Readonly<Record<string, unknown>>) {}

  text(name: string): string | null {
    const value = this.values[name];
    return typeof value === 'string' ? value : null;
  }

  flag(name: string): boolean | null {
    const value = this.values[name];
    return typeof value === 'boolean' ? value : null;
  }

  json(name: string): unknown {
    const value = this.values[name];
    return value instanceof Json ? plain(value.value) : null;
  }

  /** @throws {Reject} */
  need(name: string): string {
    const value = this.text(name);
    if (value === null) throw new Reject('VALUE_MISSING', `${name} is not there, and a row is nothing without it`, name);
    return value;
  }
}

/** JSON as JavaScript has it; a number whose digits a double would change is text. */
export function plain(cell: unknown): unknown {
  if (cell instanceof JsonNumber) return sameNumber(cell.text) ? Number(cell.text) : cell.text;
  if (Array.isArray(cell)) return cell.map((each: unknown) => plain(each));
  if (cell !== null && typeof cell === 'object') return Object.fromEntries(Object.entries(cell).map(([name, inner]) => [name, plain(inner)]));
  return typeof cell === 'bigint' ? (Number.isSafeInteger(Number(cell)) ? Number(cell) : String(cell)) : cell;
}

const sameNumber = (text: string): boolean => /^-?\d+(\.\d+)?$/.test(text) && String(Number(text)) === text.replace(/\.0+$/, '').replace(/(\.\d*?)0+$/, '$1');

/** A list that a database has as an array, a dump as `{a,"b c"}` or as JSON; null for what is none. */
export function listOf(cell: unknown): unknown[] | null {
  if (Array.isArray(cell)) return cell as unknown[];
  if (typeof cell !== 'string') return null;
  const text = cell.trim();
  if (text.startsWith('[')) {
    try {
      const parsed: unknown = JSON.parse(text);
      return Array.isArray(parsed) ? parsed : null;
    } catch {
      return null;
    }
  }
  if (!/^\{.*\}$/s.test(text)) return null;
  if (text === '{}') return [];
  return [...text.slice(1, -1).matchAll(/\s*(?:"((?:[^"\\]|\\.)*)"|([^,"]*))\s*(?:,|$)/gs)].slice(0, -1).map(([, quoted, bare]) => quoted?.replace(/\\(.)/gs, '$1') ?? bare?.trim() ?? '');
}

/** The same text twice is one spelling; null where it is as ours. */
export const otherSpelling = (written: Cell | undefined, ours: string): string | null => (typeof written === 'string' && written.trim() !== ours ? written.trim() : null);

/** 0 or below is no price; ours is null then, and the old row keeps it. */
export const isPositive = (decimal: string): boolean => !decimal.startsWith('-') && decimal !== '0';

export const cutTo = (text: string, most: number): string => (text.length <= most ? text : `${text.slice(0, most - 1).replace(/[\ud800-\udbff]$/, '')}…`);

/** What stands in a document where an object is expected; of anything else, nothing. */
export const objectIn = (value: unknown): Record<string, unknown> => (value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : {});
