import { z } from 'zod';
import { uuid } from '../common/fields.js';
import { pageQuery } from '../common/pagination.js';
import { inOrder, timeWindow } from '../common/time-window.js';
import type { CheckedRow } from './check-row.js';
import { DECISION_TYPES, type DecisionRow, IMPORT_STREAM, SYSTEM_STREAM } from './decision.js';
import type { StreamVerdict, Verdict } from './decision-verifier.js';
import { type Finding, PROBLEMS, type ProblemCode } from './stream-check.js';
import { CURSOR } from './verify-cursor.js';

const VERIFY_ROWS = { usual: 20_000, most: 100_000 };

const streamOf = () => z.union([uuid(), z.literal(SYSTEM_STREAM), z.string().regex(IMPORT_STREAM)], { error: 'must be the UUID of an account, or system, or import: and the UUID of a run' })
  .optional().describe('whose chain: an account, `system` for what concerns no single account, or `import:` and a run\'s id for what it brought');

export const decisionsQuery = z.strictObject({
  ...pageQuery,
  type: z.enum(DECISION_TYPES).optional(),
  agentId: uuid().optional(),
  accountId: streamOf(),
  ideaId: uuid().optional(),
  ...timeWindow,
}).superRefine(inOrder);

export const verifyQuery = z.strictObject({
  accountId: streamOf(),
  cursor: z.string().regex(CURSOR, { error: 'is not a cursor that this check gave' }).optional().describe('`nextCursor` of the part before, with the same accountId'),
  rows: z.string({ error: 'must be given once' }).refine((text) => /^\d{1,6}$/.test(text) && Number(text) >= 1 && Number(text) <= VERIFY_ROWS.most, {
    error: `must be a whole number from 1 to ${VERIFY_ROWS.most}`,
  }).transform(Number).default(VERIFY_ROWS.usual)
    .meta({ type: 'integer', minimum: 1, maximum: VERIFY_ROWS.most, description: `about so many rows, and five seconds at most; ${VERIFY_ROWS.usual} by default` }),
});

export const decisionSchema = z.object({
  id: z.uuid(),
  type: z.enum(DECISION_TYPES),
  at: z.iso.datetime(),
  actor: z.string(),
  accountId: z.uuid().nullable().describe('null: it concerns no single account, and stands in the chain `system`, or was imported'),
  agentId: z.uuid().nullable(),
  strategyId: z.uuid().nullable(),
  ideaId: z.uuid().nullable(),
  commandId: z.uuid().nullable(),
  haltId: z.uuid().nullable(),
  snapshotRef: z.string().nullable(),
  riskCheckResult: z.unknown().describe('what the gate saw, rule by rule; null when it was not asked'),
  humanOverride: z.unknown().describe('what a person decided beside it; null when nobody did'),
  reason: z.string().nullable().describe('with credentials masked'),
  importRunId: z.uuid().nullable().describe('the import that brought it; null: it was made here'),
  decidedAt: z.string().nullable().describe('of an imported one: when it was decided in the system that it came from; `at` is when it came'),
  correlationId: z.string().nullable(),
  number: z.int().describe('in its chain, from 1 without a gap'),
  hash: z.string(),
  previousHash: z.string().nullable(),
  keyId: z.string().describe('which AUDIT_KEY sealed it'),
  seal: z.enum(['intact', 'broken', 'unknown_key', 'unread']).describe('broken: the row was changed after it was written; unread: its archive file could not be read, and nothing of its text is here; whether rows are missing, `/decisions/verify` says'),
  archive: z.object({ file: z.string(), read: z.boolean() }).nullable().describe('of an old one: the file in ARCHIVE_DIR that holds its text now; null: it stands in the database'),
}).meta({ id: 'Decision' });

/** From the sealed text. Of a row that was changed so that it cannot be read, what the columns say. */
export const toDecision = (row: DecisionRow, { seal, text, changed }: CheckedRow): z.output<typeof decisionSchema> => ({
  id: row.id, type: row.type, at: row.at, actor: text?.actor ?? 'unknown', accountId: row.stream === SYSTEM_STREAM || IMPORT_STREAM.test(row.stream) ? null : row.stream, agentId: row.agent_id,
  strategyId: text?.strategyId ?? null, ideaId: row.idea_id, commandId: row.command_id, haltId: row.halt_id, snapshotRef: text?.snapshotRef ?? null,
  riskCheckResult: text?.riskCheckResult ?? null, humanOverride: text?.humanOverride ?? null, reason: text?.reason ?? null,
  importRunId: IMPORT_STREAM.test(row.stream) ? row.stream.slice('import:'.length) : null, decidedAt: text?.decidedAt ?? null,
  correlationId: text?.correlationId ?? null, number: row.number, hash: row.hash, previousHash: text?.previous ?? null, keyId: row.key_id,
  seal: changed.length > 0 ? 'broken' : seal, archive: row.archive ?? null,
});

const findingSchema = z.object({
  stream: z.string(),
  number: z.int().nullable().describe('in the chain; null: it concerns the head, or no single row'),
  id: z.uuid().nullable(),
  at: z.iso.datetime().nullable(),
  problem: z.enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]),
  detail: z.string(),
});

export const verdictSchema = z.object({
  ok: z.boolean().describe('nothing is wrong as far as this part went, and nothing was left unchecked'),
  complete: z.boolean().describe('false: go on with `nextCursor`'),
  checked: z.int().describe('rows of this part'),
  unchecked: z.int().describe('of these, rows that were sealed under a key that this server does not have, or whose archive file cannot be read'),
  found: z.int().describe('how many findings there are; the first hundred are listed'),
  firstBad: findingSchema.nullable(),
  findings: z.array(findingSchema),
  streams: z.array(z.object({ stream: z.string(), checked: z.int(), ok: z.boolean(), firstBad: findingSchema.nullable() })),
  nextCursor: z.string().nullable(),
}).meta({ id: 'DecisionsVerdict' });

export const toVerdict = ({ ok, complete, checked, unchecked, found, findings, streams }: Verdict, nextCursor: string | null): z.output<typeof verdictSchema> => ({
  ok, complete, checked, unchecked, found, firstBad: findings[0] ?? null, findings: findings satisfies Finding[], streams: streams satisfies StreamVerdict[], nextCursor,
});
