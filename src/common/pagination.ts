import { z } from 'zod';

const LIMIT = { least: 1, most: 500, usual: 50 };

/** Query parameters of every list. A cursor is opaque to clients; here it is the last row's identity. */
export const pageQuery = {
  // Digits only: `Number` would take `1e2`, `0x10` and a blank.
  limit: z.string({ error: 'must be given once' }).refine((text) => /^\d{1,3}$/.test(text) && Number(text) >= LIMIT.least && Number(text) <= LIMIT.most, {
    error: `must be a whole number from ${LIMIT.least} to ${LIMIT.most}`,
  }).transform(Number).default(LIMIT.usual).meta({ type: 'integer', minimum: LIMIT.least, maximum: LIMIT.most, description: `${LIMIT.usual} by default` }),
  cursor: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, { error: 'is not a cursor that this list gave' })
    .transform((cursor, context) => {
      const seq = Buffer.from(cursor, 'base64url').toString('latin1');
      if (/^s\d{1,18}$/.test(seq)) return seq.slice(1);
      context.addIssue({ code: 'custom', message: 'is not a cursor that this list gave' });
      return z.NEVER;
    }).optional(),
};

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/** Cuts `limit + 1` rows into a page; `seq` is the identity that the list is ordered by. */
export function pageOf<R extends { seq: number }, T>(rows: R[], limit: number, map: (row: R) => T): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const nextCursor = rows.length > limit && last ? Buffer.from(`s${last.seq}`, 'latin1').toString('base64url') : null;
  return { items: shown.map(map), nextCursor };
}

/** Response schema of a list. */
export const pageSchema = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), nextCursor: z.string().nullable() });
