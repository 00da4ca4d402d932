import { z } from 'zod';
import { instant } from './fields.js';

/** In a query everything is text: digits alone are epoch milliseconds. */
const queryInstant = () => z.string().transform((text) => (/^\d{1,15}$/.test(text) ? Number(text) : text)).pipe(instant());

/** Query parameters of lists over a time: `from` is included, `to` is not, so that windows can be joined. */
export const timeWindow = {
  from: queryInstant().optional().describe('included; RFC 3339 with a zone, or epoch milliseconds'),
  to: queryInstant().optional().describe('not included'),
};

/** Swapped ends would be answered by zeros and empty pages, as if nothing had happened. */
export function inOrder({ from, to }: { from?: string | undefined; to?: string | undefined }, context: z.RefinementCtx): void {
  if (from !== undefined && to !== undefined && from > to) context.addIssue({ code: 'custom', path: ['to'], message: 'lies before `from`' });
}
