import { type WatchedClient, withClient } from './client.js';
import { READER_TABLES } from './reader-tables.js';

/** Reports look; they write nothing by mistake, hold nobody up, and leave connections to those who trade. */
const READER_SETTINGS = { statement_timeout: '60s', lock_timeout: '2s', idle_in_transaction_session_timeout: '30s', default_transaction_read_only: 'on' };
const CONNECTIONS_MOST = 10;

/** Named after the database: two of them on one server do not share a password, and every migration knows whom to grant to. */
export const readerOf = (database: string): string => `${database}_reader`;

/**
 * What the reader may, as statements that may be repeated: first nothing, then table by table and column by column as
 * they are there now.
 */
async function readerGrants(client: WatchedClient, reader: string): Promise<string[]> {
  const role = client.escapeIdentifier(reader);
  const { rows } = await client.query<{ table: string; columns: string[] }>(
    `select c.relname::text as "table", array_agg(a.attname::text order by a.attnum) as columns
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname = any ($1) group by 1 order by 1`,
    [Object.keys(READER_TABLES)],
  );
  const names = (list: readonly string[]) => list.map((name) => client.escapeIdentifier(name)).join(', ');
  const ofTable = ({ table, columns }: { table: string; columns: string[] }) => {
    const hidden = READER_TABLES[table] ?? columns;
    const shown = hidden.length === 0 ? '' : ` (${names(columns.filter((name) => !hidden.includes(name)))})`;
    return `grant select${shown} on public.${client.escapeIdentifier(table)} to ${role}`;
  };
  return [
    `revoke all on all tables in schema public from ${role}`, `revoke all on all sequences in schema public from ${role}`,
    `revoke create on schema public from public, ${role}`, `grant usage on schema public to ${role}`, ...rows.map(ofTable),
  ];
}

/** Needs the role, or ADMIN on it. */
function readerSettings(client: WatchedClient, reader: string, database: string): string[] {
  const role = `role ${client.escapeIdentifier(reader)}`;
  const inDatabase = `alter ${role} in database ${client.escapeIdentifier(database)} set`;
  return [`alter ${role} connection limit ${CONNECTIONS_MOST}`, ...Object.entries(READER_SETTINGS).map(([name, value]) => `${inDatabase} ${name} = '${value}'`)];
}

/**
 * Makes the reader with its grants and settings in one transaction; an existing one gets the password and the grants of
 * today. Needs CREATEROLE, and ADMIN on a role that exists. Returns whether it was made.
 */
export function makeReader(url: string, reader: { user: string; password: string }, database: string): Promise<boolean> {
  return withClient(url, async (client) => {
    const there = ((await client.query('select 1 from pg_roles where rolname = $1', [reader.user])).rowCount ?? 0) > 0;
    await client.query('begin');
    await client.query(`${there ? 'alter' : 'create'} role ${client.escapeIdentifier(reader.user)} login password ${client.escapeLiteral(reader.password)}`);
    for (const statement of await readerGrants(client, reader.user)) await client.query(statement);
    for (const statement of readerSettings(client, reader.user, database)) await client.query(statement);
    await client.query('commit');
    return !there;
  });
}

/** After each migration: the reader, where there is one, sees the new tables that it may, and no column that was added as a secret. */
export async function grantReader(client: WatchedClient, database: string): Promise<void> {
  const reader = readerOf(database);
  const { rowCount } = await client.query('select 1 from pg_roles where rolname = $1', [reader]);
  if (rowCount === 0) return;
  await client.query(`begin; ${(await readerGrants(client, reader)).join('; ')}; commit`);
}

/** All of it for an administrator to run by hand, with the password left to be typed. */
export async function readerScript(client: WatchedClient, database: string, reader: string): Promise<string> {
  const role = client.escapeIdentifier(reader);
  const made = `do $$ begin if not exists (select from pg_roles where rolname = ${client.escapeLiteral(reader)}) then create role ${role} login; end if; end $$`;
  const statements = [made, ...(await readerGrants(client, reader)), ...readerSettings(client, reader, database)];
  return `begin;\n${statements.map((statement) => `${statement};`).join('\n')}\ncommit;\n-- In psql, for the password: \\password ${reader}`;
}
