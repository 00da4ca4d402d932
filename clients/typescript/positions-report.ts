import { Decimal } from 'decimal.js';
import { dealBody } from './facts.js';
import { cents, priceText } from './instrument.js';
import type { Deal, Position } from './paper-broker.js';
import type { Trader } from './trader.js';

/** What the broker shows, whole: positions and working orders (this broker fills at once, so there are none). */
export function positionsReport(trader: Trader, asOf: string): Record<string, unknown> {
  return { asOf, complete: true, positions: trader.broker.state.positions.map((position) => shown(trader, position)), orders: [] };
}

/**
 * The answer to `reconcile`, and what is sent unasked when somebody else has traded at the broker: the same, with deals.
 * @param deals the latest ones by default
 */
export function reconciliation(trader: Trader, asOf: string, deals: readonly Deal[] = trader.broker.state.deals): Record<string, unknown> {
  const { complete: _always, ...report } = positionsReport(trader, asOf);
  const { instrument } = trader.run;
  return {
    ...report,
    deals: deals.map((deal) => ({ ...dealBody(deal, instrument), symbol: instrument.symbol, direction: deal.direction, ...namesOf(trader, deal) })),
  };
}

/** A report is made when something changes, and told after the facts of it: by then the server has said what to put into a comment. */
export function withOrderTags(trader: Trader, report: Record<string, unknown>): Record<string, unknown> {
  const positions = report.positions as { clientOrderId?: string }[];
  return { ...report, positions: positions.map((position) => ({ ...tagOf(trader, position.clientOrderId), ...position })) };
}

function shown(trader: Trader, position: Position): Record<string, unknown> {
  const { instrument, broker } = trader.run;
  const { direction, stop, target } = position;
  const price = broker.quote && broker.quote[direction === 'long' ? 'bid' : 'ask'];
  return {
    symbol: instrument.symbol,
    direction,
    size: position.openLots,
    entryPrice: priceText(position.entry, instrument),
    ...(price === null ? {} : { currentPrice: priceText(price, instrument), floatingProfit: cents(trader.broker.floatingOf(position)).toFixed(2) }),
    ...(stop === null ? {} : { stopLoss: priceText(stop, instrument) }),
    ...(target === null ? {} : { takeProfit: priceText(target, instrument) }),
    brokerPositionId: position.brokerPositionId,
    brokerOrderId: position.brokerOrderId,
    openedAt: position.openedAt,
    ...namesOf(trader, { ...position, orderTag: position.gated?.orderTag }),
  };
}

/** What this agent's orders carry: those of a person carry neither. */
function namesOf(trader: Trader, { byHand, clientOrderId, orderTag }: { byHand?: boolean; clientOrderId: string; orderTag?: string }): Record<string, unknown> {
  return byHand ? {} : { clientOrderId, ...tagOf(trader, clientOrderId), ...(orderTag === undefined ? {} : { orderTag }) };
}

function tagOf(trader: Trader, clientOrderId: string | undefined): Record<string, unknown> {
  const orderTag = clientOrderId === undefined ? undefined : trader.orderTagOf(clientOrderId);
  return orderTag === undefined ? {} : { orderTag };
}

/** The figures of a heartbeat: equity counts what is open at the present quote. */
export function accountFigures(trader: Trader): Record<string, unknown> {
  const { broker } = trader;
  const quoted = broker.state.quote !== null;
  return {
    balance: new Decimal(broker.state.balance).toFixed(2),
    equity: quoted ? broker.equity() : new Decimal(broker.state.balance).toFixed(2),
    currency: 'USD',
    openPositions: broker.state.positions.length,
    cycleCount: trader.run.cycleCount,
    ...(trader.run.lastCycleAt === null ? {} : { lastCycleAt: trader.run.lastCycleAt }),
  };
}
