import { z } from 'zod';
import { reason } from '../auth/reason-field.js';
import { putBack } from '../common/http/put-back.js';
import { staleFields } from '../common/http/stale.js';
import { pageQuery } from '../common/pagination.js';
import { type Effect, globalLimits, isAmount, LIMIT_NAMES, type LimitValues, limitWarnings, shownGlobalLimits, valuesOf } from '../limits/limit-fields.js';
import type { HistoryRow, RiskConfigRow } from './risk-config.repository.js';

export const historyQuery = z.strictObject(pageQuery);

export const riskConfigSchema = z.object({
  ...shownGlobalLimits, version: z.int(), updatedAt: z.iso.datetime(), updatedBy: z.string(), lastHaltReason: z.string().nullable(),
  warnings: z.array(z.string()).describe('limits that are off or let nothing through, for people'),
}).meta({ id: 'RiskConfig' });
/** Whole: a limit that was left out by mistake must not be taken away by it. */
export const putRiskConfigSchema = putBack(z.strictObject({ ...globalLimits, reason: reason().nullish() }), riskConfigSchema);
export const readRiskConfigSchema = riskConfigSchema.extend(staleFields).meta({ id: 'RiskConfigRead' });

const value = z.union([z.boolean(), z.number(), z.string()]).nullable();
export const historySchema = z.object({
  version: z.int(), effect: z.enum(['none', 'tighter', 'looser']).describe('looser as soon as one field is'),
  changed: z.array(z.object({ field: z.string(), before: value, after: value, effect: z.enum(['tighter', 'looser']) })),
  content: z.record(z.string(), value), currency: z.string().describe('of the amounts'), reason: z.string().nullable(), actor: z.string(), recordedAt: z.iso.datetime(),
}).meta({ id: 'LimitsVersion' });

/** The shape of an answer; switches are never null for everybody. */
type RiskConfigValues = LimitValues & { [K in 'aiTradingEnabled' | 'requireApproval' | 'stopAfterTarget' | 'haltOnDrawdown' | 'allowOffWatchlistAutotrade']: boolean };

export function toRiskConfig(row: RiskConfigRow, baseCurrency: string): z.output<typeof riskConfigSchema> {
  const values = valuesOf(row) as RiskConfigValues;
  return {
    ...values, version: row.version, updatedAt: row.updated_at, updatedBy: row.updated_by, lastHaltReason: row.last_halt_reason,
    warnings: [...otherCurrency(values, row.currency, baseCurrency), ...limitWarnings(values)],
  };
}

/** An amount keeps the currency in which it was written, whatever the setting says later. */
export const otherCurrency = (values: LimitValues, currency: string, expected: string): string[] =>
  currency !== expected && LIMIT_NAMES.some((name) => isAmount(name) && values[name] !== null) ? [`amounts are in ${currency}, in which they were written, not in ${expected}`] : [];

export const toHistory = (row: HistoryRow): z.output<typeof historySchema> => ({
  version: row.version, effect: row.effect as Effect | 'none', changed: row.changed, content: row.content, currency: row.currency, reason: row.reason, actor: row.actor, recordedAt: row.recorded_at,
});
