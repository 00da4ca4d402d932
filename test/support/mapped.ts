import { type Archived, type Column, type Mapped, type Owners, type Profile, type Reading, Reject, type TableMapping } from '../../src/legacy/profile.js';
import type { Cell, Source, SourceTable } from '../../src/legacy/source/cell.js';

/** A table without rows, as a profile is asked about it. */
export const tableOf = (base: string, columns: readonly string[], name = base): SourceTable =>
  ({ name, base, columns, declared: {}, key: ['id'], count: () => 0, rows: () => [] });

export const AGENTS = { simulation: 'agent-simulation', paper: 'agent-paper', live: 'agent-live' };
export const STARTED = '2026-02-01T00:00:00Z';

const OWNERS: Owners = { freeName: (_table, _oldId, name) => name, at: STARTED, agent: (mode) => ({ agentId: AGENTS[mode], accountId: mode === 'live' ? 'account-live' : 'account' }), id: (table, oldId) => `${table}/${oldId}`, alertSource: () => 'alert-source' };
export const NO_SOURCE: Source = { medium: 'sqlite', sha256: '', tables: [], close: () => undefined };

export interface Outcome {
  rows: { table: string; values: Record<string, unknown> }[];
  /** Of the first row. */
  values: Record<string, unknown>;
  notes: string[];
  codes: string[];
}

/** One row through a mapping, as the loader does it: each known column is read, then the row is mapped. @throws {Reject} */
export function mappedBy(mapping: TableMapping, cells: Record<string, Cell>, id = '1'): Outcome {
  const notes: string[] = [];
  const reading: Reading = { cells, id, note: (code, sentence) => void notes.push(`${code}: ${sentence}`) };
  const done = (mapped: Mapped | Archived | null): Outcome => {
    if (mapped !== null && 'archive' in mapped) notes.push(mapped.archive);
    const rows = mapped !== null && 'rows' in mapped ? mapped.rows : [];
    return { rows, values: rows[0]?.values ?? {}, notes, codes: notes.map((note) => note.split(':')[0] ?? '') };
  };
  if (mapping.as !== 'import') {
    mapping.remark?.(reading);
    return done(null);
  }
  const values = Object.fromEntries(Object.entries(mapping.columns as Record<string, Column>).filter(([name]) => Object.hasOwn(cells, name)).map(([name, column]) => [name, column.read(cells[name] ?? null, name, reading)]));
  return done(mapping.map?.(values, OWNERS, reading) ?? null);
}

/** Of a table whose columns are those of the row. */
export function mapped(profile: Profile, base: string, cells: Record<string, Cell>, shape = '', name = base): Outcome {
  const mapping = profile.mapping(tableOf(base, Object.keys(cells), name), shape, NO_SOURCE);
  if (mapping === null) throw new Error(`${base} is not of this system`);
  return mappedBy(mapping, cells);
}

/** The code and the column of a reject; null: there is none. */
export function refusal(run: () => unknown): string | null {
  try {
    run();
    return null;
  } catch (error) {
    if (error instanceof Reject) return `${error.code} ${error.column}`;
    throw error;
  }
}
