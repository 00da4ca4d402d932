import { Injectable } from '@nestjs/common';
import { OFFLINE_AFTER_SECONDS } from '../agents/liveness.js';
import { numericText, timeText } from '../database/answer-text.js';
import type { Sessions } from '../instruments/terms.js';
import { INSTRUMENT, QUOTE } from '../risk/gate/held.sql.js';
import type { Tx } from '../database/transaction.js';
import { beingClosed } from '../trades/being-closed.sql.js';
import type { TradeStatus } from '../trades/trade-state.js';

/** Something that is held, by what our trades say and what its broker shows. */
export interface HeldRow {
  trade_id: string | null; position_id: string | null; agent_id: string; agent: string; agent_retired: boolean; agent_offline: boolean; account_id: string; account: string; currency: string;
  execution_mode: 'simulation' | 'paper' | 'live'; symbol: string; direction: 'long' | 'short'; outcome: 'yes' | 'no' | null; status: TradeStatus | null; open_size: string; entry_price: string | null; stop_loss: string | null;
  opened_at: string | null; updated_at: string; is_external: boolean; is_binary: boolean; missing_since: string | null; mismatch_since: string | null;
  /** Its broker should have shown its stop by now. */
  is_settled: boolean; is_shown: boolean; shown_stop: string | null; has_protective: boolean;
  mark_profit: string | null; marked_at: string | null; shown_profit: string | null; shown_at: string | null; quote_profit: string | null; quoted_at: string | null; sessions: Sessions | null;
  closure: { cause: string; wantedAt: string; tries: number } | null;
  /** The newest command that closes it, and what commands under way will have left open. */
  close: { status: string; failures: number; at: string; error: string | null } | null;
  left_open: string;
}

/** As in the look for stops that are missing. */
const STOP_WITHIN_SECONDS = 10;
const UNCLAIMED_MOST = 200;
const OFFLINE = `coalesce(s.last_seen_at < clock.at - interval '${OFFLINE_AFTER_SECONDS} seconds', true)`;

/** Which are read is decided by their own rows; then each is looked at closely. */
const TRADES = `
  with clock as materialized (select app_clock() as at),
  picked as materialized (
    select t.*, (count(*) over ())::int as total from trades t where t.account_id = any($1::uuid[]) and t.finished_at is null and t.status in ('open','closing','unknown')
    order by t.status = 'unknown' desc, t.origin = 'external' desc, t.stop_loss is null desc, t.status = 'closing' desc, t.seq desc limit $2::int
  )
  select t.id as trade_id, p.id as position_id, t.agent_id, g.name as agent, g.retired_at is not null as agent_retired, ${OFFLINE} as agent_offline, t.account_id, n.name as account, n.currency, t.execution_mode,
    t.symbol, t.direction, coalesce(t.outcome, p.outcome) as outcome, t.status, ${numericText('t.open_size')} as open_size, ${numericText('t.entry_price')} as entry_price, ${numericText('t.stop_loss')} as stop_loss, t.entry_time as opened_at, t.updated_at,
    t.origin = 'external' as is_external, t.outcome is not null or coalesce(i.kind = 'binary', false) as is_binary, coalesce(t.missing_since, p.missing_since) as missing_since, p.mismatch_since,
    coalesce(t.entry_time <= clock.at - interval '${STOP_WITHIN_SECONDS} seconds', false) as is_settled, p.id is not null and p.missing_since is null as is_shown, ${numericText('p.stop_loss')} as shown_stop,
    exists (select from working_orders w where w.trade_id = t.id and w.role = 'protective' and w.type <> 'limit' and w.missing_since is null) as has_protective,
    ${numericText('m.floating_profit')} as mark_profit, m.quoted_at as marked_at, ${numericText('p.floating_profit')} as shown_profit, p.as_of as shown_at,
    case when t.outcome is null then ${numericText(`t.open_size * t.point_value * case t.direction when 'long' then q.bid - t.entry_price else t.entry_price - q.ask end`)} end as quote_profit,
    least(q.quoted_at, q.received_at) as quoted_at, i.sessions,
    (select jsonb_build_object('cause', c.cause, 'wantedAt', ${timeText('c.created_at')}, 'tries', c.tries) from closures c where c.trade_id = t.id and c.ended_at is null) as closure,
    (select jsonb_build_object('status', k.status, 'failures', k.failures, 'at', ${timeText('coalesce(k.finished_at, k.created_at)')}, 'error', left(k.error ->> 'message', 200))
      from agent_commands k where k.trade_id = t.id and k.type = 'close_trade' order by k.trade_id, k.seq desc limit 1) as close,
    ${numericText(`greatest(t.open_size - ${beingClosed('t.id', `k.status in ('queued', 'leased', 'waiting_for_market') and not k.cancel_requested`)}, 0)`)} as left_open,
    t.total
  from picked t cross join clock join agents g on g.id = t.agent_id join accounts n on n.id = t.account_id join agent_state s on s.agent_id = t.agent_id
    left join lateral (select * from positions p where p.trade_id = t.id order by p.missing_since nulls first, p.seq desc limit 1) p on true
    left join lateral (${INSTRUMENT('t.account_id', 't')}) i on true
    left join lateral (${QUOTE('t.account_id', 't')}) q on true
    left join lateral (select floating_profit, quoted_at from trade_marks where trade_id = t.id and quoted_at > (select at from clock) - interval '1 day' order by quoted_at desc limit 1) m on true`;

/** Positions that no single trade makes up: of several trades only where the sizes differ. */
const UNCLAIMED = `
  with clock as materialized (select app_clock() as at)
  select null as trade_id, p.id as position_id, p.reported_by as agent_id, g.name as agent, g.retired_at is not null as agent_retired, ${OFFLINE} as agent_offline, p.account_id, n.name as account, n.currency, p.execution_mode,
    p.symbol, p.direction, p.outcome, null as status, ${numericText('p.size')} as open_size, ${numericText('p.entry_price')} as entry_price, ${numericText('p.stop_loss')} as stop_loss, p.opened_at, p.updated_at, not claimed.any as is_external,
    false as is_binary, null as missing_since, p.mismatch_since, false as is_settled, true as is_shown, ${numericText('p.stop_loss')} as shown_stop, false as has_protective, null as mark_profit, null as marked_at,
    ${numericText('p.floating_profit')} as shown_profit, p.as_of as shown_at, null as quote_profit, least(q.quoted_at, q.received_at) as quoted_at, null as sessions, null as closure, null as close, '0' as left_open
  from positions p cross join clock join agents g on g.id = p.reported_by join accounts n on n.id = p.account_id join agent_state s on s.agent_id = g.id
    cross join lateral (select exists (select from trades t where t.account_id = p.account_id and t.execution_mode = p.execution_mode and t.finished_at is null and t.symbol = p.symbol) as any) claimed
    left join lateral (${QUOTE('p.account_id', 'p')}) q on true
  where p.account_id = any($1::uuid[]) and p.trade_id is null and p.missing_since is null and (p.mismatch_since is not null or not claimed.any)
  order by p.seq desc limit ${UNCLAIMED_MOST}`;

@Injectable()
export class HeldRepository {
  /** What is open or may be, on these accounts, with how many there are in all. */
  async open(tx: Tx, accountIds: readonly string[], limit: number): Promise<{ rows: HeldRow[]; total: number }> {
    const trades: (HeldRow & { total: number })[] = await tx.query(TRADES, [accountIds, limit]);
    const unclaimed: HeldRow[] = await tx.query(UNCLAIMED, [accountIds]);
    return { rows: [...trades, ...unclaimed], total: (trades[0]?.total ?? 0) + unclaimed.length };
  }
}
