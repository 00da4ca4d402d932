import { z } from 'zod';
import { reason } from '../auth/reason-field.js';
import type { SuspensionRow } from '../halts/suspensions.repository.js';
import { LEVELS, PART_LEVELS, PARTS } from './parts.js';
import type { SystemMonitor } from './system-monitor.service.js';

export const suspensionSchema = z.object({
  id: z.uuid(), cause: z.string().describe('the part of the system that fails first'), reason: z.string(), since: z.iso.datetime(), lapsesAt: z.iso.datetime().describe('it ends by itself then, unless the monitor renews it'),
  endedAt: z.iso.datetime().nullable(), endedBy: z.string().nullable().describe('system, or the person who lifted it'), endReason: z.string().nullable(),
}).meta({ id: 'Suspension' });

export const liftSchema = z.strictObject({ reason: reason() });

export const toSuspension = (row: SuspensionRow): z.output<typeof suspensionSchema> => ({
  id: row.id, cause: row.cause, reason: row.reason, since: new Date(row.began_at).toISOString(), lapsesAt: new Date(row.lapses_at).toISOString(),
  endedAt: row.ended_at && new Date(row.ended_at).toISOString(), endedBy: row.ended_by, endReason: row.end_reason,
});

export const monitorSchema = z.object({
  level: z.enum(LEVELS).describe('cascading: two parts or more fail that others need'), since: z.iso.datetime(), cause: z.enum(PARTS).nullable().describe('the likely one of what is critical; null: nothing is'), lookedAt: z.iso.datetime(),
  parts: z.array(z.object({ name: z.enum(PARTS), level: z.enum(PART_LEVELS), why: z.string().describe('empty: nothing is wrong'), since: z.iso.datetime() })),
  suspension: suspensionSchema.nullable().describe('of openings, by the system itself; null: they are not held'),
}).meta({ id: 'SystemMonitor' });

/** Null: not known, since nobody has looked for a minute. */
export function shownOf({ status, suspension, known }: SystemMonitor['seen']): z.output<typeof monitorSchema> | null {
  if (!known || status === null) return null;
  const { level, since, cause, looked_at: lookedAt, parts } = status;
  return { level, since: new Date(since).toISOString(), cause, lookedAt: new Date(lookedAt).toISOString(), parts: parts.map(({ name, level: of, why, since: at }) => ({ name, level: of, why, since: new Date(at).toISOString() })), suspension: suspension && toSuspension(suspension) };
}
