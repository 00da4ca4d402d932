import { describe, expect, it } from '@jest/globals';
import { ago, gateInput, layer, outcomeOf } from '../../../../test/support/gate-input.js';
import { factsOf } from '../facts.js';
import type { GateInput } from '../gate-input.js';
import { news } from './news.js';

const fed = (seconds: number, ageSeconds: string | null = '60') => ({ calendar: { fed: true, ageSeconds, events: [{ title: 'NFP', currency: 'USD', at: ago(-seconds) }] } });
const at = (seconds: number, newsEmbargoMinutes: number | null = 30, ageSeconds: string | null = '60') => gateInput({ ...fed(seconds, ageSeconds), limits: [layer({ newsEmbargoMinutes })] });

describe('the news embargo', () => {
  it.each<[string, GateInput, string]>([
    ['off', at(0, null), 'off'],
    ['of a calendar that nobody feeds', gateInput({ limits: [layer({ newsEmbargoMinutes: 30 })] }), 'off'],
    ['30 min before', at(1800), 'rejected NEWS_EMBARGO'],
    ['a second earlier', at(1801), 'passed'],
    ['30 min after', at(-1800), 'rejected NEWS_EMBARGO'],
    ['a second later', at(-1801), 'passed'],
    ['of 0: it asks for nothing', at(0, 0), 'passed'],
    ['of an account that is wider', gateInput({ ...fed(2000), limits: [layer({ newsEmbargoMinutes: 30 }), layer({ newsEmbargoMinutes: 60 }, 'account')] }), 'rejected NEWS_EMBARGO'],
    ['of a calendar 24 h old', at(7200, 30, '86400'), 'passed'],
    ['of an older one', at(7200, 30, '86400.001'), 'rejected CALENDAR_STALE'],
    ['of one that was never captured', at(7200, 30, null), 'rejected CALENDAR_STALE'],
    ['of one of no known age', at(7200, 30, 'NaN'), 'rejected CALENDAR_STALE'],
    ['at no time', gateInput({ calendar: { fed: true, ageSeconds: '60', events: [{ title: 'NFP', currency: 'USD', at: 'friday' }] }, limits: [layer({ newsEmbargoMinutes: 30 })] }), 'rejected TIME_UNREADABLE'],
    ['of no number', at(0, NaN), 'rejected LIMIT_UNREADABLE'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(news, input)).toBe(expected));

  it.each([[5, []], [6, ['And 1 more.']], [300, ['And 295 more.']]])('of %d events names the nearest five, and how many more there are', (count, more) => {
    // In the order of time, as a calendar is read: the nearest are in the middle.
    const events = Array.from({ length: count }, (_, n) => ({ title: `event ${n}`, currency: 'USD', at: ago(count / 2 - n) }));
    const { outcome, reasons } = news.check(factsOf(gateInput({ calendar: { fed: true, ageSeconds: '60', events }, limits: [layer({ newsEmbargoMinutes: 30 })] })));
    const middle = Math.max(count / 2 - 3, 0);
    expect([outcome, reasons.map(({ code }) => code)]).toEqual(['rejected', Array(5 + more.length).fill('NEWS_EMBARGO')]);
    expect(reasons.slice(0, 5).every(({ message }) => { const n = Number(/^event (\d+) \(USD\)/.exec(message)?.[1]); return n >= middle && n <= count / 2 + 3; })).toBe(true);
    expect(reasons.slice(5).map(({ message }) => message)).toEqual(more);
  });
});
