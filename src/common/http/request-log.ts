import { Logger } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { actorOf } from '../principal.js';

/** Asked every few seconds by machines: said at debug, or they would bury everything else. */
const FREQUENT = /^\/(livez|readyz|health|metrics)|\/(heartbeat|lease)$/;

/** One line for each request when it is answered, and its correlation id in every answer. */
export function logRequests(fastify: FastifyInstance): void {
  const log = new Logger('Http');
  fastify.addHook('onRequest', async (request, reply) => {
    void reply.header('X-Request-Id', request.id);
  });
  fastify.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? `no such route: ${request.url.split('?')[0]?.slice(0, 100)}`;
    const line = {
      method: request.method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime), address: request.ip,
      ...(request.principal ? { actor: actorOf(request.principal) } : {}),
    };
    if (reply.statusCode >= 500) log.warn(line);
    else if (FREQUENT.test(route)) log.debug(line);
    else log.log(line);
  });
}
