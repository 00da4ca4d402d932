import type { Env } from '../config/env.js';
import type { PoolPolicy } from './pool.js';

export function poolPolicyOf(env: Env): PoolPolicy {
  return {
    type: env.DB_POOL_TYPE,
    size: env.DB_POOL_SIZE,
    overflow: env.DB_POOL_OVERFLOW,
    timeoutSeconds: env.DB_POOL_TIMEOUT,
    recycleSeconds: env.DB_POOL_RECYCLE,
    prePing: env.DB_POOL_PRE_PING,
    queryTimeoutSeconds: env.DB_QUERY_TIMEOUT,
  };
}
