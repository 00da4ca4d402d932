import { DataSource } from 'typeorm';
import { readEnv } from './src/config/env.js';
import { dataSourceOptions } from './src/database/options.js';
import { poolPolicyOf } from './src/database/pool-policy.js';

/** The DataSource for TypeORM's own command line, on the owner connection; needs DATABASE_URL. */
const env = readEnv();
const url = env.DATABASE_OWNER_URL ?? env.DATABASE_URL;
if (!url) throw new Error('Set DATABASE_URL (or DATABASE_OWNER_URL): the embedded database is reached through "npm run cli".');

export default new DataSource(dataSourceOptions(url, poolPolicyOf(env), 'tradewarden-typeorm').options);
