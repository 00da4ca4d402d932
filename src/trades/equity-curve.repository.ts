import { Injectable } from '@nestjs/common';
import { ReportReading } from '../database/replica/report-reading.js';
import type { CurvePlace } from './curve-cursor.js';
import { EXECUTION_MODES } from './trade-fields.js';
import type { Book, TradeStatisticsFilter } from './trade-statistics.repository.js';

export interface CurvePointRow {
  id: string;
  seq: number;
  exit_time: string;
  /** As PostgreSQL writes it, with its microseconds. */
  place: string;
  net_profit: string | null;
  cumulative: string;
  peak: string;
  drawdown: string;
}

@Injectable()
export class EquityCurveRepository {
  constructor(private readonly reading: ReportReading) {}

  /**
   * The books that have a curve or an agent, or the one that was asked for by account and mode. The first trade is asked
   * for in the order of the index: for a mode without trades, EXISTS read all 400,000 of the table.
   */
  books(filter: TradeStatisticsFilter, limit: number): Promise<Book[]> {
    const { agentId, accountId = null, executionMode = null, byPerson } = filter;
    return this.reading.db.sql`
      select a.id as account_id, a.name as account, a.currency, m.mode as execution_mode
      from accounts a cross join unnest(${[...EXECUTION_MODES]}::text[]) as m (mode)
      where (${accountId}::uuid is null or a.id = ${accountId}::uuid) and (${executionMode}::text is null or m.mode = ${executionMode}::text)
        and (exists (select from agents where account_id = a.id and mode = m.mode and retired_at is null
            and (${agentId}::uuid is null or id = ${agentId}::uuid))
          or (select true from trades where account_id = a.id and execution_mode = m.mode and status = 'closed'
            and (${agentId}::uuid is null or agent_id = ${agentId}::uuid) order by exit_time limit 1)
          or (${accountId !== null && executionMode !== null}::boolean
            and (${byPerson}::boolean or exists (select from agents where id = ${agentId}::uuid and account_id = a.id))))
      order by a.seq, m.mode limit ${limit}`;
  }

  /**
   * The next points, oldest first. What came before them is carried in by `after`, so that a page reads its own rows
   * only. A closed trade whose profit is not known is a point that leaves the sum as it is.
   */
  page(book: Book, filter: TradeStatisticsFilter, limit: number, after: CurvePlace | null): Promise<CurvePointRow[]> {
    const { agentId, symbol = null, direction = null, to = null } = filter;
    const from = after ? null : (filter.from ?? null);
    const [cumulative, peak] = [after?.cumulative ?? '0', after?.peak ?? '0'];
    return this.reading.db.sql`
      select id, seq, exit_time, exit_time::text as place, net_profit, trim_scale(cumulative) as cumulative,
        trim_scale(peak) as peak, trim_scale(peak - cumulative) as drawdown
      from (
        select *, greatest(${peak}::numeric, max(cumulative) over (order by exit_time, seq rows unbounded preceding)) as peak
        from (
          select *, ${cumulative}::numeric + coalesce(sum(net_profit) over (order by exit_time, seq rows unbounded preceding), 0) as cumulative
          from (
            select id, seq, exit_time, net_profit from trades
            where account_id = ${book.account_id} and execution_mode = ${book.execution_mode} and status = 'closed'
              and (${agentId}::uuid is null or agent_id = ${agentId}::uuid)
              and (${symbol}::text is null or symbol = ${symbol}::text) and (${direction}::text is null or direction = ${direction}::text)
              and (${from}::timestamptz is null or exit_time >= ${from}::timestamptz) and (${to}::timestamptz is null or exit_time < ${to}::timestamptz)
              and (${after?.seq ?? null}::bigint is null or (exit_time, seq) > (${after?.at ?? null}::timestamptz, ${after?.seq ?? null}::bigint))
            order by exit_time, seq limit ${limit + 1}
          ) ended
        ) summed
      ) compared
      order by exit_time, seq`;
  }
}
