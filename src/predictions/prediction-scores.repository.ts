import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction.js';
import type { PredictedDirection } from './predictions.repository.js';

export type PriceSource = 'told' | 'candle' | 'quote';

/** A prediction whose horizon is over, locked, with the stored prices nearest to its two moments. */
export interface DueScore {
  prediction_id: string;
  agent_id: string;
  model: string;
  model_version: string | null;
  direction: PredictedDirection;
  confidence: string;
  late_seconds: number;
  start_price: string | null;
  start_at: string | null;
  start_source: PriceSource | null;
  end_price: string | null;
  end_at: string | null;
  end_source: PriceSource | null;
  /** Null: no quote lies near the horizon. */
  spread: string | null;
}

export interface Scored {
  prediction_id: string;
  outcome: 'right' | 'wrong';
  start_price: string;
  start_at: string;
  start_source: PriceSource;
  end_price: string;
  end_at: string;
  end_source: PriceSource;
  move: string;
  costs: string;
  costs_source: 'spread' | 'assumed';
}

export interface Unscored {
  prediction_id: string;
  reason: 'NO_PRICE_AT_START' | 'NO_PRICE_AT_HORIZON';
}

/** What becomes of counts by agent, model, version and class of confidence. */
export interface Counted {
  agent_id: string;
  model: string;
  /** '' without one. */
  model_version: string;
  decile: number;
  scored: number;
  came_true: number;
}

/** Frames in which candles are looked for, as they are spelled, with the seconds that one lasts at most: those of MetaTrader and of exchanges. */
const UNITS: [string, number, number[]][] = [
  ['S', 1, [1, 5, 10, 15, 30]], ['M', 60, [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30]], ['H', 3_600, [1, 2, 3, 4, 6, 8, 12]], ['D', 86_400, [1]], ['W', 604_800, [1]],
  ['MN', 2_678_400, [1]],
];
const FRAMES = UNITS.flatMap(([unit, seconds, counts]) => counts.map((count) => `('${unit}${count}', interval '${count * seconds} seconds', ${count * seconds})`)).join(', ');

/**
 * How far from its moment a price may lie: half the horizon up to an hour, and a tenth of a horizon that is longer than
 * ten: an agent with hourly candles alone can be scored at any minute, and one whose market is closed is not.
 */
const TOLERANCE = `least(p.horizon_seconds / 2.0, greatest(p.horizon_seconds / 10.0, 3600))`;

/**
 * SQL: the price nearest to a moment. A closed candle that covers it, or ends with it, has two prices with a time, the
 * open and the close; the account's last quote has one, its middle. The nearest in time counts; of two, the candle's, and
 * of two candles the shorter one's; of its two, the one that was known then.
 */
const priceNear = (moment: string) => `(
  select found.price, found.at, found.source from (
    select each.price, each.at, 'candle' as source, frame.n
    from unnest(d.names) as name (symbol) cross join (values ${FRAMES}) as frame (frame, lasts, n)
      cross join lateral (
        select * from snapshot_market c where c.symbol = name.symbol and c.frame = frame.frame and c.open_time < ${moment} and c.open_time >= ${moment} - frame.lasts
        order by c.open_time desc limit 1
      ) c cross join lateral (values (c.open, c.open_time), (c.close, c.close_time)) as each (price, at)
    where c.close_time >= ${moment} and c.last_captured_at >= c.close_time
    union all
    select trim_scale((q.bid + q.ask) * 0.5), q.quoted_at, 'quote', 0 from quotes q where q.account_id = d.account_id and q.symbol = any(d.names)
  ) found cross join lateral (select abs(extract(epoch from found.at - ${moment})) as seconds) away
  where away.seconds <= d.tolerance
  order by away.seconds, found.source, found.n, found.at, found.price limit 1
)`;

/** Candles and quotes stand under the names that their senders have for them. */
const DUE = `
  with due as materialized (
    select s.prediction_id, s.starts_at, s.horizon_at, s.due_at, s.look_at, p.agent_id, p.model, p.model_version, p.direction, p.confidence, p.market_price, a.account_id,
      ${TOLERANCE} as tolerance,
      array(select distinct n.name from (
        select p.symbol as name union all select p.broker_symbol union all
        select i.broker_symbol from instruments i where i.account_id = a.account_id and i.symbol = p.symbol
      ) n where n.name is not null order by n.name) as names
    from prediction_scores s join predictions p on p.id = s.prediction_id join agents a on a.id = p.agent_id
    where s.look_at <= app_clock()
    order by s.look_at, s.prediction_id limit $1
    for update of s skip locked
  )
  select d.prediction_id, d.agent_id, d.model, d.model_version, d.direction, d.confidence,
    extract(epoch from clock.now - d.due_at)::double precision as late_seconds,
    coalesce(d.market_price, starting.price) as start_price, case when d.market_price is null then starting.at else d.starts_at end as start_at,
    case when d.market_price is null then starting.source else 'told' end as start_source,
    ending.price as end_price, ending.at as end_at, ending.source as end_source, spread.spread
  from (select app_clock() as now) clock cross join due d
    left join lateral ${priceNear('d.starts_at')} starting on d.market_price is null
    left join lateral ${priceNear('d.horizon_at')} ending on true
    left join lateral (
      select trim_scale(q.ask - q.bid) as spread from quotes q
      where q.account_id = d.account_id and q.symbol = any(d.names) and abs(extract(epoch from q.quoted_at - d.horizon_at)) <= d.tolerance
      order by abs(extract(epoch from q.quoted_at - d.horizon_at)), q.symbol limit 1
    ) spread on true
  order by d.look_at, d.prediction_id`;

@Injectable()
export class PredictionScoresRepository {
  /** The next that are due, locked; what another instance works on is passed over. */
  due(tx: Tx, most: number): Promise<DueScore[]> {
    return tx.query(DUE, [most]);
  }

  async store(tx: Tx, scored: Scored[]): Promise<void> {
    await tx.sql`
      update prediction_scores s set outcome = r.outcome, start_price = r.start_price, start_at = r.start_at, start_source = r.start_source,
        end_price = r.end_price, end_at = r.end_at, end_source = r.end_source, move = r.move, costs = r.costs, costs_source = r.costs_source,
        look_at = null, scored_at = app_clock()
      from jsonb_to_recordset(${JSON.stringify(scored)}::jsonb) as r (prediction_id uuid, outcome text, start_price numeric, start_at timestamptz, start_source text,
        end_price numeric, end_at timestamptz, end_source text, move numeric, costs numeric, costs_source text)
      where s.prediction_id = r.prediction_id`;
  }

  async giveUp(tx: Tx, unscored: Unscored[]): Promise<void> {
    await tx.sql`
      update prediction_scores s set outcome = 'unscored', reason = r.reason, look_at = null, scored_at = app_clock()
      from jsonb_to_recordset(${JSON.stringify(unscored)}::jsonb) as r (prediction_id uuid, reason text)
      where s.prediction_id = r.prediction_id`;
  }

  async lookLater(tx: Tx, later: { prediction_id: string; after_seconds: number }[]): Promise<void> {
    await tx.sql`
      update prediction_scores s set look_at = app_clock() + make_interval(secs => r.after_seconds)
      from jsonb_to_recordset(${JSON.stringify(later)}::jsonb) as r (prediction_id uuid, after_seconds int)
      where s.prediction_id = r.prediction_id`;
  }

  /** In the order of their key, so that two instances do not wait for each other in a circle. */
  async count(tx: Tx, counted: Counted[]): Promise<void> {
    await tx.sql`
      insert into prediction_calibrations as c (agent_id, model, model_version, decile, scored, came_true)
      select agent_id, model, model_version, decile, scored, came_true
      from jsonb_to_recordset(${JSON.stringify(counted)}::jsonb) as r (agent_id uuid, model text, model_version text, decile smallint, scored bigint, came_true bigint)
      order by agent_id, model, model_version, decile
      on conflict (agent_id, model, model_version, decile) do update set scored = c.scored + excluded.scored, came_true = c.came_true + excluded.came_true`;
  }
}
