import { Injectable } from '@nestjs/common';
import type { Run, Statement } from '../database/statements.js';
import type { Tx } from '../database/transaction.js';
import type { BreakerName, ScopeType } from './breakers.js';
import type { Settings } from './breaker-settings.js';
import type { Trial } from './next-state.js';

/** An account in an execution mode. */
export interface Book {
  account_id: string;
  execution_mode: 'simulation' | 'paper' | 'live';
}

/** What a statement measured of one scope of one book. */
export interface Measured extends Book {
  scope_id: string;
  value: string;
  samples: number;
}

/** Of a scope whose breaker is being tested. */
export interface TrialRow extends Trial {
  id: string;
}

/** Trades of which one look counts streaks and sums. */
const TRADES_READ = 1_000;

/** Of a book's streaks and openings: what agents decided here. What was adopted or imported counts for money alone. */
const DECIDED = `t.origin in ('gated','ungated')`;

/** Planning one of these takes several times as long as running it: looks of no transaction run them prepared. */
export const figure = (name: string, text: string): Statement => ({ name: `breaker_${name}`, text });

/** SQL of the books that are asked for, as `b`. */
export const BOOKS = `jsonb_to_recordset($1::jsonb) as b (account_id uuid, execution_mode text)`;

/** SQL of a breaker's watermark of a scope: what happened up to it counts no more. */
export const watermark = (breaker: BreakerName, scope: ScopeType, id: string) => `coalesce((
  select w.watermark_at from breaker_states w where w.name = '${breaker}' and w.account_id = b.account_id and w.execution_mode = b.execution_mode
    and w.scope_type = '${scope}' and w.scope_id = ${id}), '-infinity')`;

const CLOSED = `t.account_id = b.account_id and t.execution_mode = b.execution_mode and t.status = 'closed' and ${DECIDED} and t.net_profit is not null`;

/** The last trades of a book with a result, newest first, after the watermark of the account or of each symbol. */
const CONSECUTIVE = `
  select b.account_id, b.execution_mode, b.account_id::text as scope_id, made.value, made.samples
  from ${BOOKS} cross join lateral (select ${watermark('consecutive_losses', 'account', 'b.account_id::text')} as at) since cross join lateral (
    select count(*) filter (where wins = 0 and net_profit < 0)::text as value, count(*)::int as samples from (
      select net_profit, count(*) filter (where net_profit > 0) over (order by exit_time desc, seq desc rows unbounded preceding) as wins from (
        select t.net_profit, t.exit_time, t.seq from trades t where ${CLOSED} and t.exit_time > since.at order by t.exit_time desc, t.seq desc limit ${TRADES_READ}
      ) last
    ) counted
  ) made where made.samples > 0`;

/** @param measure of the trades of one symbol, `n` of them counted from the newest */
const ofSymbols = (breaker: BreakerName, measure: string) => `
  select b.account_id, b.execution_mode, made.symbol as scope_id, made.value, made.samples
  from ${BOOKS} cross join lateral (
    select symbol, ${measure} as value, count(*)::int as samples from (
      select symbol, net_profit, count(*) filter (where net_profit > 0) over newest as wins, row_number() over newest as n from (
        select t.symbol, t.net_profit, t.exit_time, t.seq from trades t where ${CLOSED} order by t.exit_time desc, t.seq desc limit ${TRADES_READ}
      ) last where exit_time > ${watermark(breaker, 'symbol', 'last.symbol')}
      window newest as (partition by symbol order by exit_time desc, seq desc rows unbounded preceding)
    ) counted group by symbol
  ) made`;
const SYMBOL_STREAK = ofSymbols('losing_streak_symbol', 'count(*) filter (where wins = 0 and net_profit < 0)::text');
const SYMBOL_LOSS = `select * from (${ofSymbols('low_profit_symbol', 'trim_scale(-sum(net_profit) filter (where n <= $2::int))::text')}) m`;

/** @param from SQL: since when openings count */
const openings = (breaker: BreakerName, from: string) => `
  select b.account_id, b.execution_mode, b.account_id::text as scope_id, made.value, made.samples
  from ${BOOKS} join accounts a on a.id = b.account_id cross join (select app_clock() as now) clock cross join lateral (
    select count(*)::text as value, count(*)::int as samples from trades t
    where t.account_id = b.account_id and t.execution_mode = b.execution_mode and ${DECIDED} and t.entry_time > greatest(${from}, ${watermark(breaker, 'account', 'b.account_id::text')})
      and t.status in ('open','closing','closed','unknown')
  ) made where made.samples > 0`;
const HOURLY = openings('trades_per_hour', `clock.now - interval '1 hour'`);
const DAILY = openings('trades_per_day', `rollover_before(clock.now, a.zone, a.rollover) - interval '1 microsecond'`);

/** By how much of their price the last entries were worse than asked for; better ones make up for worse. */
const SLIPPAGE = `
  select b.account_id, b.execution_mode, b.account_id::text as scope_id, made.value, made.samples
  from ${BOOKS} cross join lateral (select ${watermark('slippage', 'account', 'b.account_id::text')} as at) since cross join lateral (
    select trim_scale(round(avg(entry_slippage / entry_price), 18))::text as value, count(*)::int as samples from (
      select t.entry_slippage, t.entry_price from (
        select * from trades t where t.account_id = b.account_id and t.execution_mode = b.execution_mode order by t.seq desc limit ${TRADES_READ}
      ) t where t.entry_slippage is not null and t.entry_price > 0 and t.entry_time > since.at and ${DECIDED} order by t.entry_time desc, t.seq desc limit $2::int
    ) last
  ) made where made.samples > 0`;

/** Began and ended since testing began. */
const TRIALS = `
  select s.id, count(t.id)::int as ended, (count(t.id) filter (where t.net_profit < 0))::int as lost
  from breaker_states s left join trades t on t.account_id = s.account_id and t.execution_mode = s.execution_mode and t.status = 'closed' and ${DECIDED}
    and t.entry_time >= s.watermark_at and t.exit_time >= s.watermark_at and t.net_profit is not null
    and case s.scope_type when 'agent' then t.agent_id = s.scope_id::uuid when 'symbol' then t.symbol = s.scope_id else true end
  where s.id = any($1::uuid[]) group by s.id`;

/** What trades say of books: from their rows, whatever was told twice or late. */
@Injectable()
export class TradeFiguresRepository {
  consecutiveLosses(run: Run, books: readonly Book[]): Promise<Measured[]> {
    return run(figure('streaks', CONSECUTIVE), [JSON.stringify(books)]);
  }

  losingStreaks(run: Run, books: readonly Book[]): Promise<Measured[]> {
    return run(figure('symbol_streaks', SYMBOL_STREAK), [JSON.stringify(books)]);
  }

  symbolLosses(run: Run, books: readonly Book[], { parameters }: Settings<'low_profit_symbol'>): Promise<Measured[]> {
    return run(figure('symbol_losses', SYMBOL_LOSS), [JSON.stringify(books), parameters.windowTrades]);
  }

  openingsOfHour(run: Run, books: readonly Book[]): Promise<Measured[]> {
    return run(figure('openings_hour', HOURLY), [JSON.stringify(books)]);
  }

  openingsOfDay(run: Run, books: readonly Book[]): Promise<Measured[]> {
    return run(figure('openings_day', DAILY), [JSON.stringify(books)]);
  }

  slippage(run: Run, books: readonly Book[], { parameters }: Settings<'slippage'>): Promise<Measured[]> {
    return run(figure('slippage', SLIPPAGE), [JSON.stringify(books), parameters.windowTrades]);
  }

  trials(tx: Tx, stateIds: readonly string[]): Promise<TrialRow[]> {
    return stateIds.length === 0 ? Promise.resolve([]) : tx.query(TRIALS, [stateIds]);
  }
}
