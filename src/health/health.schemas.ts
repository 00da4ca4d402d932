import { z } from 'zod';
import { LEVELS, PART_LEVELS, PARTS } from '../system-monitor/parts.js';

export const liveSchema = z.object({ status: z.literal('ok'), uptimeSeconds: z.int() }).meta({ id: 'Live' });
export const readySchema = z.object({ status: z.literal('ok') }).meta({ id: 'Ready' });
export const unreadySchema = z.object({ status: z.literal('unavailable'), reason: z.string() }).meta({ id: 'Unready' });

const checks = () => z.record(z.string(), z.object({ status: z.enum(['up', 'down']), message: z.string().optional() }));

export const healthSchema = z.object({
  status: z.enum(['ok', 'error', 'shutting_down']), info: checks().describe('what is up'), error: checks().describe('what is down'), details: checks().describe('both'),
  database: z.object({
    available: z.boolean(), latency_ms: z.number().nullable(), schema_version: z.string().nullable(), tables: z.array(z.string()), connections: z.int().nullable(),
    pool_size: z.int(), error: z.string().nullable().describe('why it is not available'), roles: z.enum(['separate', 'single', 'unknown']),
  }),
  pool: z.object({
    type: z.enum(['pooled', 'null']), size: z.int(), overflow: z.int(), max: z.int(), timeoutSeconds: z.number(), recycleSeconds: z.number(), prePing: z.boolean(),
    total: z.int(), idle: z.int(), active: z.int(), waiting: z.int(), acquiredTotal: z.int(), timeoutsTotal: z.int(),
  }),
  mirrors: z.array(z.object({
    id: z.string(), shape: z.string(), behindEvents: z.int(), behindSeconds: z.number().nullable().describe('null: it was never whole'), silentSeconds: z.number(), rowsWritten: z.int(), failing: z.boolean(),
  })).nullable().describe('null: not known'),
  system: z.object({
    level: z.enum(LEVELS), cause: z.enum(PARTS).nullable(), openingsSuspended: z.boolean(), parts: z.record(z.string(), z.enum(PART_LEVELS)),
  }).nullable().describe('null: not known'),
  backup: z.object({
    lastVerifiedHours: z.number().nullable(), lastOffsiteHours: z.number().nullable(), overdue: z.boolean().nullable(), failing: z.boolean(),
  }).nullable().describe('null: not known'),
  version: z.string(), uptimeSeconds: z.int(),
}).meta({ id: 'Health' });
