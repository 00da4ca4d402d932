import type { MigrationInterface, QueryRunner } from 'typeorm';
import { SNAPSHOTS } from './1763600000042-retention-functions.js';

const CORRECTED = ['snapshot_market', 'snapshot_calendar', 'snapshot_news'];
const list = (names: readonly string[]) => `array[${names.map((name) => `'${name}'`).join(', ')}]`;

/**
 * Months that an import fills before anybody sees them: with their indexes made when the rows are there, a million candles take
 * 4 seconds of PostgreSQL in place of 9. Between the two functions, of one transaction, they are months of `<table>_fresh`.
 */
export class FreshMonths1763600000055 implements MigrationInterface {
  name = 'FreshMonths1763600000055';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`create function begin_fresh_months(parent text, months date[]) returns text[]
      language plpgsql security definer set search_path = public, pg_temp as $$
      declare
        fresh text := parent || '_fresh'; wanted date; month date; part text; made text[] := '{}';
      begin
        if parent is null or parent <> all (${list(SNAPSHOTS)}) then
          raise exception 'no table of snapshots: %', parent using errcode = '22023';
        end if;
        perform pg_advisory_xact_lock(hashtextextended('ensure_snapshot_months', 0));
        foreach wanted in array months loop
          if (wanted between date '1990-01-01' and (app_clock() + interval '13 months')::date) is not true then
            raise exception 'months from 1990-01 to a year ahead, not %', wanted using errcode = '22023';
          end if;
          month := date_trunc('month', wanted)::date;
          part := parent || to_char(month, '"_y"YYYY"m"MM');
          if to_regclass(part) is null then
            if to_regclass(fresh) is null then
              execute format('create table %I (like %I including all excluding indexes) partition by %s', fresh, parent, pg_get_partkeydef(parent::regclass));
              execute format('grant insert on %I to %I', fresh, session_user);
            end if;
            execute format('create table %I partition of %I for values from (%L) to (%L)', part, fresh,
              to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
            made := made || to_char(month, 'YYYY-MM');
          end if;
        end loop;
        return made;
      end $$`);
    // Attached as any month is, which makes its indexes and finds what is there twice; with a month for its revisions, as any other has.
    await db.query(`create function keep_fresh_months(parent text) returns integer
      language plpgsql security definer set search_path = public, pg_temp as $$
      declare
        fresh text := parent || '_fresh'; part record; kept integer := 0;
      begin
        if parent is null or parent <> all (${list(SNAPSHOTS)}) then
          raise exception 'no table of snapshots: %', parent using errcode = '22023';
        end if;
        if to_regclass(fresh) is null then
          return 0;
        end if;
        for part in select c.relname as name, replace(c.relname, parent, 'snapshot_revisions') as revisions, pg_get_expr(c.relpartbound, c.oid) as bounds from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = fresh::regclass order by 1 loop
          execute format('alter table %I detach partition %I', fresh, part.name);
          execute format('create trigger refuse_change before %sdelete or truncate on %I for each statement execute function refuse_change()',
            case when parent = any (${list(CORRECTED)}) then '' else 'update or ' end, part.name);
          execute format('alter table %I attach partition %I %s', parent, part.name, part.bounds);
          if parent = any (${list(CORRECTED)}) and to_regclass(part.revisions) is null then
            execute format('create table %I (like snapshot_revisions including all)', part.revisions);
            execute format('create trigger refuse_change before update or delete or truncate on %I for each statement execute function refuse_change()', part.revisions);
            execute format('alter table snapshot_revisions attach partition %I %s', part.revisions, part.bounds);
          end if;
          kept := kept + 1;
        end loop;
        execute format('drop table %I', fresh);
        return kept;
      end $$`);
    await db.query(`revoke execute on function begin_fresh_months(text, date[]), keep_fresh_months(text) from public`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop function keep_fresh_months(text)`);
    await db.query(`drop function begin_fresh_months(text, date[])`);
  }
}
