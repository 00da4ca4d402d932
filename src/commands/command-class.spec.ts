import { describe, expect, it } from '@jest/globals';
import { classOfConfigChange, classOfStopMove } from './command-class.js';

describe('the class of a change of settings', () => {
  const current = { maxLots: 2, riskFraction: 0.02, confidenceThreshold: 0.7, model: 'a', nested: { lots: 1 } };
  it.each<[string, Record<string, unknown>, string]>([
    ['a size that falls', { maxLots: 1 }, 'neutral'],
    ['a size that stays', { maxLots: 2 }, 'neutral'],
    ['a size that grows', { maxLots: 2.1 }, 'opens'],
    ['a threshold that rises', { confidenceThreshold: 0.8 }, 'neutral'],
    ['a threshold that falls', { confidenceThreshold: 0.6 }, 'opens'],
    ['a setting that is new', { leverage: 1 }, 'opens'],
    ['text that changes', { model: 'b' }, 'opens'],
    ['an object that changes', { nested: { lots: 0.5 } }, 'opens'],
    ['one careful and one not', { maxLots: 1, riskFraction: 0.03 }, 'opens'],
    ['a size that becomes text', { maxLots: '1' }, 'opens'],
  ])('%s', (_name, change, expected) => {
    expect(classOfConfigChange(current, change)).toBe(expected);
  });
});

describe('the class of a moved stop', () => {
  it.each<['long' | 'short', string | null, string | undefined, string]>([
    ['long', '1.10', '1.11', 'reduces'],
    ['long', '1.10', '1.1', 'reduces'],
    ['long', '1.10', '1.09999999', 'opens'],
    ['short', '1.10', '1.09', 'reduces'],
    ['short', '1.10', '1.10000001', 'opens'],
    ['short', null, '1.2', 'reduces'],
    ['long', '1.1', undefined, 'reduces'],
  ])('%s from %s to %s: %s', (direction, current, wanted, expected) => {
    expect(classOfStopMove(direction, current, wanted)).toBe(expected);
  });
});
