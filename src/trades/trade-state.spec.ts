import { describe, expect, it } from '@jest/globals';
import { canMove, doubtRemains, foundInThePast, isFinished, TRADE_STATUSES, type TradeStatus, UNFINISHED } from './trade-state.js';

/** Rows: from; columns in the order of TRADE_STATUSES. */
const TABLE: Record<TradeStatus, string> = {
  // in the same order: pending open closing closed rejected cancelled expired unknown
  pending: '- x - x x x x x',
  open: '- - x x - - - x',
  closing: '- x - x - - - x',
  closed: '- - - - - - - -',
  rejected: '- - - - - - - -',
  cancelled: '- - - - - - - -',
  expired: '- - - - - - - -',
  unknown: 'x x x x x x x -',
};

const pairs = TRADE_STATUSES.flatMap((from) => TRADE_STATUSES.map((to, i) => [from, to, TABLE[from].split(' ')[i] === 'x'] as const));

describe('the states of a trade', () => {
  it.each(pairs)('%s to %s: %s', (from, to, allowed) => {
    expect(canMove(from, to)).toBe(allowed);
  });

  it('ends in four of them', () => {
    expect(TRADE_STATUSES.filter(isFinished)).toEqual(['closed', 'rejected', 'cancelled', 'expired']);
    expect(UNFINISHED).toEqual(['pending', 'open', 'closing', 'unknown']);
  });
});

describe('a fact that arrives after what followed it', () => {
  const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
  const history = (...steps: [TradeStatus, number][]) => steps.map(([to, second]) => ({ to, occurredAt: at(second) }));

  it.each<[string, [TradeStatus, number][], [TradeStatus, number], TradeStatus | null]>([
    ['the entry after the exit', [['pending', 9], ['closed', 5]], ['open', 3], 'pending'],
    ['the closing after the exit', [['pending', 0], ['open', 2], ['closed', 5]], ['closing', 3], 'open'],
    ['a failed close between two', [['open', 0], ['closing', 2], ['closed', 8]], ['open', 4], 'closing'],
    ['an entry that came twice', [['pending', 0], ['open', 2], ['closed', 5]], ['open', 3], null],
    ['an exit before the exit', [['open', 0], ['closed', 5]], ['closed', 3], null],
    ['an entry after the exit', [['pending', 0], ['closed', 5]], ['open', 6], null],
    ['an entry in the second of the exit', [['pending', 0], ['closed', 5]], ['open', 5], 'pending'],
    ['a cancel before the exit', [['pending', 0], ['closed', 5]], ['cancelled', 3], null],
    ['a doubt that was resolved', [['open', 0], ['closed', 5]], ['unknown', 3], 'open'],
    ['anything where nothing is', [], ['open', 3], null],
  ])('%s', (_name, steps, [to, second], expected) => {
    expect(foundInThePast(history(...steps), { to, occurredAt: at(second) })).toBe(expected);
  });
});

describe('a doubt about a trade', () => {
  const since = '2026-01-01T00:00:02.000Z';
  it.each([
    ['that nobody knew to be entered, after a fill', { since, entered: false }, '2026-01-01T00:00:01.000Z', false],
    ['that nobody knew to be entered, without a fill', { since, entered: false }, null, true],
    ['that was entered, after an earlier fill', { since, entered: true }, '2026-01-01T00:00:01.000Z', true],
    ['that was entered, after a fill of that moment', { since, entered: true }, since, true],
    ['that was entered, after a later fill', { since, entered: true }, '2026-01-01T00:00:03.000Z', false],
    ['of which the moment is not known', { since: null, entered: true }, '2026-01-01T00:00:03.000Z', true],
  ])('%s', (_name, told, fill, remains) => expect(doubtRemains(told, fill)).toBe(remains));
});
