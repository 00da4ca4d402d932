import { expectRows, removeBatch } from './rows.repository.js';
import type { TableResult } from './runs.repository.js';
import type { Session } from './session.js';

/** A transaction of so many rows takes some tens of milliseconds. */
const BATCH_ROWS = 2_000;

/** Batch after batch to the end of what is old. */
export async function rowsGone(session: Session, result: TableResult, before: string, dryRun: boolean): Promise<void> {
  if (dryRun) {
    const { removable, oldest } = await session.transaction((query) => expectRows(query, result.table, before));
    result.rows = removable;
    result.oldest = oldest;
    return;
  }
  for (let after: { last_at: string | null; last_key: string | null } = { last_at: null, last_key: null }; ; ) {
    const began = performance.now();
    const batch = await session.whenFree(result.table, (query) => removeBatch(query, result.table, before, after, BATCH_ROWS));
    result.rows += batch.removed;
    if (batch.looked < BATCH_ROWS) return;
    after = batch;
    await session.breathe(performance.now() - began);
  }
}
