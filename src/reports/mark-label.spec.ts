import { describe, expect, it } from '@jest/globals';
import type { MarkRow } from './curve-marks.repository.js';
import { labelOf } from './mark-label.js';

describe('the label of a mark', () => {
  it.each<[MarkRow['kind'], Record<string, unknown>, string]>([
    ['agent_version', { agentId: 'x', agent: 'alpha', version: '1.2' }, 'alpha 1.2'],
    ['agent_version', { agentId: 'x', agent: null, version: '1.2' }, 'x 1.2'],
    ['risk_config_changed', { version: 3, reason: null }, 'limits for everybody, version 3'],
    ['limits_changed', { scope: 'account', name: 'main', version: 1, reason: 'less' }, 'limits of account main, version 1: less'],
    ['halt_imposed', { scope: 'global', scopeId: null, mode: 'flatten', reason: 'two\nlines' }, 'flatten of everything: two lines'],
    ['halt_imposed', { scope: 'agent', scopeId: 'gone', name: null, mode: 'halt', reason: 'r' }, 'halt of agent gone: r'],
    ['halt_released', { scope: 'symbol', name: 'EURUSD', mode: 'halt', expired: true, reason: null }, 'halt of symbol EURUSD expired'],
    ['halt_released', { scope: 'symbol', name: 'EURUSD', mode: 'halt', expired: false, reason: 'well' }, 'halt of symbol EURUSD released: well'],
    ['breaker_tripped', { scope: 'account', name: 'main', breaker: 'drawdown', reason: 'deep' }, 'drawdown of account main tripped: deep'],
    ['breaker_reset', { scope: 'account', name: 'main', breaker: 'drawdown' }, 'drawdown of account main reset'],
    ['cash_flow', { kind: 'deposit', amount: '100.5', currency: 'EUR' }, 'deposit 100.5 EUR'],
  ])('of %s %j is %j', (kind, data, expected) => {
    expect(labelOf(kind, data)).toBe(expected);
  });

  it('has 200 characters at most, none of them halved', () => {
    const label = labelOf('halt_imposed', { scope: 'global', mode: 'halt', reason: '😀'.repeat(500) });
    expect([[...label].length, label.at(-1), label.isWellFormed()]).toEqual([200, '…', true]);
  });
});
