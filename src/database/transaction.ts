import { setTimeout as pause } from 'node:timers/promises';
import type { DataSource, EntityManager } from 'typeorm';
import { sqlState } from './sql-state.js';

export type Tx = EntityManager;

/** The last two: a prepared name that its pooler lost; `Statements.within` has given names up by then. */
const RETRYABLE = new Set(['40001', '40P01', '26000', '42P05']);
const ATTEMPTS = 3;

const afterwards = new WeakMap<Tx, (() => void | Promise<void>)[]>();

/**
 * Runs `work` when the transaction has committed; not at all when it rolls back. Who began the transaction waits for it;
 * its failure would be theirs, though all is stored: so it keeps its failures to itself.
 */
export function afterCommit(tx: Tx, work: () => void | Promise<void>): void {
  const known = afterwards.get(tx);
  if (known) known.push(work);
  else afterwards.set(tx, [work]);
}

/**
 * Runs `work` in one transaction. On a serialisation failure or a deadlock the whole callback runs again in a
 * new transaction, three times at most: so `work` does nothing that a rollback does not undo.
 */
export async function inTransaction<T>(dataSource: DataSource, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      let committed: Tx | undefined;
      const result = await dataSource.transaction((tx) => work((committed = tx)));
      for (const each of (committed && afterwards.get(committed)) ?? []) await each();
      return result;
    } catch (error) {
      if (attempt >= ATTEMPTS || !RETRYABLE.has(sqlState(error) ?? '')) throw error;
      await pause(attempt * 10 * (1 + Math.random()));
    }
  }
}
