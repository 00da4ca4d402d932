import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import type { Caller } from '../common/http/caller.js';
import { parsed } from '../common/http/validation.js';
import { actorOf } from '../common/principal.js';
import { badRequest } from '../common/problem.js';
import { DEFAULT_MAX_ATTEMPTS } from './command-state.js';
import { COMMAND_TYPES, type CommandClass, type CommandType, type CommandTypeName, PRIORITIES } from './command-types.js';
import type { CancelledRow, NewCommand } from './commands.repository.js';
import type { commandSchema, createCommandSchema } from './commands.schemas.js';

type Wanted = z.output<typeof createCommandSchema>;
type CommandAnswer = z.output<typeof commandSchema>;

export const checkedPayload = (type: CommandTypeName, payload: Record<string, unknown>): Record<string, unknown> => parsed(COMMAND_TYPES[type].payload, payload, 'payload');

/** Who made it. @param caller null: the server itself */
export const madeBy = (caller: Caller | null, correlationId: string | null = null): { actor: string; correlationId: string | null } =>
  caller ? { actor: actorOf(caller.principal), correlationId: caller.correlationId } : { actor: 'system', correlationId };

export function newCommand(by: { actor: string; correlationId: string | null }, agentId: string, body: Wanted, kind: CommandClass, payload: Record<string, unknown>): NewCommand {
  checkTimes(body, kind);
  return {
    id: uuidv7(), agentId, type: body.type, class: kind, once: false, payload, priority: PRIORITIES.indexOf(body.priority ?? COMMAND_TYPES[body.type].priority),
    notBefore: body.notBefore ?? null, expiresAt: body.expiresAt ?? null, tradeId: (payload['tradeId'] as string | undefined) ?? null,
    maxAttempts: kind === 'reduces' ? null : (body.maxAttempts ?? DEFAULT_MAX_ATTEMPTS), ...by,
  };
}

/** What a command's caller is told, but for the payload and the times that the database's clock decides. */
export function answerOf(c: NewCommand): Omit<CommandAnswer, 'payload' | 'createdAt'> {
  return {
    id: c.id, agentId: c.agentId, type: c.type, class: c.class, priority: PRIORITIES[c.priority] ?? 'normal', status: 'queued', notBefore: c.notBefore ?? '',
    expiresAt: c.expiresAt, attempt: 0, failures: 0, maxAttempts: c.maxAttempts, leaseExpiresAt: null, cancelRequested: false, tradeId: c.tradeId, result: null,
    error: null, reason: null, createdBy: c.actor, correlationId: c.correlationId, finishedAt: null,
  };
}

/** Of the event. */
export const createdData = (c: NewCommand) => ({ type: c.type, class: c.class, priority: PRIORITIES[c.priority] });

function checkTimes(body: Wanted, kind: CommandClass): void {
  // What the agent should do is stored at once, so such a command cannot begin later, nor lapse and leave it behind.
  for (const field of ['notBefore', 'expiresAt'] as const) {
    if ((COMMAND_TYPES[body.type] as CommandType).run && body[field] !== undefined) {
      throw badRequest('VALIDATION_FAILED', `${body.type} sets what the agent should be doing from now on: it has no times`, field);
    }
  }
  for (const field of ['expiresAt', 'maxAttempts'] as const) {
    if (kind === 'reduces' && body[field] !== undefined) {
      throw badRequest('VALIDATION_FAILED', `${body.type} reduces risk and comes until it is done: it has neither expiry nor attempt limit`, field);
    }
  }
  if (body.expiresAt === undefined) return;
  if (Date.parse(body.expiresAt) <= Date.now()) throw badRequest('VALIDATION_FAILED', 'lies in the past', 'expiresAt');
  if (body.notBefore !== undefined && Date.parse(body.expiresAt) <= Date.parse(body.notBefore)) {
    throw badRequest('VALIDATION_FAILED', 'must lie after notBefore', 'expiresAt');
  }
}

/** What became of a command that another one, or the end of its agent, overtook. */
export const cancelEvent = (agentId: string, { id, type, status }: CancelledRow) => ({
  type: status === 'leased' ? 'command.cancel_requested' : 'command.cancelled', subjectId: id, agentId, data: { type },
});
