import { describe, expect, it } from '@jest/globals';
import { EURUSD, gateInput, outcomeOf, strategyFacts } from '../../../../test/support/gate-input.js';
import type { Sessions } from '../../../instruments/terms.js';
import type { GateInput } from '../gate-input.js';
import { session } from './session.js';

const own = (from: string, to: string) => gateInput({ strategy: strategyFacts({ sessionWindows: [{ days: ['wed'], from, to, zone: 'UTC' }] }) });
const market = (more: Partial<Sessions>) =>
  gateInput({ instrument: { terms: { ...EURUSD, sessions: { zone: 'UTC', windows: [{ days: ['wed'], from: '00:00', to: '24:00' }], holidays: [], earlyCloses: [], ...more } } } });

describe('sessions: it is Wednesday, 12:00 UTC', () => {
  it.each<[string, GateInput, string]>([
    ['none are said', gateInput(), 'passed'],
    ['a window of the strategy that opens now', own('12:00', '13:00'), 'passed'],
    ['one that opens in a minute', own('12:01', '13:00'), 'rejected SESSION_CLOSED'],
    ['one that closes now', own('11:00', '12:00'), 'rejected SESSION_CLOSED'],
    ['a holiday of the strategy', gateInput({ strategy: strategyFacts({ sessionWindows: [{ days: ['wed'], from: '00:00', to: '24:00', zone: 'UTC' }], holidays: [{ date: '2026-01-07', closed: true }] }) }), 'rejected SESSION_CLOSED'],
    ['of an exchange, in its own zone: 07:00 in New York', market({ zone: 'America/New_York', windows: [{ days: ['wed'], from: '07:00', to: '16:00' }] }), 'passed'],
    ['of an exchange that opens later', market({ zone: 'America/New_York', windows: [{ days: ['wed'], from: '09:30', to: '16:00' }] }), 'rejected MARKET_CLOSED'],
    ['of an exchange on a holiday', market({ holidays: ['2026-01-07'] }), 'rejected MARKET_CLOSED'],
    ['of an exchange that closed early', market({ earlyCloses: [{ date: '2026-01-07', at: '12:00' }] }), 'rejected MARKET_CLOSED'],
    ['of an exchange that closes early, later today', market({ earlyCloses: [{ date: '2026-01-07', at: '12:01' }] }), 'passed'],
    ['of an exchange that is closed all day, and early', market({ holidays: ['2026-01-07'], earlyCloses: [{ date: '2026-01-07', at: '23:00' }] }), 'rejected MARKET_CLOSED'],
    ['MIS a minute before 15:15 in Kolkata', gateInput({ now: '2026-01-07T09:44:59Z', idea: { product: 'MIS' } }), 'passed'],
    ['MIS at 15:15 in Kolkata', gateInput({ now: '2026-01-07T09:45:00Z', idea: { product: 'MIS' } }), 'rejected MARKET_CLOSED'],
    ['CNC at 15:15 in Kolkata', gateInput({ now: '2026-01-07T09:45:00Z', idea: { product: 'CNC' } }), 'passed'],
    ['at no time', gateInput({ now: 'now' }), 'rejected TIME_UNREADABLE'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(session, input)).toBe(expected));
});
