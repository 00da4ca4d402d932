import { Injectable } from '@nestjs/common';
import type { AccountRow } from '../../accounts/accounts.repository.js';
import { ASSUMED_BALANCE, flows, OF_FILL, REST, riseOf } from '../../accounts/day-figures.js';
import { numericText } from '../../database/answer-text.js';
import { type Statement, Statements } from '../../database/statements.js';
import type { Tx } from '../../database/transaction.js';
import { suspensionHolds } from '../../halts/suspensions.sql.js';
import { LIVENESS_OF_AGENT } from './agent-facts.sql.js';
import type { QuotedRate } from '../exposure.repository.js';
import type { AgentFacts, CalendarFacts, GateInput, Held, InstrumentFacts, QuoteFacts } from './gate-input.js';
import { HELD, HELD_JSON, INSTRUMENT, QUOTE, RATES, TERMS, timeOf } from './held.sql.js';

type Mode = GateInput['mode'];

export interface FactsAsk {
  accountId: string;
  mode: Mode;
  executorId: string;
  /** Null: the executor, or a person. */
  proposerId: string | null;
  strategyId: string | null;
  symbol: string;
  brokerSymbol: string | null;
  exchange: string | null;
  product: string | null;
  direction: 'long' | 'short';
}

export interface FactsRow {
  now: string;
  executor: AgentFacts & { agentVersion: string | null; configHash: string | null };
  proposer: Pick<AgentFacts, 'id' | 'retired' | 'symbols'> | null;
  instrument: InstrumentFacts;
  quote: QuoteFacts | null;
  /** What of a trade may still be closed, beside what commands under way close. */
  held: (Held & { reducible: string })[];
  opened: GateInput['book']['openedToday'];
  last_intent: GateInput['book']['lastIntent'];
  last_loss_at: string | null;
  rates: QuotedRate[];
  /** Ended, and not written down as such. */
  to_compact: number;
  losses: { equity: string | null; assumedEquity: string; assumedBaseline: string; assumedReference: string };
  profit: { agent: string | null; strategy: string | null };
  suspension: GateInput['suspension'];
}

/** Of intents and of losses: no wait is longer (limit-fields.ts). */
const WAIT_MOST = '7 days';

/** What trades that were left today were told to have come to beyond their fills. Two statements for two indexes. */
const BEYOND_FILLS = (which: string) => `select coalesce(r.proposer_id, t.agent_id), r.strategy_id,
        coalesce(${REST}, case when q.execution_mode <> 'live' then coalesce(t.computed_profit, 0) end), false
      from q cross join day join trades t on t.account_id = q.account_id and t.execution_mode = q.execution_mode and t.exit_time >= day.starts_at and t.${which}
        left join reservations r on r.command_id = t.command_id`;
const NEVER_ENTERED = `('rejected', 'cancelled', 'expired')`;

/**
 * All that a decision needs beside limits and strategy, in one look: one that began after the account was locked, so it sees
 * what every decision before it has promised.
 */
const FACTS: Statement = {
  name: 'gate_facts',
  text: `
    with clock as materialized (select app_clock() as at),
    q as materialized (
      select $1::uuid as account_id, $2::text as execution_mode, $3::uuid as executor, $4::uuid as proposer, coalesce($4::uuid, $3::uuid) as who, $5::uuid as strategy,
        $6::text as symbol, $7::text as broker_symbol, $8::text as exchange, $9::text as product, $10::text as direction
    ), account as materialized (select a.* from accounts a where a.id = $1::uuid),
    day as materialized (
      select q.account_id, q.execution_mode, coalesce(d.starts_at, rollover_before(clock.at, account.zone, account.rollover)) as starts_at, clock.at,
        d.opening_balance, d.opening_equity, d.last_equity, d.last_balance, d.last_balance_at
      from q cross join account cross join clock
        left join account_days d on d.account_id = q.account_id and d.execution_mode = q.execution_mode and d.starts_at <= clock.at and d.ends_at > clock.at
    ), held as materialized (${HELD('$1::uuid', '$2::text')}),
    opened as materialized (
      select coalesce(r.proposer_id, r.agent_id) as who, r.strategy_id as strategy
      from day join reservations r on r.account_id = day.account_id and r.execution_mode = day.execution_mode and r.created_at >= day.starts_at
        left join agent_commands c on c.id = r.command_id left join lateral (select status from trades where command_id = r.command_id order by seq limit 1) t on true
      where r.ended_as is distinct from 'released' and (t.status not in ${NEVER_ENTERED} or (t.status is null and c.status not in ('failed', 'expired', 'cancelled', 'dead')))
      union all
      select t.agent_id, null from day join trades t on t.account_id = day.account_id and t.execution_mode = day.execution_mode and t.origin <> 'gated'
        and coalesce(t.entry_time, t.created_at) >= day.starts_at and t.status not in ${NEVER_ENTERED}
      where not exists (select 1 from reservations r where r.command_id = t.command_id)
    ), worth as materialized (
      -- What today's deals came to, whether their trade has ended or not; what a trade was told to have come to beyond them, at its exit; and what is open at the last report or quote.
      select coalesce(r.proposer_id, t.agent_id) as who, r.strategy_id as strategy, ${OF_FILL} as amount, false as floating
      from q cross join day join fills f on f.account_id = q.account_id and f.execution_mode = q.execution_mode and f.filled_at >= day.starts_at
        left join fill_moves m on m.fill_id = f.id join trades t on t.id = coalesce(m.to_trade_id, f.trade_id) left join reservations r on r.command_id = t.command_id
      union all
      ${BEYOND_FILLS(`status = 'closed'`)}
      union all
      ${BEYOND_FILLS('finished_at is null')}
      union all
      select coalesce(h.proposer_id, h.agent_id), h.strategy_id, coalesce(p.floating, h.open_size * h.point_value * case h.direction when 'long' then s.bid - h.entry_price else h.entry_price - s.ask end,
        case when q.execution_mode <> 'live' then 0 end), true
      from q cross join held h left join lateral (select sum(floating_profit) as floating from positions where trade_id = h.id) p on true
        left join lateral (${QUOTE('$1::uuid', 'h')}) s on true
      where h.kind = 'trade' and h.open_size > 0
    ), made as materialized (
      -- Only of a book in which nobody reports.
      select coalesce(sum(coalesce(t.net_profit, t.computed_profit, 0)), 0) as ever, coalesce(sum(coalesce(t.net_profit, t.computed_profit, 0)) filter (where t.exit_time < day.starts_at), 0) as before
      from day join trades t on t.account_id = day.account_id and t.execution_mode = day.execution_mode and t.status = 'closed'
      where day.last_equity is null and day.execution_mode <> 'live'
    ), begun as materialized (
      select coalesce(account.initial_balance, ${ASSUMED_BALANCE}) as balance, ${flows('q', (at) => `${at} > account.created_at`)} as flows,
        ${flows('q', (at) => `${at} > account.created_at and ${at} < day.starts_at`)} as flows_before, coalesce((select sum(amount) from worth where floating), 0) as floating
      from q cross join account cross join day
    )
    select ${timeOf('clock.at')} as now,
      (select ${LIVENESS_OF_AGENT('a', 's', 'r', 'clock.at')} from agents a join agent_state s on s.agent_id = a.id left join agent_reports r on r.agent_id = a.id where a.id = q.executor) as executor,
      (select jsonb_build_object('id', a.id, 'retired', a.retired_at is not null, 'symbols', to_jsonb(a.symbols)) from agents a where a.id = q.proposer) as proposer,
      jsonb_build_object('terms', ${TERMS('i')}, 'productUnknown', q.product is not null and i.product is null and exists (select 1 from instruments o
        where o.account_id = q.account_id and o.symbol = q.symbol and o.exchange is not distinct from q.exchange and o.product is not null)) as instrument,
      case when s.seq is not null then jsonb_build_object('bid', ${numericText('s.bid')}, 'ask', ${numericText('s.ask')}, 'ageSeconds', extract(epoch from clock.at - least(s.quoted_at, s.received_at))::text) end as quote,
      (${HELD_JSON('held', '$1::uuid')}) as held,
      (select jsonb_build_object('account', count(*), 'agent', count(*) filter (where o.who = q.who), 'strategy', count(*) filter (where o.strategy = q.strategy)) from opened o) as opened,
      (select jsonb_build_object('at', ${timeOf('f.at')}, 'ideaId', f.idea_id) from (
        select r.created_at as at, r.idea_id from reservations r left join agent_commands c on c.id = r.command_id
        where r.account_id = q.account_id and r.execution_mode = q.execution_mode and r.created_at > clock.at - interval '${WAIT_MOST}' and r.symbol = q.symbol
          and r.exchange is not distinct from q.exchange and r.direction = q.direction
          and r.ended_as is distinct from 'released' and (r.ended_at is not null or c.status not in ('failed', 'expired', 'cancelled', 'dead'))
        union all
        select coalesce(t.entry_time, t.created_at), null from trades t
        where t.account_id = q.account_id and t.execution_mode = q.execution_mode and t.origin <> 'gated' and coalesce(t.entry_time, t.created_at) > clock.at - interval '${WAIT_MOST}'
          and t.symbol = q.symbol and t.exchange is not distinct from q.exchange and t.direction = q.direction and t.status not in ${NEVER_ENTERED}
        order by at desc limit 1) f) as last_intent,
      (select ${timeOf('max(t.exit_time)')} from trades t left join reservations r on r.command_id = t.command_id
        where t.account_id = q.account_id and t.execution_mode = q.execution_mode and t.status = 'closed' and t.exit_time > clock.at - interval '${WAIT_MOST}' and t.net_profit < 0
          and t.origin in ('gated', 'ungated') and coalesce(r.proposer_id, t.agent_id) = q.who) as last_loss_at,
      (${RATES('q.account_id')}) as rates,
      (select count(*)::int from reservations r where r.account_id = q.account_id and r.ended_at is null)
        - (select count(*)::int from held_reservations r where r.account_id = q.account_id) as to_compact,
      (select jsonb_build_object(
        'equity', ${numericText(`day.last_equity - ${riseOf('day')}`)},
        'assumedEquity', ${numericText('begun.balance + begun.flows + made.ever + begun.floating')}, 'assumedBaseline', ${numericText('begun.balance + begun.flows + made.before')},
        'assumedReference', ${numericText('greatest(begun.balance + begun.flows, begun.balance + begun.flows + made.before)')})
        from day cross join begun cross join made) as losses,
      (select jsonb_build_object(
        'agent', case when count(*) filter (where w.who = q.who and w.amount is null) = 0 then ${numericText('coalesce(sum(w.amount) filter (where w.who = q.who), 0)')} end,
        'strategy', case when count(*) filter (where w.strategy = q.strategy and w.amount is null) = 0 then ${numericText('coalesce(sum(w.amount) filter (where w.strategy = q.strategy), 0)')} end) from worth w) as profit,
      (select jsonb_build_object('cause', u.cause, 'reason', u.reason, 'since', ${timeOf('u.began_at')}) from opening_suspensions u where ${suspensionHolds('u', 'clock.at')}) as suspension
    from q cross join clock cross join account
      left join lateral (${INSTRUMENT('q.account_id', 'q')}) i on true
      left join lateral (${QUOTE('q.account_id', 'q')}) s on true`,
};

@Injectable()
export class GateRepository {
  private calendarWasFed = false;

  constructor(private readonly statements: Statements) {}

  /** Held until the transaction ends: decisions on one account go one after the other. */
  async account(tx: Tx, accountId: string, locked: boolean): Promise<AccountRow | null> {
    const [row] = await tx.sql<AccountRow[]>`select * from accounts where id = ${accountId} ${() => (locked ? 'for no key update' : '')}`;
    return row ?? null;
  }

  /** Account and mode of the agents, which stay what they are until the transaction ends. */
  agents(tx: Tx, ids: readonly string[], locked: boolean): Promise<{ id: string; account_id: string; mode: Mode }[]> {
    return tx.sql`select id, account_id, mode from agents where id = any(${ids}::uuid[]) order by id ${() => (locked ? 'for share' : '')}`;
  }

  async facts(tx: Tx, { accountId, mode, executorId, proposerId, strategyId, symbol, brokerSymbol, exchange, product, direction }: FactsAsk): Promise<FactsRow> {
    const [row] = await this.statements.within(tx)<FactsRow>(FACTS, [accountId, mode, executorId, proposerId, strategyId, symbol, brokerSymbol, exchange, product, direction]);
    if (!row) throw new Error('the account was there, and is not');
    return row;
  }

  /** Newest of any account, of pairs between these currencies; for live money only what those who trade live have told: a replay elsewhere quotes what it likes. */
  ratesOfOthers(tx: Tx, currencies: readonly string[], mode: Mode): Promise<FactsRow['rates']> {
    return tx.sql`
      select distinct on (symbol) symbol, trim_scale((bid + ask) * 0.5)::text as mid, ${() => timeOf('least(quoted_at, received_at)')} as "asOf" from quotes q
      where symbol = any(${pairsOf(currencies)}::text[]) and quoted_at > app_clock() - interval '1 hour'
        and (${mode} <> 'live' or exists (select from agents a where a.id = q.agent_id and a.mode = 'live')) order by symbol, quoted_at desc`;
  }

  /**
   * High-impact events of these currencies within a day. The times stand in the text, so that only the months they lie in are looked at.
   * @param now RFC 3339
   */
  async calendar(tx: Tx, currencies: readonly string[], now: string): Promise<CalendarFacts> {
    const around = (days: number) => `'${new Date(Date.parse(now) + days * 86_400_000).toISOString()}'::timestamptz`;
    const [row] = await tx.sql<{ fed: boolean; age: string | null; events: CalendarFacts['events'] }[]>`
      select ${this.calendarWasFed} or exists (select 1 from snapshot_calendar) as fed,
        (select extract(epoch from app_clock() - max(last_captured_at))::text from snapshot_calendar where event_time between ${() => around(-35)} and ${() => around(60)}) as age,
        (select coalesce(jsonb_agg(jsonb_build_object('title', title, 'currency', currency, 'at', ${() => timeOf('event_time')}) order by event_time), '[]') from snapshot_calendar
          where event_time between ${() => around(-1)} and ${() => around(1)} and currency = any(${currencies}::text[]) and impact_level = 'high') as events`;
    if (!row) throw new Error('the calendar was not read');
    this.calendarWasFed = row.fed;
    return { fed: row.fed, ageSeconds: row.age, events: row.events };
  }
}

const pairsOf = (currencies: readonly string[]): string[] => {
  const names = [...new Set([...currencies, 'USD', 'EUR'])];
  return names.flatMap((base) => names.filter((quote) => quote !== base).map((quote) => base + quote));
};
