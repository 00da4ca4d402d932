import type { Params } from 'nestjs-pino';
import pino from 'pino';
import { currentWork } from '../common/work.js';
import type { Env } from './env.js';

const TOGETHER = { sync: false, minLength: 4_096, periodicFlush: 100 };

/**
 * Readable on a terminal, JSON everywhere else. Requests are logged by the hook in `common/http/request-log.ts`: one
 * line each, without headers, bodies or query strings, which may carry secrets.
 */
export function loggerOptions(env: Env): Params {
  const pretty = process.stdout.isTTY && env.NODE_ENV === 'development';
  const options = {
    level: env.LOG_LEVEL,
    base: undefined,
    // What a line says itself stands over this.
    mixin: () => {
      const work = currentWork();
      return work ? { caller: work.caller, ...(work.correlationId === null ? {} : { correlationId: work.correlationId }) } : {};
    },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    ...(pretty ? { transport: { target: 'pino-pretty', options: { singleLine: true, ignore: 'context' } } } : { formatters: { level: (label: string) => ({ level: label }) } }),
    serializers: {
      err: (error: Error & { code?: string }) => ({ type: error.name, message: error.message, code: error.code, stack: error.stack }),
    },
  };
  return {
    // No middleware: a child logger for each request took 5 % of a busy server's time, and nothing else read it.
    forRoutes: [],
    // Lines of a tenth of a second are written together: one by one they took a tenth of a busy server's time.
    pinoHttp: pretty ? options : [options, pino.destination(TOGETHER)],
  };
}
