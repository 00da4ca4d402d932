import { describe, expect, it } from '@jest/globals';
import type { HaltMode, HaltScope } from './halt-rows.js';
import { strictestState } from './strictest.js';

describe('the state of an agent under', () => {
  it.each<[string, [HaltScope, HaltMode][], string]>([
    ['no halt', [], 'active'],
    ['reduce', [['agent', 'reduce']], 'reducing'],
    ['halt', [['account', 'halt']], 'halted'],
    ['flatten', [['global', 'flatten']], 'flatten'],
    ['a mild one and a strict one, in any order', [['global', 'reduce'], ['agent', 'halt']], 'halted'],
    ['a strict one and a mild one', [['agent', 'flatten'], ['global', 'reduce']], 'flatten'],
    ['those of a symbol and a strategy alone', [['symbol', 'flatten'], ['strategy', 'halt']], 'active'],
    ['one of a symbol beside its own', [['symbol', 'flatten'], ['agent', 'reduce']], 'reducing'],
  ])('%s', (_what, halts, state) => {
    expect(strictestState(halts.map(([scope, mode]) => ({ scope, mode })))).toBe(state);
  });
});
