import { v7 as uuidv7 } from 'uuid';
import { Exact } from '../common/decimal.js';
import { badRequest } from '../common/problem.js';
import type { NewEvent } from '../events/events.service.js';
import type { NewIncident } from '../incidents/incidents.service.js';
import { differs } from '../trades/let-through.js';
import type { Opening } from '../trades/openings.repository.js';
import type { Adopted, BrokerMove } from '../trades/broker-trades.service.js';
import { eventOf, stepEvent } from '../trades/trade-change.js';
import type { TradeRow } from '../trades/trades.repository.js';
import type { TradeStatus } from '../trades/trade-state.js';
import type { Held, Plan } from './compare.js';
import type { Known, Trade } from './known.js';
import type { Book, WrittenOrder, WrittenPosition } from './reports.repository.js';
import type { ToldOrder, ToldPosition } from './told.js';

export const SEEN = 'SEEN_IN_REPORT';
export const MISSING = 'MISSING_FROM_REPORT';
const DIFFERS = 'SIZE_DIFFERS';
/** Trades of ours hold what was adopted. */
const EXPLAINED = 'POSITION_EXPLAINED';
export const RESIZED = 'POSITION_RESIZED';
export const SIDED = 'POSITION_SIDED';
/** A column's limit: what adds up to more cannot be kept. */
const SIZE_BELOW = '1000000000000000';

/** Trades that a plan changes: locked before they are. */
export function touched(plan: Plan): Trade[] {
  return [
    ...[...plan.opened, ...plan.linked, ...plan.resized, ...plan.sided, ...plan.duplicates, ...plan.linkedOrders].map(({ trade }) => trade),
    ...plan.missing, ...plan.gone, ...plan.explained, ...plan.restored, ...plan.missingOrders, ...plan.cancelledOrders,
  ];
}

/** Trades whose agents are to look again. */
export const toReconcile = (plan: Plan): { trade: Trade; why: string }[] => [
  ...[...plan.missing, ...plan.missingOrders].map((trade) => ({ trade, why: MISSING })),
  ...plan.differing.filter(({ lasts, told }) => lasts && !isTold(plan, told)).flatMap(({ trades }) => trades.map((trade) => ({ trade, why: DIFFERS }))),
];

/** Filled by the rows that were known: a mismatch is told once. */
const isTold = (plan: Plan, told: ToldPosition): boolean => plan.toldMismatches.has(told.key);

export interface AdoptedTrade {
  trade: Adopted;
  brokerSymbol: string;
  told: ToldPosition | ToldOrder;
}

/**
 * Trades of origin external for what nobody told of; what is shown under the tag of an opening, and is no more than was let
 * through, is the trade of that.
 * @throws {Problem} 400 when sizes of one instrument add up to more than can be kept
 */
export function adoptions(plan: Plan, { openings }: Pick<Known, 'openings'>, { accountId, mode }: Book, asOf: string): AdoptedTrade[] {
  const left = new Map(openings);
  const openingOf = ({ orderTag, symbol, exchange, outcome }: ToldPosition | ToldOrder, direction: 'long' | 'short', size: string): Opening | null => {
    const opening = left.get(orderTag ?? '');
    if (!opening || differs(opening, { symbol, exchange: exchange ?? opening.exchange, direction, outcome: outcome ?? opening.outcome, size }) !== null) return null;
    left.delete(opening.order_tag);
    return opening;
  };
  const shared = ({ symbol, brokerSymbol, exchange, product, outcome, key, stopLoss, takeProfit }: ToldPosition | ToldOrder) => ({
    id: uuidv7(), account_id: accountId, execution_mode: mode, symbol, broker_symbol: brokerSymbol === symbol ? null : brokerSymbol, exchange, product, outcome: outcome ?? null, key, stop_loss: stopLoss ?? null,
    take_profit: takeProfit == null ? null : [{ price: takeProfit, sizeFraction: '1' }],
  });
  const positions = plan.adopted.map(({ told, agentId, direction, size }): AdoptedTrade => ({
    told, brokerSymbol: told.brokerSymbol, trade: {
      ...shared(told), opening: openingOf(told, direction, size), agent_id: agentId, direction, lot_size: storable(size), entry_price: told.entryPrice, entry_time: told.openedAt ?? asOf, status: 'open',
      broker_order_id: told.brokerOrderId ?? null, broker_position_id: told.brokerPositionId ?? null, broker_ticket: told.brokerTicket ?? null, facts: factsOf(told, asOf),
    },
  }));
  // What still works of an order whose first part is held is that trade's.
  const held = new Set(positions.flatMap(({ trade }) => trade.opening?.order_tag ?? []));
  const orders = plan.adoptedOrders.filter(({ told }) => told.orderTag == null || !held.has(told.orderTag)).map(({ told, agentId }): AdoptedTrade => ({
    told, brokerSymbol: told.brokerSymbol, trade: {
      ...shared(told), opening: openingOf(told, told.direction, told.size), key: `order:${told.key}`, agent_id: agentId, direction: told.direction, lot_size: told.size, entry_price: told.price ?? null, entry_time: null,
      status: 'pending', broker_order_id: told.brokerOrderId, broker_position_id: told.brokerPositionId ?? null, broker_ticket: null, facts: factsOf(told, asOf),
    },
  }));
  return [...positions, ...orders];
}

export function storable(size: string): string {
  if (new Exact(size).lt(SIZE_BELOW)) return size;
  throw badRequest('VALIDATION_FAILED', `positions of one instrument add up to ${size}: more than can be kept`, 'positions');
}

/** What the broker showed, for the line of history. */
function factsOf(told: ToldPosition | ToldOrder, asOf: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries({ ...told, asOf }).filter(([name, value]) => value !== null && value !== undefined && name !== 'key'));
}

/** What a change of a status made of its trade, where fills may know better. */
export interface Moved {
  move: BrokerMove;
  row: TradeRow;
}

/** Every change of a status, with what is told of it. */
export function moves(plan: Plan, asOf: string): BrokerMove[] {
  const move = (trade: Trade, to: TradeStatus, reason: string, more: Partial<BrokerMove> = {}): BrokerMove => ({
    id: trade.id, from: trade.status, to, occurred_at: asOf, reason, facts: { asOf }, entry_price: null, entry_time: null, broker_position_id: null, missing_since: null, ...more,
  });
  return [
    ...plan.opened.map(({ trade, told }) => {
      // Without its time, an entry price is what the order asked for, not what it got.
      const entry = trade.entry_time === null ? { entry_price: told.entryPrice, entry_time: told.openedAt ?? asOf } : { entry_price: trade.entry_price ?? told.entryPrice };
      const at = trade.status === 'pending' ? (told.openedAt ?? asOf) : asOf;
      return move(trade, 'open', SEEN, { ...entry, occurred_at: at, broker_position_id: told.brokerPositionId ?? null, facts: factsOf(told, asOf) });
    }),
    ...plan.restored.map((trade) => move(trade, 'pending', SEEN)),
    ...[...plan.missing, ...plan.missingOrders].filter(({ status }) => status !== 'unknown').map((trade) => move(trade, 'unknown', MISSING, { missing_since: asOf })),
    ...plan.gone.map((trade) => move(trade, 'closed', MISSING, { facts: { asOf, missingSince: trade.missing_since } })),
    ...plan.duplicates.map(({ trade, of }) => move(trade, 'closed', 'POSITION_CLAIMED', { facts: { asOf, claimedBy: of.id } })),
    ...plan.explained.map((trade) => move(trade, 'cancelled', EXPLAINED)),
    ...plan.cancelledOrders.map((trade) => move(trade, 'cancelled', MISSING, { facts: { asOf, missingSince: trade.missing_since } })),
  ];
}

export function events(plan: Plan, adopted: readonly AdoptedTrade[], moved: readonly Moved[], { accountId }: Book): NewEvent[] {
  const of = (type: string, trade: { id: string; agent_id: string; opening?: Opening | null }, data: Record<string, unknown>): NewEvent => ({ type, subjectId: trade.id, agentId: trade.opening?.agent_id ?? trade.agent_id, accountId, data });
  return [
    ...adopted.flatMap(({ trade, brokerSymbol }) => {
      const data = { symbol: trade.symbol, direction: trade.direction, ...(trade.outcome !== null && { outcome: trade.outcome }), lotSize: trade.lot_size, executionMode: trade.execution_mode, origin: trade.opening ? 'gated' : 'external' };
      return [
        of('position.adopted', trade, { ...data, brokerSymbol, brokerPositionId: trade.broker_position_id, brokerOrderId: trade.broker_order_id }),
        of(eventOf(null, trade.status), trade, { version: 1, ...data }),
      ];
    }),
    ...moved.map(({ move, row }) => {
      const told = stepEvent(row, move.from, { occurredAt: move.occurred_at, late: false });
      return { ...told, data: { ...told.data, reason: move.reason } };
    }),
    ...[...plan.missing, ...plan.missingOrders].map((trade) => of('position.missing', trade, { symbol: trade.symbol, brokerPositionId: trade.broker_position_id, brokerOrderId: trade.broker_order_id, size: trade.open_size })),
    ...plan.linked.map(({ trade, brokerPositionId }) => of('position.linked', trade, { brokerPositionId: { from: trade.broker_position_id, to: brokerPositionId } })),
    ...plan.linkedOrders.map(({ trade, brokerOrderId }) => of('position.linked', trade, { brokerOrderId: { from: trade.broker_order_id, to: brokerOrderId } })),
    ...plan.sided.map(({ trade, outcome }) => of('position.linked', trade, { outcome: { from: null, to: outcome } })),
    ...plan.resized.map(({ trade, size }) => of('position.resized', trade, { lotSize: { from: trade.lot_size, to: size } })),
  ];
}

export function incidents(plan: Plan, adopted: readonly AdoptedTrade[], { mode }: Book, idOfRow: (told: ToldPosition) => string | undefined): NewIncident[] {
  const severity = mode === 'live' ? 'critical' as const : 'warning' as const;
  const size = (trade: Pick<Trade, 'direction' | 'outcome' | 'lot_size'>) => `${trade.direction} ${trade.lot_size}${trade.outcome === null ? '' : ` ${trade.outcome} of`}`;
  return [
    ...adopted.filter(({ trade }) => !trade.opening).map(({ trade, brokerSymbol }): NewIncident => ({
      kind: trade.status === 'open' ? 'EXTERNAL_POSITION' : 'EXTERNAL_ORDER', severity, subjectId: trade.id, agentId: trade.agent_id,
      data: { symbol: trade.symbol, brokerPositionId: trade.broker_position_id, brokerOrderId: trade.broker_order_id },
      summary: `The broker ${trade.status === 'open' ? 'holds' : 'works an order for'} ${size(trade)} ${brokerSymbol} that nobody told of.`,
    })),
    ...[...plan.missing, ...plan.missingOrders].map((trade): NewIncident => ({
      kind: 'POSITION_MISSING', severity, subjectId: trade.id, agentId: trade.agent_id,
      data: { symbol: trade.symbol, brokerPositionId: trade.broker_position_id, brokerOrderId: trade.broker_order_id },
      summary: `The broker no longer shows ${size(trade)} ${trade.symbol}.`,
    })),
    ...plan.differing.flatMap(({ lasts, told, trades, held, ours }): NewIncident[] => {
      const id = idOfRow(told);
      if (!lasts || id === undefined || isTold(plan, told)) return [];
      return [{
        kind: 'POSITION_MISMATCH', severity, subjectId: id, agentId: trades[0]?.agent_id ?? null, data: { symbol: told.symbol, held, ours, tradeIds: trades.map((trade) => trade.id) },
        summary: `The broker holds ${held} ${told.brokerSymbol}, our trades ${ours}.`,
      }];
    }),
  ];
}

export function writtenPosition({ told, trade, difference }: Held, adoptedId: string | null, asOf: string, mismatchSince: string | null): WrittenPosition {
  return {
    ...sharedOf(told), trade_id: trade?.id ?? adoptedId, broker_order_id: told.brokerOrderId ?? null, exchange: told.exchange, product: told.product, entry_price: told.entryPrice,
    current_price: told.currentPrice ?? null, floating_profit: told.floatingProfit ?? null, swap: told.swap ?? null, commission: told.commission ?? null,
    broker_ticket: told.brokerTicket ?? null, opened_at: told.openedAt ?? null, comment: told.comment ?? null, differs_since: difference?.since ?? null,
    mismatch_since: difference ? (mismatchSince ?? (difference.lasts ? asOf : null)) : null,
  };
}

export const writtenOrder = (told: ToldOrder, tradeId: string | null): WrittenOrder => ({
  ...sharedOf(told), trade_id: tradeId, broker_order_id: told.brokerOrderId, role: told.role, type: told.type, filled_size: told.filledSize ?? null, price: told.price ?? null,
  placed_at: told.placedAt ?? null, expires_at: told.expiresAt ?? null,
});

const sharedOf = (told: ToldPosition | ToldOrder) => ({
  key: told.key, symbol: told.symbol, broker_symbol: told.brokerSymbol, direction: told.direction, outcome: told.outcome ?? null, size: told.size, stop_loss: told.stopLoss ?? null,
  take_profit: told.takeProfit ?? null, broker_position_id: told.brokerPositionId ?? null, order_tag: told.orderTag ?? null, magic: told.magic ?? null, client_order_id: told.clientOrderId ?? null,
});
