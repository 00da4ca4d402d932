import type { TableMapping } from '../profile.js';
import type { SourceTable } from '../source/cell.js';
import { type Expected, expectedRows, type Reading } from './expected.js';
import { Figures } from './figures.js';
import type { Damage, ProofAsk, TableProof } from './proof.js';
import type { SeenRows } from './seen.js';
import { RowByRow } from './row-by-row.js';
import { type BucketRow, Side } from './side.js';
import { setBySet } from './set-by-set.js';
import { archiveSql, archiveText, bucketsSql, comparedColumns, elsewhereSql, nameOf, type SideKey, sideOf, sideTexts } from './sides.js';
import { importedId } from '../load/imported-id.js';

/** Which columns a table's rows give is seen in so many; one that comes later begins the table again. */
const LOOKED_AT_FIRST = 1_000;

/**
 * Nobody has counted rows that have just come, and the server thinks too little of them to begin processes of its own beside: 250,000
 * candles took it 9.1 s of a loaded machine, and so 4.0.
 */
const SEVERAL_PROCESSES = ['parallel_setup_cost', 'parallel_tuple_cost', 'min_parallel_table_scan_size'];

/** What was compared: which rows of ours, by which columns. */
export interface Compared {
  key: SideKey;
  columns: string[];
}

interface Theirs {
  sides: Map<string, FiguredRow[]>;
  archive: BucketRow[];
  elsewhere: number[];
}

export interface TableAsk extends ProofAsk {
  table: SourceTable;
  /** Of import_tables; -1: nothing of it has come in. */
  number: number;
  rejects: ReadonlySet<string>;
  beginning: string;
}

/** A side of ours: what was compared, and what the source says of it. */
interface OurSide extends Compared {
  ours: Side;
  text: ReturnType<typeof sideTexts>;
}

/** The id of a row of ours that an old row became. */
export const idOf = (ask: Pick<TableAsk, 'run' | 'table'>, expected: Expected, { part, table }: SideKey, given: unknown): string => {
  if (part !== 'beside') return expected.targetId;
  return typeof given === 'string' ? given : importedId(ask.run.source, `${ask.table.name}/${table}`, expected.id);
};

/** One old table on both sides: PostgreSQL sums up its own while the source is read again. */
export class TableProver {
  private readonly given = new Map<string, { key: SideKey; columns: Set<string> }>();
  private readonly figures: Figures;

  /** @param seen what was read of all its rows while they were loaded */
  constructor(
    private readonly ask: TableAsk,
    mapping: TableMapping | null,
    private readonly seen: SeenRows | null = null,
  ) {
    this.figures = seen?.figures ?? new Figures(ask.table, mapping, ask.beginning);
  }

  async prove(): Promise<{ proof: TableProof; damage: Damage[] }> {
    if (this.seen) return this.compareSeen(this.seen);
    await this.look();
    for (;;) {
      const found = await this.compare();
      if (found) return found;
    }
  }

  private async look(): Promise<void> {
    let left = LOOKED_AT_FIRST;
    for await (const lot of expectedRows({ ...this.ask, progress: () => undefined }, this.ask.table, this.ask.rejects, { read: 0, rejected: 0 })) {
      for (const expected of lot) this.notice(expected);
      if ((left -= lot.length) <= 0) break;
    }
  }

  /** Whether a table or a column was seen for the first time. */
  private notice(expected: Expected): boolean {
    let isNew = false;
    for (const [place, row] of expected.rows.entries()) {
      const key = sideOf(row, place);
      const name = nameOf(key);
      let side = this.given.get(name);
      if (!side) this.given.set(name, (side = { key, columns: new Set() }));
      for (const column in row.values) {
        if (side.columns.has(column)) continue;
        side.columns.add(column);
        isNew = true;
      }
    }
    return isNew;
  }

  /** Null: rows gave columns that were not known, and all is to be compared again. */
  private async compare(): Promise<{ proof: TableProof; damage: Damage[] } | null> {
    const { ask, figures } = this;
    const sides = new Map([...this.given].map(([name, { key, columns }]): [string, OurSide] => {
      const compared = comparedColumns(key, columns);
      return [name, { key, columns: compared, ours: new Side(), text: sideTexts(key, compared, ask.beginning) }];
    }));
    figures.restart([...sides.values()].find(({ key }) => key.part === 'own')?.key.table ?? null);
    const theirs = this.theirs([...sides.values()]);
    // Whoever fails first is told of; the other is waited for below.
    theirs.catch(() => undefined);
    const archive = new Side();
    const count: Reading = { read: 0, rejected: 0 };
    let isNew = false;
    for await (const lot of expectedRows(ask, ask.table, ask.rejects, count)) {
      for (const expected of lot) {
        if (this.notice(expected)) isNew = true;
        if (!isNew) this.take(expected, sides, archive);
      }
    }
    const found = await theirs;
    return isNew ? null : this.told(sides, archive, count, found);
  }

  private async compareSeen({ key, columns, side }: SeenRows): Promise<{ proof: TableProof; damage: Damage[] }> {
    const own = { key, columns: [...columns], ours: side };
    return this.told(new Map([[nameOf(key), own]]), new Side(), { read: side.rows, rejected: 0 }, await this.theirs([own]));
  }

  private async told(sides: ReadonlyMap<string, Compared & { ours: Side }>, archive: Side, count: Reading, found: Theirs): Promise<{ proof: TableProof; damage: Damage[] }> {
    const { ask, figures } = this;
    const differing = new Set<number>(found.elsewhere);
    for (const bucket of archive.differing(found.archive)) differing.add(bucket);
    for (const [name, { ours }] of sides) for (const bucket of ours.differing(found.sides.get(name) ?? [])) differing.add(bucket);
    const own = [...sides.values()].filter(({ key }) => key.part === 'own');
    const byRow = await new RowByRow(ask, [...sides.values()]).examine(differing, figures.columns);
    const money = figures.sums(own.flatMap(({ key }) => found.sides.get(nameOf(key)) ?? []), byRow.moved);
    const times = figures.times(own.flatMap(({ key }) => found.sides.get(nameOf(key)) ?? []));
    const damage = [...byRow.damage, ...(byRow.damaged === 0 ? [...money.damage, ...(byRow.changedSince + byRow.gone === 0 ? times.damage : [])] : [])];
    const damaged = byRow.damaged + damage.length - byRow.damage.length;
    const imported = own.reduce((sum, { ours }) => sum + ours.rows, 0);
    return {
      damage,
      proof: {
        name: ask.table.name, ok: damaged === 0, ...count, imported, archived: archive.rows, changedSince: byRow.changedSince, goneFromSource: byRow.gone,
        sums: money.sums, times: times.shown, damaged,
      },
    };
  }

  private take(expected: Expected, sides: ReadonlyMap<string, OurSide>, archive: Side): void {
    if (expected.rows.length === 0) archive.add(expected.bucket, archiveText(expected));
    for (const [place, row] of expected.rows.entries()) {
      const side = sides.get(nameOf(sideOf(row, place)));
      if (!side) throw new Error('a row of a table that was not noticed');
      side.ours.add(expected.bucket, side.text(expected, row, idOf(this.ask, expected, side.key, row.values['id'])));
      if (place === 0) this.figures.add(expected, row);
    }
  }

  private async theirs(sides: readonly Compared[]): Promise<Theirs> {
    const { ask, figures } = this;
    const values = [ask.number, ...(ask.rejects.size === 0 ? [] : [[...ask.rejects]])];
    const found = new Map<string, FiguredRow[]>();
    await ask.query('savepoint several_processes');
    for (const setting of SEVERAL_PROCESSES) await ask.query(`set local ${setting} = 0`);
    for (const { key, columns } of sides) {
      const of = key.part === 'own' ? figures.of(key.table) : { sums: [], time: null };
      found.set(nameOf(key), await setBySet(ask.query, () => ask.query<FiguredRow>(bucketsSql(key, columns, of.sums, of.time, ask.rejects), values)));
    }
    await ask.query('rollback to savepoint several_processes');
    await ask.query('release savepoint several_processes');
    const archive = await ask.query<BucketRow>(archiveSql(ask.rejects), values);
    const elsewhere = await ask.query<{ bucket: number }>(elsewhereSql(sides.filter(({ key }) => key.part === 'own').map(({ key }) => key.table), ask.rejects), values);
    return { sides: found, archive, elsewhere: elsewhere.map(({ bucket }) => bucket) };
  }
}

export type FiguredRow = BucketRow & { [figure: `sum_${number}`]: string | null; least?: string | null; greatest?: string | null };
