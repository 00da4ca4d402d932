import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { type Place, upperBound } from '../database/newest-first.js';
import type { Tx } from '../database/transaction.js';
import { type AccountReport, AHEAD_MOST, LATE_MOST } from './account-reports.repository.js';
import type { AccountRow } from './accounts.repository.js';
import { DAYS, figuresAt, flows, INITIAL, raisePeak, realised } from './day-figures.js';

export const EXECUTION_MODES = ['simulation', 'paper', 'live'] as const;
export type ExecutionMode = (typeof EXECUTION_MODES)[number];

/** An account in an execution mode. */
export interface Book {
  account_id: string;
  execution_mode: ExecutionMode;
}

export interface AccountDayRow extends Book {
  seq: number;
  currency: string;
  /** The local date on which it began. */
  day: string;
  starts_at: string;
  ends_at: string;
  last_reported_at: string | null;
  last_equity: string | null;
  last_balance: string | null;
  lowest_equity: string | null;
  net_cash_flows: string;
  /** As of all deals that were told so far, as `unpriced` and `unexplained` are. */
  realised_profit: string;
  unpriced: number;
  unexplained: string | null;
  /** The account's initial balance with the money that came and went until this day began. */
  initial: string | null;
  opening_equity: string | null;
  opening_balance: string | null;
  opening_estimated: boolean;
  closing_equity: string | null;
  closing_balance: string | null;
  /** Null while the day is open, as `closed_at` is. */
  closing_estimated: boolean | null;
  closed_at: string | null;
}

export interface BookRow {
  execution_mode: ExecutionMode;
  /** With the money that came and went since. */
  peak_equity: string | null;
  peak_day_end_balance: string | null;
}

export interface AccountDayFilter {
  executionMode?: ExecutionMode | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

/** Since the lowest that was reported may be above what the day began with. */
const COLUMNS = `d.seq, d.account_id, c.currency, d.execution_mode, d.day::text as day, d.starts_at, d.ends_at, d.last_reported_at, d.last_equity, d.last_balance,
  least(d.opening_equity, d.lowest_equity) as lowest_equity, d.net_cash_flows, d.opening_equity, d.opening_balance, d.opening_estimated,
  made.amount as realised_profit, made.unpriced::int as unpriced, gap.unexplained, ${INITIAL} as initial, d.closing_equity, d.closing_balance, d.closing_estimated, d.closed_at`;

/** An account that comes back after years gets so many days of them; the ones before stay out. */
const DAYS_MOST = 400;

/** All of it under the lock of the account's row. */
@Injectable()
export class AccountDaysRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Whether a report is news of its account, as the merged statement judges it. */
  async isNews(tx: Tx, { accountId, mode, at }: AccountReport): Promise<boolean> {
    const [row] = await tx.sql<{ is_news: boolean }[]>`
      select ${at}::timestamptz > app_clock() - interval ${() => `'${LATE_MOST}'`} and coalesce((
        select ${at}::timestamptz >= last_reported_at or last_reported_at > app_clock() + interval ${() => `'${AHEAD_MOST}'`}
        from account_days where account_id = ${accountId} and execution_mode = ${mode} and last_reported_at is not null
        order by starts_at desc limit 1), true) as is_news`;
    return row?.is_news ?? false;
  }

  /** Ends the open day when it is over by then. Answers when it began. */
  async close(tx: Tx, { account_id, execution_mode }: Book, at: string): Promise<string[]> {
    const closed = await tx.sql<{ starts_at: string }[]>`
      with closed as (
        update account_days set closed_at = app_clock(), closing_estimated = true
        where account_id = ${account_id} and execution_mode = ${execution_mode} and closed_at is null and ends_at <= ${at}::timestamptz
        returning starts_at
      ) select * from closed`;
    return closed.map(({ starts_at }) => starts_at);
  }

  /**
   * Makes the days from the end of the last one, or for a new book the one day, up to this time; all but the last are over.
   * A trading day that was changed begins where the last one ended. Answers when those began that are over.
   */
  async open(tx: Tx, { id, zone, rollover }: AccountRow, mode: ExecutionMode, at: string): Promise<string[]> {
    const made = await tx.sql<{ starts_at: string; over: boolean }[]>`
      with recursive latest as materialized (
        select max(ends_at) as ended from account_days where account_id = ${id} and execution_mode = ${mode}
      ), days as (
        select greatest(ended, rollover_before(case when ended is null then ${at}::timestamptz else ${at}::timestamptz - make_interval(days => ${DAYS_MOST}) end, ${zone}, ${rollover})) as starts_at
        from latest where ended is null or ended <= ${at}::timestamptz
        union all
        select rollover_after(starts_at, ${zone}, ${rollover}) from days where rollover_after(starts_at, ${zone}, ${rollover}) <= ${at}::timestamptz
      ), bounded as materialized (
        select starts_at, rollover_after(starts_at, ${zone}, ${rollover}) as ends_at from days
      ), made as (
        insert into account_days (account_id, execution_mode, day, starts_at, ends_at, closed_at, closing_estimated)
        select ${id}, ${mode}, (starts_at at time zone ${zone}::text)::date, starts_at, ends_at,
          case when ends_at <= ${at}::timestamptz then app_clock() end, case when ends_at <= ${at}::timestamptz then true end
        from bounded order by starts_at
        returning starts_at, closed_at is not null as over
      ) select * from made`;
    return made.filter(({ over }) => over).map(({ starts_at }) => starts_at);
  }

  /** Into the day that it is of. The two equities before its own may be of days before. */
  async put(tx: Tx, { accountId, mode, at, equity, balance }: AccountReport): Promise<void> {
    await tx.sql`
      with before as materialized (
        select last_equity, prior_equity from account_days
        where account_id = ${accountId} and execution_mode = ${mode} and starts_at <= ${at}::timestamptz and last_equity is not null order by starts_at desc limit 1
      ), told as materialized (
        select ${at}::timestamptz as at, ${equity}::numeric as equity, ${balance}::numeric as balance, before.* from (select) one left join before on true
      ), put as (
        update account_days d set first_reported_at = coalesce(first_reported_at, told.at),
          first_equity = coalesce(first_equity, told.equity), first_balance = coalesce(first_balance, told.balance),
          last_reported_at = told.at, last_equity = coalesce(told.equity, d.last_equity), last_balance = coalesce(told.balance, d.last_balance),
          last_balance_at = case when told.balance is null then last_balance_at else told.at end,
          lowest_equity = least(lowest_equity, told.equity), prior_equity = case when told.equity is null then d.prior_equity else told.last_equity end,
          ${() => raisePeak('told.equity', 'told', 'told.at')}
        from told where account_id = ${accountId} and execution_mode = ${mode} and starts_at <= told.at and ends_at > told.at
        returning 1
      ) select * from put`;
  }

  /**
   * Works out anew what follows from the reports, deals and cash flows of this time: the day it lies in, those before it back to the
   * last one that was reported, and those after it up to the next one. From the rows alone, so that it may run twice.
   */
  async settle(tx: Tx, { account_id, execution_mode }: Book, at: string): Promise<void> {
    await tx.sql`
      with span as materialized (
        select coalesce((
            select max(starts_at) from account_days where account_id = ${account_id} and execution_mode = ${execution_mode} and last_reported_at is not null
              and starts_at < coalesce((select max(starts_at) from account_days where account_id = ${account_id} and execution_mode = ${execution_mode} and starts_at <= ${at}::timestamptz), ${at}::timestamptz)
          ), '-infinity') as since,
          coalesce((
            select min(starts_at) from account_days where account_id = ${account_id} and execution_mode = ${execution_mode} and last_reported_at is not null
              and starts_at > ${at}::timestamptz
          ), 'infinity') as until
      ), figures as materialized (
        select s.seq, ${() => flows('s', (time) => `${time} >= s.starts_at and ${time} < s.ends_at`)} as net, made.amount, made.facts, opening.equity, opening.balance, opening.estimated,
          closing.equity as closing_equity, closing.balance as closing_balance, closing.estimated as closing_estimated
        from span, account_days s cross join lateral (${() => figuresAt('s.starts_at')}) opening
          cross join lateral (${() => realised('s', (time) => `${time} >= s.starts_at and ${time} < s.ends_at`)}) made
          left join lateral (${() => figuresAt('s.ends_at')}) closing on s.closed_at is not null
        where s.account_id = ${account_id} and s.execution_mode = ${execution_mode} and s.starts_at between span.since and span.until
      ), settled as (
        update account_days d set net_cash_flows = f.net, opening_equity = f.equity, opening_balance = f.balance, opening_estimated = f.estimated,
          closing_equity = f.closing_equity, closing_balance = f.closing_balance, closing_estimated = f.closing_estimated,
          settled_profit = f.amount, settled_facts = f.facts, peak_shift = ${() => flows('d', (time) => `${time} > d.peak_equity_at and ${time} < d.ends_at`)}
        from figures f where d.seq = f.seq returning 1
      ) select count(*) from settled`;
  }

  /** Open days that are over, and whether somebody may yet report in their books. */
  due(after: Book | null, limit: number): Promise<(Book & { goes_on: boolean })[]> {
    return this.dataSource.sql`
      select d.account_id, d.execution_mode,
        exists (select 1 from agents a where a.account_id = d.account_id and a.mode = d.execution_mode and a.retired_at is null) as goes_on
      from account_days d where d.closed_at is null and d.ends_at <= app_clock()
        and (${after?.account_id ?? null}::uuid is null or (d.account_id, d.execution_mode) > (${after?.account_id ?? null}::uuid, ${after?.execution_mode ?? null}::text))
      order by d.account_id, d.execution_mode limit ${limit}`;
  }

  async now(tx: Tx): Promise<string> {
    const [row] = await tx.sql<{ at: string }[]>`select app_clock()::text as at`;
    if (!row) throw new Error('the database does not say what time it is');
    return row.at;
  }

  begunAt(tx: Tx, { account_id, execution_mode }: Book, startsAt: readonly string[]): Promise<AccountDayRow[]> {
    return tx.sql`
      select ${() => COLUMNS} from ${() => DAYS}
      where d.account_id = ${account_id} and d.execution_mode = ${execution_mode} and d.starts_at = any(${startsAt}::timestamptz[]) order by d.starts_at`;
  }

  async placeOf(accountId: string, seq: string): Promise<Place | null> {
    const [row] = await this.dataSource.sql<Place[]>`
      select starts_at::text as at, seq::text as seq from account_days where seq = ${seq}::bigint and account_id = ${accountId}`;
    return row ?? null;
  }

  list(accountId: string, filter: AccountDayFilter, limit: number, after: Place | null): Promise<AccountDayRow[]> {
    const { executionMode = null, from = null } = filter;
    const upper = upperBound(filter.to, after);
    return this.dataSource.sql`
      select ${() => COLUMNS} from ${() => DAYS}
      where d.account_id = ${accountId} and (${executionMode}::text is null or d.execution_mode = ${executionMode}::text)
        and (${from}::timestamptz is null or d.starts_at >= ${from}::timestamptz)
        and (${upper.to}::timestamptz is null or d.starts_at < ${upper.to}::timestamptz)
        and (${upper.seq}::bigint is null or (d.starts_at, d.seq) < (${upper.at}::timestamptz, ${upper.seq}::bigint))
      order by d.starts_at desc, d.seq desc limit ${limit + 1}`;
  }

  /**
   * How high each book of an account stood, made from its days: a flow that is told late shifts what was before it, and no row
   * has to be kept beside the day's, which the reports hold already.
   */
  books(accountId: string): Promise<BookRow[]> {
    return this.dataSource.sql`
      select b.execution_mode, trim_scale(greatest(b.initial, max(d.peak_equity + ${() => flows('d', (time) => `${time} > d.peak_equity_at`)}))) as peak_equity,
        trim_scale(greatest(b.initial, max(d.closing_balance + ${() => flows('d', (time) => `${time} >= d.ends_at`)}))) as peak_day_end_balance
      from (
        select x.account_id, x.execution_mode, c.initial_balance + ${() => flows('x', (time) => `${time} > x.first_reported_at`)} as initial
        from (select account_id, execution_mode, min(first_reported_at) as first_reported_at from account_days where account_id = ${accountId} group by account_id, execution_mode) x
          join accounts c on c.id = x.account_id
      ) b join account_days d on d.account_id = b.account_id and d.execution_mode = b.execution_mode
      group by b.execution_mode, b.initial order by b.execution_mode`;
  }
}
