import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { MirrorPlace } from '../../config/mirror-place.js';
import type { OldStore } from '../shapes/old-store.js';
import type { Cells, Shape, ShapeRun, ShapeTable } from '../shapes/shape.js';
import { encoded } from '../source/encode.js';
import { sourceHash } from '../source/source-hash.js';
import { positionIn, putPosition } from './mirror-position.js';
import type { OldPage, OldRows, Piece } from './old-rows.js';
import { openPlace } from './place.js';
import { byTable, firstRows, keyText, putRow } from './prune.js';

export interface TableDrift {
  table: string;
  rows: number;
  /** In the database, and not in the mirror. */
  missing: number;
  /** In the mirror, and not in the database. */
  extra: number;
  different: number;
  /** The first of them. */
  examples: { key: string; what: 'missing' | 'extra' | 'different'; columns: string[] }[];
}

export interface Drift {
  drifted: boolean;
  tables: TableDrift[];
}

const EXAMPLES_MOST = 20;
/** A mirror that follows is behind by a moment: what is found must be found again. */
const LOOKS = 3;
const BETWEEN_LOOKS_MS = 2_000;

/** By key: what is to be done with the mirror's row. */
interface Found {
  table: ShapeTable;
  rows: number;
  missing: Set<string>;
  different: Set<string>;
  extra: Map<string, Cells>;
  columns: Map<string, string[]>;
}

/**
 * Compares a mirror row by row with what it should be: written once more beside, as the same kind of file, so that what
 * a file makes of a value is no difference. Never the other way round: a row of the mirror passed no gate.
 */
export class DriftCheck {
  constructor(
    private readonly rows: OldRows,
    private readonly place: MirrorPlace,
    private readonly shape: Shape,
  ) {}

  async run(repair: boolean): Promise<Drift> {
    let found = await this.look(repair);
    for (let n = 1; n < LOOKS && !repair && found.some(isDrift); n++) {
      await pause(BETWEEN_LOOKS_MS);
      const before = found;
      found = (await this.look(false)).map((table, index) => inBoth(table, before[index]));
    }
    return { drifted: found.some(isDrift), tables: found.map(shown) };
  }

  private async look(repair: boolean): Promise<Found[]> {
    const mirror = openPlace(this.place, this.shape);
    const folder = mkdtempSync(join(tmpdir(), 'tradewarden-drift-'));
    try {
      const position = positionIn(mirror);
      const run = { shape: this.shape, source: position ? position.source : await this.rows.newestSource(this.shape.system) };
      const { made, pieces } = await this.rows.tables(run);
      const right = openPlace({ ...this.place, path: join(folder, 'right'), ownFolder: join(folder, 'own') }, this.shape);
      try {
        for (const store of [right, mirror]) for (const { table, form } of made) store.make(table, form);
        right.commit();
        await this.write(run, pieces, right);
        const found = byTable(pieces).flatMap(([piece]) => (piece && piece.table.key.length > 0 ? this.compare(piece.table, right, mirror) : []));
        if (repair) {
          for (const each of found) this.repair(each, right, mirror);
          // Written by nobody yet: the mirror begins here, and follows.
          if (position) putPosition(mirror, position);
          mirror.commit();
        }
        return found;
      } finally {
        right.close();
      }
    } finally {
      mirror.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }

  private async write(run: ShapeRun, pieces: readonly Piece[], right: OldStore): Promise<void> {
    for (const piece of pieces) {
      for (let after: readonly string[] | null = null, more = true; more; ) {
        const page: OldPage = await this.rows.page(run, piece, after);
        for (const cells of page.rows) putRow(right, piece.table, cells);
        right.commit();
        after = page.next;
        more = after !== null;
      }
    }
    if (run.source === null) for (const [table, cells] of firstRows(this.shape)) right.upsert(table, cells);
    right.commit();
  }

  private compare(table: ShapeTable, right: OldStore, mirror: OldStore): Found {
    const hashes = new Map<string, string>();
    for (const cells of right.rows(table)) hashes.set(keyText(table, cells), sourceHash(cells).toString('latin1'));
    const found: Found = { table, rows: hashes.size, missing: new Set(), different: new Set(), extra: new Map(), columns: new Map() };
    const kept = new Map<string, Cells>();
    for (const cells of mirror.rows(table)) {
      const key = keyText(table, cells);
      const hash = hashes.get(key);
      if (hash === undefined) found.extra.set(key, Object.fromEntries(table.key.map((name) => [name, cells[name] ?? null])));
      else if (hash !== sourceHash(cells).toString('latin1')) {
        found.different.add(key);
        if (kept.size < EXAMPLES_MOST) kept.set(key, cells);
      }
      hashes.delete(key);
    }
    found.missing = new Set(hashes.keys());
    if (kept.size > 0) for (const cells of right.rows(table)) this.noteColumns(found, kept.get(keyText(table, cells)), cells);
    return found;
  }

  private noteColumns({ table, columns }: Found, kept: Cells | undefined, cells: Cells): void {
    if (kept) columns.set(keyText(table, cells), [...new Set([...Object.keys(cells), ...Object.keys(kept)])].filter((name) => encoded(cells[name] ?? null) !== encoded(kept[name] ?? null)));
  }

  private repair({ table, missing, different, extra }: Found, right: OldStore, mirror: OldStore): void {
    for (const key of extra.values()) mirror.remove(table, key);
    if (missing.size + different.size === 0) return;
    for (const cells of right.rows(table)) {
      const key = keyText(table, cells);
      if (missing.has(key) || different.has(key)) putRow(mirror, table, cells);
    }
  }
}

const isDrift = ({ missing, different, extra }: Found): boolean => missing.size + different.size + extra.size > 0;

function inBoth(now: Found, before: Found | undefined): Found {
  const keep = (keys: Set<string>, were: Set<string> | undefined) => new Set([...keys].filter((key) => were?.has(key)));
  return { ...now, missing: keep(now.missing, before?.missing), different: keep(now.different, before?.different), extra: new Map([...now.extra].filter(([key]) => before?.extra.has(key))) };
}

function shown({ table, rows, missing, different, extra, columns }: Found): TableDrift {
  const examples = [
    ...[...missing].map((key) => ({ key, what: 'missing' as const, columns: [] })), ...[...extra.keys()].map((key) => ({ key, what: 'extra' as const, columns: [] })),
    ...[...different].map((key) => ({ key, what: 'different' as const, columns: columns.get(key) ?? [] })),
  ];
  return { table: table.name, rows, missing: missing.size, extra: extra.size, different: different.size, examples: examples.slice(0, EXAMPLES_MOST) };
}
