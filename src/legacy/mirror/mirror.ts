import { setTimeout as pause } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import { own } from '../../common/own.js';
import type { MirrorPlace } from '../../config/mirror-place.js';
import { isDatabaseAway, plainReason } from '../../database/sql-state.js';
import type { EventFeed, EventFollower } from '../../events/event-feed.js';
import type { EventFilter, EventLog, EventPosition, EventRow } from '../../events/event-log.repository.js';
import { unknownTable } from '../export/unknown-table.js';
import type { OldStore } from '../shapes/old-store.js';
import type { Shape, ShapeRun, ShapeTable } from '../shapes/shape.js';
import { type MirrorPosition, positionIn, putPosition, type Whole } from './mirror-position.js';
import type { MirrorsRepository } from './mirrors.repository.js';
import type { OldPage, OldRows, Piece } from './old-rows.js';
import type { OwnFiles } from './own-files.js';
import { openPlace } from './place.js';
import { firstRows, keyText, prune, putRow } from './prune.js';

const REST_MS = 200;
const REPORT_EVERY_MS = 3_000;
const OWN_FILES_EVERY_MS = 10_000;
const AFTER_FAULT_MS = { first: 500, most: 10_000 };
/** Figures that are counted from other rows change without an event of theirs: so often all is read again, behind what changes. */
const READ_AGAIN_EVERY_MS = 3_600_000;

/** Whose rows came or went without an event of each. */
const IMPORTS = ['import.finished', 'import.rolled_back'];
const OF_OWN_FILES = ['risk_config', 'strategy'];

interface Parts {
  log: EventLog;
  feed: EventFeed;
  rows: OldRows;
  own: OwnFiles;
  mirrors: MirrorsRepository;
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** Every row that an event names, as its subject or beside: the prediction of a trade, the explanation of one. */
const namedIn = (events: readonly EventRow[]): string[] => [...new Set(events.flatMap(({ subject_id: id, data }) => [...(id === null ? [] : [id]), ...(data.match(UUID) ?? [])]))];

function hasRows(store: OldStore, table: ShapeTable): boolean {
  for (const _row of store.rows(table)) return true;
  return false;
}

/** The log does not reach so far, or has another row there. */
const isOfAnother = ({ from, done }: MirrorPosition, to: EventPosition): boolean => done > to.seq || (from.seq === to.seq && from.atUs !== to.atUs);

const wholly = (prunes: boolean): Whole => ({ piece: 0, after: null, prune: prunes, lacks: true });

interface Plan {
  pieces: readonly Piece[];
}

/** The feed says how far the log may be read; it is read from the database, from where this mirror is. */
const LISTENS: EventFollower = { before: async () => undefined, started: () => undefined, take: () => undefined, lost: () => undefined };

/**
 * Keeps an old system's files as this system is. Every step reads a little, writes it, and commits it with how far it is:
 * after a kill the same step is done again, and leaves what it left. It holds nothing of the database between steps.
 */
export class Mirror {
  private readonly filter: EventFilter;
  private store: OldStore | null = null;
  private plan: Plan | null = null;
  private reportedAt = -Infinity;
  private ownAt = -Infinity;
  private wholeAt = performance.now();
  private fault: string | null = null;
  private last: MirrorPosition | null = null;
  private readonly told = new Set<string>();

  constructor(
    private readonly parts: Parts,
    private readonly place: MirrorPlace,
    private readonly shape: Shape,
    private readonly say: (line: string) => void,
  ) {
    this.filter = { agentId: null, types: [...IMPORTS, ...shape.tables.flatMap(({ events }) => events)], subjects: OF_OWN_FILES };
  }

  /** Until it is told to end. A fault is said once, and what failed is tried again. */
  async run(signal: AbortSignal): Promise<void> {
    this.parts.feed.follow(LISTENS);
    let afterFault = AFTER_FAULT_MS.first;
    while (!signal.aborted) {
      let restMs = REST_MS;
      try {
        if (await this.step()) restMs = 0;
        this.said(null);
        afterFault = AFTER_FAULT_MS.first;
      } catch (error) {
        this.said(isDatabaseAway(error) ? plainReason(error) : (error as Error).message);
        this.drop();
        restMs = afterFault;
        afterFault = Math.min(afterFault * 2, AFTER_FAULT_MS.most);
      }
      await this.report(false);
      if (restMs > 0) await pause(restMs, undefined, { signal }).catch(() => undefined);
    }
    this.parts.feed.unfollow(LISTENS);
    await this.report(true);
    this.drop();
  }

  /** @returns whether there may be more to do at once */
  private async step(): Promise<boolean> {
    const to = this.parts.feed.position;
    if (!to) return false;
    const store = (this.store ??= openPlace(this.place, this.shape));
    let position = (this.last = positionIn(store) ?? (await this.begin(store, to)));
    const follows = position.done < to.seq || isOfAnother(position, to);
    if (follows) position = await this.follow(store, position, to);
    this.plan ??= await this.planned(store, position);
    if (position.whole) await this.writeWhole(store, position, position.whole);
    else if (!follows && performance.now() - this.wholeAt > READ_AGAIN_EVERY_MS) this.readAgain(store, position);
    if (performance.now() - this.ownAt > OWN_FILES_EVERY_MS) await this.bringOwnFiles();
    return follows || position.whole !== null;
  }

  /** From here on it follows; what was there before is written whole. */
  private async begin(store: OldStore, to: EventPosition): Promise<MirrorPosition> {
    const source = await this.parts.rows.sourceNow(this.shape.system, null);
    this.plan = await this.planned(store, { source });
    // An export stood there: what is no longer ours must go.
    const existed = this.plan.pieces.some(({ table }) => hasRows(store, table));
    const position: MirrorPosition = {
      id: uuidv7(), source, from: to, done: to.seq, whole: wholly(existed), rowsWritten: 0,
    };
    this.say(`writing all of it to ${this.place.path}${position.source === null ? '' : `, as imported from ${position.source}`}`);
    return this.commit(store, position);
  }

  /** The tables, made where they are not there. */
  private async planned(store: OldStore, { source }: Pick<MirrorPosition, 'source'>): Promise<Plan> {
    const { made, pieces } = await this.parts.rows.tables({ shape: this.shape, source });
    for (const { table, form } of made) store.make(table, form);
    store.commit();
    return { pieces };
  }

  /** One page of it. */
  private async writeWhole(store: OldStore, position: MirrorPosition, whole: Whole): Promise<void> {
    const piece = this.plan?.pieces[whole.piece];
    if (!piece) return this.endWhole(store, position, whole);
    if (typeof piece.of === 'object' && 'anew' in piece.of) return this.writeAnew(store, position, whole, piece.table.name, piece.of.anew);
    const page = await this.parts.rows.page(this.runOf(position), piece, whole.after);
    const left = (whole.left ?? 0) + this.write(store, piece.table, page);
    const next = page.next ? { after: page.next } : { piece: whole.piece + 1, after: null };
    // A table of a source's own name goes with its import, as one that no shape knows.
    const further = this.shape.tables.some(({ name }) => name === piece.table.name) ? position.further : { ...position.further, [piece.table.name]: [piece.table.name] };
    this.commit(store, { ...position, ...(further ? { further } : {}), whole: { ...whole, ...next, left }, rowsWritten: position.rowsWritten + page.rows.length });
  }

  /** Only imports change such a table: a reading that mends passes it by. */
  private async writeAnew(store: OldStore, position: MirrorPosition, whole: Whole, name: string, tables: readonly { id: number; name: string }[]): Promise<void> {
    const next = { ...whole, piece: whole.piece + 1, after: null };
    if (!whole.lacks) return void this.commit(store, { ...position, whole: next });
    const { places, left } = await this.parts.rows.anew(this.runOf(position), tables, store);
    for (const { table, id, code, detail } of left) this.tellLeft(table, id, `${code}: ${detail}`);
    this.dropPlaces(store, name, own(position.further ?? {}, name) ?? [], places);
    this.commit(store, { ...position, whole: { ...next, left: (whole.left ?? 0) + left.length }, further: { ...position.further, [name]: places } });
  }

  private dropPlaces(store: OldStore, name: string, before: readonly string[], now: readonly string[]): void {
    for (const place of before) if (!now.includes(place)) store.drop(unknownTable(this.shape.medium, name, this.shape.medium === 'folder' ? place : ''));
  }

  private async endWhole(store: OldStore, position: MirrorPosition, { prune: prunes, lacks, left = 0 }: Whole): Promise<void> {
    const run = this.runOf(position);
    // Ids that went to other rows left marks behind, which refused those rows until the old ones were taken out.
    const again = prunes && left > 0;
    if (prunes) await prune(store, run, this.plan?.pieces ?? [], this.parts.rows);
    if (run.source === null) for (const [table, cells] of firstRows(this.shape)) store.upsert(table, cells);
    const there = new Set(this.plan?.pieces.map(({ table }) => table.name));
    const [stay, gone] = [Object.entries(position.further ?? {}).filter(([name]) => there.has(name)), Object.entries(position.further ?? {}).filter(([name]) => !there.has(name))];
    for (const [name, places] of gone) this.dropPlaces(store, name, places, []);
    store.sequences?.(await this.parts.rows.counters(run));
    this.commit(store, { ...position, whole: again ? wholly(false) : null, further: Object.fromEntries(stay) });
    if (again) return;
    this.wholeAt = performance.now();
    if (lacks) this.say(`all of it is written${left > 0 ? `, but for ${left} rows that the old tables cannot hold ("tradewarden mirror:drift" lists them)` : ''}; following what changes`);
  }

  /** What the old table cannot hold is left out, and said. @returns how many */
  private write(store: OldStore, table: ShapeTable, { rows, left }: OldPage): number {
    let count = 0;
    const leave = (id: string, reason: string, of = 1) => {
      count += of;
      this.tellLeft(table.name, id, reason);
    };
    for (const cells of rows) {
      const refused = putRow(store, table, cells);
      if (refused !== null) leave(keyText(table, cells), refused);
    }
    for (const { id, reason, cells, count: of } of left) {
      if (cells) store.remove(table, cells);
      leave(id, reason, of);
    }
    return count;
  }

  /** Once for each reason: a log is no list. */
  private tellLeft(table: string, id: string, reason: string): void {
    const of = `${table} ${reason.split(':')[0] ?? ''}`;
    if (this.told.has(of)) return;
    this.told.add(of);
    this.say(`left out of ${table}: ${reason}${id === '' ? '' : ` (${id}, and others like it)`}`);
  }

  private readAgain(store: OldStore, position: MirrorPosition): void {
    this.commit(store, { ...position, whole: { ...wholly(false), lacks: false } });
  }

  private async follow(store: OldStore, position: MirrorPosition, to: EventPosition): Promise<MirrorPosition> {
    const found = isOfAnother(position, to) ? null : await this.parts.log.replay(position.from, position.done, to.seq, this.filter);
    if (!found) {
      this.say('another state of the database was restored: all of it is written again');
      return this.commit(store, { ...position, from: to, done: to.seq, whole: wholly(true) });
    }
    const { rows, done } = found;
    const last = rows.at(-1);
    // A row that is there: by it another state of the database is known, in which these numbers are given to others.
    const next = { ...position, from: done >= to.seq ? to : last ? { seq: last.seq, atUs: last.at_us } : position.from, done };
    if (rows.some(({ type }) => IMPORTS.includes(type))) {
      this.say('an import was finished or rolled back: all of it is written again');
      this.plan = null;
      const source = await this.parts.rows.sourceNow(this.shape.system, position.source);
      return this.commit(store, { ...next, source, whole: wholly(true) });
    }
    const written = await this.writeChanged(store, next, rows);
    if (rows.some(({ type }) => OF_OWN_FILES.includes(type.split('.')[0] ?? ''))) await this.bringOwnFiles();
    return this.commit(store, { ...next, rowsWritten: position.rowsWritten + written });
  }

  /** As they are now, whatever the event said: a later one finds them the same. */
  private async writeChanged(store: OldStore, position: MirrorPosition, events: readonly EventRow[]): Promise<number> {
    const named = namedIn(events);
    let written = 0;
    for (const table of this.shape.tables) {
      if (!table.ours) continue;
      for await (const ids of this.parts.rows.changed(table, named, events.filter(({ type }) => table.events.includes(type)))) {
        const page = await this.parts.rows.byId(this.runOf(position), table, ids);
        this.write(store, table, page);
        written += page.rows.length;
      }
    }
    return written;
  }

  private async bringOwnFiles(): Promise<void> {
    await this.parts.own.bring(this.place.ownFolder);
    this.ownAt = performance.now();
  }

  private commit(store: OldStore, position: MirrorPosition): MirrorPosition {
    putPosition(store, position);
    store.commit();
    return (this.last = position);
  }

  private runOf({ source }: MirrorPosition): ShapeRun {
    return { shape: this.shape, source };
  }

  /** What was not committed is as if it had not been. */
  private drop(): void {
    try {
      this.store?.close();
    } catch {
      // A disk that is full says so again when it is next written.
    }
    this.store = this.plan = null;
  }

  private said(fault: string | null): void {
    if (fault !== null && fault !== this.fault) this.say(`not up to date, trying again: ${fault}`);
    if (fault === null && this.fault !== null) this.say('up to date again');
    this.fault = fault;
  }

  /** What people and machines see of it. That this fails says only that the database is away, which the next step says too. */
  private async report(now: boolean): Promise<void> {
    if (!this.last || (!now && performance.now() - this.reportedAt < REPORT_EVERY_MS)) return;
    this.reportedAt = performance.now();
    const { id, whole, done, rowsWritten } = this.last;
    const { position: at, behindMs } = this.parts.feed;
    const isWhole = this.fault === null && !whole?.lacks && at !== null && done >= at.seq && Number.isFinite(behindMs);
    await this.parts.mirrors
      .report({ id, place: this.place.text, shape: this.shape.system, position: done, behindSeconds: isWhole ? behindMs / 1_000 : null, rowsWritten, error: this.fault?.slice(0, 500) ?? null })
      .catch(() => undefined);
  }
}

