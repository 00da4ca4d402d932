import type { ItemOf } from '../../api/queries.js';
import { sideOf } from '../../shared/side.js';

export type Trade = ItemOf<'/api/v1/trades'>;
export const STATUSES = ['pending', 'open', 'closing', 'closed', 'rejected', 'cancelled', 'expired', 'unknown'] as const satisfies readonly Trade['status'][];
export const MODES = ['live', 'paper', 'simulation'] as const satisfies readonly Trade['executionMode'][];

/** Statuses in which something may be at the broker. */
export const mayBeOpen = ({ status }: Pick<Trade, 'status'>): boolean => ['open', 'closing', 'unknown'].includes(status);
export const isOver = ({ status }: Pick<Trade, 'status'>): boolean => ['closed', 'rejected', 'cancelled', 'expired'].includes(status);

export const statusTone = ({ status, missingSince }: Pick<Trade, 'status' | 'missingSince'>) =>
  status === 'unknown' || missingSince ? 'danger' as const : status === 'closing' || status === 'pending' ? 'doubt' as const : status === 'open' ? 'good' as const : 'off' as const;

/** `long 0.5 EURUSD yes`. */
export const whatOf = ({ direction, symbol, outcome }: Pick<Trade, 'direction' | 'symbol' | 'outcome'>): string => `${symbol} ${sideOf({ direction, outcome })}`;

export const SOURCES: Record<NonNullable<Trade['profitSource']>, string> = {
  broker: "the broker's own fills", told: 'what the agent told, without fills', computed: 'our own calculation by the instrument’s terms', assumed: 'our own calculation by assumed terms',
};

export const profitUnknown = (trade: Pick<Trade, 'status'>): string => (trade.status === 'closed' ? 'nobody told the profit of this trade' : 'known when the trade is closed');
