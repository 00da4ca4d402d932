import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';

const MARK_LENGTH = 6;
/** Cursors with a point in them are sealed by what they continue, with more than its path. */
const PLAIN = /^[A-Za-z0-9_-]+$/;

/**
 * A cursor is good for the list that gave it. Within it stands a number of that list's rows, and another list has a row of
 * that number too: it would be read from there, which looks like a page. So each leaves with a mark of its list's path and
 * comes in without; one that has not that mark comes in empty, which every list refuses as no cursor of its own. Here, for
 * all lists at once, since one that were forgotten would be found by nobody.
 */
export function useListCursors(fastify: FastifyInstance): void {
  fastify.addHook('preValidation', (request, _reply, done) => {
    const query = request.query as Record<string, unknown> | null;
    const cursor = query?.['cursor'];
    if (query && typeof cursor === 'string' && !cursor.includes('.')) query['cursor'] = cursor.endsWith(markOf(request)) ? cursor.slice(0, -MARK_LENGTH) : '';
    done();
  });
  fastify.addHook('preSerialization', (request, _reply, payload, done) => {
    const { nextCursor } = (payload ?? {}) as { nextCursor?: unknown };
    if (request.method !== 'GET' || typeof nextCursor !== 'string' || !PLAIN.test(nextCursor)) return done(null, payload);
    done(null, { ...(payload as object), nextCursor: nextCursor + markOf(request) });
  });
}

const markOf = ({ url }: FastifyRequest): string =>
  createHash('sha256').update((url.split('?', 1)[0] ?? '').toLowerCase()).digest('base64url').slice(0, MARK_LENGTH);
