import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '../problem.js';

/** What a route that takes bytes is told of how they were labelled. */
declare module 'fastify' {
  interface FastifyRequest {
    /** As it was sent; undefined where nothing was. */
    sentContentType?: string | undefined;
  }
}

export const RAW_BODY_LIMIT_BYTES = 65_536;

/** Of routes whose callers send what they like, under any name or none. */
const RAW = /^\/webhooks\//;
export const takesBytes = (request: FastifyRequest): boolean => RAW.test(request.routeOptions.url ?? '');
/** Never sent by anybody who means it: elsewhere it is a type like any other that is not taken. */
const AS_BYTES = 'application/x-tradewarden-bytes';

/**
 * Gives the routes under /webhooks/ their bodies as bytes, whatever content type they were sent with. A parser for every
 * type would change the other routes: they would read what they refuse. So the type is replaced here, before it is looked at;
 * a malformed one would be refused before any parser.
 */
export function useRawBodies(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    if (takesBytes(request)) {
      const { headers } = request.raw;
      request.sentContentType = headers['content-type'];
      headers['content-type'] = AS_BYTES;
    }
    done();
  });
  fastify.addContentTypeParser(AS_BYTES, { parseAs: 'buffer', bodyLimit: RAW_BODY_LIMIT_BYTES }, (request, body, done) => {
    if (takesBytes(request)) done(null, body);
    else done(new Problem(415, 'CONTENT_TYPE_NOT_SUPPORTED', 'Send the body as application/json.'));
  });
}
