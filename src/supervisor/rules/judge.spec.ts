import { describe, expect, it } from '@jest/globals';
import type { ExitRules } from '../../strategies/strategies.schemas.js';
import { lastFlat } from './flat-by.js';
import { judge } from './judge.js';
import type { Judged, Mark, Rule } from './judged.js';

const NOW = Date.parse('2026-03-10T12:00:00Z');
const long: Judged = {
  direction: 'long', outcome: null, isBinary: false, product: null, entryPrice: '1.1', entryAt: NOW - 3_600_000, stopLoss: null, takeProfit: null, markHigh: null, markLow: null, entered: '1', openSize: '1',
  sizeStep: null, closesAt: null,
};
/** @param ago in seconds */
const mark = (ago: number, bid: string, ask = bid, more: Partial<Mark> = {}): Mark => ({ quotedAt: NOW - ago * 1_000, recordedAt: NOW - ago * 1_000, bid, ask, probability: null, momentum: null, ...more });
const of = (rule: Rule, trade: Partial<Judged>, rules: ExitRules, marks: Mark[], now = NOW) => judge({ ...long, ...trade }, rules, marks, now).find((each) => each.rule === rule)?.verdict;
const is = (...args: Parameters<typeof of>) => {
  const verdict = of(...args);
  return verdict?.is === 'unknown' ? verdict.why : verdict?.is;
};

describe('a rule on prices', () => {
  const stop = (marks: Mark[], trade: Partial<Judged> = {}) => is('stop', { stopLoss: '1.09', ...trade }, {}, marks);

  it.each<[string, Mark[], string]>([
    ['fires on two marks a second apart', [mark(1, '1.09'), mark(0, '1.0899')], 'fire'],
    ['waits for the second while they are 999 ms apart', [mark(0.999, '1.09'), mark(0, '1.09')], 'pending'],
    ['waits after the first', [mark(0, '1.09')], 'pending'],
    ['holds a point above', [mark(1, '1.0901'), mark(0, '1.0901')], 'hold'],
    ['begins anew after a mark that says otherwise', [mark(5, '1.08'), mark(0.5, '1.0901'), mark(0, '1.08')], 'pending'],
    ['fires when the last mark is 10 s old', [mark(11, '1.08'), mark(10, '1.08')], 'fire'],
    ['does not fire by one that is older', [mark(12, '1.08'), mark(10.001, '1.08')], 'MARKS_STALE'],
    ['does not hold by one that is older', [mark(10.001, '1.2')], 'MARKS_STALE'],
    ['takes the time at which a mark came, where that is worse', [mark(0, '1.2', '1.2', { recordedAt: NOW - 10_001 })], 'MARKS_STALE'],
    ['knows nothing without marks', [], 'NO_MARKS'],
  ])('%s', (_name, marks, expected) => {
    expect(stop(marks)).toBe(expected);
  });

  it('judges a long on the bid, a short on the ask', () => {
    expect(stop([mark(1, '1.08', '1.2'), mark(0, '1.08', '1.2')])).toBe('fire');
    const short = { direction: 'short' as const, stopLoss: '1.11' };
    expect(stop([mark(1, '1.0', '1.11'), mark(0, '1.0', '1.11')], short)).toBe('fire');
    expect(stop([mark(1, '1.0', '1.1099'), mark(0, '1.0', '1.1099')], short)).toBe('hold');
  });

  it('does not fire while the spread is above five times its median, and marks with such a spread speak for neither side', () => {
    const usual = [9, 8, 7, 6, 5].map((ago) => mark(ago, '1.1000', '1.1001'));
    expect(stop([...usual, mark(1, '1.0890', '1.08951'), mark(0, '1.0890', '1.08951')])).toBe('SPREAD_WIDE');
    expect(stop([...usual, mark(1, '1.0890', '1.0895'), mark(0, '1.0890', '1.0895')])).toBe('fire');
    expect(stop([...usual, mark(2, '1.0890', '1.0891'), mark(1, '1.0890', '1.2'), mark(0, '1.0890', '1.0891')])).toBe('fire');
    expect(stop([...usual, mark(2, '1.0890', '1.2'), mark(0, '1.0890', '1.0891')])).toBe('pending');
  });

  it('takes a spread for usual once it lasts, and none from feeds without one', () => {
    expect(stop([mark(3, '1.1', '1.1001'), mark(2, '1.08', '1.1'), mark(1, '1.08', '1.1')].concat(mark(0, '1.08', '1.1')))).toBe('fire');
    expect(stop([mark(9, '1.1'), mark(1, '1.08', '1.0801'), mark(0, '1.08', '1.0801')])).toBe('fire');
  });
});

describe('trailing', () => {
  const rules = { trailingDistance: '0.01' };
  const at = (price: string, trade: Partial<Judged> = {}) => is('trailing', trade, rules, [mark(1, price), mark(0, price)]);

  it.each<[string, string, Partial<Judged>, string]>([
    ['fires at the distance from the best mark', '1.19', { markHigh: '1.2' }, 'fire'],
    ['holds a point above it', '1.1901', { markHigh: '1.2' }, 'hold'],
    ['counts the entry as one', '1.09', { markHigh: '1.05' }, 'fire'],
    ['of a short is measured from the lowest', '1.01', { direction: 'short', markLow: '1' }, 'fire'],
    ['of a short holds below it', '1.0099', { direction: 'short', markLow: '1' }, 'hold'],
    ['does not know from what without entry and marks', '1', { entryPrice: null }, 'BEST_PRICE_UNKNOWN'],
  ])('%s', (_name, price, trade, expected) => {
    expect(at(price, trade)).toBe(expected);
  });
});

describe('a target', () => {
  const at = (price: string, trade: Partial<Judged>) => of('target', trade, {}, [mark(1, price), mark(0, price)]);

  it('closes all at its price, and not a point before', () => {
    const takeProfit = [{ price: '1.2', sizeFraction: '1' }];
    expect(at('1.2', { takeProfit })).toEqual({ is: 'fire', detail: expect.objectContaining({ target: '1.2' }) });
    expect(at('1.1999', { takeProfit })).toEqual({ is: 'hold' });
    expect(at('1.0', { takeProfit: [{ price: '1', sizeFraction: '1' }], direction: 'short' })).toMatchObject({ is: 'fire' });
  });

  it('takes the parts that are reached, less what was exited, on the step of the instrument', () => {
    const takeProfit = [{ price: '1.2', sizeFraction: '0.5' }, { price: '1.3', sizeFraction: '0.3' }, { price: '1.4', sizeFraction: '0.2' }];
    expect(at('1.2', { takeProfit })).toMatchObject({ is: 'fire', size: '0.5', step: 1 });
    expect(at('1.2', { takeProfit, openSize: '0.5' })).toEqual({ is: 'hold' });
    expect(at('1.3', { takeProfit, openSize: '0.5' })).toMatchObject({ size: '0.3', step: 2 });
    expect(at('1.3', { takeProfit, entered: '0.33', openSize: '0.33', sizeStep: '0.1' })).toMatchObject({ size: '0.2' });
    expect(at('1.2', { takeProfit, entered: '0.1', openSize: '0.1', sizeStep: '0.1' })).toEqual({ is: 'hold' });
    expect(at('1.4', { takeProfit, openSize: '0.2' })).toEqual({ is: 'fire', detail: expect.anything() });
  });
});

describe('the floor of a probability', () => {
  const rules = { probabilityFloor: { below: '0.4', verifySeconds: 15 } };
  const p = (ago: number, probability: string | null) => mark(ago, '1', '1', { probability });
  it.each<[string, Mark[], string]>([
    ['fires below it for so long', [p(15, '0.39'), p(7, null), p(0, '0.39')], 'fire'],
    ['waits a second less', [p(14, '0.39'), p(0, '0.39')], 'pending'],
    ['holds at it', [p(15, '0.4'), p(0, '0.4')], 'hold'],
    ['begins anew after a mark at it', [p(20, '0.1'), p(10, '0.4'), p(0, '0.1')], 'pending'],
    ['does not fire by a stale one', [p(40, '0.1'), p(11, '0.1')], 'MARKS_STALE'],
    ['does not take fresh marks for a fresh probability', [p(40, '0.1'), p(11, '0.1'), p(0, null)], 'MARKS_STALE'],
    ['knows nothing of marks without one', [p(0, null)], 'NO_PROBABILITY'],
  ])('%s', (_name, marks, expected) => {
    expect(is('probability_floor', {}, rules, marks)).toBe(expected);
  });
});

describe('a spike of momentum', () => {
  const at = (momentum: string, trade: Partial<Judged> = {}) => is('momentum_spike', trade, { momentumSpike: '36' }, [1, 0].map((ago) => mark(ago, '1', '1', { momentum })));
  it.each<[string, string, Partial<Judged>, string]>([
    ['fires against a long', '-36', {}, 'fire'], ['holds a point less', '-35.99', {}, 'hold'], ['holds with a long', '90', {}, 'hold'],
    ['fires against a short', '36', { direction: 'short' }, 'fire'], ['holds with a short', '-90', { direction: 'short' }, 'hold'],
    ['fires against the no of a market where it rises', '36', { outcome: 'no', isBinary: true }, 'fire'], ['holds for the no where it falls', '-36', { outcome: 'no', isBinary: true }, 'hold'],
  ])('%s', (_name, momentum, trade, expected) => {
    expect(at(momentum, trade)).toBe(expected);
  });
});

describe('rules by the clock', () => {
  const seconds = (n: number) => n * 1_000;
  it('end a trade when it was held for so long', () => {
    const held = (ms: number) => is('max_holding', { entryAt: NOW - ms }, { maxHoldingSeconds: 60 }, []);
    expect([held(seconds(60)), held(seconds(60) - 1)]).toEqual(['fire', 'hold']);
    expect(is('max_holding', { entryAt: null }, { maxHoldingSeconds: 60 }, [])).toBe('ENTRY_UNKNOWN');
  });

  it('end it before its instrument does, however long ago it was entered', () => {
    const left = (ms: number, trade: Partial<Judged> = {}) => is('seconds_to_close', { closesAt: NOW + ms, ...trade }, { minSecondsToClose: 60 }, []);
    for (const entryAt of [NOW - 1, NOW - seconds(61), NOW - seconds(86_400)]) {
      expect([left(seconds(60), { entryAt }), left(seconds(60) + 1, { entryAt })]).toEqual(['fire', 'hold']);
    }
    expect(left(-seconds(5))).toBe('fire');
    expect(is('seconds_to_close', {}, { minSecondsToClose: 60 }, [])).toBe('CLOSES_AT_UNKNOWN');
  });

  it('leave a binary contract that has closed to its settlement, and know no stop or target of one', () => {
    const binary = { isBinary: true, outcome: 'yes' as const, closesAt: NOW, entryAt: NOW - seconds(99), stopLoss: '5', takeProfit: [{ price: '0.1', sizeFraction: '1' }] };
    expect(judge({ ...long, ...binary }, { minSecondsToClose: 60, maxHoldingSeconds: 1 }, [mark(1, '1'), mark(0, '1')], NOW)).toEqual([
      { rule: 'seconds_to_close', verdict: { is: 'hold' } }, { rule: 'max_holding', verdict: { is: 'hold' } },
    ]);
    expect(is('seconds_to_close', { ...binary, closesAt: NOW + 1 }, { minSecondsToClose: 60 }, [])).toBe('fire');
  });

  it('go on while marks are stale', () => {
    expect(is('max_holding', {}, { maxHoldingSeconds: 60 }, [mark(600, '1')])).toBe('fire');
  });
});

describe('flat by a time of day', () => {
  const kolkata = { time: '15:15', zone: 'Asia/Kolkata', days: ['mon', 'tue', 'wed', 'thu', 'fri'] as ('mon' | 'tue')[] };
  const at = (now: string, entry: string, rule: NonNullable<ExitRules['flatBy']> = kolkata) => is('flat_by', { entryAt: Date.parse(entry) }, { flatBy: rule }, [], Date.parse(now));

  it('fires at it in the zone, and not a second before', () => {
    expect(at('2026-03-10T09:45:00Z', '2026-03-10T05:00:00Z')).toBe('fire');
    expect(at('2026-03-10T09:44:59Z', '2026-03-10T05:00:00Z')).toBe('hold');
  });

  it('leaves what was entered after it to the next day that it names', () => {
    expect(at('2026-03-13T23:00:00Z', '2026-03-13T09:45:00Z')).toBe('hold');
    expect(at('2026-03-16T09:44:00Z', '2026-03-13T09:45:00Z')).toBe('hold');
    expect(at('2026-03-16T09:45:00Z', '2026-03-13T09:45:00Z')).toBe('fire');
  });

  it('fires for MIS at 15:15 in Kolkata whatever its rules say, or at its own time where that is earlier', () => {
    const mis = (now: string, rules: ExitRules = {}, product: string | null = 'MIS') => is('flat_by', { product, entryAt: Date.parse('2026-03-14T05:00:00Z') }, rules, [], Date.parse(now));
    expect([mis('2026-03-14T09:44:59Z'), mis('2026-03-14T09:45:00Z'), mis('2026-03-14T09:45:00Z', {}, 'CNC')]).toEqual(['hold', 'fire', undefined]);
    expect([mis('2026-03-14T09:45:00Z', { flatBy: { ...kolkata, time: '15:20' } }), mis('2026-03-14T09:44:00Z', { flatBy: { ...kolkata, time: '15:10', days: ['sat'] } })]).toEqual(['fire', 'fire']);
  });

  it('fires also when nobody looked at the time', () => {
    expect(at('2026-03-15T00:00:00Z', '2026-03-13T05:00:00Z')).toBe('fire');
  });

  const last = (time: string, now: string) => new Date(lastFlat({ time, zone: 'Europe/Berlin', days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] }, Date.parse(now))).toISOString();
  it('moves with the clocks: a time that is skipped is the moment of the change, of one that comes twice the second counts', () => {
    expect(last('17:00', '2026-03-28T20:00:00Z')).toBe('2026-03-28T16:00:00.000Z');
    expect(last('17:00', '2026-03-29T20:00:00Z')).toBe('2026-03-29T15:00:00.000Z');
    expect(last('02:30', '2026-03-29T20:00:00Z')).toBe('2026-03-29T01:00:00.000Z');
    expect(last('02:30', '2026-10-25T20:00:00Z')).toBe('2026-10-25T01:30:00.000Z');
    expect(last('00:00', '2026-03-10T22:59:59Z')).toBe('2026-03-09T23:00:00.000Z');
    expect(last('23:30', '2026-03-10T22:29:59Z')).toBe('2026-03-09T22:30:00.000Z');
  });
});
