import { describe, expect, it } from '@jest/globals';
import { Exact } from '../common/decimal.js';
import type { FigureTerms } from '../instruments/figures.js';
import { type Priced, pointValueOf } from './trade-money.js';

const terms = (more: Partial<FigureTerms> = {}): FigureTerms => ({
  kind: 'fx', contractSize: '100000', tickSize: '0.001', tickValue: '100', tickValueCurrency: null, baseCurrency: 'USD', quoteCurrency: 'JPY', underlying: null, ...more,
});
const priced = (more: Partial<Priced> = {}): Priced => ({ symbol: 'USDJPY', exchange: null, outcome: null, execution_mode: 'paper', ...more });

describe('the value of a point', () => {
  it.each<[string, Partial<Priced>, FigureTerms | null, string, string | null, boolean]>([
    ["is the tick value by the tick size, in the account's currency where no other is said", {}, terms(), 'USD', '100000', false],
    ["takes the instrument's own price as the rate where that is one", {}, terms({ tickValueCurrency: 'JPY' }), 'USD', '1000', false],
    ['is not known in a third currency', {}, terms({ tickValueCurrency: 'JPY' }), 'EUR', null, false],
    ['is not known where the price is no rate', {}, terms({ kind: 'cfd', tickValueCurrency: 'JPY' }), 'USD', null, false],
    ['of a binary is its contract', { outcome: 'no' }, terms({ kind: 'binary', contractSize: '1', quoteCurrency: 'USD' }), 'USD', '1', false],
    ['of what has an outcome is that of a binary, also where it is not listed', { symbol: 'KXBTC', outcome: 'no' }, null, 'USD', '1', true],
    ['is assumed for a pair that is not listed', { symbol: 'EURUSD' }, null, 'USD', '100000', true],
    ['is assumed for a pair by its own price', {}, null, 'USD', '1000', true],
    ['is assumed for anything else', { symbol: 'ACME' }, null, 'EUR', '1', true],
    ['is never assumed in live', { symbol: 'EURUSD', execution_mode: 'live' }, null, 'USD', null, false],
  ])('%s', (_name, more, known, currency, amount, assumed) => {
    const value = pointValueOf(priced(more), known, currency)(new Exact(100));
    expect(value && [value.amount.toFixed(), value.assumed, value.isBinary]).toEqual(amount === null ? null : [amount, assumed, known?.kind === 'binary' || more.outcome !== undefined]);
  });

  it('is not known at a price of nothing that would be the rate', () => {
    expect(pointValueOf(priced(), terms({ tickValueCurrency: 'JPY' }), 'USD')(new Exact(0))).toBeNull();
  });
});
