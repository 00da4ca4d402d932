import { Injectable } from '@nestjs/common';
import { Merged } from '../database/merged.js';
import { type Statement, Statements } from '../database/statements.js';
import type { ExecutionMode } from './account-days.repository.js';
import { raisePeak } from './day-figures.js';

/** What an agent says that its account has. */
export interface AccountReport {
  agentId: string;
  accountId: string;
  mode: ExecutionMode;
  /** As PostgreSQL writes it, with its microseconds. */
  at: string;
  /** Null: nobody said; the account's then. */
  currency: string | null;
  equity: string | null;
  balance: string | null;
}

/** `left`: no news, or not of this account. `alone`: it opens a day, or makes its first figures: that takes a transaction. */
type Outcome = 'counted' | 'left' | 'alone';

/** Facts may be so late; what is older opens no day, or a first report of 1970 would open twenty thousand. */
export const LATE_MOST = '7 days';
/** A last report that lies further ahead of the clock was told while that ran ahead: days would stand still until it has caught up. */
export const AHEAD_MOST = '5 minutes';

/**
 * Counts reports into the open days of their accounts, many of one account together: the lowest of all, and the
 * latest. For the peak those of one statement are one report, and the lowest of them: they saw the same moment.
 * A report that is older than the last one of its account is left.
 * @param locked days that another transaction holds are waited for, or left out
 */
const reports = (name: string, locked: '' | 'skip locked'): Statement => ({
  name,
  text: `
    with clock as materialized (select app_clock() as at),
    asked as materialized (
      select * from jsonb_to_recordset($1::jsonb) as q (n int, account uuid, mode text, at timestamptz, currency text, equity numeric, balance numeric)
    ), open_days as materialized (
      select * from account_days where closed_at is null and (account_id, execution_mode) in (select account, mode from asked)
      order by account_id, execution_mode for no key update ${locked}
    ), judged as materialized (
      select q.*, d.seq as day, case
        when q.currency <> a.currency or q.at <= clock.at - interval '${LATE_MOST}' then 'left'
        when d.seq is null or q.at < d.starts_at or q.at >= d.ends_at or d.last_reported_at is null or d.last_reported_at > clock.at + interval '${AHEAD_MOST}'
          or (d.first_equity is null and q.equity is not null) or (d.first_balance is null and q.balance is not null) then 'alone'
        when q.at < d.last_reported_at then 'left'
        else 'counted' end as outcome
      from clock, asked q join accounts a on a.id = q.account left join open_days d on d.account_id = q.account and d.execution_mode = q.mode
    ), latest as (
      select day, max(at) as at, min(equity) as lowest, (array_agg(equity order by at desc, n desc) filter (where equity is not null))[1] as equity,
        (array_agg(balance order by at desc, n desc) filter (where balance is not null))[1] as balance, max(at) filter (where balance is not null) as balance_at
      from judged where outcome = 'counted' group by day
    ), written as (
      -- PostgreSQL holds the row against its CHECKs before it finds that it was changed since the statement began: as it was then, it may have no first report.
      update account_days d set first_reported_at = coalesce(d.first_reported_at, l.at), last_reported_at = l.at, last_equity = coalesce(l.equity, d.last_equity), last_balance = coalesce(l.balance, d.last_balance),
        last_balance_at = coalesce(l.balance_at, d.last_balance_at), lowest_equity = least(d.lowest_equity, l.lowest),
        prior_equity = case when l.lowest is null then d.prior_equity else d.last_equity end, ${raisePeak('l.lowest', 'd', 'l.at')}
      from latest l where d.seq = l.day
    )
    select n, outcome from judged order by n`,
});

const MERGED = reports('account_reports', 'skip locked');
const WAITING = reports('account_report', '');

@Injectable()
export class AccountReportsRepository {
  private readonly merged = new Merged((asks: readonly AccountReport[]) => this.run(MERGED, asks), { keyOf: ({ agentId }) => agentId });

  constructor(private readonly statements: Statements) {}

  /** Whether it was counted, or is none to count. A day that somebody else holds is waited for outside the merged statement. */
  async count(report: AccountReport): Promise<boolean> {
    if ((await this.merged.do(report)) !== 'alone') return true;
    const [outcome] = await this.run(WAITING, [report]);
    return outcome !== 'alone';
  }

  private async run(statement: Statement, asks: readonly AccountReport[]): Promise<Outcome[]> {
    const rows = asks.map(({ accountId, mode, at, currency, equity, balance }, n) => ({ n, account: accountId, mode, at, currency, equity, balance }));
    return (await this.statements.run<{ outcome: Outcome }>(statement, [JSON.stringify(rows)])).map(({ outcome }) => outcome);
  }
}
