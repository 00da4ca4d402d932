import { z } from 'zod';
import { reason } from '../auth/reason-field.js';
import { decimal, decimalText, jsonObject, symbol, uuid } from '../common/fields.js';
import { putBack } from '../common/http/put-back.js';
import { pageQuery } from '../common/pagination.js';
import { BREAKER_NAMES, BREAKERS, HALT_MODES, RESET_RULES, SCOPE_TYPES, STATES } from './breakers.js';
import type { BreakerRow, BreakerVersionRow } from './breaker-config.repository.js';
import type { ScopeSeen } from './evaluation.service.js';
import { PARAMETERS, resetSchema, type Settings } from './breaker-settings.js';
import { resetsOf } from './resets.js';

const MODES = ['simulation', 'paper', 'live'] as const;

/** Which breaker is meant is looked up: an unknown one is 404. */
export const breakerParam = z.strictObject({ name: z.string().max(100) });
export const breakersQuery = z.strictObject({ accountId: uuid().optional().describe("only scopes of this account; a key's own by default") });
export const versionsQuery = z.strictObject(pageQuery);

const scopeSchema = z.strictObject({
  type: z.enum(SCOPE_TYPES).describe("as the breaker's"),
  id: symbol().nullish().describe('of the account or agent, or the canonical symbol; none for global'),
  accountId: uuid().nullish().describe('of a symbol'),
  executionMode: z.enum(MODES).nullish().describe('of an account or a symbol'),
});
export type AskedScope = z.output<typeof scopeSchema>;

export const tripSchema = z.strictObject({ reason: reason(), scope: scopeSchema.nullish().describe('none: everywhere, of a breaker of symbols not') });
export const resetBreakerSchema = z.strictObject({ reason: reason(), scope: scopeSchema.nullish().describe('none: wherever the breaker is not active') });

const resetsSchema = z.object({
  rule: z.enum([...RESET_RULES, 'test', 'figure']).nullable().describe('null: nothing has to be reset'), at: z.iso.datetime().nullable().describe('null: not by time'),
  tradesLeft: z.int().nullable().describe('of a test'), sentence: z.string().describe('for people'),
});

export const breakerStateSchema = z.object({
  scope: z.object({ type: z.enum(SCOPE_TYPES), id: z.string().nullable() }),
  accountId: z.uuid().nullable(), executionMode: z.enum(MODES).nullable(),
  state: z.enum(STATES),
  value: decimalText().nullable().describe('as of now; of what has tripped: when it did'),
  limit: decimalText().nullable(),
  unit: z.string().nullable(),
  samples: z.int().nullable().describe('null: it has none, or nothing was measured'),
  since: z.iso.datetime().nullable().describe('null: always'),
  resets: resetsSchema,
  haltId: z.uuid().nullable(),
}).meta({ id: 'CircuitBreakerState' });

const shownReset = z.object({ rule: z.enum(RESET_RULES), afterSeconds: z.int().nullable(), testingTrades: z.int().nullable(), testingSizeFraction: decimalText().nullable() });

export const breakerSchema = z.object({
  name: z.enum(BREAKER_NAMES), means: z.string().describe('what it measures'), scope: z.enum(SCOPE_TYPES),
  trips: z.enum(['atLeast', 'below']).describe('which side of the limit trips it; the limit itself does of atLeast'),
  unit: z.string().nullable().describe("of value and limit; null: the account's currency"),
  enabled: z.boolean(), minimumSamples: z.int().nullable(), warningFraction: decimalText().nullable(), haltMode: z.enum(HALT_MODES), reset: shownReset,
  parameters: z.record(z.string(), z.unknown()).describe('units stand in the names'),
  takes: z.object({
    samples: z.boolean().describe('false: minimumSamples must be null'), resetRules: z.array(z.enum(RESET_RULES)), parameters: z.record(z.string(), z.unknown()).describe('JSON Schema'),
  }).describe('what a change of its settings may say'),
  version: z.int(), updatedAt: z.iso.datetime(), updatedBy: z.string(),
  states: z.array(breakerStateSchema).describe('of each scope of which something is known; those that are not active first'),
  statesLeftOut: z.int().describe('scopes beyond the first 500'),
}).meta({ id: 'CircuitBreaker' });

/** Whole, as /risk-config. What stands in `parameters` depends on the breaker. */
export const putBreakerSchema = putBack(z.strictObject({
  enabled: z.boolean(),
  minimumSamples: z.int().min(1).max(1_000).nullable().describe('fewer trip nothing; null for breakers that have no samples'),
  warningFraction: decimal({ above: '0', max: '0.999999' }).nullable().describe('of the limit; null: no warning'),
  haltMode: z.enum(HALT_MODES).describe('what it imposes on its scope'),
  reset: resetSchema,
  parameters: jsonObject(4_096),
  reason: reason().nullish(),
}), breakerSchema);

export const breakersSchema = z.object({ items: z.array(breakerSchema) }).meta({ id: 'CircuitBreakers' });

export const breakerVersionSchema = z.object({
  version: z.int(), content: z.record(z.string(), z.unknown()), changed: z.array(z.object({ field: z.string(), before: z.unknown(), after: z.unknown() })),
  reason: z.string().nullable(), actor: z.string(), recordedAt: z.iso.datetime(),
}).meta({ id: 'CircuitBreakerVersion' });

/** Of one scope its state, of everywhere all that it tripped. */
export const tripAnswerSchema = z.union([breakerStateSchema, z.object({ name: z.enum(BREAKER_NAMES), tripped: z.array(breakerStateSchema) }).meta({ id: 'CircuitBreakerTrips' })]);
export const resetAnswerSchema = z.object({ name: z.enum(BREAKER_NAMES), reset: z.array(breakerStateSchema) }).meta({ id: 'CircuitBreakerReset' });

/** As they are sent; the same for as long as the server runs. */
const parametersTaken = new Map<string, Record<string, unknown>>(BREAKER_NAMES.map((name) => [name, z.toJSONSchema(PARAMETERS[name], { io: 'input', unrepresentable: 'any' })]));

const STATES_SHOWN = 500;
const ORDER = ['tripped', 'cooling_down', 'testing', 'warning', 'active'];

const resetShown = ({ rule, afterSeconds = null, testingTrades = null, testingSizeFraction = null }: Settings['reset']): z.output<typeof shownReset> => ({ rule, afterSeconds, testingTrades, testingSizeFraction });

export function toBreakerState({ key, figure, currency, state, trial }: ScopeSeen, settings: Settings): z.output<typeof breakerStateSchema> {
  const kind = BREAKERS[key.breaker];
  const at = state?.state ?? 'active';
  const isLive = at === 'active' || at === 'warning' || at === 'testing';
  return {
    scope: { type: key.scopeType, id: key.scopeId }, accountId: key.book?.account_id ?? null, executionMode: key.book?.execution_mode ?? null, state: at,
    value: isLive ? (figure?.value ?? null) : (state?.value ?? null), limit: isLive ? (figure?.limit ?? null) : (state?.limit_value ?? null),
    unit: kind.unit ?? currency ?? state?.unit ?? null, samples: kind.samples ? (figure?.samples ?? null) : null, since: state?.since ?? null,
    resets: resetsOf(at, state?.resets_at ?? null, trial.ended, settings, kind), haltId: state?.halt_id ?? null,
  };
}

export function toBreaker(row: BreakerRow, settings: Settings, seen: readonly ScopeSeen[]): z.output<typeof breakerSchema> {
  const { scope, unit, trips, means, samples, resets } = BREAKERS[row.name];
  const states = seen.map((each) => toBreakerState(each, settings)).sort((one, other) => ORDER.indexOf(one.state) - ORDER.indexOf(other.state));
  return {
    name: row.name, means, scope, trips, unit, enabled: settings.enabled, minimumSamples: settings.minimumSamples, warningFraction: settings.warningFraction, haltMode: settings.haltMode,
    reset: resetShown(settings.reset), parameters: settings.parameters,
    takes: { samples, resetRules: [...resets], parameters: parametersTaken.get(row.name) ?? {} }, version: row.version, updatedAt: row.updated_at, updatedBy: row.updated_by,
    states: states.slice(0, STATES_SHOWN), statesLeftOut: Math.max(states.length - STATES_SHOWN, 0),
  };
}

export const toBreakerVersion = ({ version, content, changed, reason: why, actor, recorded_at }: BreakerVersionRow): z.output<typeof breakerVersionSchema> =>
  ({ version, content, changed, reason: why, actor, recordedAt: recorded_at });
