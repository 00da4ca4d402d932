import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { canonicalJson } from '../canonical-json.js';
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

  /**
   * What PUT was sent beside the settings is as GET answers it, or it was read of something else, or is meant to change what
   * is not changed here. @param measured what is another at each look @throws {Problem} 412, or 400 naming each field
   */
  of<T extends { version: number }>(shown: T, settings: object, measured: readonly string[] = []): this {
    mustMatch(this.version, shown.version);
    const is = (from: unknown, field: string) => canonicalJson((from as Record<string, unknown>)[field] ?? null);
    const sent = this.request.body as object;
    const errors = Object.keys(sent)
      .filter((field) => !(field in settings) && !measured.includes(field) && is(sent, field) !== is(shown, field))
      .map((path) => ({ path, message: `must be as GET answers it${is(shown, path).length > 100 ? '' : ` (${is(shown, path)})`}, or left out: it is not set here` }));
    const [first] = errors;
    if (first) throw new Problem(400, 'VALIDATION_FAILED', `${first.path}: ${first.message}`, { errors });
    return this;
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
