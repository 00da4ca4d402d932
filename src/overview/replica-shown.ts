import { z } from 'zod';
import type { Replica } from '../database/replica/replica.service.js';
import type { ReportReading } from '../database/replica/report-reading.js';

export const replicaSchema = z.object({
  reason: z.enum(['unknown', 'away', 'behind']).nullable().describe('why reports are read from the primary; null: they are read from the replica'),
  lagSeconds: z.number().nullable().describe('how old what it shows is at most; null: not known'), lagMaxSeconds: z.int(),
  asOf: z.iso.datetime().nullable().describe("it shows at least what was so then, by the primary's clock; null: not known"),
  reads: z.int().describe('reports that this instance read from it since it started'), fallbacks: z.int().describe('reports that it read from the primary instead'),
}).nullable().describe('of DATABASE_REPLICA_URL; null: there is none');

export function replicaShown(replica: Replica, reading: ReportReading, lagMaxSeconds: number): z.output<typeof replicaSchema> {
  if (!replica.isConfigured) return null;
  const { reason, lagSeconds, asOf } = replica.state();
  const { reads, fallbacks } = reading.counts();
  return { reason, lagSeconds, lagMaxSeconds, asOf, reads, fallbacks: [...fallbacks.values()].reduce((sum, count) => sum + count, 0) };
}
