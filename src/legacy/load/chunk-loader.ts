import type { Tx } from '../../database/transaction.js';
import { sqlState } from '../../database/sql-state.js';
import { Json, type TargetRow, type Value } from '../profile.js';
import type { ImportRun } from './import-run.js';
import { clientOf, copyIn } from './copy-in.js';
import { arrayText, CopyGroups, type CopyGroup, field } from './copy-text.js';
import { importedId } from './imported-id.js';
import { isTwice, keepTwice, refuseKnown } from './once.js';
import { refusedBy } from './refused-by.js';
import type { PreparedRow } from './table-reader.js';
import { type Target, TARGETS } from '../targets.js';

/** Stores the decisions of a chunk; they are sealed and chained, so no COPY can. */
export type AppendDecisions = (tx: Tx, rows: readonly TargetRow[]) => Promise<void>;

const DECISIONS = 'decision_history';

/**
 * Stores prepared rows, all of a chunk in a few COPYs under one savepoint. A row that breaks a constraint is found by
 * taking what stands before it, then it alone, then the rest: the server names its line, or else the half is looked through.
 */
export class ChunkLoader {
  constructor(
    private readonly run: ImportRun,
    private readonly appendDecisions: AppendDecisions,
  ) {}

  /** Rows that the database refused have a reject afterwards; all others are stored. */
  async store(tx: Tx, tableId: number, rows: readonly PreparedRow[]): Promise<void> {
    const waiting: (readonly PreparedRow[])[] = rows.length === 0 ? [] : [rows];
    for (let part = waiting.pop(); part; part = waiting.pop()) {
      if (part.length === 0) continue;
      const error = await this.attempt(tx, tableId, part);
      if (error === null) continue;
      if (isTwice(error) && (await refuseKnown(tx, tableId, part)) + (await keepTwice(tx, part)) > 0) {
        waiting.push(part.filter(({ reject }) => reject === null));
        continue;
      }
      const [only, ...more] = part;
      if (only && more.length === 0) only.reject = await refusedBy(tx, error);
      else waiting.push(...split(part, badRow(error, part)).reverse());
    }
  }

  /** Null when all are stored, or what the database said against one of them. @throws what is not about a row */
  private async attempt(tx: Tx, tableId: number, rows: readonly PreparedRow[]): Promise<unknown> {
    await tx.query('savepoint chunk');
    try {
      await this.copy(tx, tableId, rows);
      await tx.query('release savepoint chunk');
      return null;
    } catch (error) {
      if (!/^2[23]/.test(sqlState(error) ?? '')) throw error;
      await tx.query('rollback to savepoint chunk');
      await tx.query('release savepoint chunk');
      return error;
    }
  }

  private async copy(tx: Tx, tableId: number, rows: readonly PreparedRow[]): Promise<void> {
    const first = new CopyGroups();
    const belonging = new CopyGroups();
    const decisions: TargetRow[] = [];
    const identities: string[] = [];
    const archive: string[] = [];
    const of = `${tableId}\t`;
    const by = `\t${this.run.seq}\t`;
    for (const { oldId, hash, notes, original, rows: targets } of rows) {
      const [own, ...others] = targets;
      const said = notes.length === 0 ? '\\N' : field(arrayText(notes));
      const rest = `\\\\x${hash.toString('hex')}\t${said}\t${field(original)}`;
      if (!own) {
        archive.push(`${of}${field(oldId)}${by}${rest}`);
        continue;
      }
      if (own.table === DECISIONS) decisions.push(own);
      else first.add(own);
      for (const other of others) {
        if (other.table === DECISIONS) decisions.push(other);
        else belonging.add(other);
      }
      const id = own.values.id as string;
      identities.push(`${of}${field(oldId)}${by}${own.table}\t${id}\t${rest}\t${others.length === 0 ? '\\N' : field(ownIds(others))}`);
    }
    const client = await clientOf(tx);
    const groups: CopyGroup[] = [
      ...first.list(), ...belonging.list(),
      { table: 'import_rows', columns: ['table_id', 'old_id', 'run_seq', 'target', 'target_id', 'source_hash', 'notes', 'original', 'others'], lines: identities },
      { table: 'import_archive', columns: ['table_id', 'old_id', 'run_seq', 'source_hash', 'notes', 'original'], lines: archive },
    ];
    for (const group of groups) await copyIn(client, group);
    if (decisions.length > 0) await this.appendDecisions(tx, decisions);
  }
}

/** Of those that are not found by the first one's id; null where there are none. */
function ownIds(others: readonly TargetRow[]): string | null {
  const own = others.filter(({ table }) => (TARGETS[table] as Target).key === 'id');
  return own.length === 0 ? null : JSON.stringify(own.map(({ table, values }) => ({ table, id: values.id })));
}

/** Fills what the loader knows of a row's targets: its own id, and what of others belongs to it. */
export function complete(source: string, table: string, { oldId, rows }: PreparedRow, keyOf: (table: string) => { key: string; of?: string }): void {
  const [own, ...others] = rows;
  if (!own) return;
  const id = importedId(source, table, oldId);
  own.values.id = id;
  for (const other of others) {
    const { key, of } = keyOf(other.table);
    if (of === own.table) other.values[key] = id;
    else if (key === 'id') other.values.id ??= importedId(source, `${table}/${other.table}`, oldId);
    else throw new Error(`${table}: a row of ${other.table} does not belong to one of ${own.table}`);
  }
}

/** Which row the server complained of, or -1 where it does not say: of a reference that dangles it says so at the end. */
function badRow(error: unknown, rows: readonly PreparedRow[]): number {
  const { where } = ((error as { driverError?: object }).driverError ?? error) as { where?: string };
  const [, table, line] = /^COPY (\w+), line (\d+)/.exec(where ?? '') ?? [];
  if (!table || !line) return -1;
  // Lines count in one COPY; with groups that differ in their columns, or rows that are archived, it is another row.
  const isOwn = rows.every(({ rows: [own] }) => own !== undefined) && (table === 'import_rows' || rows.every(({ rows: [own] }) => own?.table === rows[0]?.rows[0]?.table && sameColumns(own, rows[0]?.rows[0])));
  return isOwn && Number(line) <= rows.length && (table === 'import_rows' || rows[0]?.rows[0]?.table === table || isPartOf(table, rows[0]?.rows[0]?.table)) ? Number(line) - 1 : -1;
}

const isPartOf = (partition: string, table: string | undefined) => table !== undefined && partition.startsWith(`${table}_y`);
const sameColumns = (one: TargetRow | undefined, other: TargetRow | undefined) => Object.keys(one?.values ?? {}).join() === Object.keys(other?.values ?? {}).join();

function split(rows: readonly PreparedRow[], bad: number): (readonly PreparedRow[])[] {
  const cuts = bad < 0 ? [Math.ceil(rows.length / 2)] : [bad, bad + 1];
  return [0, ...cuts].map((from, place, all) => rows.slice(from, all[place + 1] ?? rows.length)).filter((part) => part.length > 0);
}

/** As the decision's own columns have it. */
export const valueOf = (value: Value | undefined): unknown => (value instanceof Json ? value.value : (value ?? null));
