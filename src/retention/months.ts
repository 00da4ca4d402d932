import type { DecisionsArchive } from './decisions-archive.js';
import { dropMonth, hasLateMarks, holdOf, monthsOf, monthsToThin, type Removed, thinSome, thinSwap } from './months.repository.js';
import type { TableResult } from './runs.repository.js';
import { NoLock, type Query, type Session } from './session.js';

/** Their marks are copied by one statement: of trades that were marked each second all month, two and a half million rows. */
const TRADES_AT_ONCE = 5;
/** Whose revisions are kept. */
const CORRECTED = ['snapshot_market', 'snapshot_calendar', 'snapshot_news'];
const OFF: Removed = { held: 'ARCHIVE_DIR is not set' };

/** Oldest first. A month that somebody uses stays until the next run; the others go. */
export async function monthsGone(session: Session, result: TableResult, before: string, dryRun: boolean, archive: DecisionsArchive | null, results: readonly TableResult[]): Promise<void> {
  const { table } = result;
  const months = await session.transaction((query) => monthsOf(query, table, before));
  const due = months.filter(({ is_due }) => is_due);
  const locked: NoLock[] = [];
  for (const { month, rows_about: about } of due) {
    try {
      const done = archive?.isOn === false ? OFF : dryRun ? await wouldGo(session, table, month, before, about, results) : await gone(session, table, month, before, archive);
      if (done.held !== undefined) result.held.push({ month: month.slice(0, 7), why: done.held });
      else if (done.gone !== true) {
        result.months.push(month.slice(0, 7));
        result.rows += done.rows ?? 0;
      }
    } catch (error) {
      if (!(error instanceof NoLock)) throw error;
      locked.push(error);
      result.held.push({ month: month.slice(0, 7), why: 'others were using it' });
    }
  }
  result.oldest = months.find(({ month }) => !result.months.includes(month.slice(0, 7)))?.month ?? null;
  if (locked[0]) throw locked[0];
}

async function wouldGo(session: Session, table: string, month: string, before: string, about: number, results: readonly TableResult[]): Promise<Removed> {
  const held = await session.transaction((query) => (table === 'snapshot_revisions' ? holdOfRevisions(query, month, before, results) : holdOf(query, table, month, before)));
  return held === null ? { rows: Math.max(about, 0) } : { held };
}

/** As it would be when what was corrected has gone before. */
async function holdOfRevisions(query: Query, month: string, before: string, results: readonly TableResult[]): Promise<string | null> {
  const held = await holdOf(query, 'snapshot_revisions', month, before);
  if (held === null) return null;
  for (const table of CORRECTED) {
    const isThere = (await monthsOf(query, table, before)).some((each) => each.month === month);
    if (isThere && !results.some((result) => result.table === table && result.months.includes(month.slice(0, 7)))) return held;
  }
  return null;
}

async function gone(session: Session, table: string, month: string, before: string, archive: DecisionsArchive | null): Promise<Removed> {
  // Looked at first: what must stay is not written into a file each day.
  const held = await session.transaction((query) => holdOf(query, table, month, before));
  if (held !== null) return { held };
  const stored = archive ? await archive.ensure(session, month) : null;
  return session.whenFree(`${table} of ${month.slice(0, 7)}`, (query) => dropMonth(query, table, month, before, stored));
}

/** Of months that are older, the last mark of each minute is left. */
export async function monthsThinned(session: Session, result: TableResult, before: string, dryRun: boolean): Promise<void> {
  const due = await session.transaction((query) => monthsToThin(query, before));
  const locked: NoLock[] = [];
  for (const { month } of due) {
    if (dryRun && result.months.includes(month.slice(0, 7))) continue;
    // A replay tells marks of last year today: they have as long as all others.
    const isLate = await session.transaction((query) => hasLateMarks(query, month, before));
    if (isLate) result.held.push({ month: month.slice(0, 7), why: 'marks of it came lately' });
    else if (dryRun) result.thinned.push(month.slice(0, 7));
    if (isLate || dryRun) continue;
    try {
      for (let more = true; more; ) {
        const began = performance.now();
        more = await session.whenFree(`trade_marks of ${month.slice(0, 7)}`, (query) => thinSome(query, month, TRADES_AT_ONCE));
        await session.breathe(performance.now() - began);
      }
      const done = await session.whenFree(`trade_marks of ${month.slice(0, 7)}`, (query) => thinSwap(query, month));
      if (done.held !== undefined) result.held.push({ month: month.slice(0, 7), why: done.held });
      else {
        result.thinned.push(month.slice(0, 7));
        result.rows += done.rows ?? 0;
      }
    } catch (error) {
      if (!(error instanceof NoLock)) throw error;
      locked.push(error);
      result.held.push({ month: month.slice(0, 7), why: 'others were using it' });
    }
  }
  if (locked[0]) throw locked[0];
}
