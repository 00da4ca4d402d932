import { randomUUID } from 'node:crypto';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { migrateUp } from '../../src/database/migrate.js';
import { ensureDatabase, ensureRole, setRoleSettings, withIdentity } from '../../src/database/roles.js';
import type { TestDatabase } from './database.js';

/** With everything that an argument, a URL or a shell could read otherwise. */
const OWNER = { user: 'backup_owner', password: 'öwner\'s "pass" @/:%' };
const WRITER = { user: 'backup_writer', password: 'of-the-writer' };

/**
 * A migrated database with rows on a server of one's own, whose clock can be moved.
 * @param adminUrl of the server, as its superuser
 */
export async function backedUp(adminUrl: string, name = 'trading'): Promise<TestDatabase> {
  for (const role of [OWNER, WRITER]) await ensureRole(adminUrl, role);
  await ensureDatabase(adminUrl, name, OWNER.user);
  const ownerUrl = withIdentity(adminUrl, { ...OWNER, database: name });
  const database = withIdentity(adminUrl, { database: name });
  const pool = new pg.Pool({ connectionString: database, max: 4 });
  pool.on('error', () => undefined);
  await pool.query(`alter role ${OWNER.user} createdb`);
  await setRoleSettings(adminUrl, WRITER.user, name);
  await migrateUp(ownerUrl, { writer: WRITER.user });
  await pool.query(`create table test_clock (shift interval not null); insert into test_clock values ('0'); alter table test_clock owner to ${OWNER.user};
    create or replace function app_clock() returns timestamptz language sql volatile security definer set search_path = public as 'select clock_timestamp() + (select shift from test_clock)'`);
  const db: TestDatabase = {
    name, adminUrl: database, ownerUrl, url: withIdentity(adminUrl, { ...WRITER, database: name }),
    query: async (text, values = []) => (await pool.query(text, values)).rows as never,
    advance: async (seconds) => void (await pool.query(`update test_clock set shift = shift + make_interval(secs => $1)`, [seconds])),
    drop: () => pool.end(),
  };
  await fill(db);
  return db;
}

/** Rows with everything that could come back otherwise: fractions, times, odd texts, JSON, months. */
async function fill({ query }: TestDatabase): Promise<void> {
  const account = randomUUID();
  await query(`insert into accounts (id, name, kind, currency, margin_mode, initial_balance) values ($1, $2, 'demo', 'EUR', 'hedging', 100000.10)`, [account, `Kon\\to 'ü' "€" ${account}`]);
  await query(`insert into account_cash_flows (id, account_id, kind, amount, at, recorded_by)
    select gen_random_uuid(), $1, 'deposit', n * 0.123456789012345678, timestamptz '2026-03-29 00:59:59.999999Z' + n * interval '1 hour', 'user:1' from generate_series(1, 500) n`, [account]);
  await query(`insert into events (type, account_id, actor, data) select 'account.changed', $1, 'system', jsonb_build_object('n', n, 'text', E'tab\\t"quote" \\u00e9') from generate_series(1, 2000) n`, [account]);
  await query(`insert into decision_heads (stream, count, head, mac, key_id) values ('system', 3, $1, $1, '0123456789abcdef')`, ['ab'.repeat(32)]);
}

/** Folders that are gone when the tests of a file are over. */
export function folders(): { make: () => string; remove: () => void } {
  const made: string[] = [];
  return {
    make: () => {
      const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tradewarden-backups-')));
      made.push(folder);
      return folder;
    },
    remove: () => made.forEach((folder) => rmSync(folder, { recursive: true, force: true })),
  };
}
