import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { ArchiveWriter, PARTIAL, readArchive } from '../decisions/archive/archive-file.js';
import { faultOf } from '../decisions/archive/archive-files.js';
import { type ArchiveRow, ArchivesRepository } from '../decisions/archive/archives.repository.js';
import { checkRow } from '../decisions/check-row.js';
import type { DecisionRow } from '../decisions/decision.js';
import { DecisionsService } from '../decisions/decisions.service.js';
import { type Place, START, StreamCheck } from '../decisions/stream-check.js';
import { addArchive, addRows, decisionsOfMonth, forget, markVerified, predecessor, unused } from './decisions-archive.repository.js';
import type { Session } from './session.js';

const PAGE_ROWS = 500;
/** What of the files is read whole in a day, beside the length of each: a hundred megabytes a second is half a second. */
const CHECKED_BYTES_A_DAY = 67_108_864;

/** What was wrong with a month, so that nothing of it was removed. */
class NotArchived extends Error {}

/** Writes a month of decisions into a file, reads it back, and only then says that the month may be dropped. */
@Injectable()
export class DecisionsArchive {
  constructor(
    @Inject(ENV) private readonly env: Pick<Env, 'ARCHIVE_DIR'>,
    private readonly archives: ArchivesRepository,
    private readonly decisions: DecisionsService,
  ) {}

  get isOn(): boolean {
    return this.env.ARCHIVE_DIR !== null;
  }

  /** What is wrong with files that hold the only copy: each by its length, and some of them by their sum, others each day. */
  async faults(day: number): Promise<string[]> {
    const relied = await this.archives.relied();
    const found: string[] = [];
    let bytes = 0;
    const first = relied.length === 0 ? 0 : day % relied.length;
    for (const archive of [...relied.slice(first), ...relied.slice(0, first)]) {
      const isWhole = bytes === 0 || bytes + archive.bytes <= CHECKED_BYTES_A_DAY;
      if (isWhole) bytes += archive.bytes;
      const fault = await faultOf(this.env.ARCHIVE_DIR, archive, isWhole);
      if (fault !== null) found.push(`the archive ${archive.file}: ${fault}`);
    }
    return found;
  }

  /**
   * The archive of a month, verified; null when it has no decisions. One that an earlier run verified is used again.
   * @throws {NotArchived} when what was written is not what stands in the table, or its chain does not hold
   */
  async ensure(session: Session, month: string): Promise<string | null> {
    const folder = this.env.ARCHIVE_DIR;
    if (folder === null) throw new NotArchived('ARCHIVE_DIR is not set');
    await mkdir(folder, { recursive: true });
    const known = await session.transaction((query) => unused(query, month));
    const good = await this.stillGood(session, folder, month, known);
    if (good !== null) return good;
    await this.clear(session, folder, known);
    const archive = await this.write(session, folder, month);
    if (archive === null) return null;
    await this.verify(session, folder, archive);
    return archive.id;
  }

  private async stillGood(session: Session, folder: string, month: string, known: readonly ArchiveRow[]): Promise<string | null> {
    const verified = known.find((archive) => archive.verified_at !== null);
    if (!verified || (await faultOf(folder, verified, true)) !== null) return null;
    const [newest] = await session.transaction((query) => decisionsOfMonth(query, month, verified.last_seq, 1));
    return newest ? null : verified.id;
  }

  /** What a run that was killed left: the row first, so that no row names a file that is gone. */
  private async clear(session: Session, folder: string, known: readonly ArchiveRow[]): Promise<void> {
    for (const { id, file } of known) {
      // Another run that stood still for minutes may have ended meanwhile: then the file is the only copy.
      if (!(await session.transaction((query) => forget(query, id)))) continue;
      for (const name of [file, PARTIAL + file]) await rm(join(folder, name), { force: true });
    }
    for (const name of await readdir(folder)) if (name.startsWith(`${PARTIAL}decisions-`)) await rm(join(folder, name), { force: true });
  }

  private async write(session: Session, folder: string, month: string): Promise<ArchiveRow | null> {
    let rows = await session.transaction((query) => decisionsOfMonth(query, month, 0, PAGE_ROWS));
    if (rows.length === 0) return null;
    const id = uuidv7();
    const file = `decisions-${month.slice(0, 7)}-${id.slice(-12)}.jsonl.gz`;
    const writer = await ArchiveWriter.begin(folder, file, month);
    try {
      while (rows.length > 0) {
        const began = performance.now();
        await writer.add(rows);
        const after = rows.at(-1)?.seq ?? 0;
        rows = await session.transaction((query) => decisionsOfMonth(query, month, after, PAGE_ROWS));
        await session.breathe((performance.now() - began) / 4);
      }
      const written = await writer.finish();
      const archive: ArchiveRow = { id, month, file, bytes: written.bytes, sha256: written.sha256, decisions: written.decisions, last_seq: written.lastSeq, digest: written.digest, verified_at: null, dropped_at: null };
      // Before it has its name: a file that no row names is nobody's, and stays for ever.
      await session.transaction((query) => addArchive(query, archive));
      await writer.publish();
      return archive;
    } catch (error) {
      await writer.abandon();
      await rm(join(folder, PARTIAL + file), { force: true }).catch(() => undefined);
      throw error;
    }
  }

  /** Reads the file back from its beginning: seals, chain and counts; and writes down where each decision stands in it. */
  private async verify(session: Session, folder: string, archive: ArchiveRow): Promise<void> {
    const chains = new Map<string, StreamCheck>();
    let decisions = 0;
    for await (const { head, rows, place } of readArchive(join(folder, archive.file), archive)) {
      if (head && head.month !== archive.month) throw new NotArchived(`${archive.file} says that it is of ${head.month}`);
      for (const row of rows) await this.check(session, chains, row);
      decisions += rows.length;
      await session.transaction((query) => addRows(query, archive.id, rows, place));
    }
    if (decisions !== archive.decisions) throw new NotArchived(`${archive.file} has ${decisions} decisions of ${archive.decisions}`);
    await session.transaction((query) => markVerified(query, archive.id));
  }

  private async check(session: Session, chains: Map<string, StreamCheck>, row: DecisionRow): Promise<void> {
    const { seal } = checkRow(this.decisions.keys, row);
    if (seal === 'unknown_key') throw new NotArchived(`the decision ${row.id} is sealed under a key that is not known here: name it in AUDIT_KEYS_FORMER`);
    const before = chains.get(row.stream);
    const isNext = before?.place.number === row.number - 1;
    const chain = isNext && before ? before : new StreamCheck(this.decisions.keys, row.stream, await this.placeBefore(session, row));
    const [found] = chain.row(row);
    if (found) throw new NotArchived(`number ${row.number} of ${row.stream}: ${found.detail}; see audit:verify`);
    chains.set(row.stream, chain);
  }

  /** Where the chain stands before a row: in the month before, or in an older archive. */
  private async placeBefore(session: Session, row: DecisionRow): Promise<Place> {
    if (row.number === 1) return START;
    const before = await session.transaction((query) => predecessor(query, row));
    if (!before) throw new NotArchived(`number ${row.number - 1} of ${row.stream} is not there; see audit:verify`);
    return before;
  }
}
