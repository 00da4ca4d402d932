import { iso } from './confirmed.js';
import { type Evaluator, HOLD, unknown } from './judged.js';

export const maxHolding: Evaluator = ({ entryAt }, { maxHoldingSeconds }, _marks, now) => {
  if (maxHoldingSeconds === undefined) return null;
  if (entryAt === null) return unknown('ENTRY_UNKNOWN');
  return now - entryAt >= maxHoldingSeconds * 1_000 ? { is: 'fire', detail: { maxHoldingSeconds, entryTime: iso(entryAt) } } : HOLD;
};
