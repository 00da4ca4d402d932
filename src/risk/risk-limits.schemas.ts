import { z } from 'zod';
import { reason } from '../auth/reason-field.js';
import { uuid } from '../common/fields.js';
import { putBack } from '../common/http/put-back.js';
import { LAYERS } from '../limits/effective-limits.js';
import { LIMIT_NAMES, type LimitName, type LimitValues, narrowerLimits, shownNarrowerLimits, valuesOf } from '../limits/limit-fields.js';
import { otherCurrency } from './risk-config.schemas.js';
import { type RiskLimitsRow, SCOPES, type Scope } from './risk-limits.repository.js';

export const ofAccount = z.strictObject({ accountId: uuid() });
export const ofAgent = z.strictObject({ agentId: uuid() });
export const ofStrategy = z.strictObject({ strategyId: uuid() });
export const effectiveQuery = z.strictObject({ agentId: uuid().optional().describe("a key's own by default"), strategyId: uuid().optional() });

export const limitsSchema = z.object({
  scope: z.enum(SCOPES), id: z.uuid(), ...shownNarrowerLimits, currency: z.string().describe("of the amounts: the account's, or BASE_CURRENCY"),
  version: z.int().describe('0: nothing was ever set'), updatedAt: z.iso.datetime().nullable(), updatedBy: z.string().nullable(), warnings: z.array(z.string()),
}).meta({ id: 'Limits' });

/** Whole, as /risk-config: null leaves a field to those above. */
export const putLimitsSchema = putBack(z.strictObject({ ...narrowerLimits, reason: reason().nullish() }), limitsSchema);

const bound = z.object({
  value: z.union([z.boolean(), z.number(), z.string()]), from: z.enum(LAYERS), currency: z.string().nullable().describe('of an amount'),
}).meta({ id: 'LimitBound' });
export const effectiveSchema = z.object({
  agentId: z.uuid().nullable(), accountId: z.uuid().nullable(), strategyId: z.uuid().nullable(),
  limits: z.object(Object.fromEntries(LIMIT_NAMES.map((name) => [name, z.array(bound)])) as Record<LimitName, z.ZodArray<typeof bound>>)
    .describe('of each field the tightest and where it stands; empty: no limit; amounts in two currencies both hold'),
}).meta({ id: 'EffectiveLimits' });

/** @param currency of what is written now */
export function toLimits(scope: Scope, id: string, row: RiskLimitsRow | null, currency: string): z.output<typeof limitsSchema> {
  const values: LimitValues = valuesOf(row ?? {});
  return {
    scope, id, ...values, currency: row?.currency ?? currency, version: row?.version ?? 0, updatedAt: row?.updated_at ?? null, updatedBy: row?.updated_by ?? null,
    warnings: row ? otherCurrency(values, row.currency, currency) : [],
  };
}
