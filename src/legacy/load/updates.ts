import { APPEND_ONLY_TABLES } from '../../database/migrations.js';
import { sqlState } from '../../database/sql-state.js';
import type { Tx } from '../../database/transaction.js';
import { Reject, type TargetRow, type Value } from '../profile.js';
import { type Target, TARGETS, type TargetType } from '../targets.js';
import { encodeRow } from '../source/encode.js';
import { valueText } from './copy-text.js';
import { EXPORTED_HERE } from './exported.js';
import type { ImportRun } from './import-run.js';
import type { KnownRow } from './imports.repository.js';
import { refusedBy } from './refused-by.js';
import type { PreparedRow } from './table-reader.js';

const isAppendOnly = (table: string): boolean => APPEND_ONLY_TABLES.includes(table);
/** Their figures change by a new revision only, and keep the one before. */
const REVISED = new Set(['snapshot_market', 'snapshot_calendar', 'snapshot_news']);

/** Takes over what has changed in the source since a row was imported; what was changed here since is not overwritten. */
export class Updates {
  constructor(private readonly run: ImportRun) {}

  /** @throws what is not about the row; of the row itself it leaves a reject */
  async apply(tx: Tx, tableId: number, row: PreparedRow, known: KnownRow): Promise<void> {
    await tx.query('savepoint changed');
    try {
      await this.change(tx, tableId, row, known);
      await tx.query('release savepoint changed');
    } catch (error) {
      if (!(error instanceof Reject) && !/^2[23]|^42501/.test(sqlState(error) ?? '')) throw error;
      await tx.query('rollback to savepoint changed');
      row.reject = error instanceof Reject ? error : await refusedBy(tx, error);
    }
  }

  private async change(tx: Tx, tableId: number, row: PreparedRow, { target, targetId, runSeq }: KnownRow): Promise<void> {
    const [own, ...others] = row.rows;
    const { hash, original, notes, oldId } = row;
    const said = notes.length === 0 ? null : notes;
    if (target === null) {
      // As of a row of ours below, but for what it is here: only the old row is kept, and goes back.
      await tx.query(
        `insert into import_changes (run_seq, table_id, old_id, target, target_id, former, written, former_hash, former_notes, former_original)
         select $1::bigint, table_id, old_id, 'import_archive', gen_random_uuid(), '{}', '{}', source_hash, notes, original from import_archive where table_id = $2 and old_id = $3 on conflict do nothing`,
        [this.run.seq, tableId, oldId],
      );
      // Why a row that could be imported is only kept stays with it.
      await tx.sql`
        update import_archive set source_hash = ${hash}, original = ${original ?? encodeRow(row.cells)}::jsonb,
          notes = nullif(array(select n from unnest(notes) n where n like 'DUPLICATE: %' or n like ${`${EXPORTED_HERE}: %`}) || ${said}::text[], '{}')
        where table_id = ${tableId} and old_id = ${oldId}`;
      return;
    }
    if (!own || own.table !== target) throw new Reject('ROW_CHANGED', `it was imported into ${target}, and would now be ${own ? `a row of ${own.table}` : 'only kept'}: roll its run back and import again`);
    if (isAppendOnly(target)) throw new Reject('ROW_CHANGED_APPEND_ONLY', `it differs from what was imported, and ${target} is never changed: roll its run back and import again`);
    if (await changedHere(tx, targetId ?? '', runSeq)) throw new Reject('ROW_CHANGED_HERE', `it differs from what was imported, and ${target} ${targetId} was changed here since`);
    const former = await rowOf(tx, target, targetId ?? '');
    const version = await this.belonging(tx, others, targetId ?? '');
    await set(tx, own, targetId ?? '', version, { at: this.run.at, seq: runSeq });
    // What it was, for whoever takes the run back; of several changes in one run the first.
    await tx.query(
      `insert into import_changes (run_seq, table_id, old_id, target, target_id, former, written, former_hash, former_notes, former_original)
       select $1::bigint, table_id, old_id, target, target_id, $4::jsonb, $5::jsonb, source_hash, notes, original from import_rows where table_id = $2 and old_id = $3
       on conflict (run_seq, table_id, old_id) do update set written = excluded.written`,
      [this.run.seq, tableId, oldId, former, await rowOf(tx, target, targetId ?? '')],
    );
    await tx.sql`update import_rows set source_hash = ${hash}, original = ${original}::jsonb, notes = ${said}::text[] where table_id = ${tableId} and old_id = ${oldId}`;
  }

  /** What belongs to it and is never changed goes on with its next version; a trade's story with the step that it has made. Returns that version. */
  private async belonging(tx: Tx, others: readonly TargetRow[], id: string): Promise<number | null> {
    let version: number | null = null;
    for (const other of others) {
      const { key, columns } = TARGETS[other.table] as Target;
      if (!('version' in columns)) throw new Reject('ROW_CHANGED_APPEND_ONLY', `it differs from what was imported, and ${other.table} is never changed: roll its run back and import again`);
      const [last] = await tx.query<{ version: number; to_status?: string }[]>(`select * from ${other.table} where ${key} = $1 order by version desc limit 1`, [id]);
      if (other.table === 'trade_transitions' && last?.to_status === other.values.to_status) continue;
      version = (last?.version ?? 0) + 1;
      const values: Record<string, Value> = { ...other.values, [key]: id, version: String(version) };
      if (other.table === 'trade_transitions') values.from_status = last?.to_status ?? null;
      const names = Object.keys(values);
      await tx.query(`insert into ${other.table} (${names.join(', ')}) values (${names.map((name, n) => `$${n + 1}::${columns[name]}`).join(', ')})`, names.map((name) => valueText(values[name] ?? null, columns[name] as TargetType)));
    }
    return version;
  }
}

async function rowOf(tx: Tx, table: string, id: string): Promise<string | null> {
  const [found] = await tx.query<{ row: string }[]>(`select to_jsonb(t)::text as row from ${table} t where id = $1`, [id]);
  return found?.row ?? null;
}

/** Every change that the application makes is an event; an import makes none of a row. Where events since the import are gone, nobody knows: then it was. */
async function changedHere(tx: Tx, id: string, runSeq: string | number): Promise<boolean> {
  const rows = await tx.sql<unknown[]>`
    select 1 where exists (select from events where subject_id = ${id}::uuid)
      or exists (select from retention_months m join import_runs r on r.seq = ${runSeq}::bigint where m.parent = 'events' and m.action = 'dropped' and m.month + interval '1 month' > r.started_at)`;
  return rows.length > 0;
}

/** @param run when this one began, and which one brought the row: what has no time of its own keeps the time of that one */
async function set(tx: Tx, { table, values }: TargetRow, id: string, version: number | null, run: { at: string; seq: string }): Promise<void> {
  const columns: Record<string, TargetType> = TARGETS[table].columns;
  const timeless = Object.keys(columns).filter((name) => values[name] === run.at || (values[name] === undefined && (name === 'created_at' || name === 'updated_at')));
  const names = Object.keys(values).filter((name) => name !== 'id' && name !== 'version' && !timeless.includes(name));
  const more = [
    ...timeless.map((name) => `${name} = (select started_at from import_runs where seq = ${run.seq})`), ...(version === null ? [] : [`version = ${version}`]), ...(REVISED.has(table) ? ['revision = revision + 1'] : []),
  ];
  await tx.query(`update ${table} set ${[...names.map((name, n) => `${name} = $${n + 2}::${columns[name]}`), ...more].join(', ')} where id = $1`,
    [id, ...names.map((name) => valueText((values[name] ?? null) as Value, columns[name] as TargetType))]);
}
