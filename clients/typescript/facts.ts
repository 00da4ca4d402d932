import { Decimal } from 'decimal.js';
import { priceText, type Instrument, type Points } from './instrument.js';
import type { Explanation } from './explain.js';
import type { Deal, Position } from './paper-broker.js';
import type { Fact } from './spool.js';
import type { Direction } from './strategy.js';

/** What a fact says, before it gets its number and key. */
export type FactDraft = Omit<Fact, 'seq' | 'key'>;

const MODEL = 'ma-crossover-rsi';
const MODEL_VERSION = '1.0.0';
export const AGENT_VERSION = `reference-typescript/${MODEL_VERSION}`;

/** When something happened: the present, and in a replay the candle's own time beside it. */
export interface Stamp {
  now: string;
  sourceTime: string | null;
}

const replayed = ({ sourceTime }: Stamp) => (sourceTime === null ? {} : { sourceTime });
export const tradeRef = (clientOrderId: string) => `trade:${clientOrderId}`;
export const predictionRef = (signalId: string) => `prediction:${signalId}`;

export interface PredictionClaim {
  direction: Direction;
  confidence: string;
  probUp: string;
  probDown: string;
  horizonSeconds: number;
  marketRegime: string;
  marketPrice: Points;
  cycle: number;
  usedByAgent: boolean;
}

export function predictionBody(claim: PredictionClaim, instrument: Instrument, stamp: Stamp): Record<string, unknown> {
  return {
    model: MODEL,
    modelVersion: MODEL_VERSION,
    symbol: instrument.symbol,
    timestamp: stamp.now,
    horizonSeconds: claim.horizonSeconds,
    direction: claim.direction,
    confidence: claim.confidence,
    probUp: claim.probUp,
    probDown: claim.probDown,
    marketRegime: claim.marketRegime,
    marketPrice: priceText(claim.marketPrice, instrument),
    agentCycleNumber: claim.cycle,
    usedByAgent: claim.usedByAgent,
    ...replayed(stamp),
  };
}

export function predictionFact(signalId: string, body: Record<string, unknown>): FactDraft {
  return { path: '/predictions', body, ref: predictionRef(signalId) };
}

export function predictionBatchFact(items: Record<string, unknown>[]): FactDraft {
  return { path: '/predictions/batch', body: { items } };
}

/** A trade of the version that asked nobody had the name of its signal. */
function gatedNames({ gated, clientOrderId }: Position): Record<string, unknown> {
  if (!gated) return { predictionId: { $ref: predictionRef(clientOrderId) } };
  const { ideaId, commandId, signalId, strategyId } = gated;
  return { ...(ideaId ? { ideaId } : {}), commandId, ...(strategyId ? { strategyId } : {}), ...(signalId ? { predictionId: { $ref: predictionRef(signalId) } } : {}) };
}

export function openedFact(position: Position, instrument: Instrument, stamp: Stamp): FactDraft {
  return {
    path: '/trades',
    ref: tradeRef(position.clientOrderId),
    body: {
      clientOrderId: position.clientOrderId,
      symbol: instrument.symbol,
      direction: position.direction,
      lotSize: position.lotSize,
      entryPrice: priceText(position.entry, instrument),
      entryTime: position.openedAt,
      ...(position.stop === null ? {} : { stopLoss: priceText(position.stop, instrument) }),
      ...(position.target === null ? {} : { takeProfit: [{ price: priceText(position.target, instrument), sizeFraction: '1' }] }),
      executionMode: 'paper',
      broker: 'paper',
      brokerOrderId: position.brokerOrderId,
      brokerPositionId: position.brokerPositionId,
      ...gatedNames(position),
      ...replayed(stamp),
    },
  };
}

/** What the broker says of a deal, as fills and reconciliations tell it. Costs are negative numbers there. */
export function dealBody(deal: Deal, instrument: Instrument): Record<string, unknown> {
  return {
    brokerDealId: deal.dealId,
    role: deal.role,
    price: priceText(deal.price, instrument),
    size: deal.lots,
    ...(deal.role === 'exit' ? { profit: deal.profit, exitReason: deal.exitReason } : { brokerOrderId: deal.brokerOrderId }),
    commission: new Decimal(deal.commission).negated().plus(0).toFixed(2),
    swap: '0.00',
    at: deal.at,
    brokerPositionId: deal.brokerPositionId,
  };
}

/** A deal is one fact, whenever and however often it is told; what became of the trade follows from all of them. */
export function fillFact(deal: Deal, instrument: Instrument, stamp: Stamp): FactDraft {
  return {
    path: `/trades/{${tradeRef(deal.clientOrderId)}}/fills`,
    body: { ...dealBody(deal, instrument), requestedPrice: priceText(deal.requested, instrument), ...replayed(stamp) },
  };
}

/** What the broker shows with deals that no fact tells, since nobody told this agent to make them. */
export function reconcileFact(body: Record<string, unknown>): FactDraft {
  return { path: '/agents/me/reconcile', body };
}

export function explanationFact(clientOrderId: string, explanation: Explanation): FactDraft {
  return { path: `/trades/{${tradeRef(clientOrderId)}}/explanations`, body: { ...explanation } };
}

/** Why a signal was not followed. There is no trade that it could hang on, but its prediction. */
export function skipFact(signalId: string, explanation: Explanation): FactDraft {
  return { path: '/explanations', body: { ...explanation, predictionId: { $ref: predictionRef(signalId) } } };
}
