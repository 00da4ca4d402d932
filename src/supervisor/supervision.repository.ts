import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { timeText } from '../database/answer-text.js';
import type { Tx } from '../database/transaction.js';
import type { Sessions } from '../instruments/terms.js';
import type { ExitRules } from '../strategies/strategies.schemas.js';
import type { Target } from '../trades/trade-fields.js';
import { type Judged, type Mark, STALE_SECONDS } from './rules/judged.js';

/** A trade with all that its rules ask for. */
export interface Supervised {
  id: string; agent_id: string; account_id: string; symbol: string; status: string; strategy_id: string | null;
  rules: ExitRules; override: Record<string, unknown> | null; override_version: number;
  trade: Judged; marks: Mark[]; now: number;
  /** Rules that have had their once, with the closures that they wanted. */
  fired: { rule: string; closureId: string; at: string }[];
}

interface Row extends Omit<Supervised, 'trade' | 'marks' | 'now'> {
  direction: 'long' | 'short'; outcome: 'yes' | 'no' | null; product: string | null; is_binary: boolean; entry_price: string | null; entry_at: string | null; stop_loss: string | null;
  take_profit: Target[] | null; mark_high: string | null; mark_low: string | null; entered: string; open_size: string; size_step: string | null; closes_at: string | null;
  marks: Mark[]; now_ms: string;
}

export interface DueFlat {
  /** Null: that of a product. */
  rule: NonNullable<ExitRules['flatBy']> | null;
  product: string | null;
  /** RFC 3339. */
  at: string;
}

/** Trades of an agent in one instrument, of which marks are missing. */
export interface StaleMarks {
  agent_id: string; symbol: string; sessions: Sessions | null; count: number; trade_ids: string[];
}

export interface WithoutStop { id: string; agent_id: string; symbol: string; account: string; broker_position_id: string | null; size: string }

/** What an import brought for a retired agent nobody can close, and its rules are the old system's: a closure wanted of it would only keep the import from being taken back. */
const WATCHED = `t.finished_at is null and t.status in ('open', 'closing', 'unknown') and t.open_size > 0
  and (t.origin <> 'imported' or exists (select from agents a where a.id = t.agent_id and a.retired_at is null))`;
/** Null takes a rule of the strategy off one trade. */
const RULES = `jsonb_strip_nulls(coalesce(s.exit_rules, '{}') || coalesce(o.rules, '{}'))`;
const JOINED = `trades t left join strategies s on s.id = t.strategy_id left join trade_exit_rules o on o.trade_id = t.id
  left join lateral (
    select kind, closes_at, size_step, sessions from instruments i
    where i.account_id = t.account_id and i.symbol = t.symbol and i.exchange is not distinct from t.exchange and (i.product is null or i.product = t.product)
    order by i.product nulls last limit 1) i on true
  cross join lateral (select ${RULES} as rules, t.outcome is not null or coalesce(i.kind = 'binary', false) as is_binary offset 0) r`;
const NOW = '(select at from clock)';
const NEWEST = `left join lateral (
  select bid, ask, case t.direction when 'long' then bid else ask end as side, probability, momentum from trade_marks
  where trade_id = t.id and quoted_at > ${NOW} - interval '${STALE_SECONDS} seconds' order by quoted_at desc limit 1) m on true`;
const at = (seconds: string) => `make_interval(secs => (r.rules ->> '${seconds}')::int)`;
const beyond = (price: string) => `case t.direction when 'long' then m.side <= ${price} else m.side >= ${price} end`;
const reached = (price: string) => `case t.direction when 'long' then m.side >= ${price} else m.side <= ${price} end`;
/** Whether a rule may fire: by the newest mark alone, and by the clock. */
const MAY_FIRE = `(t.entry_time + ${at('maxHoldingSeconds')} <= ${NOW}
  or i.closes_at - ${at('minSecondsToClose')} <= ${NOW}
  or exists (select from jsonb_to_recordset($2::jsonb) as f (rule jsonb, product text, at timestamptz) where (f.rule = r.rules -> 'flatBy' or f.product = t.product) and t.entry_time < f.at)
  or (not r.is_binary and (${beyond('t.stop_loss')} or exists (select from jsonb_array_elements(t.take_profit) e where ${reached(`(e ->> 'price')::numeric`)})))
  or case t.direction when 'long' then m.side <= greatest(t.mark_high, t.entry_price) - (r.rules ->> 'trailingDistance')::numeric
    else m.side >= least(t.mark_low, t.entry_price) + (r.rules ->> 'trailingDistance')::numeric end
  or (m.side is not null and r.rules ? 'probabilityFloor' and coalesce(m.probability < (r.rules -> 'probabilityFloor' ->> 'below')::numeric, true))
  or (m.side is not null and r.rules ? 'momentumSpike' and coalesce(abs(m.momentum) >= (r.rules ->> 'momentumSpike')::numeric, true)))`;
const UNDER_PRICES = `(r.rules ?| array['trailingDistance', 'probabilityFloor', 'momentumSpike'] or (t.mark_high_at is not null and not r.is_binary and (t.stop_loss is not null or t.take_profit is not null)))`;
const WINDOW_SECONDS = 300;
const MARKS_MOST = 5_000;
const NAMED = 50;

/** What the supervisor asks of trades, their rules and their marks. */
@Injectable()
export class SupervisionRepository {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Trades of which a rule may fire now, to be looked at closely. Not those of which all is wanted closed already.
   * @param ids null: of all that are open
   */
  async mayFire(ids: readonly string[] | null, flats: readonly DueFlat[]): Promise<string[]> {
    const rows: { id: string }[] = await this.dataSource.query(
      `with clock as materialized (select app_clock() as at)
       select t.id from ${JOINED} ${NEWEST}
       where ${WATCHED} and ($1::uuid[] is null or t.id = any($1::uuid[]))
         and not exists (select from closures c where c.trade_id = t.id and c.ended_at is null and c.size is null) and ${MAY_FIRE}`,
      [ids, JSON.stringify(flats)],
    );
    return rows.map(({ id }) => id);
  }

  /** Every flatBy that something open may be under. */
  async flatRules(): Promise<{ rules: NonNullable<DueFlat['rule']>[]; now: string }> {
    const rows = await this.dataSource.sql<{ rule: DueFlat['rule'] | null; now: string }[]>`
      select f.rule, app_clock() as now from (select 1) one left join (
        select exit_rules -> 'flatBy' as rule from strategies where exit_rules ? 'flatBy'
        union select o.rules -> 'flatBy' from trade_exit_rules o join trades t on t.id = o.trade_id where t.finished_at is null and jsonb_typeof(o.rules -> 'flatBy') = 'object'
      ) f on true`;
    return { rules: rows.flatMap(({ rule }) => rule ?? []), now: rows[0]?.now ?? '' };
  }

  /** With the marks of the last five minutes, or as long as a probability has to be verified. @param all also what is not open */
  async load(ids: readonly string[], all = false, tx: Tx = this.dataSource.manager): Promise<Supervised[]> {
    const rows = await tx.sql<Row[]>`
      with clock as materialized (select app_clock() as at)
      select t.id, t.agent_id, t.account_id, t.symbol, t.status, t.strategy_id, r.rules, o.rules as override, coalesce(o.version, 0) as override_version,
        t.direction, t.outcome, t.product, r.is_binary, t.entry_price, t.entry_time as entry_at, t.stop_loss, t.take_profit, t.mark_high, t.mark_low,
        coalesce(t.entered_size, t.lot_size) as entered, t.open_size, i.size_step, i.closes_at,
        (extract(epoch from ${() => NOW}) * 1000)::bigint::text as now_ms,
        coalesce((select jsonb_agg(jsonb_build_object('quotedAt', floor(extract(epoch from w.quoted_at) * 1000), 'recordedAt', floor(extract(epoch from w.recorded_at) * 1000), 'bid', w.bid::text,
            'ask', w.ask::text, 'probability', w.probability::text, 'momentum', w.momentum::text) order by w.quoted_at)
          from (select * from trade_marks where trade_id = t.id
            and quoted_at > ${() => NOW} - make_interval(secs => greatest(${WINDOW_SECONDS}, 60 + coalesce((r.rules -> 'probabilityFloor' ->> 'verifySeconds')::int, 0)))
            order by quoted_at desc limit ${MARKS_MOST}) w), '[]') as marks,
        coalesce((select jsonb_agg(jsonb_build_object('rule', c.rule, 'closureId', c.id, 'at', ${() => timeText('c.created_at')}) order by c.seq)
          from closures c where c.trade_id = t.id and c.cause = 'supervisor'), '[]') as fired
      from ${() => JOINED} where t.id = any(${ids}::uuid[]) and (${all} or (${() => WATCHED})) order by t.id`;
    return rows.map(toSupervised);
  }

  /** Until the transaction ends no other instance looks: what one has just ended another would open again. */
  async alone(tx: Tx, what: string): Promise<void> {
    await tx.sql`select pg_advisory_xact_lock(hashtext(${what}))`;
  }

  /** Trades under rules on prices without a mark of the last ten seconds: that those rules were set for, or that had marks and have them no more. */
  staleMarks(tx: Tx): Promise<StaleMarks[]> {
    return tx.sql`
      with clock as materialized (select app_clock() as at)
      select t.agent_id, t.symbol, i.sessions, count(*)::int as count, (array_agg(t.id::text order by t.id))[1:${() => String(NAMED)}] as trade_ids from ${() => JOINED} ${() => NEWEST}
      where ${() => WATCHED} and m.side is null and ${() => UNDER_PRICES} and t.entry_time <= ${() => NOW} - make_interval(secs => ${STALE_SECONDS})
        and not (r.is_binary and coalesce(i.closes_at <= ${() => NOW}, false))
      group by t.agent_id, t.symbol, i.sessions order by t.agent_id, t.symbol`;
  }

  /** Live trades that are shown at the broker without a stop, 10 s after their fill. */
  withoutStop(tx: Tx): Promise<WithoutStop[]> {
    return tx.sql`
      select distinct t.id, t.agent_id, t.symbol, a.name as account, t.broker_position_id, t.open_size as size
      from trades t join positions p on p.trade_id = t.id join accounts a on a.id = t.account_id
      where t.execution_mode = 'live' and t.finished_at is null and t.status in ('open', 'closing') and t.outcome is null
        and t.entry_time <= app_clock() - interval '10 seconds' and p.missing_since is null and p.stop_loss is null
        and not exists (select from working_orders w where w.trade_id = t.id and w.role = 'protective' and w.type <> 'limit' and w.missing_since is null)
        and not exists (select from instruments i where i.account_id = t.account_id and i.symbol = t.symbol and i.exchange is not distinct from t.exchange and i.kind = 'binary')
      order by t.id`;
  }

  async openIncidents(tx: Tx, kind: string): Promise<string[]> {
    const rows = await tx.sql<{ subject_id: string }[]>`select subject_id from incidents where kind = ${kind} and resolved_at is null`;
    return rows.map(({ subject_id }) => subject_id);
  }

  /** The trade must be locked. Answers the version of what is written. */
  async writeOverride(tx: Tx, tradeId: string, rules: Record<string, unknown>, by: string): Promise<number> {
    const [row] = await tx.sql<{ version: number }[]>`
      insert into trade_exit_rules (trade_id, rules, updated_by) values (${tradeId}, ${JSON.stringify(rules)}::jsonb, ${by})
      on conflict (trade_id) do update set rules = excluded.rules, updated_by = excluded.updated_by, updated_at = app_clock(), version = trade_exit_rules.version + 1
      returning version`;
    return row?.version ?? 1;
  }
}

const msOf = (time: string | null): number | null => (time === null ? null : Date.parse(time));

function toSupervised({ now_ms, direction, outcome, product, is_binary, entry_price, entry_at, stop_loss, take_profit, mark_high, mark_low, entered, open_size, size_step, closes_at, ...row }: Row): Supervised {
  return {
    ...row, now: Number(now_ms),
    trade: {
      direction, outcome, product, isBinary: is_binary, entryPrice: entry_price, entryAt: msOf(entry_at), stopLoss: stop_loss, takeProfit: take_profit, markHigh: mark_high, markLow: mark_low,
      entered, openSize: open_size, sizeStep: size_step, closesAt: msOf(closes_at),
    },
  };
}
