import { z } from 'zod';
import { masked } from '../auth/credentials.js';
import { text, uuid } from '../common/fields.js';
import { pageQuery } from '../common/pagination.js';
import { INCIDENT_KIND_NAMES, INCIDENT_KINDS, INCIDENT_SUBJECTS, SEVERITIES } from './incident-kinds.js';
import { INCIDENT_STATUSES, type IncidentRow } from './incidents.repository.js';

const NOTE_CHARACTERS_MAX = 1_000;

export const incidentsQuery = z.strictObject({
  ...pageQuery,
  status: z.enum(INCIDENT_STATUSES).optional(),
  severity: z.enum(SEVERITIES).optional(),
  kind: z.enum(INCIDENT_KIND_NAMES).optional(),
  agentId: uuid().optional(),
  accountId: uuid().optional(),
});

export const acknowledgeSchema = z.strictObject({ note: text(NOTE_CHARACTERS_MAX).transform(masked).nullish() });

const time = () => z.iso.datetime().nullable();

export const incidentSchema = z.object({
  id: z.uuid(),
  kind: z.enum(INCIDENT_KIND_NAMES).describe(INCIDENT_KIND_NAMES.map((kind) => `${kind}: ${INCIDENT_KINDS[kind].means}`).join(' ')),
  severity: z.enum(SEVERITIES),
  status: z.enum(INCIDENT_STATUSES),
  subject: z.object({ type: z.enum(INCIDENT_SUBJECTS), id: z.string() }),
  agentId: z.uuid().nullable(),
  accountId: z.uuid().nullable(),
  summary: z.string(),
  data: z.record(z.string(), z.unknown()),
  openedAt: z.iso.datetime(),
  lastSeenAt: z.iso.datetime(),
  occurrences: z.int().describe('how often the cause was seen since it was opened'),
  repeats: z.int().describe('how often it was told again because nobody had acknowledged it'),
  acknowledgedAt: time(),
  acknowledgedBy: z.string().nullable(),
  note: z.string().nullable(),
  resolvedAt: time(),
  resolvedBy: z.string().nullable(),
  resolution: z.string().nullable(),
}).meta({ id: 'Incident' });

export const toIncident = (row: IncidentRow): z.output<typeof incidentSchema> => ({
  id: row.id, kind: row.kind, severity: row.severity, status: row.status, subject: { type: row.subject_type, id: row.subject_id }, agentId: row.agent_id,
  accountId: row.account_id, summary: row.summary, data: row.data, openedAt: row.opened_at, lastSeenAt: row.last_seen_at, occurrences: row.occurrences,
  repeats: row.repeats, acknowledgedAt: row.acknowledged_at, acknowledgedBy: row.acknowledged_by, note: row.note, resolvedAt: row.resolved_at,
  resolvedBy: row.resolved_by, resolution: row.resolution,
});
