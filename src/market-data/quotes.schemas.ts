import { z } from 'zod';
import { decimalText, pastInstant, price, symbol, uuid } from '../common/fields.js';
import { compareUnsigned } from '../common/decimal.js';
import { pageQuery } from '../common/pagination.js';
import type { QuoteRow } from './quotes.repository.js';

const ITEMS_MAX = 1_000;

export const createQuoteSchema = z.strictObject({
  symbol: symbol(),
  bid: price(),
  ask: price(),
  quotedAt: pastInstant(),
}).superRefine(({ bid, ask }, context) => {
  // A field that is wrong by itself came through as it was sent: nothing to compare.
  if (context.issues.length === 0 && compareUnsigned(bid, ask) > 0) context.addIssue({ code: 'custom', path: ['ask'], message: 'lies below `bid`' });
});

export const createQuotesSchema = z.strictObject({
  accountId: uuid().nullish().describe("an agent's own, which it need not name; people name one"),
  items: z.array(createQuoteSchema).min(1).max(ITEMS_MAX),
});

export const quotesQuery = z.strictObject({ ...pageQuery, accountId: uuid().optional(), symbol: symbol().optional() });

export const takenQuotesSchema = z.object({
  items: z.array(z.object({ symbol: z.string(), stored: z.boolean().describe('false: one that is as new or newer is there, and stays') })).describe('in the order of the request'),
});

export const quoteSchema = z.object({
  accountId: z.uuid(),
  symbol: z.string(),
  bid: decimalText(),
  ask: decimalText(),
  quotedAt: z.iso.datetime(),
  receivedAt: z.iso.datetime(),
}).meta({ id: 'Quote' });

export const toQuote = (row: QuoteRow): z.output<typeof quoteSchema> => ({
  accountId: row.account_id,
  symbol: row.symbol,
  bid: row.bid,
  ask: row.ask,
  quotedAt: row.quoted_at,
  receivedAt: row.received_at,
});
