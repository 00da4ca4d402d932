import { Json, type Owners, type Reading, Reject, type TargetRow } from '../../src/legacy/profile.js';
import { SIGMATRADER } from '../../src/legacy/profiles/sigmatrader/profile.js';
import type { Cell, Source, SourceTable } from '../../src/legacy/source/cell.js';

export type Rows = Record<string, Record<string, Cell>[]>;

/** A source whose tables are these rows; a column that is in any of them is one of its table. */
export function sourceOf(tables: Rows, { finds = true }: { finds?: boolean } = {}): Source {
  const made = Object.entries(tables).map(([base, rows]): SourceTable => {
    const listed = rows.map((cells) => ({ id: String(cells['id']), cells }));
    return {
      name: base, base, columns: [...new Set(rows.flatMap((row) => Object.keys(row)))], declared: {}, key: ['id'], count: () => rows.length, rows: () => listed,
      ...(finds ? { find: (id: string) => listed.find((row) => row.id === id) } : {}),
    };
  });
  return { medium: 'sqlite', sha256: '', tables: made, close: () => undefined };
}

const OWNERS: Owners = { freeName: (_table, _oldId, name) => name,
  at: '2026-11-20T00:00:00Z', id: (table, oldId) => `${table}#${oldId}`, alertSource: () => 'source of alerts', agent: (mode) => ({ agentId: `${mode} agent`, accountId: `${mode} account` }),
};

export interface Outcome {
  rows?: TargetRow[];
  /** Of the first row, as plain values. */
  values?: Record<string, unknown>;
  archived?: string;
  rejected?: string;
  /** Their codes. */
  notes: string[];
  says: string[];
}

/** What becomes of a row of this table, as the loader goes about it. */
export function outcomeOf(base: string, cells: Record<string, Cell>, others: Rows = {}, options: { finds?: boolean } = {}): Outcome {
  const row = { id: 1n, ...cells };
  const source = sourceOf({ ...others, [base]: [...(others[base] ?? []).filter(({ id }) => id !== row.id), row] }, options);
  const table = source.tables.find((each) => each.base === base);
  const mapping = table === undefined ? null : SIGMATRADER.mapping(table, 'partial', source);
  if (mapping === null) throw new Error(`${base} is no table of it`);
  const says: string[] = [];
  const reading: Reading = { cells: row, id: String(row.id), note: (code, sentence) => void says.push(`${code}: ${sentence}`) };
  const outcome = (result: Omit<Outcome, 'notes' | 'says'>): Outcome => ({ ...result, notes: says.map((said) => said.split(':')[0] ?? ''), says });
  if (mapping.as !== 'import') {
    mapping.remark?.(reading);
    return outcome({ archived: mapping.as.archive });
  }
  try {
    const values = Object.fromEntries(Object.entries(mapping.columns).map(([name, column]) => [name, column.read(row[name as keyof typeof row] ?? null, name, reading)]));
    const mapped = mapping.map?.(values, OWNERS, reading);
    if (mapped === undefined) throw new Error('it makes no row');
    if ('archive' in mapped) return outcome({ archived: mapped.archive });
    return outcome({ rows: mapped.rows, values: plain(mapped.rows[0].values) });
  } catch (error) {
    if (error instanceof Reject) return outcome({ rejected: `${error.code}: ${error.detail}` });
    throw error;
  }
}

export const plain = (values: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value instanceof Json ? JSON.parse(JSON.stringify(value.value)) : value]));
