import { randomUUID } from 'node:crypto';

export interface Element { tradeId: string; brokerPositionId: string | null; brokerOrderId: string | null; symbol: string; size: string }

export interface ReportAnswer {
  applied: boolean; code?: string; asOf: string; complete: boolean; matched: number; adopted: Element[]; unknown: Element[]; missing: Element[]; closed: Element[];
  differing: (Element & { held: string; ours: string })[]; proposals: object[];
}

export interface Trade {
  id: string; clientOrderId: string; origin: string; status: string; version: number; lotSize: string; direction: string; orderTag: string; brokerPositionId: string | null; missingSince: string | null;
}

/** The real time, so many seconds later; reports may lie up to 120 s ahead. */
export const after = (seconds: number): string => new Date(Date.now() + seconds * 1_000).toISOString();

/** A position as a broker shows it, with an id of its own. */
export const held = (more: Record<string, unknown> = {}): Record<string, unknown> => ({ brokerPositionId: randomUUID(), symbol: 'EURUSD', direction: 'long', size: '0.1', entryPrice: '1.1', ...more });

export const reportOf = (more: Record<string, unknown> = {}) => ({ asOf: after(0), complete: true, positions: [], orders: [], ...more });
