import { z } from 'zod';
import { MODES } from '../agents/agents.schemas.js';
import { livenessOf } from '../agents/liveness.js';
import { reason } from '../auth/reason-field.js';
import { decimalText, text } from '../common/fields.js';
import { pageQuery } from '../common/pagination.js';
import { HALT_MODES, HALT_SCOPES, HALT_SOURCES, type HaltRow } from '../halts/halt-rows.js';
import type { AgentUnderHalt, Observed, OpenOpening, ShownHalt, UncontrolledPosition } from './halts-shown.repository.js';

/** At `scope` itself, or at its `type`. */
const notAScope = ({ input, path }: { input?: unknown; path?: PropertyKey[] | undefined }): string =>
  path?.at(-1) === 'type' ? `must be one of ${HALT_SCOPES.join(', ')}` : input === undefined ? 'is required' : `must be an object with type ${HALT_SCOPES.join(', ')}, and the id of what is not global`;
const scopeOf = <T extends string>(type: T, what: string) => z.strictObject({ type: z.literal(type), id: text(100).describe(what) });

export const imposeSchema = z.strictObject({
  scope: z.discriminatedUnion('type', [
    scopeOf('symbol', 'in any spelling; it need not be anybody\'s'), scopeOf('account', 'its name or id'), scopeOf('agent', 'its name or id; an agent\'s key says its own, or "me"'),
    scopeOf('strategy', 'its name or id'), z.strictObject({ type: z.literal('global') }),
  ], { error: notAScope }),
  mode: z.enum(HALT_MODES).describe('reduce: nothing opens; halt: the strategy stops deciding too; flatten: everything in scope is closed'), reason: reason(),
});

export const releaseSchema = z.strictObject({ confirm: z.literal('RELEASE', { error: 'must be RELEASE, written out' }), reason: reason() });
export const haltsQuery = z.strictObject({ ...pageQuery, active: z.enum(['true', 'false']).transform((value) => value === 'true').optional() });

const time = () => z.iso.datetime().nullable();
const command = z.object({ commandId: z.uuid(), agentId: z.uuid(), type: z.string(), status: z.string() });
const agent = z.object({
  id: z.uuid(), name: z.string(), accountId: z.uuid(), account: z.string(), mode: z.enum(MODES), liveness: z.enum(['online', 'suspect', 'offline']), lastSeenAt: time(),
  stateVersion: z.int(), observedStateVersion: z.int().nullable(), positionsAsOf: time(), entryOrders: z.int().describe('that its broker still shows'),
});

export const haltSchema = z.object({
  id: z.uuid(), scope: z.object({ type: z.enum(HALT_SCOPES), id: z.string().nullable(), name: z.string().nullable() }), executionMode: z.enum(MODES).nullable().describe('null: all'),
  mode: z.enum(HALT_MODES), reason: z.string(), source: z.enum(HALT_SOURCES), breaker: z.string().nullable(), by: z.string(), imposedAt: z.iso.datetime(),
  inForce: z.boolean(), effectiveAt: time().describe('when nothing was left of what had been let through before; null: not yet'), expiresAt: time(),
  stillOpen: z.object({
    accounts: z.array(z.object({ id: z.uuid(), name: z.string() })).describe('busy: asked again and again'), openings: z.array(command).describe('handed out to nobody; leased ones are with their agents'),
  }).describe('until effectiveAt; up to 100 of each'),
  agents: z.object({ inScope: z.int(), observed: z.int(), notYet: z.array(agent).describe('up to 100') }).nullable().describe('null when it is over'),
  notInControl: z.array(z.object({
    agentId: z.uuid(), agent: z.string(), accountId: z.uuid(), account: z.string(), broker: z.string().nullable(), loginMasked: z.string().nullable(), brokerPositionId: z.string().nullable(),
    symbol: z.string(), direction: z.enum(['long', 'short']), outcome: z.enum(['yes', 'no']).nullable().describe('of a binary contract'), size: decimalText(), stopLoss: decimalText().nullable(), asOf: z.iso.datetime(),
  })).describe('what brokers show of agents that are offline; up to 100'),
  releaseRequested: z.object({ at: z.iso.datetime(), by: z.string(), reason: z.string() }).nullable().describe('waits for a second person'),
  released: z.object({ at: z.iso.datetime(), by: z.string(), reason: z.string() }).nullable(),
}).meta({ id: 'Halt' });

export const releaseAnswerSchema = z.object({
  released: z.boolean(), waitsFor: z.string().nullable(), halt: haltSchema,
  inTheWay: z.object({
    halts: z.array(z.object({ id: z.uuid(), scope: z.enum(HALT_SCOPES), scopeId: z.string().nullable(), mode: z.enum(HALT_MODES), reason: z.string(), breaker: z.string().nullable() }))
      .describe('others that hold the same agents; those with a breaker end when it is reset'),
    agents: z.array(agent).describe('that have not observed what they were told last'), unknownCommands: z.array(command),
  }),
}).meta({ id: 'HaltRelease' });

export type HaltAnswer = z.output<typeof haltSchema>;

/** What is known of a halt beside its row. */
export interface HaltContext {
  observed: Observed | null;
  uncontrolled: UncontrolledPosition[];
  accountsLeft: { id: string; name: string }[];
  openingsLeft: OpenOpening[];
}

/** The database's JSON has more digits, and offsets. */
const utc = (given: string | null) => (given === null ? null : new Date(given).toISOString());

export const toAgent = (row: AgentUnderHalt): z.output<typeof agent> => ({
  id: row.id, name: row.name, accountId: row.account_id, account: row.account, mode: row.mode, liveness: row.last_seen_at === null ? 'offline' : livenessOf(row.silent_seconds),
  lastSeenAt: utc(row.last_seen_at), stateVersion: row.state_version, observedStateVersion: row.observed_state_version, positionsAsOf: utc(row.positions_as_of), entryOrders: row.entry_orders,
});

export const toOpening = ({ id, agent_id: agentId, type, status }: OpenOpening): z.output<typeof command> => ({ commandId: id, agentId, type, status });

export const toOther = ({ id, scope_type: scope, scope_id: scopeId, mode, reason, breaker }: HaltRow): z.output<typeof releaseAnswerSchema>['inTheWay']['halts'][number] => ({ id, scope, scopeId, mode, reason, breaker });

export function toHalt(row: ShownHalt, { observed, uncontrolled, accountsLeft, openingsLeft }: HaltContext): HaltAnswer {
  return {
    id: row.id, scope: { type: row.scope_type, id: row.scope_id, name: row.name }, executionMode: row.execution_mode, mode: row.mode, reason: row.reason, source: row.source,
    breaker: row.breaker, by: row.imposed_by, imposedAt: row.imposed_at, inForce: observed !== null, effectiveAt: row.effective_at, expiresAt: row.expires_at,
    stillOpen: { accounts: accountsLeft, openings: openingsLeft.map(toOpening) },
    agents: observed && { inScope: observed.in_scope, observed: observed.observed, notYet: observed.not_yet.map(toAgent) },
    notInControl: uncontrolled.map((each) => ({
      agentId: each.agent_id, agent: each.agent, accountId: each.account_id, account: each.account, broker: each.broker, loginMasked: each.login_masked,
      brokerPositionId: each.broker_position_id, symbol: each.symbol, direction: each.direction, outcome: each.outcome, size: each.size, stopLoss: each.stop_loss, asOf: each.as_of,
    })),
    releaseRequested: row.release_requested_at === null ? null : { at: row.release_requested_at, by: row.release_requested_by ?? '', reason: row.release_request_reason ?? '' },
    released: row.released_at === null ? null : { at: row.released_at, by: row.released_by ?? '', reason: row.release_reason ?? '' },
  };
}
