import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { migrateUp } from '../../src/database/migrate.js';
import { ensureDatabase, ensureRole, withIdentity } from '../../src/database/roles.js';

/** A migrated database with rows on a server of one's own. */
export interface Backed {
  adminUrl: string;
  url: string;
  ownerUrl: string;
  query<R extends pg.QueryResultRow = pg.QueryResultRow>(text: string, values?: unknown[]): Promise<R[]>;
  end(): Promise<void>;
}

const OWNER = { user: 'backup_owner', password: 'öwner\'s "pass" @/:%' };
const WRITER = { user: 'backup_writer', password: 'of-the-writer' };

/** @param adminUrl of the server, as its superuser */
export async function backedUp(adminUrl: string, name = 'trading', createDb = true): Promise<Backed> {
  for (const role of [OWNER, WRITER]) await ensureRole(adminUrl, role);
  await ensureDatabase(adminUrl, name, OWNER.user);
  const ownerUrl = withIdentity(adminUrl, { ...OWNER, database: name });
  const database = withIdentity(adminUrl, { database: name });
  const pool = new pg.Pool({ connectionString: database, max: 4 });
  pool.on('error', () => undefined);
  await pool.query(`alter role ${OWNER.user} ${createDb ? 'createdb' : 'nocreatedb'}`);
  await migrateUp(ownerUrl, { writer: WRITER.user });
  const backed: Backed = {
    adminUrl: database, ownerUrl, url: withIdentity(adminUrl, { ...WRITER, database: name }),
    query: async (text, values = []) => (await pool.query(text, values)).rows as never,
    end: () => pool.end(),
  };
  await fill(backed);
  return backed;
}

/** Rows with everything that could come back otherwise: fractions, times, odd texts, JSON, bytes, arrays, months. */
async function fill({ query }: Backed): Promise<void> {
  const account = randomUUID();
  await query(`insert into accounts (id, name, kind, currency, margin_mode, initial_balance) values ($1, $2, 'demo', 'EUR', 'hedging', 100000.10)`, [account, `Kon\\to 'ü' "€" ${account}`]);
  await query(`insert into account_cash_flows (id, account_id, kind, amount, at, recorded_by)
    select gen_random_uuid(), $1, 'deposit', n * 0.123456789012345678, timestamptz '2026-03-29 00:59:59.999999Z' + n * interval '1 hour', 'user:1' from generate_series(1, 500) n`, [account]);
  await query(`insert into events (type, account_id, actor, data) select 'account.changed', $1, 'system', jsonb_build_object('n', n, 'text', E'tab\\t"quote" \\u00e9') from generate_series(1, 2000) n`, [account]);
  await query(`insert into decision_heads (stream, count, head, mac, key_id) values ('system', 3, $1, $1, '0123456789abcdef')`, ['ab'.repeat(32)]);
}
