import { z } from 'zod';
import { desiredStateSchema } from '../agents/agents.schemas.js';
import { completeSchema, failSchema, leasedCommandSchema } from '../commands/commands.schemas.js';
import { FAIL_OUTCOMES } from '../commands/command-state.js';
import { text, uuid } from '../common/fields.js';
import { createQuoteSchema } from '../market-data/quotes.schemas.js';
import { reportAnswerSchema, reportSchema } from '../positions/reports.schemas.js';
import { IDEA_STATUSES } from '../trade-ideas/idea-status.js';
import { proposeSchema } from '../trade-ideas/trade-ideas.schemas.js';
import { fillSchema } from '../trades/fills.schemas.js';
import { tradeMarkSchema } from '../trades/marks.schemas.js';
import { createTradeSchema, transitionSchema } from '../trades/trades.schemas.js';

/** All of them are refused in at most 6 of an answer's 8 KiB: 250 bytes each. */
const ELEMENTS_MOST = 24;
/** What a sync carries beside its state, acks and lease; sync-elements.ts says what becomes of each. */
export const ELEMENT_NAMES = ['trades', 'transitions', 'fills', 'marks', 'positions', 'quotes', 'ideas'] as const;
export type ElementName = (typeof ELEMENT_NAMES)[number];
/** What of it cannot even be read is refused by the part, as what is not valid is. */
export const SYNC_IN_PARTS = { route: /\/agents\/:agentId\/sync$/, fields: new Set<string>(['state', ...ELEMENT_NAMES, 'acks']) };
/** ASCII, so that it takes no more room in an answer than here. */
const CLIENT_REF = /^[\x20-\x7e]{1,32}$/;

/** Elements are checked one by one, so that a bad one fails alone. */
const elements = (about: string) => z.array(z.unknown()).max(ELEMENTS_MOST, { error: `must have at most ${ELEMENTS_MOST} elements` }).nullish().describe(about);

export const syncSchema = z.strictObject({
  syncSeq: z.int().min(1).max(Number.MAX_SAFE_INTEGER).describe('grows with every sync of a running copy; the same again repeats the stored answer'),
  state: z.unknown().optional().describe('as the body of a heartbeat'),
  trades: elements('{clientRef, …body of POST /trades}'),
  transitions: elements('{clientRef, tradeId or clientOrderId, …body of POST /trades/{tradeId}/transitions}'),
  fills: elements('{clientRef, tradeId or clientOrderId, …body of POST /trades/{tradeId}/fills}'),
  marks: elements('{clientRef, …item of POST /trades/marks/batch}'),
  positions: z.unknown().optional().describe('{clientRef, …body of POST /agents/{agentId}/positions}; taken after trades and fills'),
  quotes: elements('{clientRef, …item of POST /quotes}'),
  ideas: elements('{clientRef, …body of POST /trade-ideas}; after quotes, and what they let open may be leased in the same answer'),
  acks: elements(`{clientRef, commandId, leaseToken, outcome: succeeded | ${FAIL_OUTCOMES.join(' | ')}, result?, error?, retryable?}`),
  lease: z.strictObject({ max: z.int().min(1).max(20).default(5), leaseSeconds: z.int().min(5).max(900).default(30) }).nullish(),
}).superRefine((body, context) => {
  const count = [...ELEMENT_NAMES, 'acks' as const].reduce((sum, name) => sum + elementsOf(body[name]).length, 0);
  if (count > ELEMENTS_MOST) context.addIssue({ code: 'custom', path: [], message: `${ELEMENT_NAMES.join(', ')} and acks are ${count} elements; at most ${ELEMENTS_MOST} go into one sync` });
});

export type SyncBody = z.output<typeof syncSchema>;

/** A report of positions is one element by itself. Null is none, as in the elements. */
export const elementsOf = (given: unknown): unknown[] => (Array.isArray(given) ? given : given == null ? [] : [given]);

const clientRef = () => z.string().regex(CLIENT_REF, { error: 'must be 1 to 32 printable ASCII characters' }).nullish();
const whichTrade = z.object({ tradeId: uuid().optional(), clientOrderId: text(100).optional() })
  .refine(({ tradeId, clientOrderId }) => (tradeId === undefined) !== (clientOrderId === undefined), { error: 'names the trade by either tradeId or clientOrderId' });

/** An element's own fields are taken off before the rest is checked as the request that it stands for. */
export const tradeElement = (element: Record<string, unknown>) => {
  const { clientRef: _ref, ...body } = element;
  return createTradeSchema.parse(body);
};

export const quoteElement = (element: Record<string, unknown>) => {
  const { clientRef: _ref, ...body } = element;
  return createQuoteSchema.parse(body);
};

export const ideaElement = (element: Record<string, unknown>) => {
  const { clientRef: _ref, ...body } = element;
  return proposeSchema.parse(body);
};

export const fillElement = (element: Record<string, unknown>) => {
  const { clientRef: _ref, tradeId, clientOrderId, ...body } = element;
  return { ...whichTrade.parse({ tradeId, clientOrderId }), body: fillSchema.parse(body) };
};

export const markElement = (element: Record<string, unknown>) => {
  const { clientRef: _ref, ...body } = element;
  return tradeMarkSchema.parse(body);
};

export const reportElement = (element: Record<string, unknown>) => {
  const { clientRef: _ref, ...body } = element;
  return reportSchema.parse(body);
};

export const transitionElement = (element: Record<string, unknown>) => {
  const { clientRef: _ref, tradeId, clientOrderId, ...body } = element;
  return { ...whichTrade.parse({ tradeId, clientOrderId }), body: transitionSchema.parse(body) };
};

const ackBase = { commandId: uuid() };
const succeededAck = completeSchema.extend({ ...ackBase, outcome: z.literal('succeeded') });
const failedAck = failSchema.extend(ackBase);
export type Ack = z.output<typeof succeededAck> | z.output<typeof failedAck>;

export const ackElement = (element: Record<string, unknown>): Ack => {
  const { clientRef: _ref, ...body } = element;
  return (body['outcome'] === 'succeeded' ? succeededAck : failedAck).parse(body);
};

export const refOf = (element: Record<string, unknown>): string | null => z.object({ clientRef: clientRef() }).parse(element).clientRef ?? null;

const outcome = {
  status: z.enum(['ok', 'refused']), code: z.string().optional(), detail: z.string().optional(),
  retryable: z.literal(true).optional().describe('the same may be taken in a later sync'),
};

const reportCounts = reportAnswerSchema.pick({ applied: true, code: true, complete: true, matched: true })
  .extend(Object.fromEntries((['adopted', 'unknown', 'missing', 'closed', 'differing'] as const).map((list) => [list, z.int()])) as Record<'adopted' | 'unknown' | 'missing' | 'closed' | 'differing', z.ZodInt>)
  .describe('of positions: how many of each; who they are is in POST /agents/{agentId}/positions and GET /positions');

const ideaResult = z.object({ status: z.enum(IDEA_STATUSES), commandId: z.uuid().optional(), code: z.string().optional().describe('the first reason of the gate') });

export const syncAnswerSchema = z.object({
  syncSeq: z.int(), replayed: z.boolean(), commands: z.array(leasedCommandSchema),
  oversized: z.array(z.uuid()).describe('due, but too large for any answer to a sync: take them by a lease'),
  acks: z.array(z.object({ element: z.string(), clientRef: z.string().optional().describe('where the ack had one'), commandId: z.string().nullable(), ...outcome })),
  results: z.array(z.object({ element: z.string(), clientRef: z.string().nullable(), ...outcome, id: z.uuid().optional(), version: z.int().optional(), report: reportCounts.optional(), idea: ideaResult.optional() })),
  desiredState: desiredStateSchema, tradingLeaseSeconds: z.int(), nextPollAfterMs: z.int(), serverTime: z.iso.datetime(),
});

export type SyncAnswer = z.output<typeof syncAnswerSchema>;
/** What a repeated sync gets again; the rest of an answer is as of now. */
export type StoredAnswer = Pick<SyncAnswer, 'commands' | 'oversized' | 'acks' | 'results' | 'nextPollAfterMs'>;
