import { written } from '../../kit/decimal.js';
import type { ItemOf } from '../../api/queries.js';
import type { Tone } from '../../kit/figures.js';

export type Idea = ItemOf<'/api/v1/trade-ideas'>;

/** `buy 0.1 EURUSD`; of a binary `buy 10 YES of …`. */
export const inWords = ({ direction, lotSize, outcome, symbol }: Pick<Idea, 'direction' | 'lotSize' | 'outcome' | 'symbol'>): string =>
  `${direction === 'long' ? 'buy' : 'sell'} ${written(lotSize)} ${outcome ? `${outcome.toUpperCase()} of ` : ''}${symbol}`;

export const STATUS: Record<Idea['status'], { word: string; tone: Tone }> = {
  needs_approval: { word: 'asks a person', tone: 'doubt' }, waiting: { word: 'waits for its price', tone: 'doubt' }, auto_executed: { word: 'let through', tone: 'good' }, approved: { word: 'approved', tone: 'good' },
  rejected: { word: 'rejected', tone: 'danger' }, halted_by_risk: { word: 'refused: halted', tone: 'danger' }, expired: { word: 'expired', tone: 'off' },
};

export const isPending = ({ status }: Pick<Idea, 'status'>): boolean => status === 'needs_approval' || status === 'waiting';

/** Until when it may be approved, or waits. */
export const endsAt = (idea: Pick<Idea, 'status' | 'approveUntil' | 'waitsUntil'>): string | null => (idea.status === 'needs_approval' ? idea.approveUntil : idea.status === 'waiting' ? idea.waitsUntil : null);
