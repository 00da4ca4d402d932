import { z } from 'zod';
import { instant } from './fields.js';

/** In a query everything is text: digits alone are epoch milliseconds. */
const queryInstant = () => z.string().transform((text) => (/^\d{1,15}$/.test(text) ? Number(text) : text)).pipe(instant());

/** Query parameters of lists over a time: `from` is included, `to` is not, so that windows can be joined. */
export const timeWindow = {
  from: queryInstant().optional().describe('included; RFC 3339 with a zone, or epoch milliseconds'),
  to: queryInstant().optional().describe('not included'),
};
