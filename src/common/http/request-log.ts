import { Logger } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../metrics.js';
import { during, type Work } from '../work.js';
import { actorOf } from '../principal.js';
import { shownPath } from './shown-path.js';

/** Asked every few seconds by machines, or once for each command: said at debug, or they would bury everything else. */
const FREQUENT = /^\/(livez|readyz|health|metrics)|\/(heartbeat|lease|sync|complete|extend)$/;

/** One line and one observation for each request when it is answered, and its correlation id in every answer. */
export function logRequests(fastify: FastifyInstance, metrics: Metrics): void {
  const log = new Logger('Http');
  fastify.addHook('onRequest', (request, reply, done) => {
    void reply.header('X-Request-Id', request.id);
    // There is no onResponse for a client that left, and long polls whose clients leave are what a broken network looks like.
    reply.raw.once('close', () => reply.raw.writableFinished || metrics.request(request.method, request.routeOptions.url, null, reply.elapsedTime / 1000));
    done();
  });
  // Not earlier: reading a body goes on where its bytes arrive, and would lose it.
  fastify.addHook('preValidation', (request, _reply, done) => during(new RequestWork(request.method, request.routeOptions.url, request.id), done));
  fastify.addHook('onResponse', (request, reply, done) => {
    done();
    metrics.request(request.method, request.routeOptions.url, reply.statusCode, reply.elapsedTime / 1000);
    const route = request.routeOptions.url ?? `no such route: ${shownPath(request.url).slice(0, 100)}`;
    const line = {
      method: request.method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime), address: request.ip, correlationId: request.id,
      ...(request.principal ? { actor: actorOf(request.principal) } : {}),
    };
    if (reply.statusCode >= 500) log.warn(line);
    else if (reply.statusCode < 400 && FREQUENT.test(route)) log.debug(line);
    else log.log(line);
  });
}

class RequestWork implements Work {
  constructor(
    private readonly method: string,
    private readonly route: string | undefined,
    readonly correlationId: string,
  ) {}

  /** Put together when somebody asks: most requests have nothing to say. */
  get caller(): string {
    return `${this.method} ${this.route ?? '(no such route)'}`;
  }
}
