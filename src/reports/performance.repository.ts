import { Injectable } from '@nestjs/common';
import { ratio } from '../database/exact-ratio.js';
import { ReportReading } from '../database/replica/report-reading.js';
import type { Book } from '../trades/trade-statistics.repository.js';
import { type Grouping, GROUPS } from './performance-groups.js';

export interface PerformanceFilter {
  /** Null: of all agents. */
  agentId: string | null;
  accountId: string | null;
  executionMode: Book['execution_mode'] | null;
  from: string | null;
  to: string | null;
  groupBy: Grouping;
  /** A person may ask for any account; a key learns nothing of one that its agent has no part in. */
  byPerson: boolean;
}

/** Money and ratios as numeric text; null is what cannot be said. */
export interface PerformanceRow extends Book {
  zone: string;
  part: 'total' | 'group' | 'others';
  key: string | null;
  label: string | null;
  detail: string | null;
  /** Of `others`: how many groups it holds. */
  groups: number;
  trades: number;
  wins: number;
  losses: number;
  breakeven: number;
  unpriced: number;
  gross_profit: string | null;
  costs: string | null;
  net_profit: string | null;
  sum_r: string | null;
  average_r: string | null;
  with_r: number;
  expectancy: string | null;
  win_fraction: string | null;
  profit_factor: string | null;
  best_net: string | null;
  best_id: string | null;
  worst_net: string | null;
  worst_id: string | null;
}

/** An answer has a size: what has fewer trades than so many groups of its book is told together. */
export const GROUPS_MOST = 500;

/** As the trade's own figures have it, to the millisecond: a stop that was told after the entry came too late, and without an entry nothing was risked. */
const INITIAL_STOP = `case when entry_time is null then null when first_stop_at is null or date_trunc('milliseconds', first_stop_at) <= date_trunc('milliseconds', entry_time) then first_stop_loss end`;
const SIZE = 'coalesce(entered_size, lot_size)';
const RISK = `coalesce(staked, abs(coalesce(entry_paid, entry_price * ${SIZE}) - ${INITIAL_STOP} * ${SIZE}) * point_value)`;

/** Sums, counts and extremes alone: what is made of these is exact for any union of groups. Extremes carry the trade that was recorded first. */
const SUMS = `count(*) as trades, count(net_profit) as priced, count(*) filter (where net_profit > 0) as wins, count(*) filter (where net_profit < 0) as losses,
  sum(gross_profit) filter (where net_profit is not null) as gross_profit, sum(net_profit) as net_profit,
  sum(net_profit) filter (where net_profit > 0) as won, sum(net_profit) filter (where net_profit < 0) as lost,
  sum(r) as sum_r, count(r) as with_r,
  max(array[net_profit, -seq]) filter (where net_profit is not null) as best, min(array[net_profit, seq]) filter (where net_profit is not null) as worst`;
const ADDED = ['trades', 'priced', 'wins', 'losses', 'gross_profit', 'net_profit', 'won', 'lost', 'sum_r', 'with_r'].map((column) => `sum(${column}) as ${column}`).join(', ');

/** Of no trade a sum is zero; of trades of which none has the figure it is not known. */
const known = (sum: string) => `case when coalesce(trades, 0) = 0 then 0 else trim_scale(${sum}) end`;

const FIGURES = `coalesce(trades, 0)::int as trades, coalesce(wins, 0)::int as wins, coalesce(losses, 0)::int as losses, coalesce(priced - wins - losses, 0)::int as breakeven,
  coalesce(trades - priced, 0)::int as unpriced, ${known('gross_profit')} as gross_profit, ${known('net_profit - gross_profit')} as costs, ${known('net_profit')} as net_profit,
  ${known('sum_r')} as sum_r, ${ratio('sum_r', 'with_r')} as average_r, coalesce(with_r, 0)::int as with_r, ${ratio('net_profit', 'priced')} as expectancy,
  ${ratio('wins', 'wins + losses')} as win_fraction, ${ratio('coalesce(won, 0)', '-lost')} as profit_factor,
  trim_scale(best[1]) as best_net, (select id from trades where seq = (-best[2])::bigint) as best_id,
  trim_scale(worst[1]) as worst_net, (select id from trades where seq = worst[2]::bigint) as worst_id`;

@Injectable()
export class PerformanceRepository {
  constructor(private readonly reading: ReportReading) {}

  /**
   * The total of each book and its groups, in one statement and so of one moment; the total is made of the groups. Books
   * are those of the statistics of trades: with something in the window, with an agent, or asked for by account and mode.
   */
  figures({ agentId, accountId, executionMode, from, to, groupBy, byPerson }: PerformanceFilter): Promise<PerformanceRow[]> {
    const { key, label = 'null', detail = 'null', joins, isScale } = GROUPS[groupBy];
    const order = isScale ? 'key::int nulls last' : 'trades desc, key nulls last, detail nulls last';
    return this.reading.db.sql`
      with matching as not materialized (
        select *, ${() => ratio('net_profit', RISK)} as r from trades
        where status = 'closed' and (${agentId}::uuid is null or agent_id = ${agentId}::uuid) and (${accountId}::uuid is null or account_id = ${accountId}::uuid)
          and (${executionMode}::text is null or execution_mode = ${executionMode}::text)
          and (${from}::timestamptz is null or exit_time >= ${from}::timestamptz) and (${to}::timestamptz is null or exit_time < ${to}::timestamptz)
      ), keyed as (
        select t.account_id, t.execution_mode, t.seq, t.gross_profit, t.net_profit, t.r, ${() => key} as key, ${() => label} as label, ${() => detail} as detail
        from matching t join accounts a on a.id = t.account_id ${() => joins}
      ), grouped as (
        select account_id, execution_mode, key, detail, min(label) as label, ${() => SUMS} from keyed group by account_id, execution_mode, key, detail
      ), placed as (
        select *, least(row_number() over (partition by account_id, execution_mode order by ${() => order}), ${GROUPS_MOST + 1}) as place from grouped
      ), folded as (
        select account_id, execution_mode, case when grouping(place) = 1 then 0 else place end as place, count(*)::int as groups,
          min(key) as key, min(label) as label, min(detail) as detail, ${() => ADDED}, max(best) as best, min(worst) as worst
        from placed group by grouping sets ((account_id, execution_mode), (account_id, execution_mode, place))
      ), books as (
        select account_id, execution_mode from grouped
        union select account_id, mode from agents
          where retired_at is null and (${agentId}::uuid is null or id = ${agentId}::uuid) and (${accountId}::uuid is null or account_id = ${accountId}::uuid)
            and (${executionMode}::text is null or mode = ${executionMode}::text)
        union select id, ${executionMode}::text from accounts a
          where id = ${accountId}::uuid and ${executionMode}::text is not null
            and (${byPerson}::boolean or exists (select from agents where id = ${agentId}::uuid and account_id = a.id))
      )
      select account_id, a.name as account, a.currency, a.zone, execution_mode, coalesce(groups, 0) as groups,
        case when coalesce(place, 0) = 0 then 'total' when place <= ${GROUPS_MOST} then 'group' else 'others' end as part,
        case when place between 1 and ${GROUPS_MOST} then key end as key, case when place between 1 and ${GROUPS_MOST} then label end as label,
        case when place between 1 and ${GROUPS_MOST} then detail end as detail, ${() => FIGURES}
      from books join accounts a on a.id = account_id left join folded using (account_id, execution_mode)
      order by a.seq, execution_mode, coalesce(place, 0)`;
  }
}
