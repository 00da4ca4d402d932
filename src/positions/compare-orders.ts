import { secondsBetween } from '../trades/trade-times.js';
import { type Known, lasts, ownerOf, type Report, type Trade } from './known.js';
import type { Matching } from './matching.js';
import type { ToldOrder } from './told.js';

export interface OrderPlan {
  /** Every order of the report, with the trade that it is, or that it protects. */
  working: { told: ToldOrder; trade: Trade | null }[];
  adoptedOrders: { told: ToldOrder; agentId: string }[];
  linkedOrders: { trade: Trade; brokerOrderId: string }[];
  /** Entry orders that were gone, and are shown again. */
  restored: Trade[];
  missingOrders: Trade[];
  waitingOrders: Trade[];
  /** Gone for a second time, late enough, with no position in their place. */
  cancelledOrders: Trade[];
  /** Rows of orders that no longer work. */
  overOrders: string[];
  stillMissingOrders: string[];
}

/** An entry order is a pending trade, also one that nobody told of. What protects is only shown: it opens nothing. */
export function compareOrders(report: Report, known: Known, matching: Matching): OrderPlan {
  const plan: OrderPlan = {
    working: [], adoptedOrders: [], linkedOrders: [], restored: [], missingOrders: [], waitingOrders: [], cancelledOrders: [], overOrders: [], stillMissingOrders: [],
  };
  const knownOrders = new Map(known.orders.map((row) => [row.key, row]));
  for (const told of report.orders) {
    const trade = told.role === 'entry' ? matching.ofOrder(told) : null;
    plan.working.push({ told, trade });
    if (told.role !== 'entry') continue;
    if (!trade) plan.adoptedOrders.push({ told, agentId: ownerOf(report, told) });
    else if (trade.status === 'unknown' && trade.entry_time === null && knownOrders.get(told.key)?.trade_id === trade.id) plan.restored.push(trade);
    else if (trade.finished_at === null && trade.broker_order_id === null && !plan.linkedOrders.some((each) => each.trade.id === trade.id)) plan.linkedOrders.push({ trade, brokerOrderId: told.brokerOrderId });
  }
  if (report.complete) absent(report, known, matching, plan);
  return plan;
}

function absent(report: Report, known: Known, matching: Matching, plan: OrderPlan): void {
  const reported = new Set(report.orders.map(({ brokerOrderId }) => brokerOrderId));
  const filled = new Set(report.positions.flatMap((told) => matching.ofPosition(told).map(({ id }) => id)));
  const trades = new Map(known.trades.map((trade) => [trade.id, trade]));
  for (const row of known.orders) {
    if (reported.has(row.key) || secondsBetween(report.asOf, row.as_of) > 0) continue;
    const trade = row.role === 'entry' && row.trade_id !== null ? trades.get(row.trade_id) : undefined;
    const awaited = trade !== undefined && (trade.status === 'pending' || (trade.status === 'unknown' && trade.entry_time === null)) && !filled.has(trade.id);
    if (!awaited || (trade.status === 'unknown' && lasts(trade.missing_since, report.asOf))) plan.overOrders.push(row.id);
    else plan.stillMissingOrders.push(row.id);
    if (!awaited) continue;
    const since = trade.status === 'unknown' ? trade.missing_since : null;
    (since === null ? plan.missingOrders : lasts(since, report.asOf) ? plan.cancelledOrders : plan.waitingOrders).push(trade);
  }
}
