import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Tables of history whose rows an import may have brought, with the column that holds the id of the row that an old one became. */
const REMOVED: readonly (readonly [table: string, key: string])[] = [
  ['trade_transitions', 'trade_id'], ['strategy_versions', 'strategy_id'], ['alert_runs', 'alert_id'], ['circuit_breaker_events', 'id'], ['snapshot_market', 'id'], ['snapshot_account', 'id'],
  ['snapshot_indicators', 'id'], ['snapshot_calendar', 'id'], ['snapshot_news', 'id'], ['decision_history', 'id'],
];

/** What an import brought can be taken back: which rows, what they were before, and whom the history lets remove them. */
export class ImportRollback1763600000036 implements MigrationInterface {
  name = 'ImportRollback1763600000036';

  async up(db: QueryRunner): Promise<void> {
    // Agents, accounts and sources of alerts that the run made: [{"table": "agents", "id": "…"}].
    await db.query(`alter table import_runs add made jsonb not null default '[]' constraint import_runs_made check (jsonb_typeof(made) = 'array')`);
    // Rows beside the first that have ids of their own, in the same form; of nearly all rows there are none.
    await db.query(`alter table import_rows add others jsonb constraint import_rows_others check (jsonb_typeof(others) = 'array')`);
    // The whole row of ours before and after: with the second one knows whether anybody has changed it since.
    await db.query(`create table import_changes (
      run_seq bigint not null,
      table_id integer not null,
      old_id text not null,
      target text not null,
      target_id uuid not null,
      former jsonb not null,
      written jsonb not null,
      former_hash bytea not null constraint import_changes_hash check (length(former_hash) = 16),
      former_notes text[],
      former_original jsonb,
      constraint import_changes_pk primary key (run_seq, table_id, old_id)
    )`);
    await db.query(`create index import_changes_row on import_changes (table_id, old_id, run_seq)`);
    await db.query(`create index import_changes_target on import_changes (target_id)`);

    // Who owns a table may remove rows of one run, named in a setting of the transaction. For everybody else it says nothing.
    await db.query(`create function import_rollback_of(relation oid) returns bigint language sql stable as $$
      select r.seq from pg_class c join import_runs r on r.seq::text = current_setting('tradewarden.import_rollback', true)
      where c.oid = relation and pg_has_role(current_user, c.relowner, 'usage')
    $$`);
    await db.query(`create or replace function refuse_change() returns trigger language plpgsql as $$
      begin
        if coalesce(current_setting('tradewarden.import_rollback', true), '') <> '' then
          if import_rollback_of(tg_relid) is not null then
            if tg_op = 'DELETE' and tg_table_name = any (array[${[...REMOVED.map(([table]) => table), 'decision_heads'].map((table) => `'${table}'`).join(', ')}]) then
              return null;
            end if;
            if tg_op = 'UPDATE' and tg_level = 'ROW' and tg_table_name = 'decision_heads' then
              if new.stream = '*' and old.stream = '*' and new.count = old.count - 1 then
                return new;
              end if;
            end if;
          end if;
        end if;
        raise exception '% is append-only', tg_table_name using errcode = '42501';
      end $$`);
    // Once the rows are gone it is known which they were: one that no old row of this run stands for brings all of them back.
    await db.query(`create function only_of_run() returns trigger language plpgsql as $$
      declare
        run bigint := import_rollback_of(tg_relid); stray boolean;
      begin
        if run is null then
          return null;
        end if;
        if tg_table_name = 'decision_heads' then
          select exists (select from gone where stream <> (select 'import:' || id from import_runs where seq = run) and not (stream = '*' and count = 1)) into stray;
        else
          execute format('select exists (select from gone g where not exists (select from import_rows r where r.target_id = g.%1$I and r.run_seq = $1)
            and not exists (select from import_rows r, jsonb_to_recordset(r.others) as o (id uuid) where r.run_seq = $1 and r.others is not null and o.id = g.%1$I)
            and not exists (select from import_changes c where c.target_id = g.%1$I and c.run_seq = $1))', tg_argv[0]) into stray using run;
        end if;
        if stray then
          raise exception '% is append-only, but for the rows of this import', tg_table_name using errcode = '42501';
        end if;
        return null;
      end $$`);
    for (const [table, key] of [...REMOVED, ['decision_heads', 'stream']] as const) {
      await db.query(`create trigger only_of_run after delete on ${table} referencing old table as gone for each statement execute function only_of_run('${key}')`);
    }
  }

  async down(db: QueryRunner): Promise<void> {
    for (const [table] of [...REMOVED, ['decision_heads']]) await db.query(`drop trigger only_of_run on ${table}`);
    await db.query(`drop function only_of_run()`);
    await db.query(`create or replace function refuse_change() returns trigger language plpgsql as $$
      begin
        raise exception '% is append-only', tg_table_name using errcode = '42501';
      end $$`);
    await db.query(`drop function import_rollback_of(oid)`);
    await db.query(`drop table import_changes`);
    await db.query(`alter table import_rows drop column others`);
    await db.query(`alter table import_runs drop column made`);
  }
}
