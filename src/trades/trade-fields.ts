import { z } from 'zod';
import { Exact, sumOf } from '../common/decimal.js';
import { decimal, price } from '../common/fields.js';

export const TRADE_DIRECTIONS = ['long', 'short'] as const;
export const OUTCOMES = ['yes', 'no'] as const;
export const EXECUTION_MODES = ['simulation', 'paper', 'live'] as const;
export const EXIT_REASONS = [
  'stop', 'target', 'trailing', 'signal', 'supervisor', 'operator', 'flatten', 'stop_out', 'square_off', 'settlement', 'external', 'unknown',
] as const;
export type ExitReason = (typeof EXIT_REASONS)[number];

const TARGETS_MAX = 20;
const TICKET_MAX = 2n ** 64n - 1n;

/** One of the prices at which profit is taken, and the part of the size that goes there. */
export interface Target {
  price: string;
  sizeFraction: string;
}

/** A bare price, also as the only one of a list, means all of the size; otherwise the parts add up to exactly 1. Answers the list. */
export function takeProfit() {
  const target = z.strictObject({ price: price(), sizeFraction: decimal({ above: '0', max: '1' }) });
  return z
    .union([price(), z.array(target).min(1).max(TARGETS_MAX), z.array(price()).length(1)], { error: 'must be a price above 0, or a list of {price, sizeFraction}' })
    .transform((given): Target[] => [given].flat().map((each) => (typeof each === 'string' ? { price: each, sizeFraction: '1' } : each)))
    .refine((targets) => new Exact(sumOf(targets.map(({ sizeFraction }) => sizeFraction))).eq(1), { error: 'sizeFraction must add up to 1' });
}

/** An unsigned 64-bit number as text: a JavaScript number keeps 53 bits, the column of one of the originals kept 31. */
export function brokerTicket() {
  return z
    .union([z.string().regex(/^\d{1,20}$/, { error: 'must be digits' }), z.int().min(0)], { error: 'must be a whole number of 64 bits, as a string' })
    .transform((ticket) => BigInt(ticket))
    .refine((ticket) => ticket <= TICKET_MAX, { error: 'must fit 64 bits' })
    .transform((ticket) => ticket.toString());
}
