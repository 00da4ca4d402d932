export const SNAPSHOTS = ['snapshot_market', 'snapshot_calendar', 'snapshot_news', 'snapshot_indicators', 'snapshot_account'];
const UTC_MIDNIGHT = (day: string) => `(${day} || ' 00:00:00+00')::timestamptz`;

/** Rows of a table that is not cut into months go in batches; only inside a function of the owner's, which says which table it means. */
export const refuseChange = (withRetention: boolean): string => `create or replace function refuse_change() returns trigger language plpgsql as $$
      begin
        if coalesce(current_setting('tradewarden.import_rollback', true), '') <> '' then
          if import_rollback_of(tg_relid) is not null then
            if tg_op = 'DELETE' and tg_table_name = any (array['trade_transitions', 'strategy_versions', 'alert_runs', 'circuit_breaker_events', 'snapshot_market', 'snapshot_account', 'snapshot_indicators', 'snapshot_calendar', 'snapshot_news', 'decision_history', 'decision_heads']) then
              return null;
            end if;
            if tg_op = 'UPDATE' and tg_level = 'ROW' and tg_table_name = 'decision_heads' then
              if new.stream = '*' and old.stream = '*' and new.count = old.count - 1 then
                return new;
              end if;
            end if;
          end if;
        end if;${withRetention ? `
        if tg_op = 'DELETE' and tg_table_name = 'snapshot_refs' and current_setting('tradewarden.retention', true) = 'snapshot_refs' then
          if (select pg_has_role(current_user, relowner, 'usage') from pg_class where oid = tg_relid) then
            return null;
          end if;
        end if;` : ''}
        raise exception '% is append-only', tg_table_name using errcode = '42501';
      end $$`;

/** Attached, since that waits for nobody who reads or writes the table; a partition that is made in place waits for all, and all wait behind it. */
export const ENSURE_MONTHS = `create or replace function ensure_months(first_month date, last_month date) returns integer
      language plpgsql security definer set search_path = public, pg_temp as $$
      declare
        parents text[] := array['events', 'auth_audit', 'decision_history'];
        parent text; month date; part text; made integer := 0;
      begin
        if first_month < date '1990-01-01' or last_month > (app_clock() + interval '13 months')::date or first_month > last_month then
          raise exception 'months from 1990-01 to a year ahead, not % to %', first_month, last_month using errcode = '22023';
        end if;
        -- Of what is there nothing is waited for.
        if (select bool_and(to_regclass(p || to_char(m, '"_y"YYYY"m"MM')) is not null) from unnest(parents) p, generate_series(date_trunc('month', first_month)::date, last_month, interval '1 month') m) then
          return 0;
        end if;
        -- Instances that start together find the same month missing, and "if not exists" is no lock.
        perform pg_advisory_xact_lock(hashtextextended('ensure_months', 0));
        foreach parent in array parents loop
          month := date_trunc('month', first_month)::date;
          while month <= last_month loop
            part := parent || to_char(month, '"_y"YYYY"m"MM');
            if to_regclass(part) is null then
              execute format('create table %I (like %I including all)', part, parent);
              execute format('create trigger refuse_change before update or delete or truncate on %I for each statement execute function refuse_change()', part);
              execute format('alter table %I attach partition %I for values from (%L) to (%L)', parent, part,
                to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
              made := made + 1;
            end if;
            month := (month + interval '1 month')::date;
          end loop;
        end loop;
        return made;
      end $$`;

export const ENSURE_MONTHS_BEFORE = `create or replace function ensure_months(first_month date, last_month date) returns integer
      language plpgsql security definer set search_path = public, pg_temp as $$
      declare
        parent text; month date; part text; made integer := 0;
      begin
        if first_month < date '1990-01-01' or last_month > (app_clock() + interval '13 months')::date or first_month > last_month then
          raise exception 'months from 1990-01 to a year ahead, not % to %', first_month, last_month using errcode = '22023';
        end if;
        -- Instances that start together find the same month missing, and "if not exists" is no lock.
        perform pg_advisory_xact_lock(hashtextextended('ensure_months', 0));
        foreach parent in array array['events', 'auth_audit', 'decision_history'] loop
          month := date_trunc('month', first_month)::date;
          while month <= last_month loop
            part := parent || to_char(month, '"_y"YYYY"m"MM');
            if to_regclass(part) is null then
              execute format('create table if not exists %I partition of %I for values from (%L) to (%L)', part, parent,
                to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
              execute format('create or replace trigger refuse_change before update or delete or truncate on %I for each statement execute function refuse_change()', part);
              made := made + 1;
            end if;
            month := (month + interval '1 month')::date;
          end loop;
        end loop;
        return made;
      end $$`;

/** Days after the end of a month before which nobody drops it, whatever the settings say; null: never. */
export const FLOOR = `create function retention_floor_days(parent text) returns integer language sql immutable as $$
      select case when parent in ('events', 'decision_history', 'trade_marks') then 30 when parent = 'auth_audit' then 90
        when parent in (${[...SNAPSHOTS, 'snapshot_revisions'].map((table) => `'${table}'`).join(', ')}) then 7 end
    $$`;

/** Why a month must stay, in words; null: it may go. The writer reaches months through their parents only, so the owner looks. */
export const HOLD = `create function retention_hold(parent text, month date, quiet_before timestamptz) returns text
      language plpgsql stable security definer set search_path = public, pg_temp as $$
      declare
        part text := parent || to_char(month, '"_y"YYYY"m"MM'); found text; is_so boolean;
      begin
        if retention_floor_days(parent) is null then
          raise exception 'no table whose months are removed: %', parent using errcode = '22023';
        end if;
        if to_regclass(part) is null then
          return null;
        end if;
        if parent = 'events' then
          execute format('select string_agg(m.place, '', '' order by m.place) from mirrors m where m.position < (select max(seq) from %I)', part) into found;
          if found is not null then return 'a mirror has not read it: ' || left(found, 300); end if;
        elsif parent = 'decision_history' then
          execute format('select exists (select from %I where stream like ''import:%%'')', part) into is_so;
          if is_so then return 'an import brought decisions of it'; end if;
          execute format('select exists (select from trades t where t.finished_at is null and (exists (select from %1$I d where d.idea_id = t.idea_id) or exists (select from %1$I d where d.command_id = t.command_id)))
            or exists (select from trade_ideas i where i.decided_at is null and exists (select from %1$I d where d.idea_id = i.id))', part) into is_so;
          if is_so then return 'a trade or an idea that is not finished has decisions of it'; end if;
        elsif parent = 'trade_marks' then
          execute format('select exists (select from %I where recorded_at >= $1)', part) into is_so using quiet_before;
          if is_so then return 'marks of it came lately'; end if;
          execute format('select exists (select from trades t where t.finished_at is null and exists (select from %I m where m.trade_id = t.id))', part) into is_so;
          if is_so then return 'a trade that is not finished has marks of it'; end if;
        elsif parent = 'snapshot_revisions' then
          select exists (select from unnest(array['snapshot_market', 'snapshot_calendar', 'snapshot_news']) p where to_regclass(p || to_char(month, '"_y"YYYY"m"MM')) is not null) into is_so;
          if is_so then return 'the snapshots that were corrected are kept'; end if;
        elsif parent like 'snapshot%' then
          execute format('select exists (select from %I where created_at >= $1)', part) into is_so using quiet_before;
          if is_so then return 'rows of it came lately'; end if;
          if parent = 'snapshot_market' and exists (select from prediction_scores s where s.look_at is not null and s.starts_at >= ${UTC_MIDNIGHT('month')} - interval '8 days' and s.starts_at < ${UTC_MIDNIGHT(`(month + interval '1 month')::date`)} + interval '8 days') then
            return 'a prediction of then is not scored yet';
          end if;
          execute format('select exists (select from import_rows r where r.target = %L and exists (select from %I p where p.id = r.target_id))', parent, part) into is_so;
          if is_so then return 'an import brought rows of it'; end if;
        end if;
        return null;
      end $$`;

/**
 * Detaches and drops a month, or says why not. Plainly, and in one transaction: nothing is ever left detached. A lock that is not there
 * within 0.2 s is given up, since everybody queues behind it.
 */
export const DROP_MONTH = `create function retention_drop_month(parent text, month date, quiet_before timestamptz, archive uuid) returns jsonb
      language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '200ms' as $$
      declare
        part text := parent || to_char(month, '"_y"YYYY"m"MM');
        floor_days integer := retention_floor_days(parent);
        began timestamptz := app_clock(); ends_at timestamptz; quiet timestamptz; held text; removed bigint; last_seq bigint; last_now bigint; sums text; stored decision_archives; is_so boolean;
      begin
        if floor_days is null or month is distinct from date_trunc('month', month)::date then
          raise exception 'no month that is removed: % %', parent, month using errcode = '22023';
        end if;
        ends_at := ${UTC_MIDNIGHT(`(month + interval '1 month')::date`)};
        if (ends_at + make_interval(days => floor_days) <= began) is not true then
          raise exception '% of % is too young to be removed', parent, to_char(month, 'YYYY-MM') using errcode = '42501';
        end if;
        if not exists (select from pg_inherits where inhrelid = to_regclass(part) and inhparent = to_regclass(parent)) then
          return jsonb_build_object('rows', 0, 'gone', true);
        end if;
        quiet := least(quiet_before, began - make_interval(days => floor_days));
        held := retention_hold(parent, month, quiet);
        if held is not null then
          return jsonb_build_object('held', held);
        end if;
        if parent = 'decision_history' then
          execute format('select count(*), coalesce(max(seq), 0), encode(sha256(convert_to(coalesce(string_agg(hash, '''' order by seq), ''''), ''UTF8'')), ''hex'') from %I', part) into removed, last_seq, sums;
          if removed > 0 then
            select * into stored from decision_archives a where a.id = archive and a.month = retention_drop_month.month and a.verified_at is not null and a.dropped_at is null;
            if stored.id is null or (stored.decisions, stored.last_seq, stored.digest) is distinct from (removed, last_seq, sums) or removed <> (select count(*) from decision_archive_rows r where r.archive_id = stored.id) then
              raise exception 'decisions of % are not in an archive that was verified', to_char(month, 'YYYY-MM') using errcode = '42501';
            end if;
          end if;
        else
          execute format('select count(*) from %I', part) into removed;
        end if;
        execute format('lock table only %I in access exclusive mode', parent);
        -- Again, what may have come between the look and the lock: by an index each.
        if parent = 'decision_history' then
          execute format('select coalesce(max(seq), 0) from %I', part) into last_now;
          is_so := last_now <> last_seq;
        elsif parent = 'trade_marks' then
          execute format('select exists (select from %I where recorded_at >= $1)', part) into is_so using quiet;
        elsif parent like 'snapshot%' and parent <> 'snapshot_revisions' then
          execute format('select exists (select from %I where created_at >= $1)', part) into is_so using quiet;
          is_so := is_so or exists (select from import_runs where status = 'running' or finished_at >= began);
        end if;
        if is_so then
          return jsonb_build_object('held', 'rows of it are just coming');
        end if;
        execute format('alter table %I detach partition %I', parent, part);
        execute format('drop table %I', part);
        update decision_archives set dropped_at = app_clock() where id = stored.id;
        insert into retention_months (parent, month, action, rows_removed) values (parent, month, 'dropped', removed);
        insert into retention_totals as t (table_name, rows_removed, last_removed_at) values (parent, removed, app_clock())
          on conflict (table_name) do update set rows_removed = t.rows_removed + excluded.rows_removed, last_removed_at = excluded.last_removed_at;
        return jsonb_build_object('rows', removed);
      end $$`;

/**
 * Copies marks of a month, the last of each minute, all of a trade that is not finished, into a table that takes the month's place.
 * So many trades at a time; false when none is left. Goes on where the last call ended, also after a kill.
 */
export const THIN_SOME = `create function retention_thin_some(month date, trades_most integer) returns boolean
      language plpgsql security definer set search_path = public, pg_temp as $$
      declare
        part text := 'trade_marks' || to_char(month, '"_y"YYYY"m"MM'); thin text := part || '_thin';
        starts text := to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00'; ends text := to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00';
        thinning retention_thinnings; chosen uuid[]; open uuid[];
      begin
        if month is distinct from date_trunc('month', month)::date or to_regclass(part) is null or (ends::timestamptz + interval '7 days' <= app_clock()) is not true then
          raise exception 'no month of marks that is thinned: %', month using errcode = '42501';
        end if;
        perform pg_advisory_xact_lock(hashtextextended('retention_thin', 0));
        select * into thinning from retention_thinnings t where t.month = retention_thin_some.month;
        if thinning.month is null or to_regclass(thin) is null then
          execute format('drop table if exists %I', thin);
          execute format('create table %I (like trade_marks including all, constraint %I check (quoted_at >= %L and quoted_at < %L))', thin, thin || '_month', starts, ends);
          insert into retention_thinnings as t (month, began_at) values (month, app_clock())
            on conflict on constraint retention_thinnings_pk do update set began_at = excluded.began_at, after_trade = null, kept_trades = '{}', done = false returning * into thinning;
        end if;
        if thinning.done then
          return false;
        end if;
        execute format('with recursive each as (
            (select trade_id from %1$I where $1 is null or trade_id > $1 order by trade_id limit 1)
            union all select (select m.trade_id from %1$I m where m.trade_id > e.trade_id order by m.trade_id limit 1) from each e where e.trade_id is not null
          ) select array_agg(trade_id order by trade_id) from (select trade_id from each where trade_id is not null limit $2) chosen', part) into chosen using thinning.after_trade, trades_most;
        if chosen is null then
          update retention_thinnings t set done = true where t.month = thinning.month;
          return false;
        end if;
        -- A trade that is not there has nothing that is not finished.
        select coalesce(array_agg(t.id), '{}') into open from trades t where t.id = any(chosen) and t.finished_at is null;
        execute format('insert into %1$I select * from %2$I where trade_id = any($2)', thin, part) using chosen, open;
        execute format('insert into %1$I select distinct on (trade_id, date_trunc(''minute'', quoted_at)) * from %2$I where trade_id = any($1) and trade_id <> all($2)
          order by trade_id, date_trunc(''minute'', quoted_at), quoted_at desc', thin, part) using chosen, open;
        update retention_thinnings t set after_trade = chosen[cardinality(chosen)], kept_trades = t.kept_trades || open where t.month = thinning.month;
        return true;
      end $$`;

export const THIN_SWAP = `create function retention_thin_swap(month date) returns jsonb
      language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '200ms' as $$
      declare
        part text := 'trade_marks' || to_char(month, '"_y"YYYY"m"MM'); thin text := part || '_thin'; thinning retention_thinnings; is_so boolean; removed bigint;
      begin
        select * into thinning from retention_thinnings t where t.month = retention_thin_swap.month and t.done;
        if thinning.month is null or to_regclass(thin) is null or (${UTC_MIDNIGHT(`(month + interval '1 month')::date`)} + interval '7 days' <= app_clock()) is not true then
          raise exception 'no month of marks that was thinned: %', month using errcode = '42501';
        end if;
        execute format('select (select count(*) from %I) - (select count(*) from %I)', part, thin) into removed;
        lock table only trade_marks in access exclusive mode;
        execute format('select exists (select from %I where recorded_at >= $1)', part) into is_so using thinning.began_at;
        if is_so then
          execute format('drop table %I', thin);
          delete from retention_thinnings t where t.month = thinning.month;
          return jsonb_build_object('held', 'marks of it are just coming');
        end if;
        execute format('alter table trade_marks detach partition %I', part);
        execute format('drop table %I', part);
        execute format('alter table %I rename to %I', thin, part);
        execute format('create trigger refuse_change before update or delete or truncate on %I for each statement execute function refuse_change()', part);
        -- The check says that all rows are of the month, so that none is read under the lock.
        execute format('alter table trade_marks attach partition %I for values from (%L) to (%L)', part, to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
        execute format('alter table %I drop constraint %I', part, thin || '_month');
        delete from retention_thinnings t where t.month = thinning.month;
        insert into retention_months (parent, month, action, rows_removed, kept_trades) values ('trade_marks', month, 'thinned', removed, thinning.kept_trades);
        insert into retention_totals as t (table_name, rows_removed, last_removed_at) values ('trade_marks', removed, app_clock())
          on conflict (table_name) do update set rows_removed = t.rows_removed + excluded.rows_removed, last_removed_at = excluded.last_removed_at;
        return jsonb_build_object('rows', removed);
      end $$`;

/** Looks through so many references behind the one given, and deletes those that no idea names. */
export const PRUNE_REFS = `create function retention_prune_refs(before timestamptz, after_created timestamptz, after_id uuid, rows_most integer) returns table (removed bigint, looked bigint, last_created timestamptz, last_id uuid)
      language plpgsql security definer set search_path = public, pg_temp as $$
      begin
        perform set_config('tradewarden.retention', 'snapshot_refs', true);
        return query
          with page as materialized (
            select r.id, r.created_at from snapshot_refs r
            where r.created_at < least(before, app_clock() - interval '7 days') and (r.created_at, r.id) > (coalesce(after_created, '-infinity'), coalesce(after_id, '00000000-0000-0000-0000-000000000000'))
            order by r.created_at, r.id limit least(rows_most, 10000)
          ), gone as (
            delete from snapshot_refs s using page where s.id = page.id and not exists (select from trade_ideas i where i.snapshot_ref = s.id) returning 1
          ), counted as (
            insert into retention_totals as t (table_name, rows_removed, last_removed_at) select 'snapshot_refs', count(*), app_clock() from gone having count(*) > 0
            on conflict (table_name) do update set rows_removed = t.rows_removed + excluded.rows_removed, last_removed_at = excluded.last_removed_at
          )
          select (select count(*) from gone), (select count(*) from page), p.created_at, p.id from (values (1)) one left join (select * from page order by page.created_at desc, page.id desc limit 1) p on true;
        perform set_config('tradewarden.retention', '', true);
      end $$`;
