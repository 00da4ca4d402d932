import { Exact } from '../../convert/exact.js';
import { decimal } from '../../convert/decimals.js';
import { type Archived, type Reading, Reject } from '../../profile.js';
import type { SourceRow, SourceTable } from '../../source/cell.js';
import { repeated } from '../repeated.js';
import { textOf } from './said.js';

interface Close {
  rowId: string;
  /** Null where a size cannot be read; then one close is the whole of it. */
  exit: string | null;
  entry: string | null;
}

/**
 * A trade may end in parts, each a row; what is closed beyond its size is a close of what was closed already: the recorder
 * took an empty answer of the broker for the end of every position, and wrote the end again when it came.
 */
export function closesOf(table: SourceTable) {
  const isRepeated = repeated(table, ({ trade_id: id }) => textOf(id));
  let known: Map<string, Close[]> | null = null;
  let totals: Map<string, Exact | null> | null = null;
  return {
    /** What is to be done with a row whose trade is closed by the rows before it; null for any other. */
    earlier(row: Reading): Archived | null {
      const id = textOf(row.cells.trade_id);
      if (id === null || !isRepeated(id)) return null;
      const before = (known ??= closesIn(table, isRepeated)).get(id) ?? [];
      const at = before.findIndex(({ rowId }) => rowId === row.id);
      const first = before[0];
      if (at <= 0 || first === undefined) return null;
      const mine = before[at];
      const size = mine?.entry ?? first.entry;
      const closed = before.slice(0, at).reduce<Exact | null>((sum, { exit }) => (sum === null || exit === null ? null : sum.plus(exit)), new Exact(0));
      if (size !== null && closed !== null && mine?.exit != null && closed.plus(mine.exit).lte(size)) {
        row.note('TRADE_ID_REPEATED', `trade_id ${id} is of row ${first.rowId} too: a part of one trade`);
        return null;
      }
      return { archive: `TRADE_CLOSED_TWICE: trade_id ${id} was closed by row ${first.rowId}; it counts once` };
    },
    isThere(row: Reading): boolean {
      const id = textOf(row.cells.trade_id);
      return id !== null && (totals ??= totalsIn(table)).has(id);
    },
    /** Whether an open position is closed by these: all of it, or by a row that does not say how much. */
    isClosed(row: Reading, opened: string): boolean {
      const total = (totals ??= totalsIn(table)).get(textOf(row.cells.trade_id) ?? '');
      return total === null || (total !== undefined && total.gte(opened));
    },
  };
}

type Exact = InstanceType<typeof Exact>;

const SIZE = decimal(null);

function closesIn(table: SourceTable, isRepeated: (id: string) => boolean): Map<string, Close[]> {
  const closes = new Map<string, Close[]>();
  for (const row of table.rows()) {
    const id = textOf(row.cells.trade_id);
    if (id === null || !isRepeated(id)) continue;
    const close = { rowId: row.id, exit: size(row, 'exit_size'), entry: size(row, 'entry_size') };
    closes.set(id, [...(closes.get(id) ?? []), close]);
  }
  return closes;
}

/** Closed of each trade; null where a row does not say how much. */
function totalsIn(table: SourceTable): Map<string, Exact | null> {
  const totals = new Map<string, Exact | null>();
  for (const row of table.rows()) {
    const id = textOf(row.cells.trade_id);
    if (id === null) continue;
    const [before, exit] = [totals.get(id), size(row, 'exit_size')];
    totals.set(id, exit === null || before === null ? null : (before ?? new Exact(0)).plus(exit));
  }
  return totals;
}

function size(row: SourceRow, name: string): string | null {
  try {
    return SIZE.read(row.cells[name] ?? null, name, { id: row.id, cells: row.cells, note: () => undefined });
  } catch (error) {
    if (error instanceof Reject) return null;
    throw error;
  }
}
