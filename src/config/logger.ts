import type { Params } from 'nestjs-pino';
import type { Env } from './env.js';

/**
 * Readable on a terminal, JSON everywhere else. Requests are logged by the hook in `common/http/request-log.ts`: one
 * line each, without headers, bodies or query strings, which may carry secrets.
 */
export function loggerOptions(env: Env): Params {
  return {
    pinoHttp: {
      level: env.LOG_LEVEL,
      autoLogging: false,
      quietReqLogger: true,
      customAttributeKeys: { reqId: 'correlationId' },
      base: undefined,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      ...(process.stdout.isTTY && env.NODE_ENV === 'development'
        ? { formatters: {}, transport: { target: 'pino-pretty', options: { singleLine: true, ignore: 'context' } } }
        : {}),
      serializers: {
        err: (error: Error & { code?: string }) => ({ type: error.name, message: error.message, code: error.code, stack: error.stack }),
      },
    },
  };
}
