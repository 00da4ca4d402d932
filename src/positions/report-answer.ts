import type { Plan } from './compare.js';
import type { Known, Report, Trade } from './known.js';
import type { AdoptedTrade } from './plan-changes.js';
import type { ReportAnswer, ReportBody } from './reports.schemas.js';

type Code = ReportAnswer['code'];

const NOTHING = { matched: 0, adopted: [], unknown: [], missing: [], closed: [], differing: [], proposals: [] };

/** One that was overtaken by a later one, or tells of another account. */
export const notApplied = ({ asOf }: ReportBody, code: 'REPORT_STALE' | 'ACCOUNT_MISMATCH'): ReportAnswer => ({ applied: false, code, asOf, complete: false, ...NOTHING });

const element = (trade: Pick<Trade, 'id' | 'broker_position_id' | 'broker_order_id' | 'symbol' | 'lot_size'>) => ({
  tradeId: trade.id, brokerPositionId: trade.broker_position_id, brokerOrderId: trade.broker_order_id, symbol: trade.symbol, size: trade.lot_size,
});

export function answerOf({ asOf, complete }: Report, { trades }: Known, plan: Plan, adopted: readonly AdoptedTrade[], code: Code): ReportAnswer {
  const missing = [...plan.missing, ...plan.waiting, ...plan.missingOrders, ...plan.waitingOrders];
  const known = new Set([...plan.opened.map(({ trade }) => trade), ...plan.restored, ...plan.gone, ...plan.cancelledOrders, ...plan.duplicates.map(({ trade }) => trade)].map(({ id }) => id));
  const lost = new Set(missing.map(({ id }) => id));
  return {
    applied: true, ...(code ? { code } : {}), asOf, complete, matched: plan.matched, adopted: adopted.map(({ trade }) => element(trade)),
    unknown: trades.filter(({ id, status }) => lost.has(id) || (status === 'unknown' && !known.has(id))).map(element),
    missing: missing.map(element), closed: [...plan.gone, ...plan.cancelledOrders].map(element),
    differing: plan.differing.flatMap(({ trades: of, told, held, ours }) => of.map((trade) => ({ ...element(trade), brokerPositionId: told.brokerPositionId ?? trade.broker_position_id, held, ours }))),
    proposals: proposalsOf(missing, adopted),
  };
}

/** Likeness proves nothing: two that are alike beside each other are left to a person, and so is a pair that is not alone. */
function proposalsOf(missing: readonly Trade[], adopted: readonly AdoptedTrade[]): ReportAnswer['proposals'] {
  const likeness = ({ symbol, direction, outcome, lot_size }: Pick<Trade, 'symbol' | 'direction' | 'outcome' | 'lot_size'>) => `${symbol} ${direction} ${outcome} ${lot_size}`;
  const lost = Map.groupBy(missing, likeness);
  const found = Map.groupBy(adopted, ({ trade }) => likeness(trade));
  return [...lost].flatMap(([like, [first, ...others]]) => {
    const [match, ...more] = found.get(like) ?? [];
    if (!first || !match || others.length > 0 || more.length > 0) return [];
    return [{ missingTradeId: first.id, adoptedTradeId: match.trade.id, symbol: first.symbol, direction: first.direction, size: first.lot_size }];
  });
}
