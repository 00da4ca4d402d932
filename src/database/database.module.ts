import { Global, Module } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { DatabaseService } from './database.service.js';
import { Idempotency } from './idempotency.js';
import { Listener } from './listener.js';
import { dataSourceOptions, POOL, type PooledOptions } from './options.js';
import { poolPolicyOf } from './pool-policy.js';
import { Looks } from './kept-look.js';
import { Replica } from './replica/replica.service.js';
import { ReportReading } from './replica/report-reading.js';
import { Schedules } from './schedules.js';
import { StaleReading } from './stale-reading.js';
import { StatementLog } from './statement-log.js';
import { Statements } from './statements.js';

/** A DataSource that is connected later, by DatabaseService: the server listens before the database is there. */
const pool = {
  provide: POOL,
  inject: [ENV],
  useFactory: (env: Env): PooledOptions => dataSourceOptions('postgres://', poolPolicyOf(env), 'tradewarden'),
};
const dataSource = { provide: DataSource, inject: [POOL], useFactory: ({ options }: PooledOptions) => new DataSource(options) };

@Global()
@Module({
  providers: [pool, dataSource, DatabaseService, Listener, Idempotency, Looks, Replica, ReportReading, Schedules, StaleReading, StatementLog, Statements],
  exports: [DataSource, DatabaseService, Listener, Idempotency, Looks, Replica, ReportReading, Schedules, StaleReading, Statements],
})
export class DatabaseModule {}
