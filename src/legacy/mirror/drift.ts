import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { own } from '../../common/own.js';
import type { MirrorPlace } from '../../config/mirror-place.js';
import type { LeftOut } from '../export/export-report.js';
import { unknownTable } from '../export/unknown-table.js';
import type { OldStore } from '../shapes/old-store.js';
import type { Shape, ShapeRun } from '../shapes/shape.js';
import { compare, compareCounters, type Found, inBoth, isDrift, repairTable, shown, type TableDrift } from './drift-tables.js';
import { type MirrorPosition, positionIn, putPosition } from './mirror-position.js';
import type { OldPage, OldRows, Piece } from './old-rows.js';
import { openPlace } from './place.js';
import { byTable, firstRows, keyText, putRow } from './prune.js';

export interface Drift {
  drifted: boolean;
  tables: TableDrift[];
  /** What the old tables cannot hold, so that no mirror has it: the first of them. */
  leftOut: LeftOut[];
  /** By table and code: how many. */
  leftOutCounts: Record<string, number>;
}

/** A mirror that follows is behind by a moment: what is found must be found again. */
const LOOKS = 3;
const BETWEEN_LOOKS_MS = 2_000;
const LEFT_OUT_MOST = 1_000;

interface Look {
  found: Found[];
  leftOut: LeftOut[];
  leftOutCounts: Record<string, number>;
}

/** Tables that no shape knows, and the places of their rows. */
type Places = Record<string, string[]>;

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

  /** Only looks, unless it repairs. @throws {NoMirror} where nothing was written yet that could be looked at */
  async run(repair: boolean): Promise<Drift> {
    const { found: first, ...left } = await this.look(repair);
    let found = first;
    for (let n = 1; n < LOOKS && !repair && found.some(isDrift); n++) {
      await pause(BETWEEN_LOOKS_MS);
      const before = found;
      const again = await this.look(false);
      found = again.found.map((table) => inBoth(table, before.find((each) => each.table.name === table.table.name)));
    }
    return { drifted: found.some(isDrift), tables: found.map(shown), ...left };
  }

  private async look(repair: boolean): Promise<Look> {
    const mirror = openPlace(this.place, this.shape, repair);
    const folder = mkdtempSync(join(tmpdir(), 'tradewarden-drift-'));
    try {
      const position = positionIn(mirror);
      const run = { shape: this.shape, source: position ? position.source : await this.rows.sourceNow(this.shape.system, null) };
      const { made, pieces } = await this.rows.tables(run);
      const right = openPlace({ ...this.place, path: join(folder, 'right'), ownFolder: join(folder, 'own') }, this.shape);
      try {
        for (const store of repair ? [right, mirror] : [right]) for (const { table, form } of made) store.make(table, form);
        right.commit();
        const look: Look = { found: [], leftOut: [], leftOutCounts: {} };
        const places = await this.write(run, pieces, right, look);
        look.found.push(...byTable(pieces).flatMap(([piece]) => (piece && !isAnew(piece) ? compare(piece.table, right, mirror) : [])), ...this.furtherTables(places, withoutKnown(position?.further, pieces)).map((table) => compare(table, right, mirror)));
        const counters = compareCounters(right, mirror);
        if (counters) look.found.push(counters);
        if (repair) await this.repair(run, pieces, look.found, right, mirror, position);
        return look;
      } finally {
        right.close();
      }
    } finally {
      mirror.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** What of both sides there is. */
  private furtherTables(right: Places, mirror: Places) {
    const { medium } = this.shape;
    return [...new Set([...Object.keys(right), ...Object.keys(mirror)])].flatMap((name) =>
      [...new Set([...(own(right, name) ?? []), ...(own(mirror, name) ?? [])])].map((place) => unknownTable(medium, name, medium === 'folder' ? place : '')));
  }

  private async write(run: ShapeRun, pieces: readonly Piece[], right: OldStore, look: Look): Promise<Places> {
    // A table may be called `__proto__`.
    const places = Object.create(null) as Places;
    const leave = (table: string, id: string, reason: string, count: number) => {
      const [code = '', ...detail] = reason.split(': ');
      look.leftOutCounts[`${table} ${code}`] = (look.leftOutCounts[`${table} ${code}`] ?? 0) + count;
      if (look.leftOut.length < LEFT_OUT_MOST) look.leftOut.push({ table, id, code, detail: detail.join(': ') });
    };
    for (const piece of pieces) {
      if (isAnew(piece)) {
        const { places: written, left } = await this.rows.anew(run, piece.of.anew, right);
        places[piece.table.name] = written;
        for (const { id, code, detail } of left) leave(piece.table.name, id, `${code}: ${detail}`, 1);
        right.commit();
        continue;
      }
      for (let after: readonly string[] | null = null, more = true; more; ) {
        const page: OldPage = await this.rows.page(run, piece, after);
        for (const cells of page.rows) {
          const refused = putRow(right, piece.table, cells);
          if (refused !== null) leave(piece.table.name, keyText(piece.table, cells), refused, 1);
        }
        for (const { id, reason, count } of page.left) leave(piece.table.name, id, reason, count);
        right.commit();
        after = page.next;
        more = after !== null;
      }
    }
    if (run.source === null) for (const [table, cells] of firstRows(this.shape)) right.upsert(table, cells);
    right.sequences?.(await this.rows.counters(run));
    right.commit();
    return places;
  }

  private async repair(run: ShapeRun, pieces: readonly Piece[], found: readonly Found[], right: OldStore, mirror: OldStore, position: MirrorPosition | null): Promise<void> {
    const further = withoutKnown(position?.further, pieces);
    const theirs = new Set(pieces.filter(isAnew).map(({ table }) => table.name));
    for (const each of found) {
      if (theirs.has(each.table.name) || Object.hasOwn(further, each.table.name)) continue;
      repairTable(each, right, mirror);
    }
    for (const [name, places] of Object.entries(further)) for (const place of places) mirror.drop(unknownTable(this.shape.medium, name, this.shape.medium === 'folder' ? place : ''));
    const written: [string, string[]][] = [];
    for (const piece of pieces) if (isAnew(piece)) written.push([piece.table.name, (await this.rows.anew(run, piece.of.anew, mirror)).places]);
    mirror.sequences?.(await this.rows.counters(run));
    // Written by nobody yet: the mirror begins here, and follows.
    if (position) putPosition(mirror, { ...position, further: { ...position.further, ...Object.fromEntries(written) } });
    mirror.commit();
  }
}

/** Tables of a source's own name that are written row by row are compared as the others. */
function withoutKnown(further: Places = {}, pieces: readonly Piece[]): Places {
  const known = new Set(pieces.filter((piece) => !isAnew(piece)).map(({ table }) => table.name));
  return Object.fromEntries(Object.entries(further).filter(([name]) => !known.has(name)));
}

const isAnew = (piece: Piece): piece is Piece & { of: { anew: { id: number; name: string }[] } } => typeof piece.of === 'object' && 'anew' in piece.of;
