import type { DynamicModule, INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DataSource } from 'typeorm';
import type { Origin } from '../auth/audit.js';
import type { Env } from '../config/env.js';
import { DatabaseService } from '../database/database.service.js';
import type { DatabaseUrls } from '../database/urls.js';

/** Where the audit trail says that a change came from. */
export const COMMAND_LINE: Origin = { address: null, userAgent: 'tradewarden command line', correlationId: null };

/** The application's services without its server: nothing listens, and no recurring work begins. */
export async function withServices<T>(env: Env, urls: DatabaseUrls, work: (app: INestApplicationContext) => Promise<T>): Promise<T> {
  const { AppModule } = await import('../app.module.js');
  return withServicesOf(AppModule.with(env), urls, work);
}

/** Some of them: of a command that needs few. */
export async function withServicesOf<T>(root: DynamicModule, urls: DatabaseUrls, work: (app: INestApplicationContext) => Promise<T>): Promise<T> {
  const app = await NestFactory.createApplicationContext(root, { logger: false, abortOnError: false });
  const database = app.get(DatabaseService);
  try {
    // The database is given back by whoever asked for it.
    await database.connect({ ...urls, release: async () => undefined });
    // A server that was away for a year has not made this month yet, and every change writes an event.
    await app.get(DataSource).query(`select ensure_months(app_clock()::date, app_clock()::date)`);
    return await work(app);
  } finally {
    await app.close();
    await database.stop();
  }
}
