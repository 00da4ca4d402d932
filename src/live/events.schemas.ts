import { z } from 'zod';
import { uuid } from '../common/fields.js';
import { badRequest } from '../common/problem.js';
import type { EventPosition } from '../events/event-log.repository.js';
import { positionOf } from './event-message.js';

const TYPES_MAX = 50;
const ID_IS_NONE = 'is not an id that this stream gave';

/** `command.created`, or `command.*` for all of a subject; several by commas or by repetition. */
const types = z.union([z.string(), z.array(z.string())], { error: 'must be text' })
  .transform((given) => [...new Set([given].flat().flatMap((each) => each.split(',')).map((each) => each.trim()))])
  .refine((list) => list.every((each) => /^[a-z_]{1,50}\.([a-z_]{1,50}|\*)$/.test(each)), { error: 'must be types such as command.created or command.*, separated by commas' })
  .refine((list) => list.length <= TYPES_MAX, { error: `must be at most ${TYPES_MAX} types` })
  .meta({ description: 'such as `command.created`, or `command.*` for all of a kind; repeated or separated by commas' });

const id = z.string({ error: 'must be given once' })
  .transform((text, context) => {
    const position = positionOf(text);
    if (position) return position;
    context.addIssue({ code: 'custom', message: ID_IS_NONE });
    return z.NEVER;
  })
  .meta({ type: 'string', description: 'as `Last-Event-ID`, for clients that cannot set headers; the header wins' });

export const eventsQuery = z.strictObject({ type: types.optional(), agentId: uuid().optional(), lastEventId: id.optional() });

export const eventSchema = z.object({
  seq: z.int(), at: z.iso.datetime(), type: z.string(), agentId: z.uuid().nullable(), accountId: z.uuid().nullable(), subjectId: z.uuid().nullable(),
  actor: z.string().describe('who did it: user:<id>, agent:<id> or system'), correlationId: z.string().nullable(), data: z.record(z.string(), z.unknown()),
}).meta({ id: 'Event', description: 'the `data:` of a message, on one line; `event:` is its type, `id:` is what `Last-Event-ID` takes' });

/**
 * Where to go on from. A browser repeats the address with its `lastEventId` and sends what it has seen since in the header.
 * @throws {Problem} 400 for a header that is no id; an empty one too, since beginning now would leave a gap
 */
export function fromOf(header: string | string[] | undefined, query: EventPosition | undefined): EventPosition | null {
  if (header === undefined) return query ?? null;
  const position = typeof header === 'string' ? positionOf(header) : null;
  if (!position) throw badRequest('VALIDATION_FAILED', ID_IS_NONE, 'Last-Event-ID');
  return position;
}

export function typesOf(given: string[] | undefined): { types: string[]; subjects: string[] } {
  const list = given ?? [];
  return { types: list.filter((each) => !each.endsWith('.*')), subjects: list.filter((each) => each.endsWith('.*')).map((each) => each.slice(0, -2)) };
}
