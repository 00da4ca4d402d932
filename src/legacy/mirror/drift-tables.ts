import type { OldStore } from '../shapes/old-store.js';
import type { Cells, ShapeTable } from '../shapes/shape.js';
import { encoded } from '../source/encode.js';
import { sourceHash } from '../source/source-hash.js';
import { keyText, putRow } from './prune.js';

export interface TableDrift {
  table: string;
  rows: number;
  /** In the database, and not in the mirror. */
  missing: number;
  /** In the mirror, and not in the database. */
  extra: number;
  different: number;
  /** The first of them. */
  examples: { key: string; what: 'missing' | 'extra' | 'different'; columns: string[] }[];
}

const EXAMPLES_MOST = 20;

/** By key: what is to be done with the mirror's row. */
export interface Found {
  table: ShapeTable;
  rows: number;
  missing: Set<string>;
  different: Set<string>;
  extra: Map<string, Cells>;
  columns: Map<string, string[]>;
}

const hashOf = (cells: Cells): string => sourceHash(cells).toString('latin1');

/** Rows without a key are told apart by what they say, and those that say the same by their count. */
function keysOf(table: ShapeTable): (cells: Cells) => string {
  if (table.key.length > 0 || table.files?.form === 'json') return (cells) => keyText(table, cells);
  const seen = new Map<string, number>();
  return (cells) => {
    const said = sourceHash(cells).toString('hex').slice(0, 16);
    const count = (seen.get(said) ?? 0) + 1;
    seen.set(said, count);
    return `row ${said}${count === 1 ? '' : ` (${count})`}`;
  };
}

export function compare(table: ShapeTable, right: OldStore, mirror: OldStore): Found {
  const hashes = new Map<string, string>();
  const keyOf = keysOf(table);
  for (const cells of right.rows(table)) hashes.set(keyOf(cells), hashOf(cells));
  const found: Found = { table, rows: hashes.size, missing: new Set(), different: new Set(), extra: new Map(), columns: new Map() };
  const kept = new Map<string, Cells>();
  const keyThere = keysOf(table);
  for (const cells of mirror.rows(table)) {
    const key = keyThere(cells);
    const hash = hashes.get(key);
    if (hash === undefined) found.extra.set(key, Object.fromEntries(table.key.map((name) => [name, cells[name] ?? null])));
    else if (hash !== hashOf(cells)) {
      found.different.add(key);
      if (kept.size < EXAMPLES_MOST) kept.set(key, cells);
    }
    hashes.delete(key);
  }
  found.missing = new Set(hashes.keys());
  if (kept.size > 0) for (const cells of right.rows(table)) noteColumns(found, kept.get(keyText(table, cells)), cells);
  return found;
}

function noteColumns({ table, columns }: Found, kept: Cells | undefined, cells: Cells): void {
  if (kept) columns.set(keyText(table, cells), [...new Set([...Object.keys(cells), ...Object.keys(kept)])].filter((name) => encoded(cells[name] ?? null) !== encoded(kept[name] ?? null)));
}

/** A counter may be ahead, by rows that are gone again; behind, the old application would give an id twice. Null: it has none. */
export function compareCounters(right: OldStore, mirror: OldStore): Found | null {
  const [wanted, there] = [right.counters?.(), mirror.counters?.()];
  if (!wanted || wanted.size === 0) return null;
  const behind = [...wanted].filter(([name, least]) => (there?.get(name) ?? 0n) < least).map(([name]) => name);
  return { table: COUNTERS, rows: wanted.size, missing: new Set(), different: new Set(behind), extra: new Map(), columns: new Map(behind.map((name) => [name, ['seq']])) };
}

const COUNTERS: ShapeTable = { name: 'sqlite_sequence', part: '', columns: [], key: ['name'], constraints: [], indexes: [], ours: null, events: [], newId: 'number' };

/** Counters are put when all rows are. */
export function repairTable({ table, missing, different, extra }: Found, right: OldStore, mirror: OldStore): void {
  if (table === COUNTERS) return;
  for (const key of extra.values()) mirror.remove(table, key);
  if (missing.size + different.size === 0) return;
  for (const cells of right.rows(table)) {
    const key = keyText(table, cells);
    if (missing.has(key) || different.has(key)) putRow(mirror, table, cells);
  }
}

export const isDrift = ({ missing, different, extra }: Found): boolean => missing.size + different.size + extra.size > 0;

export function inBoth(now: Found, before: Found | undefined): Found {
  const keep = (keys: Set<string>, were: Set<string> | undefined) => new Set([...keys].filter((key) => were?.has(key)));
  return { ...now, missing: keep(now.missing, before?.missing), different: keep(now.different, before?.different), extra: new Map([...now.extra].filter(([key]) => before?.extra.has(key))) };
}

export function shown({ table, rows, missing, different, extra, columns }: Found): TableDrift {
  const examples = [
    ...[...missing].map((key) => ({ key, what: 'missing' as const, columns: [] })), ...[...extra.keys()].map((key) => ({ key, what: 'extra' as const, columns: [] })),
    ...[...different].map((key) => ({ key, what: 'different' as const, columns: columns.get(key) ?? [] })),
  ];
  return { table: table.name, rows, missing: missing.size, extra: extra.size, different: different.size, examples: examples.slice(0, EXAMPLES_MOST) };
}
