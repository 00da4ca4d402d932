import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { badRequest, Problem } from '../problem.js';

/** An answer that has a version says it as its ETag: `"3"`. */
export class Tagging {
  constructor(private readonly reply: FastifyReply) {}

  answer<T extends { version: number }>(body: T): T {
    void this.reply.header('ETag', `"${body.version}"`);
    return body;
  }
}

/** A change of what may have changed since it was read: it names the version that was decided on. */
export class Precondition extends Tagging {
  constructor(
    private readonly request: FastifyRequest,
    reply: FastifyReply,
  ) {
    super(reply);
  }

  /**
   * The version of `If-Match`: `"3"`, or bare. `W/"3"` too, since proxies that compress write that, and a version is exact.
   * @throws {Problem} 428 without it; 400 for anything else, also for `*`, which would undo what nobody has read
   */
  get version(): number {
    const header = this.request.headers['if-match'];
    if (header === undefined || header.trim() === '') {
      throw new Problem(428, 'PRECONDITION_REQUIRED', 'Say in If-Match which version was read, as its ETag has it: another person may have changed it since.');
    }
    const digits = /^(?:(?:W\/)?"(\d{1,9})"|(\d{1,9}))$/.exec(header.trim())?.slice(1).find((each) => each !== undefined);
    if (digits === undefined) throw badRequest('IF_MATCH_INVALID', 'must be one version as an ETag has it, such as "3"', 'If-Match');
    return Number(digits);
  }
}

/** @throws {Problem} 412 with the present version */
export function mustMatch(asked: number, present: number): void {
  if (asked === present) return;
  throw new Problem(412, 'PRECONDITION_FAILED', `Version ${asked} was read, and ${present} is there now: read it and decide again.`, { currentVersion: present });
}

/** By name, so that the OpenAPI document knows which handlers take the header. */
export function preconditionOf(_data: unknown, context: ExecutionContext): Precondition {
  const http = context.switchToHttp();
  return new Precondition(http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
}

export const IfMatch = createParamDecorator(preconditionOf);
export const Tagged = createParamDecorator((_data: unknown, context: ExecutionContext): Tagging => new Tagging(context.switchToHttp().getResponse<FastifyReply>()));
