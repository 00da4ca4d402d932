import { z } from 'zod';

export const SEARCH_MOST = 20;
/** Of a UUID; with fewer a beginning says little. */
export const UUID_START_LEAST = 8;
const FOUND_KINDS = ['agent', 'account', 'strategy', 'source', 'trade', 'command', 'idea', 'prediction', 'decision', 'alert', 'halt', 'incident', 'symbol'] as const;
export type FoundKind = (typeof FOUND_KINDS)[number];

const QUERY_CHARACTERS_MAX = 200;

export const searchQuery = z.strictObject({
  q: z.string({ error: 'is required: what to look for' }).trim().min(1, { error: 'must say what to look for' }).max(QUERY_CHARACTERS_MAX, { error: `must be ${QUERY_CHARACTERS_MAX} characters at most` })
    .describe(`an id or ${UUID_START_LEAST} characters of its beginning; a client order id, a symbol, or the name of an agent, account, strategy or source, or a beginning of them; an order tag, a ticket, or a broker's id of a position, order or deal`),
});

export const searchSchema = z.object({
  items: z.array(z.object({
    kind: z.enum(FOUND_KINDS), id: z.string().describe('of a symbol, the symbol'), title: z.string(), detail: z.string(), path: z.string().describe("the address of its page, without a slash in front"), exact: z.boolean(),
  })).describe(`what is meant exactly first; ${SEARCH_MOST} at most`),
}).meta({ id: 'Search' });

export type Found = z.output<typeof searchSchema>['items'][number];
