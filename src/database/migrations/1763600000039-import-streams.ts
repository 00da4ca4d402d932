import type { MigrationInterface, QueryRunner } from 'typeorm';
import { monthsFunction } from './1763600000013-market-data.js';

const UUID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}';

/** Decisions of old systems in streams of their own; rows by the million; and months for them without standing in anybody's way. */
export class ImportStreams1763600000039 implements MigrationInterface {
  name = 'ImportStreams1763600000039';

  async up(db: QueryRunner): Promise<void> {
    for (const [table, others] of [['decision_history', `'system'`], ['decision_heads', `'system', '*'`]]) {
      await db.query(`alter table ${table} drop constraint ${table}_stream, add constraint ${table}_stream check (stream in (${others}) or stream ~ '^(import:)?${UUID}$')`);
    }
    // An import appends by the thousand: its head goes forward by as many. Those of accounts still go one by one.
    await db.query(`drop trigger forward_by_one on decision_heads`);
    await db.query(`create trigger forward_by_one before update on decision_heads for each row
      when (new.stream <> old.stream or (new.count <> old.count + 1 and not (new.stream like 'import:%' and new.count > old.count))) execute function refuse_change()`);
    // Runs and tables of imports are never deleted, and a million rows took 5 of 10 seconds to be told so.
    await db.query(`alter table import_rows drop constraint import_rows_table, drop constraint import_rows_run`);
    await db.query(`alter table import_archive drop constraint import_archive_table, drop constraint import_archive_run`);
    // Of what is there nothing is waited for: an import holds the lock until it commits, and a server that starts meanwhile asks for months that it has.
    await db.query(looksFirst());
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(monthsFunction(TABLES));
    for (const table of ['import_rows', 'import_archive']) {
      await db.query(`alter table ${table} add constraint ${table}_table foreign key (table_id) references import_tables (id) on delete restrict,
        add constraint ${table}_run foreign key (run_seq) references import_runs (seq) on delete restrict`);
    }
    await db.query(`drop trigger forward_by_one on decision_heads`);
    await db.query(`create trigger forward_by_one before update on decision_heads for each row
      when (new.stream <> old.stream or new.count <> old.count + 1) execute function refuse_change()`);
    for (const [table, others] of [['decision_history', `'system'`], ['decision_heads', `'system', '*'`]]) {
      await db.query(`alter table ${table} drop constraint ${table}_stream, add constraint ${table}_stream check (stream in (${others}) or stream ~ '^${UUID}$')`);
    }
  }
}

const TABLES = ['snapshot_market', 'snapshot_calendar', 'snapshot_news', 'snapshot_indicators', 'snapshot_account', 'trade_marks'];
const LOCKED = `perform pg_advisory_xact_lock(hashtextextended('ensure_months', 0));`;

/** As before, but for a look first and a lock that is not the one of the months of events. */
const looksFirst = (): string => monthsFunction(TABLES).replace(LOCKED, `
        if (select bool_and(m between date '1990-01-01' and (app_clock() + interval '13 months')::date and to_regclass(parent || to_char(m, '"_y"YYYY"m"MM')) is not null) from unnest(months) m) then
          return 0;
        end if;
        perform pg_advisory_xact_lock(hashtextextended('ensure_snapshot_months', 0));`);
