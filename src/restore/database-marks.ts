import { z } from 'zod';
import { type WatchedClient, withClient } from '../database/client.js';

/**
 * What a restore writes on a database, as its comment: it is kept with the database itself whatever it is called, and read
 * without connecting to it.
 */
const markSchema = z.object({
  tradewarden: z.enum(['building', 'ready', 'before', 'drill']),
  /** The live database whose place it is to take, takes or took. */
  of: z.string(),
  restoreId: z.uuid(),
  backup: z.string(),
  at: z.iso.datetime(),
});

export type Mark = z.infer<typeof markSchema>;
export interface Marked extends Mark {
  name: string;
  bytes: number;
}

export async function mark(client: WatchedClient, name: string, given: Mark | null): Promise<void> {
  const text = given === null ? 'null' : client.escapeLiteral(JSON.stringify(given));
  await client.query(`comment on database ${client.escapeIdentifier(name)} is ${text}`);
}

/** Databases of this server that bear one, newest first. A comment of anybody else's is none. */
export function marked(adminUrl: string): Promise<Marked[]> {
  return withClient(adminUrl, async (client) => {
    const { rows } = await client.query<{ name: string; text: string; bytes: string | null }>(
      `select d.datname as name, shobj_description(d.oid, 'pg_database') as text, case when has_database_privilege(d.oid, 'connect') then pg_database_size(d.oid)::text end as bytes
       from pg_database d where shobj_description(d.oid, 'pg_database') like '{"tradewarden":%' order by d.datname`);
    return rows.flatMap(({ name, text, bytes }) => {
      const read = markSchema.safeParse(jsonOf(text));
      return read.success ? [{ ...read.data, name, bytes: Number(bytes ?? 0) }] : [];
    }).sort((a, b) => (a.at < b.at ? 1 : -1));
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
