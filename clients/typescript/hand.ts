import type { RunMemory } from './agent-memory.js';
import type { ClosedTrade, PaperBroker, Position } from './paper-broker.js';

/** What the person does: once in a run, at a candle, for so many candles at least. */
export interface HandPlan {
  opensAt: number;
  heldCandles: number;
  lots: string;
}

/**
 * A person who trades at the broker beside the agent, for a demo of what the server makes of it. The position is not closed
 * before the server has adopted it, so that this can be seen; where it has to be, the server adopts its deals.
 */
export function actByHand(plan: HandPlan, run: RunMemory, broker: PaperBroker, commissionPerLot: string): { opened?: Position; closed?: ClosedTrade } {
  const { index } = run.market;
  if (index < plan.opensAt) return {};
  if (run.handOpenedIndex === null) {
    run.handOpenedIndex = index;
    const order = { direction: 'long', lots: plan.lots, stopDistance: null, targetDistance: null, commissionPerLot, byHand: true } as const;
    return { opened: broker.open({ ...order, clientOrderId: `${run.tag}-hand`, index }) };
  }
  const position = broker.state.positions.find(({ byHand }) => byHand);
  if (position?.adoptedAs === undefined || index < run.handOpenedIndex + plan.heldCandles) return {};
  const closed = broker.close(position, 'external');
  return closed ? { closed } : {};
}
