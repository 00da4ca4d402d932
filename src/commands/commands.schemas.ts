import { z } from 'zod';
import { reason } from '../auth/reason-field.js';
import { desiredStateSchema } from '../agents/agents.schemas.js';
import { masked, withoutCredentials } from '../auth/credentials.js';
import { instant, jsonObject, text, uuid } from '../common/fields.js';
import { pageQuery } from '../common/pagination.js';
import { COMMAND_STATUSES, FAIL_OUTCOMES } from './command-state.js';
import { COMMAND_TYPE_NAMES, COMMAND_TYPES, PRIORITIES } from './command-types.js';
import type { CommandRow, CommandWithAttempts } from './commands.repository.js';

const RESULT_BYTES_MAX = 262_144;

export const createCommandSchema = z.strictObject({
  type: z.enum(COMMAND_TYPE_NAMES, { error: `must be one of ${COMMAND_TYPE_NAMES.join(', ')}` }),
  payload: jsonObject().optional(), priority: z.enum(PRIORITIES).optional(), notBefore: instant().optional(), expiresAt: instant().optional(),
  supersedes: z.boolean().optional(), maxAttempts: z.int().min(1).max(100).optional(),
});

export const leaseSchema = z.strictObject({
  max: z.int().min(1).max(100).default(10), waitSeconds: z.number().min(0).max(25).default(0), leaseSeconds: z.int().min(5).max(900).default(30),
});

const leaseToken = () => uuid();
/** Every viewer sees it; refused, the command would come again. */
const reported = () => jsonObject(RESULT_BYTES_MAX).transform(withoutCredentials);
export const completeSchema = z.strictObject({ leaseToken: leaseToken(), result: reported().nullable().optional() });
export const failSchema = z.strictObject({
  leaseToken: leaseToken(), outcome: z.enum(FAIL_OUTCOMES),
  error: z.strictObject({ code: text(100), message: z.string().max(2_000).transform(masked).default('') }), retryable: z.boolean().default(false),
});
export const extendSchema = z.strictObject({ leaseToken: leaseToken(), leaseSeconds: z.int().min(5).max(900).default(30) });
export const cancelSchema = z.strictObject({ reason: reason(500) });
export const requeueSchema = z.strictObject({ reason: reason(500).optional() });
export const settleSchema = z.strictObject({ outcome: z.enum(['succeeded', 'failed', 'not_sent', 'rejected']), reason: reason(500) });

export const commandsQuery = z.strictObject({
  ...pageQuery, agentId: uuid().optional(), status: z.enum(COMMAND_STATUSES).optional(), type: z.enum(COMMAND_TYPE_NAMES).optional(),
});

const time = () => z.iso.datetime().nullable();

export const commandSchema = z.object({
  id: z.uuid(), agentId: z.uuid(), type: z.enum(COMMAND_TYPE_NAMES), class: z.enum(['opens', 'reduces', 'neutral']),
  payload: z.record(z.string(), z.unknown()), priority: z.enum(PRIORITIES), status: z.enum(COMMAND_STATUSES), notBefore: z.iso.datetime(),
  expiresAt: time(), attempt: z.int(), failures: z.int(), maxAttempts: z.int().nullable().describe('null: no limit'), leaseExpiresAt: time(),
  cancelRequested: z.boolean(), tradeId: z.uuid().nullable(), result: z.unknown(), error: z.unknown(), reason: z.string().nullable(),
  createdBy: z.string(), correlationId: z.string().nullable(), createdAt: z.iso.datetime(), finishedAt: time(),
});

export const commandWithAttemptsSchema = commandSchema.extend({
  attempts: z.array(z.object({
    attempt: z.int(), instanceId: z.string().nullable(), leasedAt: z.iso.datetime(), endedAt: time(), outcome: z.string().nullable(), detail: z.unknown(),
  })),
});

export const leasedCommandSchema = z.object({
  id: z.uuid(), type: z.enum(COMMAND_TYPE_NAMES), payload: z.record(z.string(), z.unknown()), priority: z.enum(PRIORITIES), attempt: z.int(),
  leaseToken: z.uuid(), leaseExpiresAt: z.iso.datetime(), expiresAt: time(), createdAt: z.iso.datetime(),
});

export const leaseAnswerSchema = z.object({
  commands: z.array(leasedCommandSchema), desiredState: desiredStateSchema, nextPollAfterMs: z.int(), serverTime: z.iso.datetime(),
});
export const extendAnswerSchema = z.object({ leaseExpiresAt: z.iso.datetime(), cancelRequested: z.boolean() });
export const commandTypesSchema = z.object({
  items: z.array(z.object({ type: z.enum(COMMAND_TYPE_NAMES), about: z.string(), class: z.string(), priority: z.enum(PRIORITIES), payloadSchema: z.record(z.string(), z.unknown()) })),
});

export const toCommand = (row: CommandRow): z.output<typeof commandSchema> => ({
  id: row.id, agentId: row.agent_id, type: row.type, class: row.class, payload: row.payload, priority: priorityName(row), status: row.status,
  notBefore: row.not_before, expiresAt: row.expires_at, attempt: row.attempt, failures: row.failures, maxAttempts: row.max_attempts,
  leaseExpiresAt: row.lease_expires_at, cancelRequested: row.cancel_requested, tradeId: row.trade_id, result: row.result, error: row.error,
  reason: row.reason, createdBy: row.actor, correlationId: row.correlation_id, createdAt: row.created_at, finishedAt: row.finished_at,
});

export const toCommandWithAttempts = (row: CommandWithAttempts): z.output<typeof commandWithAttemptsSchema> => ({ ...toCommand(row), tradeId: row.trade_id ?? row.opened_trade_id, attempts: row.attempts });

export const toLeasedCommand = (row: CommandRow): z.output<typeof leasedCommandSchema> => ({
  id: row.id, type: row.type, payload: row.payload, priority: priorityName(row), attempt: row.attempt, leaseToken: row.lease_token ?? '',
  leaseExpiresAt: row.lease_expires_at ?? '', expiresAt: row.expires_at, createdAt: row.created_at,
});

const priorityName = (row: CommandRow) => PRIORITIES[row.priority] ?? 'normal';

/** The registry as clients see it: what there is, what it does, and what its payload looks like. */
export const commandTypes: z.output<typeof commandTypesSchema> = {
  items: COMMAND_TYPE_NAMES.map((type) => {
    const { about, class: kind, priority, payload } = COMMAND_TYPES[type];
    return { type, about, class: kind, priority, payloadSchema: z.toJSONSchema(payload, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown> };
  }),
};
