import { Injectable } from '@nestjs/common';
import { quotient, ratio, rounded } from '../database/exact-ratio.js';
import { ReportReading } from '../database/replica/report-reading.js';
import type { EXECUTION_MODES, TRADE_DIRECTIONS } from './trade-fields.js';
import type { TradeStatus } from './trade-state.js';

/** An account in an execution mode. Money is never summed over accounts, which have their currencies, nor over modes. */
export interface Book {
  account_id: string;
  account: string;
  currency: string;
  execution_mode: (typeof EXECUTION_MODES)[number];
}

export interface TradeStatisticsFilter {
  /** Null: of all agents. */
  agentId: string | null;
  accountId?: string | undefined;
  executionMode?: Book['execution_mode'] | undefined;
  symbol?: string | undefined;
  direction?: (typeof TRADE_DIRECTIONS)[number] | undefined;
  from?: string | undefined;
  to?: string | undefined;
  /** A person may ask for any account by name; a key learns nothing of one that its agent has no part in. */
  byPerson: boolean;
}

/** Money and ratios as numeric text. Null is what cannot be said of these trades; counts are never null. */
export interface TradeFiguresRow extends Book {
  /** Statuses that no trade has are missing. */
  by_status: Partial<Record<TradeStatus, number>>;
  closed: number;
  wins: number;
  losses: number;
  breakeven: number;
  unpriced: number;
  win_rate: string | null;
  gross_profit: string | null;
  costs: string | null;
  net_profit: string | null;
  profit_factor: string | null;
  average_win: string | null;
  average_loss: string | null;
  expectancy: string | null;
  largest_win: string | null;
  largest_loss: string | null;
  longest_win_streak: number;
  longest_loss_streak: number;
  average_holding_seconds: number | null;
  max_drawdown: string | null;
  max_drawdown_of_peak: string | null;
  sharpe: string | null;
  first_exit_at: string | null;
  last_exit_at: string | null;
}

/** In the order in which the trades ended; those of one moment as they were recorded. */
const SO_FAR = 'partition by account_id, execution_mode order by exit_time, seq rows unbounded preceding';

/**
 * One walk along the curve, in one sort. Profit that is not known is null, not zero: sums and comparisons leave it out.
 * Only what our agents decided counts for streaks, and there zero neither adds nor breaks. The curve begins at zero, so
 * that a first loss is a fall.
 */
const WALK = `walked as (
  select *, sum(net_profit) over (${SO_FAR}) as cumulative,
    count(*) filter (where won) over (${SO_FAR}) as wins_so_far, count(*) filter (where lost) over (${SO_FAR}) as losses_so_far
  from (
    select account_id, execution_mode, seq, entry_time, exit_time, gross_profit, net_profit,
      net_profit > 0 and origin in ('gated','ungated') as won, net_profit < 0 and origin in ('gated','ungated') as lost
    from matching where status = 'closed'
  ) ended
), compared as (
  select *, greatest(0, max(cumulative) over (${SO_FAR})) as peak,
    wins_so_far - coalesce(max(wins_so_far) filter (where lost) over (${SO_FAR}), 0) as win_streak,
    losses_so_far - coalesce(max(losses_so_far) filter (where won) over (${SO_FAR}), 0) as loss_streak
  from walked
), sums as (
  select account_id, execution_mode, count(*) as closed, count(net_profit) as priced,
    count(*) filter (where net_profit > 0) as wins, count(*) filter (where net_profit < 0) as losses,
    sum(gross_profit) as gross_profit, sum(net_profit) as net_profit, sum(net_profit * net_profit) as squares,
    sum(net_profit) filter (where net_profit > 0) as won, sum(net_profit) filter (where net_profit < 0) as lost,
    max(net_profit) filter (where net_profit > 0) as largest_win, min(net_profit) filter (where net_profit < 0) as largest_loss,
    max(win_streak) as win_streak, max(loss_streak) as loss_streak,
    max(peak - cumulative) as max_drawdown, max(${quotient('peak - cumulative', 'peak')}) as max_drawdown_of_peak,
    avg(extract(epoch from exit_time - entry_time)) filter (where entry_time <= exit_time) as held_seconds,
    min(exit_time) as first_exit_at, max(exit_time) as last_exit_at
  from compared group by account_id, execution_mode
)`;

const STATUSES = `statuses as (
  select account_id, execution_mode, jsonb_object_agg(status, n) as by_status
  from (select account_id, execution_mode, status, count(*) as n from matching group by account_id, execution_mode, status) each
  group by account_id, execution_mode
)`;

/** n times the sum of squares less the square of the sum: zero when all are alike, and for one alone. */
const SPREAD = 'priced * squares - net_profit * net_profit';
/** The mean over the sample standard deviation, Σx ÷ n over √((nΣx² − (Σx)²) ÷ n(n − 1)), with one division and one root. */
const SHARPE = `case when ${SPREAD} > 0 then ${rounded(`net_profit * sqrt(${quotient('priced - 1', `priced * (${SPREAD})`)})`)} end`;

/** Of no trade the sum is zero; of trades of which none is priced it is not known. */
const known = (sum: string) => `case when coalesce(closed, 0) = 0 then 0 else trim_scale(${sum}) end`;

const FIGURES = `coalesce(by_status, '{}') as by_status, coalesce(closed, 0) as closed, coalesce(wins, 0) as wins, coalesce(losses, 0) as losses,
  coalesce(priced - wins - losses, 0) as breakeven, coalesce(closed - priced, 0) as unpriced, ${ratio('wins', 'wins + losses')} as win_rate,
  ${known('gross_profit')} as gross_profit, ${known('net_profit - gross_profit')} as costs, ${known('net_profit')} as net_profit,
  ${ratio('coalesce(won, 0)', '-lost')} as profit_factor, ${ratio('won', 'wins')} as average_win, ${ratio('lost', 'losses')} as average_loss,
  ${ratio('net_profit', 'priced')} as expectancy, trim_scale(largest_win) as largest_win, trim_scale(largest_loss) as largest_loss,
  coalesce(win_streak, 0) as longest_win_streak, coalesce(loss_streak, 0) as longest_loss_streak,
  round(held_seconds, 3)::float8 as average_holding_seconds, ${known('max_drawdown')} as max_drawdown,
  ${rounded('max_drawdown_of_peak')} as max_drawdown_of_peak, ${SHARPE} as sharpe, first_exit_at, last_exit_at`;

@Injectable()
export class TradeStatisticsRepository {
  constructor(private readonly reading: ReportReading) {}

  /**
   * One row for each book in which something fits, an agent works, or that was asked for by account and mode. One
   * statement, so that all figures are of one moment. A window is one of exits: what has not ended lies in none, and
   * saying so lets the index of exits lead to it. 400,000 trades take 1.8 s of processor time; 2.3 s when what matches is
   * written down first.
   */
  figures(filter: TradeStatisticsFilter): Promise<TradeFiguresRow[]> {
    const { agentId, accountId = null, executionMode = null, symbol = null, direction = null, from = null, to = null, byPerson } = filter;
    return this.reading.db.sql`
      with matching as not materialized (
        select account_id, execution_mode, seq, status, origin, entry_time, exit_time, gross_profit, net_profit from trades
        where (${agentId}::uuid is null or agent_id = ${agentId}::uuid) and (${accountId}::uuid is null or account_id = ${accountId}::uuid)
          and (${executionMode}::text is null or execution_mode = ${executionMode}::text)
          and (${symbol}::text is null or symbol = ${symbol}::text) and (${direction}::text is null or direction = ${direction}::text)
          and ((${from}::timestamptz is null and ${to}::timestamptz is null) or status = 'closed')
          and (${from}::timestamptz is null or exit_time >= ${from}::timestamptz) and (${to}::timestamptz is null or exit_time < ${to}::timestamptz)
      ), ${() => WALK}, ${() => STATUSES},
      books as (
        select account_id, execution_mode from statuses
        union select account_id, mode from agents
          where retired_at is null and (${agentId}::uuid is null or id = ${agentId}::uuid) and (${accountId}::uuid is null or account_id = ${accountId}::uuid)
            and (${executionMode}::text is null or mode = ${executionMode}::text)
        union select id, ${executionMode}::text from accounts a
          where id = ${accountId}::uuid and ${executionMode}::text is not null
            and (${byPerson}::boolean or exists (select from agents where id = ${agentId}::uuid and account_id = a.id))
      )
      select account_id, a.name as account, a.currency, execution_mode, ${() => FIGURES}
      from books join accounts a on a.id = account_id left join statuses using (account_id, execution_mode)
        left join sums using (account_id, execution_mode)
      order by a.seq, execution_mode`;
  }
}
