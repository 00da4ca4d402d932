import { setImmediate as turn } from 'node:timers/promises';
import { importedId } from '../load/imported-id.js';
import { Ref, Reject, type TargetRow, type Value } from '../profile.js';
import type { SourceTable } from '../source/cell.js';
import { parseJson } from '../source/json-text.js';
import { jsonbText } from './jsonb-text.js';
import type { ProofAsk } from './proof.js';
import { bucketOf } from './side.js';

/** What one old row must have become. */
export interface Expected {
  id: string;
  bucket: number;
  /** As bytea is shown. */
  hash: string;
  /** As jsonb is shown. */
  original: string | null;
  /** Its references are ids. The first bears `targetId`; of the others, those with an id of their own have it. Empty: archived. */
  rows: readonly TargetRow[];
  targetId: string;
  cells: Readonly<Record<string, unknown>>;
}

export interface Reading {
  read: number;
  rejected: number;
}

/** References are looked up together; and every so many rows whoever waits for the database gets a turn. */
const REFERENCES_AT_ONCE = 500;
const ROWS_A_TURN = 2_000;

/**
 * The rows of one table, read from the source again, in its order but for those that refer to others, which wait for each
 * other; in lots, for a turn of the loop for each row would take longer than the row. Rows that were rejected are counted and left out.
 */
export async function* expectedRows(ask: ProofAsk, table: SourceTable, rejects: ReadonlySet<string>, count: Reading): AsyncGenerator<Expected[]> {
  let waiting: Expected[] = [];
  let ready: Expected[] = [];
  for (const row of table.rows()) {
    count.read += 1;
    if (count.read % ROWS_A_TURN === 0) {
      ask.progress?.(table.name, count.read);
      if (ready.length > 0) yield ready;
      ready = [];
      await turn();
    }
    if (rejects.has(row.id)) {
      count.rejected += 1;
      continue;
    }
    try {
      const { rows, hash, original } = ask.read(table, row);
      const expected = {
        id: row.id, bucket: bucketOf(hash), hash: `\\x${Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('hex')}`, rows, cells: row.cells,
        original: original === null ? null : jsonbText(parseJson(original).value), targetId: rows.length === 0 ? '' : importedId(ask.run.source, table.name, row.id),
      };
      if (!rows.some(refers)) ready.push(expected);
      else if (waiting.push(expected) >= REFERENCES_AT_ONCE) {
        yield await lookedUp(ask, waiting);
        waiting = [];
      }
    } catch (error) {
      if (!(error instanceof Reject)) throw error;
      count.rejected += 1;
    }
  }
  if (ready.length > 0) yield ready;
  if (waiting.length > 0) yield await lookedUp(ask, waiting);
}

function refers({ values }: TargetRow): boolean {
  for (const column in values) if (values[column] instanceof Ref) return true;
  return false;
}

/** Null where the row that is meant has not come in. */
async function lookedUp(ask: ProofAsk, waiting: readonly Expected[]): Promise<Expected[]> {
  const asked = new Map<string, Ref>();
  for (const { rows } of waiting) for (const { values } of rows) for (const value of Object.values(values)) if (value instanceof Ref) asked.set(`${value.table}\0${value.id}`, value);
  const refs = [...asked.values()];
  const found = await ask.query<{ name: string; old_id: string }>(
    `select t.name, r.old_id from unnest($2::text[], $3::text[]) as asked (name, old_id)
     join import_tables t on t.source = $1 and t.name = asked.name join import_rows r on r.table_id = t.id and r.old_id = asked.old_id`,
    [ask.run.source, refs.map(({ table }) => table), refs.map(({ id }) => id)],
  );
  const there = new Set(found.map(({ name, old_id: id }) => `${name}\0${id}`));
  const resolved = (column: string, value: Value): Record<string, Value> => {
    if (!(value instanceof Ref)) return {};
    return there.has(`${value.table}\0${value.id}`) ? { [column]: importedId(ask.run.source, value.table, value.id) } : { [column]: null, ...value.without };
  };
  return waiting.map((expected) => ({
    ...expected, rows: expected.rows.map(({ table, values }) => ({ table, values: Object.assign({ ...values }, ...Object.entries(values).map(([column, value]) => resolved(column, value))) as Record<string, Value> })),
  }));
}
