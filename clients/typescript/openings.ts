import { Decimal } from 'decimal.js';
import type { CommandAnswer } from './agent-memory.js';
import type { Command, HandlerContext } from './command-handlers.js';
import { mayOpen } from './desired-state.js';
import { parsePoints, priceText, type Instrument, type Points } from './instrument.js';
import type { GatedBy } from './paper-broker.js';
import type { Direction } from './strategy.js';
import type { Trader } from './trader.js';

/** The server may take a command back after this long if the lease says no shorter time; what was leased is leased for 30 s. */
const LEASE_MS = 30_000;

/** An opening as the gate allows it. Distances count from the fill, above zero. */
export interface OpenOrder {
  gated: GatedBy;
  direction: Direction;
  lots: string;
  stopDistance: Points | null;
  targetDistance: Points | null;
}

interface Wanted {
  ideaId?: string;
  strategyId?: string;
  orderTag: string;
  direction: Direction;
  lots: string;
  limitPrice: Points;
  maxSlippage: Points;
  stop: Points | null;
  target: Points | null;
}

/**
 * Notes how long an opening is good for, on the monotonic clock from its receipt: as long as it says itself, and never
 * past its lease, since the server then takes it for lost, and may allow another in its place.
 * @param now the present as the server counts it, for the lease's end alone.
 */
export function received(command: Command, now: Date): Command {
  const leaseMs = Date.parse(command.leaseExpiresAt ?? '') - now.getTime();
  const validMs = Number(command.payload?.validForSeconds) * 1000;
  const goodForMs = Math.min(LEASE_MS, Number.isNaN(leaseMs) ? LEASE_MS : leaseMs, Number.isFinite(validMs) ? validMs : 0);
  return { ...command, goodUntilMs: performance.now() + goodForMs };
}

/**
 * Opens what the gate has allowed, at most once: the order is remembered on the disk before it goes to the broker, and
 * the broker is asked for its tag before that. Everything that could have changed since the decision is looked at just
 * before sending; nothing was sent then, and the server may give the room to somebody else.
 */
export function openTrade(command: Command, context: HandlerContext): CommandAnswer {
  const { trader } = context;
  const { instrument } = trader.run;
  let wanted: Wanted;
  try {
    wanted = readWanted(command.payload ?? {}, instrument);
  } catch (error) {
    return notSent('PAYLOAD_INVALID', (error as Error).message);
  }
  const there = filledUnder(trader, wanted.orderTag);
  if (there) return there;
  const against = whyNot(command, wanted, context);
  if (against) return against;
  const entry = priceOf(trader, wanted.direction)!;
  const sign = wanted.direction === 'long' ? 1 : -1;
  const { ideaId, orderTag, strategyId } = wanted;
  const signalId = trader.gate.askedAs(ideaId)?.signalId;
  return trader.open(command, {
    gated: { ...(ideaId ? { ideaId } : {}), commandId: command.id, orderTag, ...(signalId ? { signalId } : {}), ...(strategyId ? { strategyId } : {}) },
    direction: wanted.direction,
    lots: wanted.lots,
    stopDistance: wanted.stop === null ? null : sign * (entry - wanted.stop),
    targetDistance: wanted.target === null ? null : sign * (wanted.target - entry),
  });
}

/** What the broker knows of an order, by its tag; null: it never arrived there. */
export function filledUnder(trader: Trader, orderTag: string): CommandAnswer | null {
  const { instrument, broker } = trader.run;
  const deal = broker.deals.find((each) => each.orderTag === orderTag && each.role === 'entry');
  if (!deal) return null;
  const { brokerOrderId, brokerPositionId, dealId, price, lots, at } = deal;
  const fill = { brokerDealId: dealId, price: priceText(price, instrument), size: lots, at };
  return { kind: 'complete', result: { orderTag, brokerOrderId, brokerPositionId, fill } };
}

/** Sent, and the answer was lost in a crash: only the broker knows, and it will be asked for the tag. */
export function afterCrash(trader: Trader, orderTag: string): CommandAnswer {
  const message = 'the agent ended between sending the order and hearing of it';
  return filledUnder(trader, orderTag) ?? { kind: 'fail', outcome: 'unknown', error: { code: 'ANSWER_LOST', message }, retryable: false };
}

function whyNot(command: Command, wanted: Wanted, { trader, desired, holdsTradingLease }: HandlerContext): CommandAnswer | null {
  const { instrument } = trader.run;
  if (command.payload?.symbol !== instrument.symbol) return notSent('SYMBOL_UNKNOWN', `this agent trades ${instrument.symbol} only`);
  if (!mayOpen(desired)) {
    const code = desired !== null && desired.state === 'active' ? 'NOT_RUNNING' : 'HALTED';
    return notSent(code, `the desired state is ${desired?.state ?? 'not known'}, ${desired?.run ?? 'not known'}`);
  }
  if (!holdsTradingLease) return notSent('NO_TRADING_LEASE', 'the trading lease has run out');
  if (performance.now() >= (command.goodUntilMs ?? 0)) return notSent('IDEA_EXPIRED', 'the opening is no longer valid');
  const price = priceOf(trader, wanted.direction);
  if (price === null) return notSent('NO_QUOTE', 'there is no price yet');
  const sign = wanted.direction === 'long' ? 1 : -1;
  const shown = priceText(price, instrument);
  if (sign * (price - wanted.limitPrice) > wanted.maxSlippage) {
    return notSent('PRICE_MOVED', `${shown} is beyond the limit of ${priceText(wanted.limitPrice, instrument)}`);
  }
  const beyond = (level: Points | null, side: 1 | -1) => level !== null && side * sign * (price - level) <= 0;
  if (beyond(wanted.stop, 1) || beyond(wanted.target, -1)) return notSent('PRICE_MOVED', `${shown} is beyond stop or target`);
  return null;
}

/** What an opening would pay now. */
function priceOf(trader: Trader, direction: Direction): Points | null {
  const { quote } = trader.run.broker;
  return quote && (direction === 'long' ? quote.ask : quote.bid);
}

/** @throws Error naming what cannot be read */
function readWanted(payload: Record<string, unknown>, instrument: Instrument): Wanted {
  const { ideaId, strategyId, orderTag, direction, limitPrice, maxSlippage, stopLoss, takeProfit } = payload;
  if (typeof orderTag !== 'string' || !/^[A-Z0-9]{16}$/.test(orderTag)) throw new Error('orderTag must be 16 of A-Z and 0-9');
  if (direction !== 'long' && direction !== 'short') throw new Error('direction must be long or short');
  const lots = new Decimal(String(payload.lotSize));
  if (!lots.isFinite() || lots.lte(0)) throw new Error('lotSize must be above zero');
  const first: unknown = Array.isArray(takeProfit) ? takeProfit[0] : takeProfit;
  const targetPrice = typeof first === 'object' && first !== null ? (first as { price?: unknown }).price : first;
  const price = (value: unknown) => (value === undefined || value === null ? null : parsePoints(String(value), instrument));
  return {
    ...(typeof ideaId === 'string' ? { ideaId } : {}),
    ...(typeof strategyId === 'string' ? { strategyId } : {}),
    orderTag,
    direction,
    lots: lots.toFixed(Math.max(2, lots.decimalPlaces())),
    limitPrice: parsePoints(String(limitPrice), instrument),
    maxSlippage: price(maxSlippage) ?? 0,
    stop: price(stopLoss),
    target: price(targetPrice),
  };
}

const notSent = (code: string, message: string): CommandAnswer => ({ kind: 'fail', outcome: 'not_sent', error: { code, message }, retryable: false });
