import { z } from 'zod';
import { monitorSchema } from '../system-monitor/system-monitor.schemas.js';
import { replicaSchema } from './replica-shown.js';
import { backupShownSchema } from '../backup/backups-shown.js';
import { drillShownSchema } from '../restore/drills-shown.js';
import { retentionSchema } from '../retention/retention-shown.js';

export const SAMPLE_SECONDS = 10;
export const SAMPLES_MOST = 360;

const time = () => z.iso.datetime().nullable();
const count = () => z.int();

const sampleSchema = z.object({
  at: z.iso.datetime(), size: count(), max: count(), total: count(), active: count(), idle: count(), waiting: count(), timeouts: count().describe('since the sample before'),
  latencyMs: z.number().nullable().describe('of "select 1" on a connection beside the pool; null: the database did not answer within a second'),
});
export type Sample = z.output<typeof sampleSchema>;

export const systemSchema = z.object({
  at: z.iso.datetime().describe("by this instance's clock"),
  instance: z.object({
    startedAt: z.iso.datetime(), uptimeSeconds: count(), version: z.string(), node: z.string(),
    memory: z.object({ rssBytes: count(), heapUsedBytes: count(), heapTotalBytes: count(), externalBytes: count() }),
  }),
  database: z.object({
    available: z.boolean(), error: z.string().nullable(), latencyMs: z.number().nullable(), roles: z.enum(['separate', 'single', 'unknown']), connections: count().nullable().describe('that others have, of all instances'),
    bytes: z.int().nullable().describe('null: not known; looked up once a minute'), tables: z.array(z.object({ name: z.string(), bytes: z.int().describe('with its indexes and parts') })).nullable().describe('the 20 largest; null: not known'),
    sizesAsOf: time(),
  }),
  schema: z.object({ version: z.string().nullable(), applied: count(), pending: z.array(z.string()) }).nullable().describe('null: not known'),
  pool: z.object({
    type: z.enum(['pooled', 'null']), size: count(), overflow: count(), max: count(), total: count(), active: count(), idle: count(), waiting: count(), acquiredTotal: count(), timeoutsTotal: count(),
    timeoutSeconds: z.number(), recycleSeconds: z.number(), prePing: z.boolean(),
  }).describe('of this instance, now'),
  samples: z.object({ everySeconds: z.literal(SAMPLE_SECONDS), items: z.array(sampleSchema) }).describe('of this instance, oldest first: the last hour, or since it started'),
  events: z.object({
    streams: count().describe('open on this instance'), behindSeconds: z.number().nullable().describe('for how long there may be events that streams were not told; null while nobody follows, or it is not known'),
    listen: z.enum(['on', 'off', 'lost']).describe('off: DB_LISTEN; lost: the connection is not there now'),
  }),
  schedules: z.array(z.object({
    name: z.string(), everySeconds: z.number().nullable().describe('null: this version does not run it'), lastRunAt: time(), nextRunAt: time().describe('null: it has never run'), isRunning: z.boolean(), isLate: z.boolean().describe('due for longer than two minutes, and nobody runs it'), lastError: z.string().nullable(),
  })).nullable().describe('of all instances; null: not known'),
  monitor: monitorSchema.nullable().describe('the whole system as one picture; null: nobody has looked for a minute'),
  mirrors: z.array(z.object({
    id: z.uuid(), place: z.string(), shape: z.string(), behindEvents: z.number().describe('numbers of the event log that it has not looked at'), behindSeconds: z.number().nullable().describe('since when it may lack something; null: it was never whole'),
    silentSeconds: z.number().describe('since it last said anything'), rowsWritten: z.number(), error: z.string().nullable(),
  })).nullable().describe("of old systems' files; null: not known"),
  disk: z.object({
    minPercent: count().describe('DISK_FREE_MIN_PERCENT'),
    folders: z.array(z.object({
      folder: z.enum(['data', 'backups', 'database']).describe('DATA_DIR, BACKUP_DIR, and where the embedded database lies'), path: z.string(), freeBytes: z.int(), totalBytes: z.int(),
      freePercent: z.number().describe('of what may be written'), isLow: z.boolean(),
    })).describe('those that are there'),
  }).nullable().describe('where this instance keeps files; null: not known'),
  statements: z.array(z.object({ statement: z.string(), calls: z.number(), totalMs: z.number(), meanMs: z.number(), rows: z.number() })).nullable().describe('what took most of the time of the database, from pg_stat_statements; null where that is not there, or not known'),
  replica: replicaSchema,
  backup: backupShownSchema.nullable().describe('null: not known'),
  restoreDrill: drillShownSchema.nullable().describe('null: not known'),
  retention: retentionSchema,
}).meta({ id: 'System' });

export type System = z.output<typeof systemSchema>;
