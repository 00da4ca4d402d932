import pg from 'pg';
import type { DataSourceOptions } from 'typeorm';
import { MIGRATIONS } from './migrations.js';
import { poolOptions, type PoolPolicy, type PoolStats, policyPool } from './pool.js';
import { StatementWatch } from './statement-watch.js';

const { TIMESTAMPTZ, INT8 } = pg.types.builtins;

/**
 * How values leave the database: times as RFC 3339 text in UTC, bigint as number (identities and counters stay far
 * below 2^53), numeric as the exact text that PostgreSQL sends.
 */
export const types = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (oid === (TIMESTAMPTZ as number)) return (text: string) => new Date(text).toISOString();
    if (oid === (INT8 as number)) return Number;
    return pg.types.getTypeParser(oid, format as 'text');
  },
} as pg.CustomTypesConfig;

/** Injection token of the pool's options and numbers. */
export const POOL = Symbol('POOL');

export interface PooledOptions {
  options: DataSourceOptions;
  poolStats: () => PoolStats;
  statements: StatementWatch;
}

/**
 * Options of one DataSource. `driver` is passed because Jest's ESM mode loads the wrong default.
 * @param session statements run on each new connection; only where no transaction pooler is in between
 */
export function dataSourceOptions(url: string, policy: PoolPolicy, applicationName: string, session?: string): PooledOptions {
  const pool = policyPool(policy);
  const statements = new StatementWatch();
  const onConnect = session === undefined ? {} : { onConnect: (client: pg.ClientBase) => client.query(session) };
  const options: DataSourceOptions = {
    type: 'postgres',
    url,
    driver: { ...pg, Pool: pool.Pool },
    applicationName,
    entities: [],
    migrations: MIGRATIONS,
    migrationsTransactionMode: 'each',
    synchronize: false,
    logging: false,
    poolErrorHandler: () => undefined,
    extra: { ...poolOptions(policy, statements), ...onConnect, types },
  };
  return { options, poolStats: pool.stats, statements };
}
