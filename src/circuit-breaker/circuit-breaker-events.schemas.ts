import { z } from 'zod';
import { reason } from '../auth/reason-field.js';
import { decimal, decimalText, pastInstant, text, uuid } from '../common/fields.js';
import { pageQuery } from '../common/pagination.js';
import { inOrder, timeWindow } from '../common/time-window.js';
import { BREAKER_ACTIONS, BREAKER_SCOPES, BREAKER_SOURCES, type BreakerEventRow } from './circuit-breaker-events.repository.js';


/** One spelling, so that a filter finds all of them. */
const breakerType = () => z.string().trim().regex(/^[a-z][a-z0-9_]{0,63}$/, { error: 'must be a name such as daily_loss: small letters, digits and _, 64 at most' });

export const reportBreakerEventSchema = z.strictObject({
  breakerType: breakerType(),
  action: z.enum(BREAKER_ACTIONS),
  value: decimal().nullish().describe('what was measured, in `unit`'),
  limit: decimal().nullish().describe('what it was held against, in `unit`'),
  unit: z.string().trim().regex(/^[A-Za-z%][A-Za-z0-9%_/]{0,15}$/, { error: 'must be a unit such as USD, fraction, seconds or count, 16 characters at most' }).nullish()
    .describe('of value and limit: 5 may be percent, dollars or trades'),
  reason: reason(),
  triggeredAt: pastInstant().describe('when the breaker acted'),
});

export const breakerEventsQuery = z
  .strictObject({
    ...pageQuery,
    type: breakerType().optional(),
    action: z.enum(BREAKER_ACTIONS).optional(),
    scope: z.enum(BREAKER_SCOPES).optional(),
    scopeId: text(100).optional().describe('within `scope`: the id of an account, agent or strategy, or the symbol'),
    agentId: uuid().optional(),
    ...timeWindow,
  })
  .superRefine(inOrder)
  .superRefine(({ scope, scopeId }, context) => {
    if (scopeId === undefined || (scope !== undefined && scope !== 'global')) return;
    context.addIssue({ code: 'custom', path: ['scopeId'], message: 'needs the scope that it is an id of: account, agent, strategy or symbol' });
  });

export const breakerEventSchema = z.object({
  id: z.uuid(),
  breakerType: z.string(),
  action: z.enum(BREAKER_ACTIONS),
  scope: z.object({ type: z.enum(BREAKER_SCOPES), id: z.string().nullable().describe('null for global') }),
  agentId: z.uuid().nullable(),
  accountId: z.uuid().nullable(),
  value: decimalText().nullable(),
  limit: decimalText().nullable(),
  unit: z.string().nullable(),
  reason: z.string().describe('with credentials masked'),
  triggeredAt: z.iso.datetime(),
  source: z.enum(BREAKER_SOURCES),
  reportedBy: z.string(),
  createdAt: z.iso.datetime(),
}).meta({ id: 'CircuitBreakerEvent' });

export const toBreakerEvent = (row: BreakerEventRow): z.output<typeof breakerEventSchema> => ({
  id: row.id,
  breakerType: row.breaker_type,
  action: row.action,
  scope: { type: row.scope_type, id: row.scope_id },
  agentId: row.agent_id,
  accountId: row.account_id,
  value: row.value,
  limit: row.limit_value,
  unit: row.unit,
  reason: row.reason,
  triggeredAt: row.triggered_at,
  source: row.source,
  reportedBy: row.reported_by,
  createdAt: row.created_at,
});
