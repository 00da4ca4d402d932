import { Injectable } from '@nestjs/common';
import { BOOKS, type Book } from '../circuit-breaker/trade-figures.repository.js';
import type { CommandStatus } from '../commands/command-state.js';
import { numericText, timeText } from '../database/answer-text.js';
import type { Tx } from '../database/transaction.js';
import { SUSPENSION_REASON } from '../halts/suspensions.sql.js';

/** What was reported of a book, by whoever reported last. */
export interface BookDay extends Book {
  kind: 'live' | 'demo' | 'paper';
  rollover_at: string;
  /** Of its open day; null: nobody told. */
  equity: string | null;
  balance: string | null;
  reported_at: string | null;
  floating: string | null;
  margin: string | null;
  margin_free: string | null;
  /** What its broker shows, of which some may have no profit. */
  positions: number;
  priced: number;
  positions_profit: string | null;
}

/** Of an agent, beside what its own module says. */
export interface AgentMore {
  id: string;
  currency: string;
  trading_lease_until: string | null;
  open_trades: number;
  profit_today: string;
  unpriced_today: number;
  waiting: number;
  command: { id: string; type: string; status: CommandStatus; since: string } | null;
}

export interface WaitingFigures {
  ideas: number;
  quarantined: number;
}

export const COUNTED_TO = 10_000;
const WAITING_COUNTED_TO = 1_000;


const DAYS = `
  select b.account_id, b.execution_mode, a.kind, rollover_after(clock.at, a.zone, a.rollover) as rollover_at, ${numericText('d.last_equity')} as equity, ${numericText('d.last_balance')} as balance,
    d.last_reported_at as reported_at, ${numericText('s.floating_pnl')} as floating, ${numericText('s.margin')} as margin, ${numericText('s.margin_free')} as margin_free, p.positions, p.priced, p.positions_profit
  from ${BOOKS} join accounts a on a.id = b.account_id cross join (select app_clock() as at) clock
    left join account_days d on d.account_id = b.account_id and d.execution_mode = b.execution_mode and d.closed_at is null and d.starts_at <= clock.at and d.ends_at > clock.at
    left join lateral (
      select s.floating_pnl, s.margin, s.margin_free from agents g join agent_state s on s.agent_id = g.id
      where g.account_id = b.account_id and g.mode = b.execution_mode and g.retired_at is null and coalesce(s.currency, a.currency) = a.currency and num_nonnulls(s.floating_pnl, s.margin, s.margin_free) > 0
      order by coalesce(s.as_of, s.last_seen_at) desc nulls last limit 1
    ) s on true
    cross join lateral (
      select count(*)::int as positions, count(floating_profit)::int as priced, ${numericText('sum(floating_profit)')} as positions_profit
      from positions p where p.account_id = b.account_id and p.execution_mode = b.execution_mode and p.missing_since is null
    ) p`;

/** What is asked for each agent has an index that begins with it, or holds what is open only. */
const AGENTS = `
  with clock as materialized (select app_clock() as at),
  leased as materialized (
    select k.agent_id, k.id, k.type, k.status, k.priority, k.seq, coalesce(x.leased_at, k.created_at) as since
    from agent_commands k left join command_attempts x on x.command_id = k.id and x.attempt = k.attempt where k.status = 'leased' limit ${COUNTED_TO}
  )
  select a.id, c.currency, s.trading_lease_until, held.open_trades, today.profit_today, today.unpriced_today, waits.waiting, first.command
  from agents a join accounts c on c.id = a.account_id join agent_state s on s.agent_id = a.id cross join clock
    cross join lateral (select rollover_before(clock.at, c.zone, c.rollover) as starts_at offset 0) day
    cross join lateral (select count(*)::int as open_trades from trades t where t.agent_id = a.id and t.status = any(array['open','closing','unknown'])) held
    cross join lateral (
      select ${numericText('coalesce(sum(net_profit), 0)')} as profit_today, (count(*) filter (where net_profit is null))::int as unpriced_today from trades t
      where t.agent_id = a.id and t.account_id = a.account_id and t.execution_mode = a.mode and t.status = 'closed' and t.exit_time >= day.starts_at
    ) today
    cross join lateral (
      select count(*)::int as waiting from (select 1 from agent_commands k where k.agent_id = a.id and k.status in ('queued','waiting_for_market') limit ${WAITING_COUNTED_TO}) one
    ) waits
    left join lateral (
      select jsonb_build_object('id', k.id, 'type', k.type, 'status', k.status, 'since', ${timeText('k.since')}) as command from (
        select 0 as place, l.id, l.type, l.status, l.since, l.priority, l.seq from leased l where l.agent_id = a.id
        union all select * from (
          select 1, k.id, k.type, k.status, k.created_at, k.priority, k.seq from agent_commands k where k.agent_id = a.id and k.status in ('queued','waiting_for_market') order by k.priority, k.seq limit 1
        ) next
      ) k order by k.place, k.priority, k.seq limit 1
    ) first on true
  where a.id = any($1::uuid[])`;

const counted = (from: string) => `(select count(*)::int from (select 1 from ${from} limit ${COUNTED_TO}) one)`;

/** What no other module answers; each statement by indexes of what is open, however long the history. */
@Injectable()
export class OverviewRepository {
  async now(tx: Tx): Promise<string> {
    const [row] = await tx.sql<{ now: string }[]>`select app_clock() as now`;
    if (!row) throw new Error('the database did not tell the time');
    return new Date(row.now).toISOString();
  }

  /** Why nobody may open, beside halts, in words; empty: nothing else holds openings. */
  async held(tx: Tx): Promise<string[]> {
    const [row] = await tx.sql<{ opens: boolean; suspended: string | null }[]>`
      select ai_trading_enabled as opens, ${() => SUSPENSION_REASON} as suspended from risk_config`;
    if (!row) throw new Error('the row of risk_config is gone');
    return [
      ...(row.suspended === null ? [] : [`the system holds openings until it is well again: ${row.suspended}`]),
      ...(row.opens ? [] : ['agents open nothing: trading is turned off in the limits for everybody']),
    ];
  }

  days(tx: Tx, books: readonly Book[]): Promise<BookDay[]> {
    return tx.query(DAYS, [JSON.stringify(books)]);
  }

  agents(tx: Tx, ids: readonly string[]): Promise<AgentMore[]> {
    return tx.query(AGENTS, [ids]);
  }

  async agentsTotal(tx: Tx): Promise<number> {
    const [row] = await tx.sql<{ count: number }[]>`select count(*)::int as count from agents where retired_at is null`;
    return row?.count ?? 0;
  }

  async waiting(tx: Tx): Promise<WaitingFigures> {
    const [row] = await tx.sql<WaitingFigures[]>`
      select ${() => counted(`trade_ideas where status = 'needs_approval' and approve_until > app_clock()`)} as ideas, ${() => counted(`alerts where status = 'quarantined'`)} as quarantined`;
    if (!row) throw new Error('what waits was not counted');
    return row;
  }
}
