import { SealKeys } from '../decisions/seal.js';
import type { Env } from '../config/env.js';
import { sqlState } from '../database/sql-state.js';
import { ImportFailure } from '../legacy/load/import-run.js';
import { rollback, type Rollback, RollbackBlocked } from '../legacy/rollback/rollback.js';
import { type Say, withDatabase } from './database.js';
import { CommandError, type Outcome } from './outcome.js';

/** Others hold what is to go, or wait for it the other way round. Nothing is done; the next try may succeed. */
const HELD = new Set(['55P03', '40P01', '40001']);

/** As the owner of the tables: nobody else may remove history. */
export function importRollback(env: Env, say: Say, run: string, { dryRun = false }: { dryRun?: boolean }): Promise<Outcome> {
  return withDatabase(env, say, async ({ ownerUrl }) => {
    try {
      return told(await rollback({ ownerUrl, run, keys: new SealKeys(env.AUDIT_KEY, env.AUDIT_KEYS_FORMER), dryRun, actor: 'cli', say }));
    } catch (error) {
      if (error instanceof RollbackBlocked) return blocked(error);
      if (error instanceof ImportFailure) throw new CommandError(error.code, error.message);
      if (HELD.has(sqlState(error) ?? '')) throw new CommandError('ROWS_HELD', 'Others hold rows of this import. Nothing was changed; try again.');
      throw error;
    }
  });
}

function told(done: Rollback): Outcome {
  const rows = Object.entries(done.removed).map(([table, count]) => `  ${String(count).padStart(9)}  ${table}`);
  return {
    json: done,
    text: [
      `${done.dryRun ? 'Would remove' : 'Removed'} of import ${done.runId} (${done.source}):`, ...(rows.length > 0 ? rows : ['  nothing: it brought nothing']),
      ...(done.restored > 0 ? [`${done.restored} rows of earlier imports ${done.dryRun ? 'would be' : 'are'} what they were before it.`] : []),
      ...done.kept.map(({ table, id, why }) => `Kept ${table} ${id}: ${why}.`),
    ].join('\n'),
  };
}

function blocked({ count, blockers, message }: RollbackBlocked): Outcome {
  const more = count - blockers.length;
  return {
    json: { error: { code: 'ROLLBACK_BLOCKED', message: `${message}. Nothing was changed.` }, count, blockers },
    text: [`${message}. Nothing was changed.`, ...blockers.map(({ table, id, why }) => `  ${table} ${id}: ${why}`), ...(more > 0 ? [`  … and ${more} more`] : [])].join('\n'),
    exitCode: 1,
  };
}
