import { z } from 'zod';
import { reason } from '../auth/reason-field.js';
import { uuid } from '../common/fields.js';
import { pageQuery } from '../common/pagination.js';
import { inOrder, timeWindow } from '../common/time-window.js';
import { ALERT_STATUSES, type AlertRow, type WholeAlert } from './alerts.repository.js';
import { FINISHED_STATUSES } from './inbox/finished.repository.js';

/** As an alert's stream is called: `NSE:INFY`. */
const stream = () => z.string().trim().min(1).max(200);
const code = () => z.string().regex(/^[A-Z][A-Z0-9_]{2,63}$/, { error: 'must be a code in capitals, such as SYMBOL_MISSING' });

export const alertsQuery = z.strictObject({
  ...pageQuery, status: z.enum(ALERT_STATUSES).optional(), sourceId: uuid().optional(), symbol: stream().optional().describe('in our spelling, with its exchange where it has one: `NSE:INFY`'), ...timeWindow,
}).superRefine(inOrder);

export const redriveSchema = z.strictObject({
  reason: reason(500).optional(), run: z.int().min(1).max(2_147_483_647).optional().describe('redrive this run only: another one is answered 409, so that two people do not do it twice'),
});

/** What was carried out may be redriven one by one only: each of them may open a position once more. */
const BULK_STATUSES = ['quarantined', 'failed', 'expired', 'ignored'] as const;
const filter = z.strictObject({
  sourceId: uuid().optional(), status: z.enum(BULK_STATUSES).optional().describe('quarantined and failed unless said'), symbol: stream().optional(),
  from: timeWindow.from, to: timeWindow.to, code: code().optional().describe('those that ended with this code'),
}).superRefine(inOrder);
export const redriveManySchema = z.strictObject({ filter, reason: reason(500).optional() });
export type RedriveMany = z.output<typeof redriveManySchema>;
export const redrivenSchema = z.object({ redriven: z.int().describe('all of them or, where the call fails, none'), more: z.boolean().describe('whether others fit the filter: ask again') });

const time = () => z.iso.datetime().nullable();
const fields = {
  id: z.uuid(), sourceId: z.uuid(), status: z.enum(ALERT_STATUSES), symbol: z.string().describe('in our spelling; empty: not known'),
  isExit: z.boolean().nullable().describe('reduces, whatever is held: it waits behind no entry; null: not mapped'),
  code: z.string().nullable().describe('why it ended, or why it waits; of a refused idea its first reason; null when it was carried out'), detail: z.string().nullable(),
  receivedAt: z.iso.datetime(), finishedAt: time(), run: z.int().describe('1, and one more for each redrive'), redrivenAt: time(), redrivenBy: z.string().nullable(),
  attempts: z.int().describe('of this run, that failed'), nextAttemptAt: time().describe('null once it has ended'),
  keyKind: z.enum(['explicit', 'bar', 'content', 'bytes']).describe('what makes another one its duplicate'), duplicateCount: z.int(), lastDuplicateAt: time(),
  contentType: z.string().nullable(), sender: z.string().nullable().describe('address'), correlationId: z.string().nullable(),
};
export const alertSchema = z.object(fields).meta({ id: 'Alert' });

const outcome = z.record(z.string(), z.unknown()).nullable().describe('what was done, and which defaults of the source were applied');
export const wholeAlertSchema = z.object({
  ...fields,
  body: z.string().describe('as it came, with secrets masked; empty when it was removed'), bodyRemovedAt: time().describe('when retention removed it: it cannot be redriven any more'), bodyEncoding: z.enum(['utf-8', 'base64']).describe('base64: it is no text'),
  signal: z.record(z.string(), z.unknown()).nullable().describe('what it says in our words; null: not mapped'), outcome,
  runs: z.array(z.object({ run: z.int(), status: z.enum(FINISHED_STATUSES), code: z.string().nullable(), detail: z.string().nullable(), outcome, actor: z.string(), at: z.iso.datetime() })).describe('that have ended, newest first, 20 at most'),
  ideas: z.array(z.object({ id: z.uuid(), run: z.int(), status: z.string() })), closures: z.array(z.object({ id: z.uuid(), tradeId: z.uuid(), endedAs: z.string().nullable() })),
  commandIds: z.array(z.string()),
}).meta({ id: 'WholeAlert' });

export const toAlert = (row: AlertRow): z.output<typeof alertSchema> => ({
  id: row.id, sourceId: row.source_id, status: row.status, symbol: row.symbol, isExit: row.is_exit, code: row.code, detail: row.detail, receivedAt: row.received_at,
  finishedAt: row.finished_at, run: row.run, redrivenAt: row.redriven_at, redrivenBy: row.redriven_by, attempts: row.attempts,
  nextAttemptAt: row.status === 'received' ? row.next_attempt_at : null, keyKind: row.key_kind, duplicateCount: row.duplicate_count, lastDuplicateAt: row.last_duplicate_at,
  contentType: row.content_type, sender: row.sender, correlationId: row.correlation_id,
});

export const toWholeAlert = (row: WholeAlert): z.output<typeof wholeAlertSchema> => ({
  ...toAlert(row), ...shown(row.body), bodyRemovedAt: row.body_removed_at, signal: row.signal, outcome: row.outcome, runs: row.runs, ideas: row.ideas, closures: row.closures,
  commandIds: [...new Set([row, ...row.runs].flatMap(commandsOf))],
});

/** A body with bytes that are no text would change on its way into JSON. */
function shown(body: Buffer): { body: string; bodyEncoding: 'utf-8' | 'base64' } {
  try {
    return { body: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body), bodyEncoding: 'utf-8' };
  } catch {
    return { body: body.toString('base64'), bodyEncoding: 'base64' };
  }
}

const commandsOf = ({ outcome: done }: { outcome: Record<string, unknown> | null }): string[] => {
  const ids = done?.['commandIds'];
  return Array.isArray(ids) ? ids.filter((id) => typeof id === 'string') : [];
};
