import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction.js';
import type { Facts } from './request-facts.js';
import { type MarkExtremes, TradeBasis, type Window } from './trade-basis.repository.js';
import { TradeWatch } from './trade-watch.js';
import { toldOf, type ToldFields, type TradeState } from './trade-change.js';
import type { TradeFigures } from './trade-figures.js';
import type { EXECUTION_MODES, ExitReason, OUTCOMES, TRADE_DIRECTIONS } from './trade-fields.js';
import { isFinished, type Step, type TradeStatus, UNFINISHED } from './trade-state.js';
import { CLAIMED } from './trade-times.js';

/** Status, prices, times, profit and costs are those that the fills make of what was told; see trade-figures.ts. */
export interface TradeRow extends TradeState, Pick<TradeFigures, FigureColumn>, MarkExtremes {
  id: string;
  seq: number;
  agent_id: string;
  account_id: string;
  client_order_id: string;
  symbol: string;
  /** As it was told, where that is not the symbol. */
  broker_symbol: string | null;
  exchange: string | null;
  product: string | null;
  direction: (typeof TRADE_DIRECTIONS)[number];
  outcome: (typeof OUTCOMES)[number] | null;
  lot_size: string;
  execution_mode: (typeof EXECUTION_MODES)[number];
  origin: 'gated' | 'ungated' | 'external' | 'imported';
  broker: string | null;
  broker_ticket: string | null;
  prediction_id: string | null;
  idea_id: string | null;
  command_id: string | null;
  strategy_id: string | null;
  /** What made it: as the idea has it, else as its agent ran when it was told. */
  agent_version: string | null;
  config_hash: string | null;
  model_version: string | null;
  prompt_hash: string | null;
  /** Why a close of it was sent: the reason of an end that says none. */
  closing_reason: ExitReason | null;
  order_tag: string;
  missing_since: string | null;
  version: number;
  net_profit: string | null;
  /** Null: it has no fills, and its columns are what was told. */
  told: ToldFields | null;
  /** When what was told became so; null: not known. */
  told_at: string | null;
  open_size: string;
  /** Past the end of its instrument, and not settled; null: not so. */
  settlement: 'pending' | null;
  first_stop_loss: string | null;
  /** Null: told with the trade itself. */
  first_stop_at: string | null;
  source_time: string | null;
  request_hash: string;
  created_at: string;
  updated_at: string;
  finished_at: string | null;
}

type FigureColumn = 'entered_size' | 'exited_size' | 'entry_paid' | 'staked' | 'profit_source' | 'computed_profit' | 'point_value' | 'point_value_assumed' | 'entry_slippage'
  | 'exit_slippage' | 'price_high' | 'price_low';

export type NewTrade = Pick<
  TradeRow,
  | 'id' | 'agent_id' | 'account_id' | 'client_order_id' | 'symbol' | 'broker_symbol' | 'exchange' | 'product' | 'direction' | 'outcome' | 'lot_size'
  | 'entry_price' | 'entry_time' | 'stop_loss' | 'take_profit' | 'execution_mode' | 'origin' | 'broker' | 'broker_order_id'
  | 'broker_position_id' | 'broker_ticket' | 'prediction_id' | 'idea_id' | 'command_id' | 'strategy_id' | 'status' | 'source_time' | 'request_hash'
> & {
  /** Of the command that it carries out; null: it gets one of its own. */
  order_tag?: string | null;
};

export interface TransitionRow {
  seq: number;
  trade_id: string;
  version: number;
  from_status: TradeStatus | null;
  to_status: TradeStatus;
  occurred_at: string;
  recorded_at: string;
  late: boolean;
  broker_deal_id: string | null;
  facts: Facts;
  reason: string | null;
  actor: string;
}

/** A line of the history, before the database stamps it. */
export interface NewTransition {
  from: TradeStatus | null;
  /** Null: what the trade becomes by its fills. */
  to: TradeStatus | null;
  occurredAt: string;
  late: boolean;
  brokerDealId: string | null;
  /** Those of a step that fills made hold nothing but `fills`. */
  facts: Facts;
  reason: string | null;
  actor: string;
  correlationId: string | null;
}

export interface LinkedExplanation {
  id: string;
  kind: 'entry' | 'exit' | 'skip' | 'review';
}

const WRITTEN = `id, agent_id, account_id, client_order_id, symbol, broker_symbol, exchange, product, direction, outcome, lot_size, entry_price, entry_time,
  stop_loss, take_profit, execution_mode, origin, broker, broker_order_id, broker_position_id, broker_ticket, prediction_id, idea_id,
  command_id, strategy_id, status, source_time, request_hash`;
/** Of what a trade was made by. */
export const MADE_BY = 'agent_version, config_hash, model_version, prompt_hash';
/** The same of its idea `i`, its prediction `p` and its agent's state `s`. */
export const MAKER = `coalesce(i.agent_version, s.agent_version) as agent_version, coalesce(i.config_hash, s.config_hash) as config_hash,
  coalesce(i.model_version, p.model_version) as model_version, coalesce(i.prompt_hash, p.prompt_hash) as prompt_hash`;
const FIGURES = `entered_size, exited_size, entry_paid, staked, profit_source, computed_profit, point_value, point_value_assumed, entry_slippage, exit_slippage, price_high,
  price_low`;
const MARKED = 'mark_high, mark_high_at, mark_low, mark_low_at';
const FIRST_STOP = 'first_stop_loss, first_stop_at';
/** A binary contract that is held past its end waits for what it pays: it cannot be closed any more, and is not over. */
const SETTLEMENT = `case when open_size > 0 and finished_at is null and exists (select from instruments i where i.account_id = trades.account_id and i.symbol = trades.symbol
  and i.exchange is not distinct from trades.exchange and (trades.outcome is not null or i.kind = 'binary') and i.closes_at <= app_clock()) then 'pending' end as settlement`;
/** Of a TradeRow. */
export const COLUMNS = `${WRITTEN}, ${MADE_BY}, closing_reason, order_tag, missing_since, seq, version, exit_price, exit_time, exit_reason, gross_profit, commission, swap, fee, net_profit, created_at,
  updated_at, finished_at, told, told_at, open_size, ${FIGURES}, ${MARKED}, ${FIRST_STOP}, ${SETTLEMENT}`;
const MOVED = `status, entry_price, entry_time, exit_price, exit_time, exit_reason, stop_loss, take_profit, broker_order_id, broker_position_id,
  gross_profit, commission, swap, fee, told, told_at, ${FIGURES}, ${MARKED}, ${FIRST_STOP}`;
const TRANSITION = `seq, trade_id, version, from_status, to_status, occurred_at, recorded_at, late, broker_deal_id, facts, reason, actor`;
const EXPLANATIONS_SHOWN = 500;

@Injectable()
export class TradesRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly basis: TradeBasis,
    private readonly watch: TradeWatch,
  ) {}

  /** Account and mode of an agent: what its trades belong to. */
  async agent(tx: Tx, id: string): Promise<{ account_id: string; mode: TradeRow['execution_mode'] } | null> {
    const [row] = await tx.sql<{ account_id: string; mode: TradeRow['execution_mode'] }[]>`select account_id, mode from agents where id = ${id}`;
    return row ?? null;
  }

  async agentOfPrediction(tx: Tx, id: string): Promise<string | null> {
    const [row] = await tx.sql<{ agent_id: string }[]>`select agent_id from predictions where id = ${id}`;
    return row?.agent_id ?? null;
  }

  async agentOfCommand(tx: Tx, id: string): Promise<string | null> {
    const [row] = await tx.sql<{ agent_id: string }[]>`select agent_id from agent_commands where id = ${id}`;
    return row?.agent_id ?? null;
  }

  async byClientOrder(tx: Tx, agentId: string, clientOrderId: string): Promise<TradeRow | null> {
    const [row] = await tx.sql<TradeRow[]>`
      select ${() => COLUMNS} from trades where agent_id = ${agentId} and client_order_id = ${clientOrderId}`;
    return row ?? null;
  }

  /**
   * The trade and the first line of its history. Null when the agent has a trade with this clientOrderId, also one
   * that another request is just storing: this waits for it, and the next statement sees it.
   */
  async insert(tx: Tx, trade: NewTrade, step: NewTransition): Promise<TradeRow | null> {
    const told = { ...NOTHING_TOLD, ...trade };
    const figures = await this.basis.figures(tx, trade, toldOf({ ...told, told: null, told_at: step.occurredAt }), false);
    const [row] = await tx.sql<TradeRow[]>`
      with maker as (
        select ${() => MAKER} from agent_state s left join trade_ideas i on i.id = ${trade.idea_id}::uuid left join predictions p on p.id = ${trade.prediction_id}::uuid
        where s.agent_id = ${trade.agent_id} and ${trade.origin}::text <> 'external'
      ), made as (
        insert into trades (${() => WRITTEN}, ${() => MADE_BY}, order_tag, told_at, first_stop_loss, staked, point_value, point_value_assumed, price_high, price_low)
        values (${trade.id}, ${trade.agent_id}, ${trade.account_id}, ${trade.client_order_id}, ${trade.symbol}, ${trade.broker_symbol}, ${trade.exchange},
          ${trade.product}, ${trade.direction}, ${trade.outcome}, ${trade.lot_size}, ${trade.entry_price}, ${trade.entry_time},
          ${trade.stop_loss}, ${json(trade.take_profit)}::jsonb, ${trade.execution_mode}, ${trade.origin}, ${trade.broker},
          ${trade.broker_order_id}, ${trade.broker_position_id}, ${trade.broker_ticket}, ${trade.prediction_id}, ${trade.idea_id},
          ${trade.command_id}, ${trade.strategy_id}, ${trade.status}, ${trade.source_time}, ${trade.request_hash},
          (select agent_version from maker), (select config_hash from maker), (select model_version from maker), (select prompt_hash from maker), coalesce(${trade.order_tag ?? null}::text, new_order_tag()), ${step.occurredAt}::timestamptz, ${trade.stop_loss},
          ${figures.staked}, ${figures.point_value}, ${figures.point_value_assumed}, ${figures.price_high}, ${figures.price_low})
        on conflict (agent_id, client_order_id) do nothing
        returning ${() => COLUMNS}
      ), noted as (
        insert into trade_transitions (trade_id, version, from_status, to_status, occurred_at, late, broker_deal_id, facts, reason, actor, correlation_id)
        select id, version, ${step.from}, ${step.to}, ${step.occurredAt}::timestamptz, ${step.late}::boolean, ${step.brokerDealId},
          ${json(step.facts)}::jsonb, ${step.reason}, ${step.actor}, ${step.correlationId} from made
      ) select * from made`;
    if (row) await this.watch.moved(tx, row);
    return row ?? null;
  }

  async byId(id: string): Promise<TradeRow | null> {
    const [row] = await this.dataSource.sql<TradeRow[]>`select ${() => COLUMNS} from trades where id = ${id}`;
    return row ?? null;
  }

  /** Locked against every other change; rows that refer to it may still be added. */
  async lock(tx: Tx, id: string): Promise<TradeRow | null> {
    const [row] = await tx.sql<TradeRow[]>`select ${() => COLUMNS} from trades where id = ${id} for no key update`;
    return row ?? null;
  }

  /** A statement of its own: in the one that waits for a lock, the clock may be read before the wait. */
  async now(tx: Tx): Promise<string> {
    const [row] = await tx.sql<{ now: string }[]>`select app_clock() as now`;
    if (!row) throw new Error('the database did not tell the time');
    return row.now;
  }

  /**
   * Writes what is told of the trade now, what its fills make of that, and the line of its history. The trade must be
   * locked, and read after the lock.
   * @param hasFills whether it has any now
   */
  async move(tx: Tx, trade: TradeRow, next: TradeState, step: NewTransition, hasFills = trade.told !== null): Promise<TradeRow> {
    const isTold = next.status === step.to;
    const told = toldOf({ ...next, told: trade.told, told_at: isTold ? step.occurredAt : trade.told_at });
    if (isTold && trade.entry_time !== null) told.entered = true;
    const { since, ...kept } = told;
    const figures = await this.basis.figures(tx, trade, told, hasFills);
    const columns = {
      ...next, ...figures, exit_reason: endReason(figures, trade.closing_reason), told: hasFills ? kept : null, told_at: since, ...(await this.marked(tx, trade, figures)), ...firstStop(trade, next, step),
    };
    const [row] = await tx.sql<TradeRow[]>`
      with moved as (
        update trades set (${() => MOVED}) = (select ${() => MOVED} from jsonb_populate_record(null::trades, ${JSON.stringify(columns)}::jsonb)),
          version = version + 1, updated_at = app_clock(), missing_since = case when ${figures.status} = 'unknown' then missing_since end,
          finished_at = case when ${isFinished(figures.status)} then coalesce(finished_at, app_clock()) end
        where id = ${trade.id}
        returning ${() => COLUMNS}
      ), noted as (
        insert into trade_transitions (trade_id, version, from_status, to_status, occurred_at, late, broker_deal_id, facts, reason, actor, correlation_id)
        select id, version, ${step.from}, coalesce(${step.to}::text, status), ${step.occurredAt}::timestamptz, ${step.late}::boolean, ${step.brokerDealId},
          ${json(step.facts)}::jsonb, ${step.reason}, ${step.actor}, ${step.correlationId} from moved
      ) select * from moved`;
    if (!row) throw new Error('the trade was not there');
    await this.watch.moved(tx, row);
    return row;
  }

  /** Read anew only where the time between entry and exit is another one. */
  private async marked(tx: Tx, trade: TradeRow, figures: TradeFigures): Promise<MarkExtremes> {
    const [before, after] = [windowOf(trade), windowOf(figures)];
    const isSame = before.entry_time === after.entry_time && before.exit_time === after.exit_time;
    const { mark_high, mark_high_at, mark_low, mark_low_at } = trade;
    return isSame ? { mark_high, mark_high_at, mark_low, mark_low_at } : this.basis.extremes(tx, trade, after, trade);
  }

  /** How the trade began, with what the first request said: of an adopted one that was claimed, the claim. */
  async firstTransition(tx: Tx, tradeId: string): Promise<TransitionRow | null> {
    const [row] = await tx.sql<TransitionRow[]>`select ${() => TRANSITION} from trade_transitions
      where trade_id = ${tradeId} and (version = 1 or reason = ${CLAIMED}) order by version desc limit 1`;
    return row ?? null;
  }

  async transitionByDeal(tx: Tx, tradeId: string, brokerDealId: string): Promise<TransitionRow | null> {
    const [row] = await tx.sql<TransitionRow[]>`
      select ${() => TRANSITION} from trade_transitions where trade_id = ${tradeId} and broker_deal_id = ${brokerDealId}`;
    return row ?? null;
  }

  /** What was told, in the order in which it happened; what made the trade stays first. */
  steps(tx: Tx, tradeId: string): Promise<Step[]> {
    return tx.sql`
      select to_status as "to", occurred_at as "occurredAt" from trade_transitions where trade_id = ${tradeId} and not facts ? 'fills'
      order by version > 1, occurred_at, seq`;
  }

  /** In the order in which it was told, from the first line on. */
  transitions(tradeId: string, limit: number, after: string | undefined): Promise<TransitionRow[]> {
    return this.dataSource.sql`
      select ${() => TRANSITION} from trade_transitions where trade_id = ${tradeId} and seq > ${after ?? 0}::bigint order by seq limit ${limit + 1}`;
  }

  explanations(tradeId: string): Promise<LinkedExplanation[]> {
    return this.dataSource.sql`select id, kind from trade_explanations where trade_id = ${tradeId} order by seq limit ${EXPLANATIONS_SHOWN}`;
  }

  async countUnfinished(tx: Tx, agentId: string): Promise<number> {
    const [row] = await tx.sql<{ count: number }[]>`
      select count(*)::int as count from trades where agent_id = ${agentId} and status = any(${UNFINISHED})`;
    return row?.count ?? 0;
  }
}

const windowOf = ({ status, entry_time, exit_time }: Pick<TradeFigures, 'status' | 'entry_time' | 'exit_time'>): Window =>
  ({ entry_time, exit_time: status === 'closed' ? exit_time : null });

/** The first that was told, by its own time: a stop that came with the entry is of the entry. */
function firstStop(trade: TradeRow, next: TradeState, { to, occurredAt, facts }: NewTransition): Pick<TradeRow, 'first_stop_loss' | 'first_stop_at'> {
  const { first_stop_loss, first_stop_at } = trade;
  const stop = facts['stopLoss'];
  if (typeof stop !== 'string') return { first_stop_loss, first_stop_at };
  const at = to === 'open' ? (next.entry_time ?? occurredAt) : occurredAt;
  const isFirst = first_stop_loss === null || (first_stop_at !== null && Date.parse(at) < Date.parse(first_stop_at));
  return isFirst ? { first_stop_loss: stop, first_stop_at: at } : { first_stop_loss, first_stop_at };
}

/** What nobody gave a reason for ended as it was being closed. */
const endReason = ({ status, exit_reason }: TradeFigures, closing: ExitReason | null): ExitReason | null =>
  (status === 'closed' && (exit_reason === null || exit_reason === 'unknown') ? (closing ?? exit_reason) : exit_reason);

const NOTHING_TOLD = { exit_price: null, exit_time: null, exit_reason: null, gross_profit: null, commission: null, swap: null, fee: null };

const json = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));
