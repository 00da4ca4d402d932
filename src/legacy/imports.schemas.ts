import { z } from 'zod';
import { text } from '../common/fields.js';
import { pageQuery } from '../common/pagination.js';
import { type RejectRow, type RunRow, RUN_STATUSES } from './imports.repository.js';
import { SYSTEMS } from './profile.js';

export const importsQuery = z.strictObject({ ...pageQuery, source: text(100).optional(), status: z.enum(RUN_STATUSES).optional() });
export const rejectsQuery = z.strictObject({ ...pageQuery });

const time = () => z.iso.datetime().nullable();

export const importSchema = z.object({
  id: z.uuid(),
  source: z.object({ name: z.string(), file: z.string(), sha256: z.string(), system: z.enum(SYSTEMS), shape: z.string() }),
  status: z.enum(RUN_STATUSES).describe('running for ever: by batches and ended half way; `import --batch … --resume` goes on with it'),
  options: z.record(z.string(), z.unknown()),
  tables: z.array(z.record(z.string(), z.unknown())).describe('of each table of the source: read = imported + unchanged + archived + rejected, and what became of each column'),
  sums: z.record(z.string(), z.unknown()).describe('of columns of money, as decimal text, in the source and here'),
  notes: z.record(z.string(), z.int()).describe('what was changed in reading, by code, and how often'),
  secrets: z.array(z.object({ table: z.string(), column: z.string(), count: z.int() })).describe('what was not stored, and where it stood'),
  rejects: z.int(),
  proof: z.record(z.string(), z.unknown()).nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  actor: z.string(),
  appVersion: z.string(),
  startedAt: z.iso.datetime(),
  finishedAt: time(),
  rolledBackAt: time(),
  rolledBackBy: z.string().nullable(),
}).meta({ id: 'Import' });

export const toImport = (row: RunRow): z.output<typeof importSchema> => ({
  id: row.id, source: { name: row.source, file: row.file_name, sha256: row.sha256, system: row.system as (typeof SYSTEMS)[number], shape: row.shape }, status: row.status, options: row.options,
  tables: row.tables, sums: row.sums, notes: row.notes, secrets: row.secrets, rejects: row.rejects, proof: row.proof, error: row.error, actor: row.actor, appVersion: row.app_version,
  startedAt: row.started_at, finishedAt: row.finished_at, rolledBackAt: row.rolled_back_at, rolledBackBy: row.rolled_back_by,
});

export const rejectSchema = z.object({
  table: z.string(),
  oldId: z.string(),
  code: z.string(),
  column: z.string().nullable(),
  detail: z.string(),
  original: z.unknown().describe('the old row, without its secrets'),
}).meta({ id: 'ImportReject' });

export const toReject = (row: RejectRow): z.output<typeof rejectSchema> => ({ table: row.table_name, oldId: row.old_id, code: row.code, column: row.column_name, detail: row.detail, original: row.original });
