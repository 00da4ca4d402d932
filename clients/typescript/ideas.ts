import type { Grounds, Proposal } from './agent-memory.js';
import type { Command } from './command-handlers.js';
import { becauseOf, type Explanation } from './explain.js';
import { pipsText, priceText, type Instrument, type Points } from './instrument.js';
import type { Signal } from './strategy.js';

/** How long an opening may take from the signal to the broker. */
export const IDEA_VALID_SECONDS = 30;

export type IdeaStatus = 'waiting' | 'needs_approval' | 'auto_executed' | 'approved' | 'rejected' | 'halted_by_risk' | 'expired';

export interface Reason {
  code: string;
  message?: string;
  actual?: string | null;
  limit?: string | null;
}

/** What the gate made of an idea. */
export interface IdeaAnswer {
  id: string;
  status: IdeaStatus;
  /** Of exactly what a person would approve. */
  digest?: string;
  decision?: { id?: string; verdict?: string; reasons?: Reason[] } | null;
  commandId?: string | null;
  /** There when the idea was approved and its command handed over at once. */
  command?: Command | null;
}

/** A signal with its prices: what a long would pay, or a short would get, at this moment. */
export function proposalOf(signal: Signal, grounds: Grounds, quote: { bid: Points; ask: Points }, signalId: string, now: Date): Proposal {
  const { direction, stopDistance, targetDistance } = signal;
  const [price, sign] = direction === 'long' ? [quote.ask, 1] : [quote.bid, -1];
  const levels = { price, stop: price - sign * stopDistance, target: price + sign * targetDistance };
  return { signalId, key: `idea-${signalId}`, direction, lots: grounds.config.lotSize, ...levels, madeAt: now.toISOString(), grounds };
}

/** An idea at the market: the gate compares it with the quote that was told just before. */
export function ideaBody(proposal: Proposal, instrument: Instrument, names: { predictionId?: string; strategyId?: string }): Record<string, unknown> {
  const { direction, lots, stop, target, grounds } = proposal;
  return {
    symbol: instrument.symbol,
    direction,
    lotSize: lots,
    stopLoss: priceText(stop, instrument),
    takeProfit: [{ price: priceText(target, instrument), sizeFraction: '1' }],
    confidence: grounds.confidence,
    rationale: `Go ${direction}: ${becauseOf(grounds, direction, instrument)}.`,
    validForSeconds: IDEA_VALID_SECONDS,
    ...names,
  };
}

/** Why a signal was not followed, with the codes that say it. */
export function explainSkip(proposal: Proposal, reasons: readonly Reason[], instrument: Instrument, answer?: IdeaAnswer): Explanation {
  const { direction, lots, price, stop, target, grounds } = proposal;
  const why = reasons.map(({ code, message }) => (message ? `${code} (${message.replace(/\.$/, '')})` : code)).join(', ');
  const by = answer ? `the gate answered ${answer.status}: ${why || 'no reason given'}` : `it was not asked for: ${why}`;
  return {
    kind: 'skip',
    explanation: `Did not go ${direction} ${lots} lots of ${instrument.symbol} at ${priceText(price, instrument)}, although ${becauseOf(grounds, direction, instrument)}; ${by}.`,
    confidenceFactors: { confidence: grounds.confidence, outcomesCounted: String(grounds.outcomes) },
    riskFactors: {
      codes: reasons.map(({ code }) => code).join(' '),
      stopPips: pipsText(Math.abs(price - stop), instrument),
      targetPips: pipsText(Math.abs(target - price), instrument),
      ...(answer ? { ideaId: answer.id, ideaStatus: answer.status } : {}),
    },
  };
}
