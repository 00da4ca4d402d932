import type { Ours, OurRow, ShapeColumn, ShapeTable } from './shape.js';

/** An old table in few words: `name TYPE …` with commas between, further unique keys, and indexes `name(columns)` with semicolons between, `UNIQUE` before one that is. */
export interface OldTable {
  columns: string;
  /** `id` by default. */
  key?: readonly string[];
  unique?: readonly string[];
  indexes?: string;
}

/** What of ours becomes rows of it. */
export interface Filled {
  ours: Ours;
  events: readonly string[];
  part?: string;
  write: Readonly<Record<string, NonNullable<ShapeColumn['write']>>>;
  cannot?: (ours: OurRow) => string | null;
  openLive?: (ours: OurRow) => boolean;
  untrue?: { sql: string; reason: string };
}

export const TRADE_EVENTS = ['trade.pending', 'trade.opened', 'trade.reopened', 'trade.closing', 'trade.closed', 'trade.rejected', 'trade.cancelled', 'trade.expired', 'trade.unknown', 'trade.past_fact', 'trade.filled'];
export const SNAPSHOT_EVENTS = ['snapshot.created', 'snapshot.corrected', 'snapshot.batch_stored'];

/** A shape's table; without `filled` its rows are those that were imported. */
export function oldTable(name: string, table: OldTable, filled?: Filled): ShapeTable {
  const key = table.key ?? ['id'];
  const columns = columnsIn(table.columns).map(({ name: column, declared }): ShapeColumn => {
    const write = filled?.write[column];
    return write ? { name: column, declared, write } : { name: column, declared };
  });
  // A key that counts for itself says so in its column.
  const isKeyDeclared = columns.some(({ declared }) => declared.includes('PRIMARY KEY'));
  return {
    name, key, columns, part: filled?.part ?? '', newId: 'number', ours: filled?.ours ?? null, events: filled?.events ?? [],
    constraints: [...(isKeyDeclared || key.length === 0 ? [] : [`PRIMARY KEY (${key.join(', ')})`]), ...(table.unique ?? []).map((columns) => `UNIQUE (${columns})`)],
    indexes: indexesIn(name, table.indexes ?? ''), ...(filled?.cannot ? { cannot: filled.cannot } : {}), ...(filled?.openLive ? { openLive: filled.openLive } : {}), ...(filled?.untrue ? { untrue: filled.untrue } : {}),
  };
}

/** A comma inside brackets, or before what is no name and type, is no border. */
const columnsIn = (text: string) => text.replace(/\s+/g, ' ').split(/, (?=[a-z_0-9]+ [A-Z])/).map((each) => ({ name: each.slice(0, each.indexOf(' ')), declared: each.slice(each.indexOf(' ') + 1) }));

const indexesIn = (table: string, text: string) => text.replace(/\s+/g, ' ').split('; ').filter(Boolean).map((each) => {
  const [, unique = '', name = '', columns = ''] = /^(UNIQUE )?(\w+)\((.*)\)$/.exec(each) ?? [];
  return `CREATE ${unique}INDEX IF NOT EXISTS ${name} ON ${table} (${columns})`;
});
