import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { constraintOf, isDatabaseAway, plainReason, ROLE_MAY_NOT, sqlState } from '../../database/sql-state.js';
import { Problem, unavailable } from '../problem.js';
import { BODY_LIMIT_BYTES } from './json-body.js';
import { RAW_BODY_LIMIT_BYTES, takesBytes } from './raw-body.js';
import { shownPath, withShownPaths } from './shown-path.js';

/** Reason phrases of RFC 9110. */
export const TITLES: Record<number, string> = {
  400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed', 408: 'Request Timeout', 409: 'Conflict',
  410: 'Gone', 412: 'Precondition Failed', 413: 'Content Too Large', 414: 'URI Too Long', 415: 'Unsupported Media Type', 422: 'Unprocessable Content',
  428: 'Precondition Required', 429: 'Too Many Requests', 431: 'Request Header Fields Too Large', 500: 'Internal Server Error',
  501: 'Not Implemented', 502: 'Bad Gateway', 503: 'Service Unavailable',
};

const CODES: Record<number, string> = {
  400: 'BAD_REQUEST', 401: 'UNAUTHENTICATED', 403: 'FORBIDDEN', 404: 'NOT_FOUND', 405: 'METHOD_NOT_ALLOWED', 408: 'REQUEST_TIMEOUT', 413: 'BODY_TOO_LARGE',
  414: 'URI_TOO_LONG', 415: 'CONTENT_TYPE_NOT_SUPPORTED', 429: 'TOO_MANY_REQUESTS', 431: 'HEADERS_TOO_LARGE', 503: 'UNAVAILABLE',
};

/** Turns everything that is thrown into `application/problem+json`. Nothing of the driver, a stack or SQL gets out. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly log = new Logger('Http');

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const problem = withLimit(toProblem(error), request);
    if (problem.status >= 500 && problem.status !== 503) {
      const why = sqlState(error) === ROLE_MAY_NOT ? `: ${plainReason(error)}` : '';
      this.log.error({ err: error, correlationId: request.id }, `${request.method} ${request.routeOptions?.url ?? shownPath(request.url)} failed${why}`);
    } else if (problem.status === 503) {
      this.log.warn({ reason: (error as Error).message, correlationId: request.id }, 'answered 503');
    }
    sendProblem(request, reply, problem);
  }
}

/** For what the HTTP framework refuses before it looks for a route: an address that cannot be decoded, or is too long. */
export function answerFrameworkError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  sendProblem(request, reply, toProblem(error));
}

/** For what Node refuses before there is a request: headers that are too large, bytes that are no HTTP. */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const id = randomUUID();
  const body = JSON.stringify(bodyOf(new Problem(status, CODES[status] ?? 'BAD_REQUEST', 'This is not a request that can be read.'), { correlationId: id }));
  if (socket.writable) {
    socket.write(
      `HTTP/1.1 ${status} ${TITLES[status]}\r\nContent-Type: application/problem+json\r\nX-Request-Id: ${id}\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
  }
  socket.destroySoon();
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): void {
  if (reply.sent || reply.raw.headersSent) return;
  const { retryAfterSeconds } = problem.extra;
  void reply.header('X-Request-Id', request.id);
  // Fastify closes here. A client that writes its body before it reads would then see a broken connection instead of this
  // answer (9 of 10 of Python's urllib with 2 MB), so what is still to come is read and thrown away; requestTimeout bounds it.
  if (problem.status === 413) void reply.removeHeader('Connection');
  if (retryAfterSeconds !== undefined) void reply.header('Retry-After', String(Math.max(1, Math.ceil(retryAfterSeconds))));
  if (problem.status === 401) void reply.header('WWW-Authenticate', 'Bearer');
  const instance = shownPath(request.url).slice(0, 500);
  void reply.status(problem.status).type('application/problem+json').send(bodyOf(problem, { instance, correlationId: request.id }));
}

function bodyOf({ status, message, code, retryable, extra }: Problem, of: { instance?: string | undefined; correlationId: string }): object {
  return {
    type: 'about:blank', title: TITLES[status] ?? 'Error', status, detail: message, ...of, code, retryable,
    ...errorsIn(status, message, extra.errors), ...(extra.lastSyncSeq === undefined ? {} : { lastSyncSeq: extra.lastSyncSeq }),
    ...(extra.currentVersion === undefined ? {} : { currentVersion: extra.currentVersion }),
    ...(extra.digest === undefined ? {} : { digest: extra.digest, priceBand: extra.priceBand ?? null }),
  };
}

/** Every 400 has them: who reads only these finds what was wrong also where no field is to blame. */
const errorsIn = (status: number, message: string, errors: Problem['extra']['errors']): object =>
  errors ? { errors } : status === 400 ? { errors: [{ path: '', message }] } : {};

/** The framework says that a body is too large, and not how large one may be. */
function withLimit(problem: Problem, request: FastifyRequest): Problem {
  if (problem.status !== 413) return problem;
  const most = takesBytes(request) ? RAW_BODY_LIMIT_BYTES : BODY_LIMIT_BYTES;
  return new Problem(413, problem.code, `The body may have at most ${most} bytes.`);
}

/** No partition takes the row. It has the state of a rule without the name of one, is nobody's fault but ours, and comes again when it is mended. */
const isMonthMissing = (state: string, error: unknown): boolean => state === '23514' && constraintOf(error) === undefined;

/** What the caller is told of an error. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (isDatabaseAway(error)) return unavailable('DATABASE_UNAVAILABLE', 'The database cannot be reached or did not answer in time.');
  if (error instanceof HttpException) return plain(error.getStatus(), error.message);
  const state = sqlState(error);
  // 22: a value that passed the schema but not the column; 23: a rule of the table. Both are answers, not accidents.
  if (state?.startsWith('22')) return new Problem(400, 'VALUE_NOT_STORABLE', 'A value cannot be stored as it is.');
  if (state?.startsWith('23') && !isMonthMissing(state, error)) return new Problem(409, 'RULE_OF_DATA', 'The change contradicts what is stored.');
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  if (typeof status === 'number' && status >= 400 && status < 500) return plain(status, (error as Error).message);
  return new Problem(500, 'INTERNAL', 'Something went wrong here; the correlation id finds it in the log.');
}

/** Errors of the framework: their text is about the request, except for 5xx. */
function plain(status: number, message: string): Problem {
  if (status >= 500) return new Problem(status, 'INTERNAL', 'Something went wrong here; the correlation id finds it in the log.');
  if (status === 415) return new Problem(status, 'CONTENT_TYPE_NOT_SUPPORTED', 'Send the body as application/json.');
  return new Problem(status, CODES[status] ?? 'REFUSED', withShownPaths(message).slice(0, 300));
}
