import { z } from 'zod';
import { credentialIn, masked } from '../auth/credentials.js';
import type { ApiKeyRow } from '../auth/api-keys.service.js';
import { decimalText, instant, jsonObject, money, name, pastInstant, symbol, text, uuid } from '../common/fields.js';
import { pageQuery } from '../common/pagination.js';
import { SCOPES } from '../common/principal.js';
import { HALT_MODES, HALT_SCOPES } from '../halts/halt-rows.js';
import type { AgentWithState } from './agents.repository.js';
import { desiredStateOf } from './desired-state.js';
import { canTrade, livenessOf } from './liveness.js';

export const MODES = ['simulation', 'paper', 'live'] as const;
export const STATUSES = ['stopped', 'starting', 'running', 'paused', 'stopping', 'error'] as const;
export const CONFIG_BYTES_MAX = 16_384;

/** For what every viewer sees. */
function noCredential(value: unknown, context: z.RefinementCtx): void {
  const place = credentialIn(value);
  if (place !== null) context.addIssue({ code: 'custom', path: place === '' ? [] : place.split('.'), message: 'looks like a credential: keep it with the agent' });
}

/** Free settings of an agent's own code, seen by every viewer: so never a credential. */
export const agentConfig = () => jsonObject(CONFIG_BYTES_MAX).superRefine(noCredential);

/** Of its own silence, with windDownPolicy flatten: its trades are closed then. */
const windDownAfter = () => z.int().min(60).max(604_800).describe('of its own silence, with windDownPolicy flatten; 900 by default');

const versionPolicy = () => z.enum(['alert', 'halt']).describe('what follows when its code, configuration, prompt or model changes: an incident, or also a halt that a person releases; alert by default');

export const createAgentSchema = z.strictObject({
  name: name(100), mode: z.enum(MODES), account: name(100).optional(), symbols: z.array(symbol()).max(500).optional(),
  broker: name(100).optional(), config: agentConfig().optional(), windDownPolicy: z.enum(['keep', 'flatten']).optional(),
  windDownAfterSeconds: windDownAfter().optional(), versionPolicy: versionPolicy().optional(),
});

export const changeAgentSchema = z.strictObject({
  mode: z.enum(MODES).optional(), account: name(100).optional(), symbols: z.array(symbol()).max(500).optional(), broker: name(100).nullable().optional(),
  config: agentConfig().optional(), windDownPolicy: z.enum(['keep', 'flatten']).optional(), windDownAfterSeconds: windDownAfter().optional(),
  versionPolicy: versionPolicy().optional(), retired: z.boolean().optional(),
  force: z.boolean().optional(),
});

export const agentsQuery = z.strictObject({
  ...pageQuery, name: text(100).optional(), mode: z.enum(MODES).optional(),
  retired: z.enum(['true', 'false']).transform((value) => value === 'true').optional(),
});
export const agentParam = z.strictObject({ agentId: uuid() });
export const keyParam = z.strictObject({ agentId: uuid(), keyId: uuid() });

const counter = () => z.int().min(0).max(Number.MAX_SAFE_INTEGER);

/** Without what is null: a client that knows nothing of it may also say so. */
const withoutNulls = <T extends object>(told: T) =>
  Object.fromEntries(Object.entries(told).filter(([, value]) => value !== null)) as { [field in keyof T]?: Exclude<T[field], null> };

/** What the terminal is logged in to; compared with the account that the agent belongs to. */
export const brokerAccountSchema = z.strictObject({
  loginHash: z.string().regex(/^[0-9a-f]{64}$/, { error: 'must be the hex SHA-256 of server:login' }).nullish(), server: name(200).superRefine(noCredential).nullish(),
  kind: z.enum(['live', 'demo', 'paper']).nullish(), currency: text(10).nullish(), marginMode: z.enum(['hedging', 'netting', 'exchange']).nullish(),
}).transform(withoutNulls);

/** Null is not told, as many clients write what they do not know; it takes the message back. A field that were refused for it would silence the whole heartbeat. */
export const heartbeatSchema = z.strictObject({
  status: z.enum(STATUSES).nullish(), equity: money().nullish(), balance: money().nullish(), margin: money().nullish(),
  marginFree: money().nullish(), floatingPnl: money().nullish(),
  currency: z.string().regex(/^[A-Z]{3,10}$/, { error: 'must be a currency code such as USD' }).nullish(),
  asOf: pastInstant().nullish(), openPositions: counter().max(1_000_000).nullish(), cycleCount: counter().nullish(),
  lastCycleAt: pastInstant().nullish(), observedStateVersion: counter().nullish(), errorMessage: z.string().max(2_000).transform(masked).nullish(),
  brokerConnected: z.boolean().nullish(), tradeAllowed: z.boolean().nullish(), lastQuoteAt: pastInstant().nullish(),
  agentVersion: name(100).superRefine(noCredential).nullish(), configHash: name(128).superRefine(noCredential).nullish().describe('of the configuration that it runs with'),
  brokerAccount: brokerAccountSchema.nullish(),
});

export const createKeySchema = z.strictObject({
  name: name(100), scopes: z.array(z.enum(SCOPES)).max(3).transform((scopes) => [...new Set(scopes)]).optional(),
  expiresAt: instant().optional(), rateLimitPerSecond: z.int().min(1).max(10_000).optional().describe('of all instances together; none when left out'),
});
export const keysQuery = z.strictObject(pageQuery);

const time = () => z.iso.datetime().nullable();
const amount = () => decimalText().nullable();

export const desiredStateSchema = z.object({
  state: z.enum(['active', 'reducing', 'halted', 'flatten']), run: z.enum(['running', 'paused', 'stopped']), version: z.int(),
  reasons: z.array(z.object({
    code: z.string(), commandId: z.uuid().optional(), by: z.string().optional(), haltId: z.uuid().optional().describe('of HALT'), scope: z.enum(HALT_SCOPES).optional(),
    mode: z.enum(HALT_MODES).optional(), reason: z.string().optional(), symbol: z.string().optional(), strategyId: z.uuid().optional(), breaker: z.string().optional(),
  })),
}).meta({ id: 'DesiredState' });

export const agentStateSchema = z.object({
  status: z.enum(STATUSES), mode: z.enum(MODES), liveness: z.enum(['online', 'suspect', 'offline']), canTrade: z.boolean(), lastSeenAt: time(),
  cycleCount: z.int().nullable(), lastCycleAt: time(), equity: amount(), balance: amount(), margin: amount(), marginFree: amount(),
  floatingPnl: amount(), currency: z.string().nullable(), asOf: time(), openPositions: z.int().nullable(), errorMessage: z.string().nullable(),
  openingsSuspended: z.boolean().describe('by the system itself, of all agents, until it is well again'),
  brokerConnected: z.boolean().nullable(), tradeAllowed: z.boolean().nullable(), lastQuoteAt: time(), observedStateVersion: z.int().nullable(),
  desiredState: desiredStateSchema, instanceId: z.string().nullable(), agentVersion: z.string().nullable(), configHash: z.string().nullable(),
  brokerAccount: z.record(z.string(), z.unknown()).nullable(), accountMismatch: z.array(z.string()).nullable().describe('what of brokerAccount differs from the account; null: nothing that is known'),
  positionsAsOf: time().describe('of the last complete report of positions'), startedAt: time(), uptimeSeconds: z.int().nullable(), config: z.record(z.string(), z.unknown()),
}).meta({ id: 'AgentState' });

export const agentSchema = z.object({
  id: z.uuid(), name: z.string(), accountId: z.uuid(), account: z.string(), magic: z.int().describe('for the orders that it sends: tells them from those of others'), mode: z.enum(MODES), symbols: z.array(z.string()),
  broker: z.string().nullable(), config: z.record(z.string(), z.unknown()), windDownPolicy: z.enum(['keep', 'flatten']), windDownAfterSeconds: z.int(), versionPolicy: z.enum(['alert', 'halt']), retired: z.boolean(),
  retiredAt: time(), createdAt: z.iso.datetime(), updatedAt: z.iso.datetime(), liveness: z.enum(['online', 'suspect', 'offline']),
  canTrade: z.boolean(), desiredState: desiredStateSchema, state: agentStateSchema,
}).meta({ id: 'Agent' });

/** What a replay says in place of the key. */
const replayed = { secretAlreadyShown: z.literal(true).optional() };

export const newAgentSchema = agentSchema.extend({ apiKey: z.string().nullable().describe('shown once'), ...replayed }).meta({ id: 'NewAgent' });

export const heartbeatAnswerSchema = z.object({
  desiredState: desiredStateSchema, tradingLeaseSeconds: z.int(), heartbeatSeconds: z.int(), serverTime: z.iso.datetime(),
}).meta({ id: 'HeartbeatAnswer' });

export const apiKeySchema = z.object({
  id: z.uuid(), agentId: z.uuid(), name: z.string(), prefix: z.string(), scopes: z.array(z.enum(SCOPES)), expiresAt: time(),
  revokedAt: time(), lastUsedAt: time(), createdAt: z.iso.datetime(), rateLimitPerSecond: z.int().nullable().describe('null: no limit'),
}).meta({ id: 'ApiKey' });
export const newApiKeySchema = apiKeySchema.extend({ apiKey: z.string().nullable().describe('shown once'), ...replayed }).meta({ id: 'NewApiKey' });

export function toAgentState(row: AgentWithState): z.output<typeof agentStateSchema> {
  const liveness = livenessOf(row.silent_seconds);
  return {
    status: row.status, mode: row.mode, liveness, canTrade: canTrade(row), lastSeenAt: row.last_seen_at, cycleCount: row.cycle_count,
    lastCycleAt: row.last_cycle_at, equity: row.equity, balance: row.balance, margin: row.margin, marginFree: row.margin_free,
    floatingPnl: row.floating_pnl, currency: row.currency, asOf: row.as_of, openPositions: row.open_positions, errorMessage: row.error_message,
    openingsSuspended: row.openings_suspended, brokerConnected: row.broker_connected, tradeAllowed: row.trade_allowed, lastQuoteAt: row.last_quote_at,
    observedStateVersion: row.observed_state_version, desiredState: desiredStateOf(row), instanceId: row.instance_id,
    agentVersion: row.agent_version, configHash: row.config_hash, brokerAccount: row.broker_account, accountMismatch: row.account_mismatch, positionsAsOf: row.positions_as_of, startedAt: row.started_at,
    uptimeSeconds: liveness === 'offline' || row.uptime_seconds === null ? null : Math.floor(Number(row.uptime_seconds)), config: row.config,
  };
}

export function toAgent(row: AgentWithState): z.output<typeof agentSchema> {
  const state = toAgentState(row);
  return {
    id: row.id, name: row.name, accountId: row.account_id, account: row.account, magic: row.magic, mode: row.mode, symbols: row.symbols, broker: row.broker,
    config: row.config, windDownPolicy: row.wind_down_policy, windDownAfterSeconds: row.wind_down_after_seconds, versionPolicy: row.version_policy, retired: row.retired_at !== null, retiredAt: row.retired_at,
    createdAt: row.created_at, updatedAt: row.updated_at, liveness: state.liveness, canTrade: state.canTrade,
    desiredState: state.desiredState, state,
  };
}

export const toApiKey = (row: ApiKeyRow): z.output<typeof apiKeySchema> => ({
  id: row.id, agentId: row.agent_id, name: row.name, prefix: row.prefix, scopes: row.scopes, expiresAt: row.expires_at,
  revokedAt: row.revoked_at, lastUsedAt: row.last_used_at, createdAt: row.created_at, rateLimitPerSecond: row.rate_limit_per_second,
});
