import { describe, expect, it } from '@jest/globals';
import { ago, EURUSD, gateInput, MARKET, outcomeOf, strategyFacts } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { closing } from './closing.js';

const until = (seconds: number, least?: number) =>
  gateInput({ instrument: { terms: { ...EURUSD, closesAt: ago(-seconds) } }, strategy: strategyFacts({ exitRules: least === undefined ? {} : { minSecondsToClose: least } }) });

describe('what expires', () => {
  it.each<[string, GateInput, string]>([
    ['never', gateInput(), 'skipped'],
    ['in a millisecond', until(0.001), 'passed'],
    ['now', until(0), 'rejected INSTRUMENT_CLOSED'],
    ['a while ago', until(-60), 'rejected INSTRUMENT_CLOSED'],
    ['exactly as soon as the strategy still wants', until(600, 600), 'passed'],
    ['a millisecond sooner', until(599.999, 600), 'rejected INSTRUMENT_CLOSING'],
    ['nobody knows when, where the strategy wants to know', gateInput({ strategy: strategyFacts({ exitRules: { minSecondsToClose: 600 } }) }), 'rejected INSTRUMENT_CLOSE_UNKNOWN'],
    ['nobody knows when, in paper', gateInput({ mode: 'paper', strategy: strategyFacts({ exitRules: { minSecondsToClose: 600 } }) }), 'assumed INSTRUMENT_CLOSE_UNKNOWN'],
    ['nobody knows when, and it is a binary', gateInput({ idea: { outcome: 'yes' }, instrument: { terms: { ...MARKET, closesAt: null } } }), 'rejected INSTRUMENT_CLOSE_UNKNOWN'],
    ['at no time', gateInput({ instrument: { terms: { ...EURUSD, closesAt: 'soon' } } }), 'rejected TIME_UNREADABLE'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(closing, input)).toBe(expected));
});
