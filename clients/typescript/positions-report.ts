import { Decimal } from 'decimal.js';
import { priceText } from './instrument.js';
import type { Trader } from './trader.js';

/** What the broker shows, whole: positions and working orders (this broker fills at once, so there are none). */
export function positionsReport(trader: Trader, asOf: string): Record<string, unknown> {
  const { instrument, broker } = trader.run;
  return {
    asOf,
    complete: true,
    positions: broker.positions.map((position) => ({
      symbol: instrument.symbol,
      direction: position.direction,
      size: position.openLots,
      entryPrice: priceText(position.entry, instrument),
      stopLoss: priceText(position.stop, instrument),
      takeProfit: priceText(position.target, instrument),
      brokerPositionId: position.brokerPositionId,
      brokerOrderId: position.brokerOrderId,
    })),
    orders: [],
  };
}

/** The answer to `reconcile`: the same, with the latest executions. */
export function reconciliation(trader: Trader, asOf: string): Record<string, unknown> {
  const { instrument, broker } = trader.run;
  const deals = broker.deals.map(({ dealId, brokerPositionId, role, price, lots, at }) => ({
    brokerDealId: dealId,
    brokerPositionId,
    role,
    price: priceText(price, instrument),
    size: lots,
    at,
  }));
  return { ...positionsReport(trader, asOf), deals };
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
