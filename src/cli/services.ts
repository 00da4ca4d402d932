import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DataSource } from 'typeorm';
import { AppModule } from '../app.module.js';
import type { Origin } from '../auth/audit.js';
import type { Env } from '../config/env.js';
import { DatabaseService } from '../database/database.service.js';
import { isDatabaseAway } from '../database/sql-state.js';
import { type DatabaseUrls, databaseUrls } from '../database/urls.js';
import { databaseUnavailable } from './outcome.js';

export type Say = (line: string) => void;

/** Where the audit trail says that a change came from. */
export const COMMAND_LINE: Origin = { address: null, userAgent: 'tradewarden command line', correlationId: null };

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

/** The application's services without its server: nothing listens, and no recurring work begins. */
export async function withServices<T>(env: Env, urls: DatabaseUrls, work: (app: INestApplicationContext) => Promise<T>): Promise<T> {
  const app = await NestFactory.createApplicationContext(AppModule.with(env), { logger: false, abortOnError: false });
  const database = app.get(DatabaseService);
  try {
    await database.connect({ ...urls, release: async () => undefined });
    // A server that was away for a year has not made this month yet, and every change writes an event.
    await app.get(DataSource).query(`select ensure_months(app_clock()::date, app_clock()::date)`);
    return await work(app);
  } finally {
    await app.close();
    await database.stop();
  }
}
