import { describe, expect, it } from '@jest/globals';
import type { ExitRules } from '../strategies/strategies.schemas.js';
import { looser } from './looser.js';

describe('rules that are looser than others', () => {
  const flatBy = { time: '15:15', zone: 'UTC', days: ['mon' as const] };
  it.each<[string, ExitRules, ExitRules, ExitRules]>([
    ['trailingDistance', { trailingDistance: '1' }, { trailingDistance: '1.1' }, { trailingDistance: '0.9' }],
    ['maxHoldingSeconds', { maxHoldingSeconds: 60 }, { maxHoldingSeconds: 61 }, { maxHoldingSeconds: 59 }],
    ['probabilityFloor', { probabilityFloor: { below: '0.4', verifySeconds: 5 } }, { probabilityFloor: { below: '0.5', verifySeconds: 6 } }, { probabilityFloor: { below: '0.5', verifySeconds: 5 } }],
    ['momentumSpike', { momentumSpike: '36' }, { momentumSpike: '37' }, { momentumSpike: '35' }],
    ['minSecondsToClose', { minSecondsToClose: 60 }, { minSecondsToClose: 59 }, { minSecondsToClose: 61 }],
    ['flatBy', { flatBy }, { flatBy: { ...flatBy, time: '15:14' } }, { flatBy: { ...flatBy } }],
  ])('are named: %s', (name, before, loose, tight) => {
    expect(looser(before, loose)).toEqual([name]);
    expect(looser(before, {})).toEqual([name]);
    expect(looser(before, tight)).toEqual([]);
    expect(looser({}, loose)).toEqual([]);
  });
});
