import type { Env } from '../config/env.js';
import { isDatabaseAway } from '../database/sql-state.js';
import { type DatabaseUrls, databaseUrls } from '../database/urls.js';
import { databaseUnavailable } from './outcome.js';

export type Say = (line: string) => void;

/**
 * Runs `work` on the database of DATABASE_URL, or on the embedded one of DATA_DIR: on the running one if there is one,
 * else on one that is started for the command and stopped after it, also when the command is interrupted.
 */
export async function withDatabase<T>(env: Env, say: Say, work: (urls: DatabaseUrls) => Promise<T>): Promise<T> {
  const urls = await databaseUrls(env, say);
  const interrupted = (signal: NodeJS.Signals) => void urls.release().finally(() => process.exit(signal === 'SIGINT' ? 130 : 143));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    return await work(urls);
  } catch (error) {
    throw isDatabaseAway(error) ? databaseUnavailable(error, urls.url) : error;
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    await urls.release();
  }
}
