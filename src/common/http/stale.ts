import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { StaleName, StaleReading } from '../../database/stale-reading.js';
import { unavailable } from '../problem.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Its caller was let in without the database. */
    databaseAway?: boolean;
  }
}

/** Of an answer that came from the mirror's files; absent from all others. */
export const staleFields = {
  stale: z.literal(true).optional().describe('the database is away: this is how it was at asOf, as the mirror keeps it'),
  asOf: z.iso.datetime().optional().describe('with stale'),
};

export type MaybeStale<T> = T & { stale?: true; asOf?: string };

/** `@OrStale() or: StaleAnswer` in a handler that has `stale` in its `@Allow`, then `or.from(this.stale, …)`. */
export class StaleAnswer {
  constructor(
    private readonly request: FastifyRequest,
    private readonly reply: FastifyReply,
  ) {}

  /**
   * What the database says or, while it is away, what the mirror kept.
   * @param kept of the file; undefined where it does not know what was asked for, which may be new
   * @throws what `fresh` throws, where there is no file either
   */
  async from<T extends object, F>(stale: StaleReading, name: StaleName, fresh: () => Promise<T>, kept: (file: F) => T | undefined): Promise<MaybeStale<T>> {
    try {
      if (this.request.databaseAway) throw unavailable('DATABASE_UNAVAILABLE', 'The database cannot be reached or did not answer in time.');
      return await (stale.isOn ? stale.whileThere(fresh) : fresh());
    } catch (error) {
      const file = (await stale.isAway(error)) ? await stale.read<F>(name) : null;
      const body = file && kept(file.content);
      if (!file || !body) throw error;
      const age = Math.max(0, Math.floor((Date.now() - Date.parse(file.asOf)) / 1_000));
      void this.reply.header('Warning', '110 - "Response is Stale"').header('Age', String(age));
      return { ...body, stale: true, asOf: file.asOf };
    }
  }
}

export const OrStale = createParamDecorator((_data: unknown, context: ExecutionContext): StaleAnswer => {
  const http = context.switchToHttp();
  return new StaleAnswer(http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
});
