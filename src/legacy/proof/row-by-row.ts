import type { TargetRow } from '../profile.js';
import type { TargetTable } from '../targets.js';
import { canonical, columnSql, typesOf } from './canonical.js';
import { type Expected, expectedRows } from './expected.js';
import { ExactSum, plainDecimal } from './plain-decimal.js';
import type { Damage, DamageCode } from './proof.js';
import { bucketSql } from './side.js';
import { fromSql, nameOf, notRejected, type SideKey, sideOf } from './sides.js';
import { setBySet } from './set-by-set.js';
import { changedSince, versionColumn, versionSql } from './since.js';
import { type Compared, idOf, type TableAsk } from './table-proof.js';

/** Rows in memory at once. A table of candles has no index on ids, and is looked through once for each lot. */
const ROWS_AT_ONCE = 5_000;
const IDS_AT_ONCE = 50_000;
export const NAMED_MOST = 100;
const SHOWN_MOST = 60;

interface IdentityRow { old_id: string; run_seq: string; updated: boolean; target: string; target_id: string; source_hash: string; original: string | null }
interface ArchivedRow { old_id: string; source_hash: string; original: string }
/** A row of ours: `columns` as they are compared. */
interface StoredRow { old_id: string; id: string; there: boolean; columns: (string | null)[]; version: number | null; touched: boolean; actor: string | null }

/** Looks at each row of the buckets that differ, and names what is wrong with it. */
export class RowByRow {
  readonly damage: Damage[] = [];
  damaged = 0;
  changedSince = 0;
  gone = 0;
  readonly moved = new Map<string, ExactSum>();

  constructor(
    private readonly ask: TableAsk,
    private readonly sides: readonly Compared[],
  ) {}

  /** @param sums columns whose legitimate changes are added up */
  async examine(buckets: ReadonlySet<number>, sums: readonly string[]): Promise<this> {
    if (buckets.size === 0) return this;
    for (const column of sums) this.moved.set(column, new ExactSum());
    let lot: Expected[] = [];
    for await (const more of expectedRows({ ...this.ask, progress: () => undefined }, this.ask.table, this.ask.rejects, { read: 0, rejected: 0 })) {
      lot.push(...more.filter(({ bucket }) => buckets.has(bucket)));
      if (lot.length < ROWS_AT_ONCE) continue;
      await this.examineLot(lot);
      lot = [];
    }
    if (lot.length > 0) await this.examineLot(lot);
    await this.extras('import_rows', buckets);
    await this.extras('import_archive', buckets);
    return this;
  }

  private async examineLot(lot: readonly Expected[]): Promise<void> {
    const ids = lot.map(({ id }) => id);
    const identities = byOldId(await this.ask.query<IdentityRow>(
      `select r.old_id, r.run_seq::text, r.target, r.target_id::text, r.source_hash::text, r.original::text,
         exists (select from import_changes c where c.table_id = r.table_id and c.old_id = r.old_id) as updated
       from import_rows r where r.table_id = $1 and r.old_id = any($2::text[])`, [this.ask.number, ids]));
    const archived = byOldId(await this.ask.query<ArchivedRow>(`select old_id, source_hash::text, original::text from import_archive where table_id = $1 and old_id = any($2::text[])`, [this.ask.number, ids]));
    const stored = new Map<string, Map<string, StoredRow[]>>();
    for (const { key, columns } of this.sides) stored.set(nameOf(key), Map.groupBy(await this.storedRows(key, columns, ids), ({ old_id: id }) => id));
    for (const expected of lot) {
      if (expected.rows.length === 0) this.archive(expected, archived.get(expected.id), identities.get(expected.id));
      else this.row(expected, identities.get(expected.id), stored);
    }
  }

  private storedRows(key: SideKey, columns: readonly string[], ids: readonly string[]): Promise<StoredRow[]> {
    const { version, touched } = versionSql(key.table);
    const shown = columns.map((column) => columnSql(key.table, column)).map((sql) => `case when (${sql}) is not null then concat(${sql}) end`);
    const id = key.part === 'beside' ? 'o.id' : 'r.target_id';
    return setBySet(this.ask.query, () => this.ask.query<StoredRow>(
      `select r.old_id, ${id}::text as id, ${key.part === 'of' ? 'true' : 't.id is not null'} as there, array[${shown.join(', ')}]::text[] as columns, ${version} as version, ${touched} as touched,
         ${key.part === 'of' ? 't.actor' : 'null'} as actor
       from ${fromSql(key)} and r.old_id = any($2::text[])`, [this.ask.number, ids]));
  }

  private archive(expected: Expected, found: ArchivedRow | undefined, imported: IdentityRow | undefined): void {
    if (!found) return this.say('ARCHIVE_MISSING', expected.id, null, null, [], imported ? `it became a row of ${imported.target}, and should have been archived` : 'the archived row is not there');
    const columns = [...(found.source_hash === expected.hash ? [] : ['source_hash']), ...(found.original === expected.original ? [] : ['original'])];
    if (columns.length > 0) this.say('ARCHIVE_DIFFERS', expected.id, null, null, columns, told(columns, [found.source_hash, found.original], [expected.hash, expected.original]));
  }

  private row(expected: Expected, identity: IdentityRow | undefined, stored: ReadonlyMap<string, Map<string, StoredRow[]>>): void {
    const [own] = expected.rows;
    if (!own) return;
    if (!identity) return this.say('ROW_MISSING', expected.id, own.table, expected.targetId, [], 'nothing here says that the row came in');
    const there = { target: identity.target, target_id: identity.target_id, source_hash: identity.source_hash, original: identity.original };
    const wanted = { target: own.table, target_id: expected.targetId, source_hash: expected.hash, original: expected.original };
    const differ = (Object.keys(wanted) as (keyof typeof wanted)[]).filter((column) => there[column] !== wanted[column]);
    if (differ.length > 0) {
      this.say('IDENTITY_DIFFERS', expected.id, identity.target, identity.target_id, differ, told(differ, differ.map((column) => there[column]), differ.map((column) => wanted[column])));
      if (differ.includes('target') || differ.includes('target_id')) return;
    }
    for (const { key, columns } of this.sides) {
      const rows = expected.rows.filter((row, place) => nameOf(sideOf(row, place)) === nameOf(key));
      const found = [...(stored.get(nameOf(key))?.get(expected.id) ?? [])];
      // An update goes on with the next version of what belongs to a row, and keeps those before.
      if (key.part === 'of' && !(identity.updated && found.length >= rows.length)) this.belonging(expected, key.table, columns, rows, found);
      else if (key.part === 'of') continue;
      else for (const row of rows) this.one(expected, key, columns, row, found.find(({ id }) => id === idOf(this.ask, expected, key, row.values['id'])));
      if (key.part === 'beside' && found.length > rows.length) this.say('IDENTITY_DIFFERS', expected.id, key.table, null, ['others'], `${found.length} rows beside it are named, and it has ${rows.length}`);
    }
  }

  private one(expected: Expected, { table }: SideKey, columns: readonly string[], row: TargetRow, found: StoredRow | undefined): void {
    if (!found?.there) return this.say('ROW_MISSING', expected.id, table, found?.id ?? expected.targetId, [], `the row of ${table} is not there`);
    this.columns(expected, table, columns, row, found);
  }

  /** Of a table whose rows have no ids: the same version is the same row, and those of a later one are the application's. */
  private belonging(expected: Expected, table: TargetTable, columns: readonly string[], rows: readonly TargetRow[], found: StoredRow[]): void {
    let latest = 0;
    for (const row of rows) {
      const wanted = this.canonicalOf(row, columns);
      const exact = found.findIndex((each) => each.columns.every((value, at) => value === wanted[at]));
      const step = exact === -1 ? found.findLastIndex((each) => isLaterStep(each, columns, wanted)) : exact;
      const at = step === -1 ? found.findIndex(({ version }) => String(version) === String(row.values[versionColumn(table)])) : step;
      const [one] = at === -1 ? [] : found.splice(at, 1);
      latest = Math.max(latest, one?.version ?? 0);
      if (!one) this.say('ROW_MISSING', expected.id, table, expected.targetId, [], `the row of ${table} is not there`);
      else if (step === -1) this.columns(expected, table, columns, row, one);
    }
    // Steps before the one that the source tells now are of older copies of it.
    const foreign = found.filter(({ actor, version }) => actor === 'import' && (version ?? 0) >= latest);
    if (foreign.length > 0) this.say('ROW_FOREIGN', expected.id, table, expected.targetId, [], `${foreign.length} rows of ${table} too many belong to it`);
    else if (found.length > 0 && !this.isCountedSince(expected)) this.changedSince += 1;
  }

  private columns(expected: Expected, table: TargetTable, columns: readonly string[], row: TargetRow, found: StoredRow): void {
    const wanted = this.canonicalOf(row, columns);
    const differ = columns.filter((_column, at) => wanted[at] !== found.columns[at]);
    if (differ.length === 0) return;
    const valueOf = (column: string, from: readonly (string | null)[]) => from[columns.indexOf(column)] ?? null;
    const first = (expected.rows[0]?.values['version'] as string | undefined) ?? '1';
    if (changedSince(table, differ, found, first, (column) => [valueOf(column, wanted), valueOf(column, found.columns)])) {
      if (!this.isCountedSince(expected)) this.changedSince += 1;
      if (row === expected.rows[0]) for (const [column, sum] of this.moved) this.move(sum, valueOf(column, wanted), valueOf(column, found.columns));
      return;
    }
    this.say('ROW_DIFFERS', expected.id, table, found.id, differ, told(differ, differ.map((column) => valueOf(column, found.columns)), differ.map((column) => valueOf(column, wanted))));
  }

  private lastSince = '';
  private isCountedSince({ id }: Expected): boolean {
    const isCounted = this.lastSince === id;
    this.lastSince = id;
    return isCounted;
  }

  private move(sum: ExactSum, from: string | null, to: string | null): void {
    if (to !== null) sum.add(plainDecimal(to));
    if (from !== null) sum.add(plainDecimal(from), -1n);
  }

  private canonicalOf(row: TargetRow, columns: readonly string[]): (string | null)[] {
    return columns.map((column) => canonical(row.values[column], typesOf(row.table)[column], column, this.ask.beginning));
  }

  /** Rows here that the source has not: of an older copy of it, or put in by somebody. */
  private async extras(from: 'import_rows' | 'import_archive', buckets: ReadonlySet<number>): Promise<void> {
    const page = { after: '', of: [this.ask.number, [...buckets], ...(this.ask.rejects.size === 0 ? [] : [[...this.ask.rejects]])] };
    const rejected = notRejected(this.ask.rejects).replace('$2', '$3');
    for (;;) {
      const place = `$${page.of.length + 1}`;
      const rows = await this.ask.query<{ old_id: string; run_seq: string; target: string | null; target_id: string | null }>(
        `select r.old_id, r.run_seq::text, ${from === 'import_rows' ? 'r.target, r.target_id::text' : 'null as target, null as target_id'} from ${from} r
         where r.table_id = $1 and ${bucketSql('r.source_hash')} = any($2::int[])${rejected} and r.old_id > ${place} collate "C" order by r.old_id collate "C" limit ${IDS_AT_ONCE}`, [...page.of, page.after]);
      const left = new Map(rows.map((row) => [row.old_id, row]));
      if (left.size > 0) {
        for await (const lot of expectedRows({ ...this.ask, progress: () => undefined }, this.ask.table, this.ask.rejects, { read: 0, rejected: 0 })) {
          for (const { id, rows: becomes } of lot) if ((becomes.length > 0) === (from === 'import_rows')) left.delete(id);
        }
      }
      const gone: string[] = [];
      for (const { old_id: id, run_seq: run, target, target_id: targetId } of left.values()) {
        if (run === this.ask.run.seq) this.say(from === 'import_rows' ? 'ROW_FOREIGN' : 'ARCHIVE_FOREIGN', id, target, targetId, [], 'the source has no such row');
        else gone.push(id);
      }
      this.gone += gone.length;
      if (from === 'import_rows' && gone.length > 0) await this.sumOfGone(gone);
      if (rows.length < IDS_AT_ONCE) return;
      page.after = rows.at(-1)?.old_id ?? '';
    }
  }

  private async sumOfGone(ids: readonly string[]): Promise<void> {
    const own = this.sides.find(({ key }) => key.part === 'own');
    const columns = [...this.moved.keys()];
    if (!own || columns.length === 0) return;
    const [row] = await setBySet(this.ask.query, () => this.ask.query<Record<string, string | null>>(
      `select ${columns.map((column, at) => `sum(t.${column})::text as sum_${at}`).join(', ')} from ${fromSql(own.key)} and r.old_id = any($2::text[])`, [this.ask.number, ids]));
    for (const [at, sum] of [...this.moved.values()].entries()) this.move(sum, null, row?.[`sum_${at}`] ?? null);
  }

  private say(code: DamageCode, oldId: string, target: string | null, targetId: string | null, columns: string[], detail: string): void {
    this.damaged += 1;
    if (this.damage.length < NAMED_MOST) this.damage.push({ code, table: this.ask.table.name, oldId, target, targetId, columns, detail });
  }
}

/** A row of history that an import has taken over again: what the source tells is its latest step, and what is told of the way there is its own. */
const OF_THE_STEP = new Set(['version', 'from_status']);
const isLaterStep = ({ actor, columns: there, version }: StoredRow, columns: readonly string[], wanted: readonly (string | null)[]): boolean =>
  actor === 'import' && (version ?? 0) > 1 && columns.every((column, at) => OF_THE_STEP.has(column) || there[at] === wanted[at]);

const byOldId = <Row extends { old_id: string }>(rows: readonly Row[]): Map<string, Row> => new Map(rows.map((row) => [row.old_id, row]));

/** What stands here and what should; cut, for a row may be of megabytes. */
function told(columns: readonly string[], there: readonly (string | null)[], wanted: readonly (string | null)[]): string {
  const shown = (value: string | null | undefined) => (value == null ? 'null' : value.length > SHOWN_MOST ? `${value.slice(0, SHOWN_MOST)}… (${value.length} characters)` : JSON.stringify(value));
  return columns.map((column, at) => `${column}: ${shown(there[at])}, expected ${shown(wanted[at])}`).join('; ');
}
