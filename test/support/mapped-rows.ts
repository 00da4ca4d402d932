import { type Owners, type Profile, Reject, type TargetRow } from '../../src/legacy/profile.js';
import type { Cell, Source, SourceTable } from '../../src/legacy/source/cell.js';

/** What a profile makes of one row. */
export interface MappedRow {
  id: string;
  /** Imported: its rows by target. */
  [target: string]: unknown;
  archive?: string;
  reject?: string;
  detail?: string;
  notes: string[];
}

/** A table of an old system as it stands in a file; a row is named by its `id`, else by its place. */
export function tableOf(name: string, rows: Record<string, Cell>[], declared: Record<string, string> = {}): SourceTable {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return {
    name, base: name.split('/').at(-1) ?? name, columns, declared, key: columns.includes('id') ? ['id'] : [], count: () => rows.length,
    rows: () => rows.map((cells, place) => ({ id: typeof cells.id === 'bigint' || typeof cells.id === 'string' ? String(cells.id) : `#${place + 1}`, cells })),
  };
}

export const sourceOf = (...tables: SourceTable[]): Source => ({ medium: 'sqlite', sha256: '0'.repeat(64), tables, close: () => undefined });

const OWNERS: Owners = { freeName: (_table, _oldId, name) => name,
  agent: (mode) => ({ agentId: `agent ${mode}`, accountId: `account ${mode === 'live' ? 'live' : 'paper'}` }),
  id: (table, oldId) => `${table}/${oldId}`,
  alertSource: () => 'alerts',
  at: '2026-11-20T00:00:00Z',
};

/** Every row of a table through the profile, as an import does it. */
export function mapped(profile: Profile, source: Source, tableName: string): MappedRow[] {
  const table = source.tables.find(({ name }) => name === tableName);
  const shape = profile.recognise(source)?.shape;
  if (table === undefined || shape === undefined) throw new Error(`${tableName} is not there, or nothing is recognised`);
  const mapping = profile.mapping(table, shape, source);
  return [...table.rows()].map(({ id, cells, broken }) => {
    const notes: string[] = [];
    if (broken) return { id, reject: broken.code, detail: broken.detail, notes };
    const reading = { id, cells, note: (code: string, sentence: string) => void notes.push(`${code}: ${sentence}`) };
    if (mapping === null || mapping.as !== 'import') {
      mapping?.remark?.(reading);
      return { id, archive: mapping === null ? 'unknown' : mapping.as === 'import' ? '' : mapping.as.archive, notes };
    }
    try {
      const values = Object.fromEntries(Object.entries(mapping.columns).map(([name, column]) => [name, column.read(cells[name] ?? null, name, reading)]));
      const made = mapping.map?.(values, OWNERS, reading);
      if (made === undefined || 'archive' in made) return { id, archive: made?.archive ?? '', notes };
      return { id, ...Object.fromEntries(made.rows.map(({ table: target, values: row }: TargetRow) => [target, row])), notes };
    } catch (error) {
      if (error instanceof Reject) return { id, reject: error.code, detail: error.detail, notes };
      throw error;
    }
  });
}

/** Codes of its notes, sorted. */
export const codes = ({ notes }: MappedRow): string[] => notes.map((note) => note.split(':')[0] ?? '').sort();
