import type { MigrationInterface, QueryRunner } from 'typeorm';

const CORRECTED = ['snapshot_market', 'snapshot_calendar', 'snapshot_news'];
const NEVER_CHANGED = ['snapshot_indicators', 'snapshot_account', 'snapshot_revisions', 'snapshot_refs'];

/** What every kind of snapshot has. The id holds the time of its month: looked up by id, one month is asked. */
const COMMON = `
  seq bigint not null default nextval('snapshots_seq'),
  id uuid not null,
  revision integer not null default 1,
  agent_id uuid,
  captured_at timestamptz not null,
  last_captured_at timestamptz not null,
  created_at timestamptz not null default app_clock()`;

/** Candles, indicators, calendar, news and accounts as agents saw them; what was corrected; what a decision saw; and the last quotes. */
export class MarketData1763600000013 implements MigrationInterface {
  name = 'MarketData1763600000013';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`create sequence snapshots_seq as bigint`);
    // `frame` is the timeframe in one spelling: H1, 1h and 60m are one candle.
    await db.query(`create table snapshot_market (${COMMON},
      symbol text not null,
      timeframe text not null,
      frame text not null,
      open_time timestamptz not null,
      close_time timestamptz not null,
      open numeric not null, high numeric not null, low numeric not null, close numeric not null,
      volume numeric,
      constraint snapshot_market_pk primary key (symbol, frame, open_time),
      constraint snapshot_market_prices check (low > 0 and high < 1e20 and low <= high and open between low and high and close between low and high),
      constraint snapshot_market_volume check (volume >= 0 and volume < 1e20),
      constraint snapshot_market_times check (close_time > open_time and last_captured_at >= captured_at)
    ) partition by range (open_time)`);
    await db.query(`create index snapshot_market_symbol_time on snapshot_market (symbol, open_time, seq)`);
    await db.query(`create index snapshot_market_frame_time on snapshot_market (frame, open_time, seq)`);
    await db.query(`create index snapshot_market_time on snapshot_market (open_time, seq)`);

    await db.query(`create table snapshot_indicators (${COMMON},
      sender uuid not null,
      symbol text not null,
      timeframe text not null,
      frame text not null,
      rsi_14 numeric, sma_50 numeric, sma_200 numeric, atr numeric,
      macd numeric, macd_signal numeric, macd_hist numeric,
      constraint snapshot_indicators_pk primary key (sender, symbol, frame, captured_at),
      constraint snapshot_indicators_rsi check (rsi_14 between 0 and 100),
      constraint snapshot_indicators_figures check (sma_50 between -1e20 and 1e20 and sma_200 between -1e20 and 1e20 and atr between 0 and 1e20
        and macd between -1e20 and 1e20 and macd_signal between -1e20 and 1e20 and macd_hist between -1e20 and 1e20)
    ) partition by range (captured_at)`);
    await db.query(`create index snapshot_indicators_agent_time on snapshot_indicators (agent_id, captured_at, seq)`);
    await db.query(`create index snapshot_indicators_agent_symbol_time on snapshot_indicators (agent_id, symbol, frame, captured_at, seq)`);
    await db.query(`create index snapshot_indicators_symbol_time on snapshot_indicators (symbol, frame, captured_at, seq)`);
    await db.query(`create index snapshot_indicators_time on snapshot_indicators (captured_at, seq)`);

    await db.query(`create table snapshot_calendar (${COMMON},
      event_time timestamptz not null,
      currency text not null,
      title text not null,
      impact_level text not null,
      previous_value text, forecast_value text, actual_value text,
      constraint snapshot_calendar_pk primary key (currency, title, event_time),
      constraint snapshot_calendar_impact check (impact_level in ('low','medium','high')),
      constraint snapshot_calendar_times check (last_captured_at >= captured_at)
    ) partition by range (event_time)`);
    await db.query(`create index snapshot_calendar_currency_time on snapshot_calendar (currency, event_time, seq)`);
    await db.query(`create index snapshot_calendar_time on snapshot_calendar (event_time, seq)`);

    await db.query(`create table snapshot_news (${COMMON},
      published_at timestamptz not null,
      source text not null,
      headline text not null,
      symbols text[] not null,
      constraint snapshot_news_pk primary key (source, headline, published_at),
      constraint snapshot_news_times check (last_captured_at >= captured_at)
    ) partition by range (published_at)`);
    await db.query(`create index snapshot_news_source_time on snapshot_news (source, published_at, seq)`);
    await db.query(`create index snapshot_news_symbols on snapshot_news using gin (symbols)`);
    await db.query(`create index snapshot_news_time on snapshot_news (published_at, seq)`);

    await db.query(`create table snapshot_account (${COMMON},
      sender uuid not null,
      account_id uuid not null,
      balance numeric not null, equity numeric not null,
      margin_used numeric, margin_free numeric, open_pl numeric,
      open_positions integer,
      constraint snapshot_account_pk primary key (sender, account_id, captured_at),
      constraint snapshot_account_money check (balance between -1e20 and 1e20 and equity between -1e20 and 1e20 and margin_used between -1e20 and 1e20
        and margin_free between -1e20 and 1e20 and open_pl between -1e20 and 1e20),
      constraint snapshot_account_positions check (open_positions >= 0)
    ) partition by range (captured_at)`);
    await db.query(`create index snapshot_account_agent_time on snapshot_account (agent_id, captured_at, seq)`);
    await db.query(`create index snapshot_account_account_time on snapshot_account (account_id, captured_at, seq)`);
    await db.query(`create index snapshot_account_time on snapshot_account (captured_at, seq)`);

    // Of the same month as its snapshot, so that both go together.
    await db.query(`create table snapshot_revisions (
      snapshot_id uuid not null,
      revision integer not null,
      at timestamptz not null,
      figures jsonb not null,
      replaced_at timestamptz not null default app_clock(),
      constraint snapshot_revisions_pk primary key (snapshot_id, revision, at)
    ) partition by range (at)`);

    // Whole, not by key: it is what "why" shows, also when the months of its snapshots are long gone.
    await db.query(`create table snapshot_refs (
      id uuid constraint snapshot_refs_pk primary key,
      agent_id uuid,
      actor text not null,
      content jsonb not null,
      created_at timestamptz not null default app_clock(),
      constraint snapshot_refs_content check (jsonb_typeof(content) = 'object')
    )`);

    await this.protect(db);
    await this.makeMonths(db);

    // Fixed room for a row that is rewritten with every price: it stays on its page.
    await db.query(`create table quotes (
      account_id uuid not null constraint quotes_account references accounts (id) on delete restrict,
      symbol text not null,
      seq bigint generated always as identity,
      agent_id uuid,
      bid numeric not null,
      ask numeric not null,
      quoted_at timestamptz not null,
      received_at timestamptz not null,
      constraint quotes_pk primary key (account_id, symbol),
      constraint quotes_prices check (bid > 0 and ask < 1e20 and bid <= ask)
    ) with (fillfactor = 50)`);
    await db.query(`create unique index quotes_seq on quotes (seq)`);
    await db.query(`create index quotes_account_seq on quotes (account_id, seq)`);
    await db.query(`create index quotes_symbol_seq on quotes (symbol, seq)`);
  }

  /** Figures never change without a new revision, and then the old ones are kept; whoever writes the statement. */
  private async protect(db: QueryRunner): Promise<void> {
    await db.query(`create function keep_revision() returns trigger language plpgsql as $$
      begin
        if new.revision = old.revision then
          if to_jsonb(new) - 'last_captured_at' is distinct from to_jsonb(old) - 'last_captured_at' then
            raise exception '% changes by a new revision only', tg_table_name using errcode = '42501';
          end if;
        elsif new.revision <> old.revision + 1 or new.id <> old.id or new.seq <> old.seq then
          raise exception '% keeps its id and counts its revisions', tg_table_name using errcode = '42501';
        else
          insert into snapshot_revisions (snapshot_id, revision, at, figures)
          values (old.id, old.revision, (to_jsonb(old) ->> tg_argv[0])::timestamptz, to_jsonb(old));
        end if;
        return null;
      end $$`);
    for (const [table, time] of [['snapshot_market', 'open_time'], ['snapshot_calendar', 'event_time'], ['snapshot_news', 'published_at']]) {
      await db.query(`create trigger keep_revision after update on ${table} for each row execute function keep_revision('${time}')`);
    }
    for (const table of CORRECTED) await db.query(`create trigger refuse_change before delete or truncate on ${table} for each statement execute function refuse_change()`);
    for (const table of NEVER_CHANGED) await db.query(`create trigger refuse_change before update or delete or truncate on ${table} for each statement execute function refuse_change()`);
  }

  private async makeMonths(db: QueryRunner): Promise<void> {
    await db.query(monthsFunction([...CORRECTED, 'snapshot_indicators', 'snapshot_account']));
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table quotes, snapshot_refs, snapshot_revisions, snapshot_account, snapshot_news, snapshot_calendar, snapshot_indicators, snapshot_market`);
    await db.query(`drop function ensure_snapshot_months(text, date[])`);
    await db.query(`drop function keep_revision()`);
    await db.query(`drop sequence snapshots_seq`);
  }
}

/**
 * A month of one table, when its first row comes: candles of last year come as they like. Attached, since that waits
 * for nobody who reads or writes the table; a partition that is made in place does.
 */
export function monthsFunction(tables: string[]): string {
  const list = (names: string[]) => `array[${names.map((name) => `'${name}'`).join(', ')}]`;
  return `create or replace function ensure_snapshot_months(parent text, months date[]) returns integer
      language plpgsql security definer set search_path = public, pg_temp as $$
      declare
        wanted date; month date; cut text; part text; changes text; made integer := 0;
      begin
        if parent is null or parent <> all (${list(tables)}) then
          raise exception 'no table of snapshots: %', parent using errcode = '22023';
        end if;
        perform pg_advisory_xact_lock(hashtextextended('ensure_months', 0));
        foreach wanted in array months loop
          if (wanted between date '1990-01-01' and (app_clock() + interval '13 months')::date) is not true then
            raise exception 'months from 1990-01 to a year ahead, not %', wanted using errcode = '22023';
          end if;
          month := date_trunc('month', wanted)::date;
          foreach cut in array case when parent = any (${list(CORRECTED)}) then array['snapshot_revisions', parent] else array[parent] end loop
            part := cut || to_char(month, '"_y"YYYY"m"MM');
            if to_regclass(part) is null then
              execute format('create table %I (like %I including all)', part, cut);
              changes := case when cut = any (${list(CORRECTED)}) then '' else 'update or ' end;
              execute format('create trigger refuse_change before %sdelete or truncate on %I for each statement execute function refuse_change()', changes, part);
              execute format('alter table %I attach partition %I for values from (%L) to (%L)', cut, part,
                to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
              made := made + 1;
            end if;
          end loop;
        end loop;
        return made;
      end $$`;
}
