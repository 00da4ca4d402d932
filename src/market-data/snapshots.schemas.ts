import { z } from 'zod';
import { instant, pastInstant } from '../common/fields.js';
import { pageQuery } from '../common/pagination.js';
import type { Place } from '../database/newest-first.js';
import type { SnapshotRow, StoredSnapshot } from './snapshot-kind.js';
import { frameOf } from './timeframe.js';

export const BATCH_MAX = 1_000;

const OLDEST = '1990-01-01T00:00:00.000Z';
const DAY_MS = 86_400_000;
const AHEAD_DAYS_MAX = 366;

/** No feed reaches further back, and each month is a table. */
const isKept = (time: string) => time >= OLDEST;
const NOT_KEPT = { error: 'must be 1990 or later' };
export const marketInstant = () => pastInstant().refine(isKept, NOT_KEPT);
export const plannedInstant = () => instant().refine(isKept, NOT_KEPT)
  .refine((time) => Date.parse(time) <= Date.now() + AHEAD_DAYS_MAX * DAY_MS, { error: `lies more than ${AHEAD_DAYS_MAX} days ahead` });

export const timeframe = () => z.string().trim().refine((text) => frameOf(text) !== null, { error: 'must be a timeframe such as M5, H1, D1, MN1 or 5m, 1h, 1d, 1M' })
  .meta({ examples: ['M5'] });

/** A body of one snapshot, or of `items`: which of the two it is to be is told by that name alone, so that what is wrong is named. */
export function oneOrMany<Item extends z.ZodType>(item: Item, most = BATCH_MAX) {
  const many = z.strictObject({ items: z.array(item).min(1).max(most) });
  const either = z.union([item, many]);
  const isMany = (body: unknown) => typeof body === 'object' && body !== null && !Array.isArray(body) && Object.hasOwn(body, 'items');
  const standard = { ...either['~standard'], validate: (body: unknown) => (isMany(body) ? many : item)['~standard'].validate(body) };
  return { '~standard': standard } as unknown as typeof either;
}

const CURSOR = /^t(\d{1,15})\.(\d{1,18})$/;

/** Query parameters of a list by a time that clients gave, and so in milliseconds: the cursor holds the last row's place, so that nothing has to be looked up. */
export const timedPageQuery = {
  ...pageQuery,
  cursor: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, { error: 'is not a cursor that this list gave' })
    .transform((cursor, context): Place => {
      const [, ms, seq] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
      const at = new Date(Number(ms));
      if (seq !== undefined && !Number.isNaN(at.getTime()) && at.getUTCFullYear() <= 9999) return { at: at.toISOString(), seq };
      context.addIssue({ code: 'custom', message: 'is not a cursor that this list gave' });
      return z.NEVER;
    }).optional(),
};

/** Cuts `limit + 1` rows into a page; `time` is the column that the list is ordered by, before `seq`. */
export function timedPageOf<R extends { seq: number }, T>(rows: R[], limit: number, time: keyof R, map: (row: R) => T) {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const nextCursor = rows.length > limit && last ? Buffer.from(`t${Date.parse(String(last[time]))}.${last.seq}`, 'latin1').toString('base64url') : null;
  return { items: shown.map(map), nextCursor };
}

/** What every snapshot has in an answer. */
export const commonFields = {
  id: z.uuid(),
  agentId: z.uuid().nullable().describe('who told these figures; null for a person, and, to a key, for another agent'),
  revision: z.int().describe('1, and one more with each correction; earlier ones are kept'),
  capturedAt: z.iso.datetime().describe('when these figures were first seen'),
  lastCapturedAt: z.iso.datetime().describe('and when last'),
  createdAt: z.iso.datetime(),
};

export const toCommon = (row: SnapshotRow) => ({
  id: row.id,
  agentId: row.agent_id,
  revision: row.revision,
  capturedAt: row.captured_at,
  lastCapturedAt: row.last_captured_at,
  createdAt: row.created_at,
});

const outcome = {
  outcome: z.enum(['created', 'corrected', 'repeated', 'kept'])
    .describe('new; changed by later figures; there already with these figures; there already with others, which stay'),
  differs: z.array(z.string()).describe('of one that was kept: the fields in which it differs from what was sent'),
};

/** The answer to one snapshot, or to a batch, in the order of the request. */
export const storedSchema = <Answer extends z.ZodObject>(answer: Answer) => z.union([
  answer.extend(outcome),
  z.object({ items: z.array(z.object({ id: z.uuid(), revision: z.int(), ...outcome })) }),
]);

export const outcomeOf = ({ outcome: became, differs }: StoredSnapshot) => ({ outcome: became, differs });
