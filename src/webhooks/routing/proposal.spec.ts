import { describe, expect, it } from '@jest/globals';
import type { Terms } from '../../instruments/terms.js';
import type { Signal } from '../mapping/signal.js';
import { priced, rationaleOf, type Seen, type Wanted } from './proposal.js';
import type { SourceDefaults } from '../sources/sources.repository.js';

const SIGNAL: Signal = {
  intent: 'entry', side: 'long', command: null, symbol: 'EURUSD', exchange: null, product: null, quantity: null, price: null, orderType: null, limitPrice: null, stopLoss: null, takeProfit: null,
  confidence: null, position: { now: null, before: null, size: null, sizeBefore: null }, strategy: null, user: null, orderId: null, tag: null, timeframe: null, barTime: null, firedAt: null, comment: null, hints: {},
};
const TERMS: Terms = {
  brokerSymbol: 'EURUSD', kind: 'fx', sizeUnit: 'lot', contractSize: '100000', tickSize: '0.00001', tickValue: '1', tickValueCurrency: 'USD', minSize: '0.01', sizeStep: '0.01', maxSize: null, stopLevel: null, baseCurrency: 'EUR',
  quoteCurrency: 'USD', underlying: null, sessions: null, closesAt: null,
};
const SEEN: Seen = {
  now: '2026-03-02T10:00:00.000Z', mode: 'live', quote: { bid: '1.1', ask: '1.1002', ageSeconds: '2' }, rates: [], account: { currency: 'USD' }, instrument: { terms: TERMS },
  losses: { equity: '10000', equityAssumed: false },
};
const DEFAULTS: SourceDefaults = { lotSize: null, riskRule: null, stopDistance: null, rewardToRisk: null, confidence: null, product: null };
interface Case { signal?: Partial<Signal>; defaults?: Partial<SourceDefaults>; quantity?: string | null; direction?: 'long' | 'short'; redriven?: boolean }
const of = ({ signal = {}, defaults = {}, quantity = null, direction = 'long', redriven = false }: Case, seen: Partial<Seen> = {}) => {
  const wanted: Wanted = { signal: { ...SIGNAL, ...signal }, defaults: { ...DEFAULTS, ...defaults }, direction, quantity, symbol: 'EURUSD', exchange: null, redriven };
  return priced(wanted, { ...SEEN, ...seen });
};
const RISK = { riskRule: { amount: '100' }, stopDistance: { price: '0.005' } } as const;

describe('what opens', () => {
  it('is what the alert says, where it says it, and nothing of it is labelled', () => {
    const signal = { stopLoss: '1.09', takeProfit: '1.2', confidence: '0.8', product: 'MIS', orderType: 'limit' as const, limitPrice: '1.095' };
    expect(of({ signal, quantity: '2', defaults: { lotSize: '9', stopDistance: { price: '1' }, rewardToRisk: '9', confidence: '0.1', product: 'CNC' } })).toEqual({
      lotSize: '2', entryPrice: '1.095', stopLoss: '1.09', takeProfit: '1.2', confidence: '0.8', product: 'MIS', applied: {},
    });
  });

  it('is by the defaults of the source where it says nothing, and each is labelled', () => {
    expect(of({ defaults: { lotSize: '0.3', stopDistance: { price: '0.005' }, rewardToRisk: '2', confidence: '0.75', product: 'CNC' } })).toEqual({
      lotSize: '0.3', entryPrice: null, stopLoss: '1.0952', takeProfit: '1.1102', confidence: '0.75', product: 'CNC',
      applied: {
        lotSize: { value: '0.3' }, stopLoss: { value: '1.0952', distance: '0.005', price: '1.1002', priceFrom: 'quote' },
        takeProfit: { value: '1.1102', rewardToRisk: '2', price: '1.1002', priceFrom: 'quote' }, confidence: { value: '0.75' }, product: { value: 'CNC' },
      },
    });
  });

  it.each<[string, Case, Partial<Seen>, object]>([
    ['a short stands below its stop and above its target, at the bid', { direction: 'short', defaults: { lotSize: '1', stopDistance: { price: '0.005' }, rewardToRisk: '2' } }, {}, { stopLoss: '1.105', takeProfit: '1.09' }],
    ['a fraction of the price, off the tick away from it', { defaults: { lotSize: '1', stopDistance: { fraction: '0.01' } } }, {}, { stopLoss: '1.08919' }],
    ['of a short too', { direction: 'short', defaults: { lotSize: '1', stopDistance: { fraction: '0.0033333' } } }, {}, { stopLoss: '1.10367' }],
    ['from the limit', { signal: { limitPrice: '1.05', price: '1.3' }, defaults: { lotSize: '1', stopDistance: { price: '0.01' } } }, {}, { stopLoss: '1.04', entryPrice: '1.05' }],
    ['from the price of the alert', { signal: { price: '1.3' }, defaults: { lotSize: '1', stopDistance: { price: '0.01' } } }, {}, { stopLoss: '1.29', entryPrice: null }],
    ['from the quote of now when it was redriven', { redriven: true, signal: { price: '1.3' }, defaults: { lotSize: '1', stopDistance: { price: '0.01' } } }, {}, { stopLoss: '1.0902' }],
    ['a market order has no limit, whatever it names', { signal: { orderType: 'market', limitPrice: '1.05', price: '1.3' }, defaults: { lotSize: '1', stopDistance: { price: '0.01' } } }, {}, { stopLoss: '1.29', entryPrice: null }],
    ['nobody says a stop: the gate says what that means', { quantity: '1' }, {}, { stopLoss: null, takeProfit: null }],
    // 100 over 0.005 = 500 ticks of 1: 0.2 lots.
    ['by an amount at risk', { defaults: RISK }, {}, { lotSize: '0.2' }],
    ['by a fraction of the equity, down to the step', { defaults: { riskRule: { fraction: '0.00999' }, stopDistance: { price: '0.005' } } }, {}, { lotSize: '0.19' }],
    ['by the risk to the stop of the alert', { signal: { stopLoss: '1.0902' }, defaults: RISK }, {}, { lotSize: '0.1' }],
    ['in the currency of the account', { defaults: RISK }, { account: { currency: 'EUR' }, rates: [{ from: 'EUR', to: 'USD', rate: '1.25', asOf: SEEN.now }] }, { lotSize: '0.25' }],
  ])('%s', (_what, wanted, seen, expected) => {
    expect(of(wanted, seen)).toMatchObject(expected);
  });

  it.each<[string, Case, Partial<Seen>, string]>([
    ['no price for a stop', { defaults: { lotSize: '1', stopDistance: { price: '0.01' } } }, { quote: null }, 'NO_PRICE'],
    ['only an old quote', { defaults: { lotSize: '1', stopDistance: { price: '0.01' } } }, { quote: { bid: '1', ask: '1', ageSeconds: '61' } }, 'NO_PRICE'],
    ['a quote of an unknown age', { defaults: { lotSize: '1', stopDistance: { price: '0.01' } } }, { quote: { bid: '1', ask: '1', ageSeconds: 'NaN' } }, 'NO_PRICE'],
    ['only the price of then, and it was redriven', { redriven: true, signal: { price: '1.3' }, defaults: { lotSize: '1', stopDistance: { price: '0.01' } } }, { quote: null }, 'NO_PRICE'],
    ['no price for a target', { signal: { stopLoss: '1' }, defaults: { lotSize: '1', rewardToRisk: '2' } }, { quote: null }, 'NO_PRICE'],
    ['no price for a size', { signal: { stopLoss: '1' }, defaults: { riskRule: { amount: '1' } } }, { quote: null }, 'NO_PRICE'],
    ['no equity', { defaults: { riskRule: { fraction: '0.01' }, stopDistance: { price: '0.005' } } }, { losses: { equity: null, equityAssumed: false } }, 'EQUITY_UNKNOWN'],
    ['no stop for a size', { defaults: { riskRule: { amount: '1' } } }, {}, 'STOP_MISSING'],
    ['no instrument in live', { defaults: RISK }, { instrument: { terms: null } }, 'INSTRUMENT_UNKNOWN'],
    ['no rate', { defaults: RISK }, { account: { currency: 'EUR' } }, 'RATE_MISSING'],
    ['no size', { defaults: { stopDistance: { price: '0.005' } } }, {}, 'SIZE_MISSING'],
    ['less than the smallest size', { defaults: { riskRule: { amount: '4.99' }, stopDistance: { price: '0.005' } } }, {}, 'RISK_BELOW_MIN_SIZE'],
    ['a stop at the price', { signal: { stopLoss: '1.1002' }, defaults: RISK }, {}, 'STOP_AT_PRICE'],
    ['a stop below 0', { defaults: { lotSize: '1', stopDistance: { price: '2' } } }, {}, 'STOP_NOT_POSITIVE'],
    ['a target below 0', { direction: 'short', defaults: { lotSize: '1', stopDistance: { price: '0.5' }, rewardToRisk: '3' } }, {}, 'TARGET_NOT_POSITIVE'],
    ['a limit order without a limit', { signal: { orderType: 'limit', price: '1.3' }, quantity: '1' }, {}, 'LIMIT_PRICE_MISSING'],
  ])('%s is told, and nothing is made up', (_what, wanted, seen, code) => {
    expect(of(wanted, seen)).toMatchObject({ code });
  });

  it('outside live counts an unknown instrument as assumed, and says so', () => {
    expect(of({ defaults: RISK }, { mode: 'paper', instrument: { terms: null } })).toMatchObject({ lotSize: '0.2', applied: { lotSize: { terms: 'assumed' } } });
  });

  it('says to a person whose alert it is, what it said and what was added', () => {
    const text = rationaleOf('Trend', { ...SIGNAL, strategy: 'Dual MA', orderId: 'Long', comment: 'breakout' }, { lotSize: { value: '0.3' } });
    expect(text).toBe('Alert of Trend (strategy Dual MA, order Long). breakout Defaults of the source: lotSize 0.3.');
    expect(rationaleOf('Trend', { ...SIGNAL, comment: 'x'.repeat(9_000) }, {}).length).toBeLessThanOrEqual(4_000);
  });
});
