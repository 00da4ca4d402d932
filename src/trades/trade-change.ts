import { badRequest } from '../common/problem.js';
import type { NewEvent } from '../events/events.service.js';
import type { ExitReason, Target } from './trade-fields.js';
import type { Told } from './trade-figures.js';
import type { TradeStatus } from './trade-state.js';
import type { TradeRow } from './trades.repository.js';

/** What a transition may change of a trade, in the names of the columns. */
export interface TradeState {
  status: TradeStatus;
  entry_price: string | null;
  entry_time: string | null;
  exit_price: string | null;
  exit_time: string | null;
  exit_reason: ExitReason | null;
  stop_loss: string | null;
  take_profit: Target[] | null;
  broker_order_id: string | null;
  broker_position_id: string | null;
  gross_profit: string | null;
  commission: string | null;
  swap: string | null;
  fee: string | null;
}

/** What was told where fills may know better, as it is kept beside the columns once there are fills. */
export type ToldFields = Omit<Told, 'since'>;

/** What was told of a trade: its columns, until there are fills. */
export function toldOf(trade: TradeState & { told: ToldFields | null; told_at: string | null }): Told {
  const { status, entry_price, entry_time, exit_price, exit_time, exit_reason, gross_profit, commission, swap, fee } = trade;
  const entered = entry_time !== null || (trade.told?.entered ?? false);
  return { status, entry_price, entry_time, exit_price, exit_time, exit_reason, gross_profit, commission, swap, fee, since: trade.told_at, entered };
}

/** The trade as it was told, for the next step to be told. */
export const asTold = <T extends TradeState & { told: ToldFields | null }>(trade: T): TradeState => {
  if (trade.told === null) return trade;
  const { entered: _entered, ...told } = trade.told;
  return { ...trade, ...told };
};

type Given<T> = T | null | undefined;

/** What a transition says, in the names of the request. */
export interface TradeChange {
  to: TradeStatus;
  entryPrice?: Given<string>;
  entryTime?: Given<string>;
  exitPrice?: Given<string>;
  exitReason?: Given<ExitReason>;
  stopLoss?: Given<string>;
  takeProfit?: Given<Target[]>;
  brokerOrderId?: Given<string>;
  brokerPositionId?: Given<string>;
  grossProfit?: Given<string>;
  commission?: Given<string>;
  swap?: Given<string>;
  fee?: Given<string>;
}

type Merge = <T>(was: T | null, said: Given<T>) => T | null;
/** What is given replaces what was, what is not given stays. */
const replace: Merge = (was, said) => said ?? was;
/** What was stays: a fact of the past only adds what nobody has said yet, since what came later knew more. */
const fill: Merge = (was, said) => was ?? said ?? null;

/**
 * The trade after a transition that its state allows.
 * @param occurredAt when it became so, RFC 3339 in UTC
 * @param hasEntry fills say at which price it was entered
 * @throws {Problem} 400 when a trade would be open without its entry
 */
export function afterTransition(trade: TradeState, change: TradeChange, occurredAt: string, hasEntry = false): TradeState {
  const { to } = change;
  return {
    ...merged(replace, trade, change, occurredAt, hasEntry),
    status: to,
    exit_price: change.exitPrice ?? trade.exit_price,
    exit_time: to === 'closed' ? occurredAt : trade.exit_time,
    exit_reason: to === 'open' || to === 'pending' ? null : (change.exitReason ?? trade.exit_reason),
  };
}

/**
 * The trade after a fact that lies before its present status, which stays.
 * @throws {Problem} 400 when it says that the trade was open, and nobody knows at which price
 */
export function afterPastFact(trade: TradeState, change: TradeChange, occurredAt: string, hasEntry = false): TradeState {
  const { status, exit_price, exit_time, exit_reason } = trade;
  return { ...merged(fill, trade, change, occurredAt, hasEntry), status, exit_price, exit_time, exit_reason };
}

function merged(merge: Merge, trade: TradeState, change: TradeChange, occurredAt: string, hasEntry: boolean) {
  return {
    ...entryOf(merge, trade, change, occurredAt, hasEntry),
    stop_loss: merge(trade.stop_loss, change.stopLoss),
    take_profit: merge(trade.take_profit, change.takeProfit),
    broker_order_id: merge(trade.broker_order_id, change.brokerOrderId),
    broker_position_id: merge(trade.broker_position_id, change.brokerPositionId),
    gross_profit: merge(trade.gross_profit, change.grossProfit),
    commission: merge(trade.commission, change.commission),
    swap: merge(trade.swap, change.swap),
    fee: merge(trade.fee, change.fee),
  };
}

/** Without its time, the entry price of a trade is what the order asked for: not what it got, and never taken for that. */
function entryOf(merge: Merge, trade: TradeState, change: TradeChange, occurredAt: string, hasEntry: boolean) {
  const entered = change.to === 'open' || change.to === 'closing';
  if (trade.entry_time !== null) {
    return { entry_price: merge(trade.entry_price, change.entryPrice), entry_time: merge(trade.entry_time, change.entryTime) };
  }
  if (entered && change.entryPrice == null) {
    if (hasEntry) return { entry_price: trade.entry_price, entry_time: null };
    throw badRequest('VALIDATION_FAILED', 'is needed: nobody has told yet at which price the trade was entered', 'entryPrice');
  }
  return { entry_price: change.entryPrice ?? trade.entry_price, entry_time: change.entryTime ?? (entered ? occurredAt : null) };
}

/** The event that tells of a step. Only the first entry opens a trade: who counts openings must not count returns. */
export function eventOf(from: TradeStatus | null, to: TradeStatus): string {
  if (to === 'open') return from === null || from === 'pending' ? 'trade.opened' : 'trade.reopened';
  return `trade.${to}`;
}

/**
 * What is told of every step of a trade, whoever made it.
 * @param was its status before: where that is still the same, the step was a fact of the past
 * @param step `from` and `to` where what was told differs from what the trade was and is
 */
export function stepEvent(row: TradeRow, was: TradeStatus, { from = was, to = row.status, occurredAt, late }: { from?: TradeStatus; to?: TradeStatus; occurredAt: string; late: boolean }): NewEvent {
  const { id: subjectId, agent_id: agentId, account_id: accountId, version, symbol, exit_reason: exitReason, net_profit: netProfit } = row;
  const type = row.status === was ? 'trade.past_fact' : eventOf(was, row.status);
  return { type, subjectId, agentId, accountId, data: { from, to, version, occurredAt, late, symbol, exitReason, netProfit } };
}
