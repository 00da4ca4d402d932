import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What was decided, append-only, sealed and chained for each stream; and where each chain ends. */
export class Decisions1763600000024 implements MigrationInterface {
  name = 'Decisions1763600000024';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`create sequence decision_history_seq as bigint`);
    // `canonical` is what the hash is over; the columns beside it are for filters and must say the same.
    await db.query(`create table decision_history (
      seq bigint not null,
      at timestamptz not null,
      stream text not null,
      number bigint not null,
      id uuid not null,
      type text not null,
      agent_id uuid,
      idea_id uuid,
      command_id uuid,
      halt_id uuid,
      key_id text not null,
      canonical text not null,
      hash text not null,
      constraint decision_history_pk primary key (seq, at),
      constraint decision_history_stream check (stream = 'system' or stream ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
      constraint decision_history_number check (number between 1 and 9007199254740991),
      constraint decision_history_type check (type in ('ai_proposed','ai_auto_executed','human_approved','human_rejected','risk_rejected','ai_halted','ai_resumed')),
      constraint decision_history_key check (key_id ~ '^[0-9a-f]{16}$'),
      constraint decision_history_hash check (hash ~ '^[0-9a-f]{64}$')
    ) partition by range (at)`);
    await db.query(`create index decision_history_of_stream on decision_history (stream, seq)`);
    await db.query(`create index decision_history_type_seq on decision_history (type, seq)`);
    await db.query(`create index decision_history_id on decision_history (id)`);
    for (const link of ['agent', 'idea', 'command', 'halt']) {
      await db.query(`create index decision_history_${link} on decision_history (${link}_id, seq) where ${link}_id is not null`);
    }
    await db.query(`create trigger refuse_change before update or delete or truncate on decision_history for each statement execute function refuse_change()`);

    // Not on the accounts row: `system` has a chain too. The row '*' counts the others, so that one cannot vanish whole.
    await db.query(`create table decision_heads (
      stream text constraint decision_heads_pk primary key,
      count bigint not null,
      head text not null,
      mac text not null,
      key_id text not null,
      moved_at timestamptz not null default app_clock(),
      constraint decision_heads_stream check (stream in ('system', '*') or stream ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
      constraint decision_heads_count check (count between 0 and 9007199254740991),
      constraint decision_heads_head check (head = '' or head ~ '^[0-9a-f]{64}$'),
      constraint decision_heads_mac check (mac ~ '^[0-9a-f]{64}$'),
      constraint decision_heads_key check (key_id ~ '^[0-9a-f]{16}$')
    ) with (fillfactor = 50)`);
    await db.query(`create trigger refuse_removal before delete or truncate on decision_heads for each statement execute function refuse_change()`);
    // Compared before the function is called, so an append pays nothing for it.
    await db.query(`create trigger forward_by_one before update on decision_heads for each row
      when (new.stream <> old.stream or new.count <> old.count + 1) execute function refuse_change()`);

    await db.query(ensureMonths('events', 'auth_audit', 'decision_history'));
    await db.query(`select ensure_months((app_clock() - interval '1 month')::date, (app_clock() + interval '12 months')::date)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(ensureMonths('events', 'auth_audit'));
    await db.query(`drop table decision_heads, decision_history`);
    await db.query(`drop sequence decision_history_seq`);
  }
}

/** As in the foundation, with these tables. */
const ensureMonths = (...tables: string[]) => `create or replace function ensure_months(first_month date, last_month date) returns integer
      language plpgsql security definer set search_path = public, pg_temp as $$
      declare
        parent text; month date; part text; made integer := 0;
      begin
        if first_month < date '1990-01-01' or last_month > (app_clock() + interval '13 months')::date or first_month > last_month then
          raise exception 'months from 1990-01 to a year ahead, not % to %', first_month, last_month using errcode = '22023';
        end if;
        -- Instances that start together find the same month missing, and "if not exists" is no lock.
        perform pg_advisory_xact_lock(hashtextextended('ensure_months', 0));
        foreach parent in array array[${tables.map((table) => `'${table}'`).join(', ')}] loop
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
