import { Injectable } from '@nestjs/common';
import type { Run } from '../database/statements.js';
import type { Tx } from '../database/transaction.js';
import { ASSUMED_BALANCE, flows, realised, riseOf } from '../accounts/day-figures.js';
import type { Rate } from '../instruments/rates.js';
import type { LossFacts } from './loss-figures.js';
import { BOOKS, type Book, figure } from './trade-figures.repository.js';

/** An agent that was silent for longer counts as offline: deals that were told since then tell more than its last equity. */
const SEEN = '90 seconds';
const SEEN_UNTIL = 'd.last_reported_at';
/** A balance is often told before the fill that made it. */
const UNEXPLAINED_FOR = '60 seconds';
const UNFINISHED = `('pending','open','closing','unknown')`;

/**
 * One row for each book and loss breaker: what its day began with, what it has now, and what it is measured from. Where an
 * agent reports, its equity counts, which has floating loss, costs and swaps in it. Where none ever did and nothing is
 * live, the deals of the day and the last marks count, on an assumed balance. After a reset what it had then is the measure.
 * Money that came or went after the last report is not in its equity, so it is not in the measure either: a deposit that is
 * told before the next report would look like a loss of as much, and halt. A rise of the balance that nothing has explained for
 * a minute counts for nothing: a mistake of the broker's would hide a loss of as much. A peak of the
 * same day had it too, and what there was at a reset after it.
 *
 * The names are looked for by array_position: unnest and "= any" are taken for fewer rows when the names are known, so that
 * planning anew each time (7 ms; 0.7 to run) always seemed the cheaper.
 */
const FACTS = `
  select b.account_id, b.execution_mode, n.name as breaker, a.currency,
    trim_scale(case when told.is_told then told.equity when assumed.is_assumed then ${ASSUMED_BALANCE} + assumed.result end)::text as equity, trim_scale(rise.amount)::text as "unexplainedRise",
    case when told.is_told then trim_scale(d.opening_equity)::text when assumed.is_assumed then '${ASSUMED_BALANCE}' end as "openingEquity",
    case when told.is_told then trim_scale(d.opening_balance)::text when assumed.is_assumed then '${ASSUMED_BALANCE}' end as "openingBalance",
    case when told.is_told then trim_scale(today.amount)::text else '0' end as "flowsToday",
    case when told.is_told then trim_scale(started.amount)::text end as initial,
    trim_scale(peaks.equity)::text as "peakEquity", trim_scale(peaks.day_end)::text as "peakDayEndBalance",
    case when told.is_told then trim_scale(w.watermark_equity - case when d.unexplained_since <= w.watermark_at then rise.amount else 0 end + since.amount)::text when assumed.is_assumed and w.watermark_at > day.starts_at then '${ASSUMED_BALANCE}' end as "sinceReset",
    coalesce(w.watermark_at > day.starts_at, false) as "resetToday", w.watermark_at is not null as "wasReset"
  from ${BOOKS} join accounts a on a.id = b.account_id cross join (select app_clock() as now) clock
    join (values ('daily_loss'), ('daily_target'), ('drawdown')) as n (name) on array_position($2::text[], n.name) is not null
    cross join lateral (select rollover_before(clock.now, a.zone, a.rollover) as starts_at) day
    left join breaker_states w on w.name = n.name and w.account_id = b.account_id and w.execution_mode = b.execution_mode and w.scope_type = 'account'
    left join account_days d on d.account_id = b.account_id and d.execution_mode = b.execution_mode and d.closed_at is null and d.starts_at <= clock.now and d.ends_at > clock.now and d.last_equity is not null
    cross join lateral (select exists (select from account_cash_flows f where f.account_id = b.account_id) as any) flowing
    cross join lateral (select min(x.first_reported_at) as at from account_days x where x.account_id = b.account_id and x.execution_mode = b.execution_mode) first
    cross join lateral (select case when d.unexplained_since <= clock.now - interval '${UNEXPLAINED_FOR}' then ${riseOf('d')} else 0 end as amount) rise
    cross join lateral (
      select d.last_equity is not null as is_told, case
        when d.last_reported_at < clock.now - interval '${SEEN}' and d.last_balance is not null
          and not exists (select from trades t where t.account_id = b.account_id and t.execution_mode = b.execution_mode and t.finished_at is null and t.status in ${UNFINISHED})
        then least(d.last_equity, d.last_balance + (select amount from (${realised('b', (at) => `${at} > d.last_balance_at`)}) made))
        else d.last_equity end - rise.amount as equity
    ) told
    cross join lateral (select case when flowing.any then ${flows('b', (at) => `${at} >= d.starts_at and ${at} <= ${SEEN_UNTIL}`)} else 0 end as amount) today
    cross join lateral (select case when flowing.any and w.watermark_at is not null then ${flows('b', (at) => `${at} > w.watermark_at and ${at} <= ${SEEN_UNTIL}`)} else 0 end as amount) since
    cross join lateral (select a.initial_balance + case when flowing.any then ${flows('b', (at) => `${at} > first.at and ${at} <= ${SEEN_UNTIL}`)} else 0 end as amount) started
    left join lateral (
      select first.at is null and b.execution_mode <> 'live' as is_assumed, (select amount from (${realised('b', (at) => `${at} >= day.starts_at and (w.watermark_at is null or ${at} > w.watermark_at)`)}) made)
        + coalesce((select sum(m.floating_profit) from trades t cross join lateral (
            select floating_profit from trade_marks m where m.trade_id = t.id order by m.quoted_at desc limit 1
          ) m where t.account_id = b.account_id and t.execution_mode = b.execution_mode and t.finished_at is null and t.status in ${UNFINISHED}), 0) as result
    ) assumed on first.at is null and b.execution_mode <> 'live' and n.name <> 'drawdown'
    left join lateral (
      select max(x.peak_equity - case when x.seq = d.seq then rise.amount else 0 end + case when flowing.any then ${flows('x', (at) => `${at} > x.peak_equity_at and ${at} <= ${SEEN_UNTIL}`)} else 0 end) filter (where w.watermark_at is null or x.peak_equity_at > w.watermark_at) as equity,
        max(x.closing_balance + case when flowing.any then ${flows('x', (at) => `${at} >= x.ends_at and ${at} <= ${SEEN_UNTIL}`)} else 0 end) filter (where w.watermark_at is null or x.ends_at > w.watermark_at) as day_end
      from account_days x where x.account_id = b.account_id and x.execution_mode = b.execution_mode
    ) peaks on n.name = 'drawdown' and told.is_told`;

export interface LossRow extends LossFacts, Book {
  breaker: 'daily_loss' | 'daily_target' | 'drawdown';
  currency: string;
  /** What the equity was reported with and is without. */
  unexplainedRise: string;
}

@Injectable()
export class LossFactsRepository {
  facts(run: Run, books: readonly Book[], breakers: readonly string[]): Promise<LossRow[]> {
    return run(figure('losses', FACTS), [JSON.stringify(books), breakers]);
  }

  /** Rows that `valuesOf` reads: for everybody, and of those accounts that have limits of their own. */
  async limits(tx: Tx, accountIds: readonly string[]): Promise<{ global: { currency: string }; accounts: { account_id: string; currency: string }[] }> {
    const [global] = await tx.sql<{ currency: string }[]>`select * from risk_config`;
    if (!global) throw new Error('the row of risk_config is gone');
    return { global, accounts: await tx.sql`select * from risk_limits where account_id = any(${accountIds}::uuid[])` };
  }

  /** What an account's quotes say of currencies, at the middle. */
  rates(tx: Tx, accountId: string): Promise<Rate[]> {
    return tx.sql`
      select i.base_currency as "from", i.quote_currency as "to", trim_scale(round((q.bid + q.ask) / 2, 18))::text as rate, least(q.quoted_at, q.received_at) as "asOf"
      from quotes q cross join lateral (
        select base_currency, quote_currency from instruments i where i.account_id = q.account_id and (i.symbol = q.symbol or i.broker_symbol = q.symbol) and i.kind in ('fx','crypto')
        union all select substr(q.symbol, 1, 3), substr(q.symbol, 4, 3) where q.symbol ~ '^[A-Z]{6}$'
        limit 1
      ) i where q.account_id = ${accountId} and i.base_currency is not null and q.bid > 0`;
  }
}
