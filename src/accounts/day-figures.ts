/** Nobody says that an account on paper has this much; it is what a fraction is taken of until somebody does. */
export const ASSUMED_BALANCE = 10_000;

/** SQL of what account days are made of. `book` is an alias whose row has account_id and execution_mode; `when` bounds a time. */

export const flows = (book: string, when: (at: string) => string) =>
  `coalesce((select sum(f.amount) from account_cash_flows f where f.account_id = ${book}.account_id and ${when('f.at')}), 0)`;

/** Of a fill `f`. */
export const OF_FILL = 'coalesce(f.profit, 0) + coalesce(f.commission, 0) + coalesce(f.swap, 0) + coalesce(f.fee, 0)';
/** What was told of a trade `t` and stands in no fill. */
export const REST = `t.net_profit - case when t.told is null then 0 else (select coalesce(sum(${OF_FILL}), 0) from trade_fills f where f.trade_id = t.id) end`;

/**
 * What a book's deals came to: each fill at its own time, entries' commissions too, and what its trade was told to have come
 * to beyond its fills at the time of its exit. So a trade counts as a whole exactly once, whether it has all of its fills,
 * some, or none. One row: `amount`, `facts` (those that moved money), `unpriced` (closed trades of which nobody told the result).
 */
export const realised = (book: string, when: (at: string) => string) => `
  select trim_scale(coalesce(sum(fact.amount), 0)) as amount, count(*) filter (where fact.amount is distinct from 0) as facts, count(*) filter (where fact.amount is null) as unpriced
  from (
    select ${OF_FILL} as amount from fills f where f.account_id = ${book}.account_id and f.execution_mode = ${book}.execution_mode and ${when('f.filled_at')}
    union all
    select ${REST} from trades t where t.account_id = ${book}.account_id and t.execution_mode = ${book}.execution_mode and t.status = 'closed' and ${when('t.exit_time')}
    union all
    select ${REST} from trades t where t.account_id = ${book}.account_id and t.execution_mode = ${book}.execution_mode and t.finished_at is null
      and t.net_profit is not null and ${when('t.exit_time')}
  ) fact`;

/** Of an open day, as far as its last balance goes: how much it rose by more than was told, 0 where it did not. A rise that nothing explains counts for nothing. */
export const riseOf = (day: string) => `greatest(coalesce(${day}.last_balance - ${day}.opening_balance - ${flows(day, (at) => `${at} >= ${day}.starts_at and ${at} <= ${day}.last_balance_at`)}
  - (select amount from (${realised(day, (at) => `${at} >= ${day}.starts_at and ${at} <= ${day}.last_balance_at`)}) known), 0), 0)`;

/** An agent that was silent for longer counts as offline: what it said last is not what it had at the rollover. */
const SEEN = '90 seconds';

/** From its own time, over what came between. What is open moves the equity with the market: there only money from outside is known. */
const moved = (what: 'equity' | 'balance', book: string, when: (at: string) => string) =>
  what === 'equity' ? flows(book, when) : `(${flows(book, when)} + (select amount from (${realised(book, when)}) made))`;

/**
 * What the book of `s` had at a rollover: what was reported last before it, if that is at most 90 s old. Otherwise nobody saw
 * it, and it is the higher of what was last reported before and first after, each brought to that moment by the cash flows, and
 * the balance also by the deals, between: the higher the figure that a day begins with, the sooner a fall from it is a loss.
 */
const figureAt = (what: 'equity' | 'balance', at: string) => {
  const told = what === 'equity' ? 'p.last_reported_at' : 'p.last_balance_at';
  return `
  select trim_scale(case when before.seen then before.figure else greatest(before.figure, after.figure) end) as figure, before.seen is not true as estimated
  from (select) as one
  left join lateral (
    select p.last_${what} + ${moved(what, 's', (time) => `${time} > ${told} and ${time} < ${at}`)} as figure, ${told} >= ${at} - interval '${SEEN}' as seen
    from account_days p where p.account_id = s.account_id and p.execution_mode = s.execution_mode and p.starts_at < ${at} and p.last_${what} is not null
    order by p.starts_at desc limit 1
  ) before on true
  left join lateral (
    select p.first_${what} - ${moved(what, 's', (time) => `${time} >= ${at} and ${time} <= p.first_reported_at`)} as figure
    from account_days p where p.account_id = s.account_id and p.execution_mode = s.execution_mode and p.starts_at >= ${at} and p.first_${what} is not null
    order by p.starts_at limit 1
  ) after on true`;
};

/** Estimated when one of the figures is, or when there is none. */
export const figuresAt = (at: string) => `
  select equity.figure as equity, balance.figure as balance,
    (equity.figure is null and balance.figure is null) or (equity.figure is not null and equity.estimated) or (balance.figure is not null and balance.estimated) as estimated
  from (${figureAt('equity', at)}) equity, (${figureAt('balance', at)}) balance`;

const FIRST_REPORT = `(select x.first_reported_at from account_days x where x.account_id = d.account_id and x.execution_mode = d.execution_mode
  and x.first_reported_at is not null order by x.starts_at limit 1)`;

/**
 * Rows of account days `d` with their account `c`, and what follows from the deals told so far, however late. The open day is
 * compared as far as its last balance goes: what came after is not in that.
 */
export const DAYS = `account_days d join accounts c on c.id = d.account_id
  cross join lateral (${realised('d', (at) => `${at} >= d.starts_at and ${at} < d.ends_at`)}) made
  cross join lateral (${realised('d', (at) => `d.closed_at is null and ${at} >= d.starts_at and ${at} <= d.last_balance_at`)}) so_far
  cross join lateral (select trim_scale(case when d.closed_at is not null then d.closing_balance - d.opening_balance - d.net_cash_flows - made.amount
    else d.last_balance - d.opening_balance - ${flows('d', (at) => `${at} >= d.starts_at and ${at} <= d.last_balance_at`)} - so_far.amount end) as unexplained) gap
  cross join lateral (select ${FIRST_REPORT} as at) first_report`;

/** The account's initial balance at the beginning of the day: as a figure of the first report, which what came in before it is part of. */
export const INITIAL = `trim_scale(c.initial_balance + ${flows('d', (at) => `${at} > first_report.at and ${at} < d.starts_at`)}
  - ${flows('d', (at) => `${at} >= d.starts_at and ${at} <= first_report.at`)})`;

/**
 * Sets the peak of the day `d` to an equity that three reports in a row held, if it is above what the peak has become by the
 * money that came or went since. One wrong figure would stand as a peak for ever, and no bound tells it from a right one.
 * @param equity SQL of what is reported now
 * @param before alias whose row has the last_equity and prior_equity of the two before
 */
export const raisePeak = (equity: string, before: string, at: string) => {
  const held = `least(${equity}, ${before}.last_equity, ${before}.prior_equity)`;
  const isHigher = `num_nulls(${equity}, ${before}.last_equity, ${before}.prior_equity) = 0 and (d.peak_equity is null or ${held} > d.peak_equity + d.peak_shift)`;
  return `peak_equity = case when ${isHigher} then ${held} else d.peak_equity end, peak_equity_at = case when ${isHigher} then ${at} else d.peak_equity_at end,
    peak_shift = case when ${isHigher} then 0 else d.peak_shift end`;
};
