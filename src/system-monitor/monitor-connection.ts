import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { DatabaseService } from '../database/database.service.js';
import { dataSourceOptions } from '../database/options.js';

/** Of one statement, and of connecting: who looks every ten seconds does not wait for half a minute. */
const SECONDS_MOST = 5;

/** One connection for the monitor alone, kept where DB_POOL_TYPE keeps any: an exhausted pool, or a database that lets nobody in any more, must not hide itself. */
@Injectable()
export class MonitorConnection {
  private opening: Promise<DataSource> | null = null;

  constructor(
    @Inject(ENV) private readonly env: Env,
    private readonly database: DatabaseService,
  ) {}

  /** Opened when it is first asked for, and again by itself when it was lost. */
  get(): Promise<DataSource> {
    return (this.opening ??= this.open().catch((error: unknown) => {
      this.opening = null;
      throw error;
    }));
  }

  private open(): Promise<DataSource> {
    const { url } = this.database;
    if (url === undefined) return Promise.reject(new Error('the database has not been reached yet'));
    const policy = {
      type: this.env.DB_POOL_TYPE, size: 1, overflow: 0, timeoutSeconds: SECONDS_MOST, recycleSeconds: this.env.DB_POOL_RECYCLE, prePing: true, queryTimeoutSeconds: Math.min(SECONDS_MOST, this.env.DB_QUERY_TIMEOUT),
    };
    return new DataSource(dataSourceOptions(url, policy, 'tradewarden-monitor').options).initialize();
  }

  async close(): Promise<void> {
    await this.opening?.then((db) => db.destroy()).catch(() => undefined);
  }
}
