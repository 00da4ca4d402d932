import { z } from 'zod';

/** Query parameters of every list. A cursor is opaque to clients; here it is the last row's identity. */
export const pageQuery = {
  limit: z.coerce.number({ error: 'must be a whole number from 1 to 500' }).int({ error: 'must be a whole number from 1 to 500' })
    .min(1, { error: 'must be at least 1' }).max(500, { error: 'must be at most 500' }).default(50),
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
