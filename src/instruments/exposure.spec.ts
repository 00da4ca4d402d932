import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Exact, sumOf } from '../common/decimal.js';
import { type Exposure, exposure } from './exposure.js';
import { type FigureTerms, type Holding, notional, riskToStop, type Valuation } from './figures.js';
import type { Known } from './rates.js';

const NOW = '2026-01-05T12:00:00Z';
const RATES = [['EUR', 'USD', '1.2'], ['GBP', 'USD', '1.5'], ['USD', 'JPY', '150'], ['USD', 'INR', '80'], ['BTC', 'USD', '60000']]
  .map(([from = '', to = '', rate = '']) => ({ from, to, rate, asOf: NOW }));
const live: Valuation = { currency: 'USD', rates: RATES, now: NOW, mode: 'live' };

const terms = (kind: FigureTerms['kind'], contractSize: string, tickSize: string, quoteCurrency: string, more: Partial<FigureTerms> = {}): FigureTerms =>
  ({ kind, contractSize, tickSize, tickValue: new Exact(contractSize).times(tickSize).toFixed(), tickValueCurrency: quoteCurrency, baseCurrency: null, quoteCurrency, underlying: null, ...more });
const KNOWN: Record<string, FigureTerms> = {
  EURUSD: terms('fx', '100000', '0.00001', 'USD', { baseCurrency: 'EUR' }),
  EURGBP: terms('fx', '100000', '0.00001', 'GBP', { baseCurrency: 'EUR' }),
  USDJPY: terms('fx', '100000', '0.001', 'JPY', { baseCurrency: 'USD' }),
  BTCUSD: terms('crypto', '1', '0.01', 'USD', { baseCurrency: 'BTC' }),
  ESZ5: terms('future', '50', '0.25', 'USD', { underlying: 'SPX' }),
  ESH6: terms('future', '50', '0.25', 'USD', { underlying: 'SPX' }),
  US500: terms('cfd', '1', '0.1', 'USD', { underlying: 'SPX' }),
  INFY: terms('stock', '1', '0.05', 'INR'),
  AAPL_C: terms('option', '100', '0.01', 'USD', { underlying: 'AAPL' }),
  AAPL: terms('stock', '1', '0.01', 'USD'),
  'KX-T1': terms('binary', '1', '0.01', 'USD'),
  'KX-T2': terms('binary', '1', '0.01', 'USD'),
};
const held = (symbol: string, direction: 'long' | 'short', size: string, entryPrice: string, stop: string | null = null, more: Partial<Holding> = {}): Holding =>
  ({ symbol, exchange: null, terms: KNOWN[symbol] ?? null, direction, outcome: null, size, entryPrice, markPrice: null, stop, fees: null, ...more });
const bought = (symbol: string, outcome: 'yes' | 'no', size: string, price: string, fees: string | null = null) => held(symbol, 'long', size, price, null, { outcome, fees });

const value = <T>(figure: Known<T>): T | string[] => (figure.known ? figure.value : figure.reasons.map(({ code }) => code));
const shown = (of: Exposure) => [value(of.grossNotional), value(of.netByCurrency), value(of.netByUnderlying), value(of.openRisk)];

describe('the exposure of an account', () => {
  it.each<[string, Holding[], unknown[]]>([
    ['of nothing is nothing', [], ['0', {}, {}, '0']],
    // 100,000 × 1.1; + 100,000 EUR × 1.2, − 110,000 USD; 0.002 × 100,000
    ['a pair has two legs', [held('EURUSD', 'long', '1', '1.1', '1.098')], ['110000', { EUR: '120000', USD: '-110000' }, {}, '200']],
    // Gross 110,000 + 100,000 × 0.9 × 1.5 = 245,000; EUR 100,000 − 100,000; GBP + 90,000 × 1.5; risk 0.01 × 100,000 × 1 + 0.01 × 100,000 × 1.5
    ['legs of different pairs net', [held('EURUSD', 'long', '1', '1.1', '1.09'), held('EURGBP', 'short', '1', '0.9', '0.91')], ['245000', { USD: '-110000', GBP: '135000' }, {}, '2500']],
    // 0.5 × 100,000 × 150 ÷ 150; USD + 50,000, JPY − 7,500,000 ÷ 150; 0.3 × 50,000 ÷ 150
    ['yen are converted', [held('USDJPY', 'long', '0.5', '150', '149.7')], ['50000', { USD: '50000', JPY: '-50000' }, {}, '100']],
    // 0.5 × 58,000; + 0.5 BTC × 60,000, − 29,000; the whole of it
    ['a coin has legs too', [held('BTCUSD', 'long', '0.5', '58000')], ['29000', { BTC: '30000', USD: '-29000' }, {}, '29000']],
    // 2 × 50 × 6,000 = 600,000 and 50 × 6,040 = 302,000; 298,000 are left; 2 × 50 × 10 + 50 × 20
    ['contracts of two months net by what they stand on', [held('ESZ5', 'long', '2', '6000', '5990'), held('ESH6', 'short', '1', '6040', '6060')], ['902000', {}, { SPX: '298000' }, '2000']],
    // 600,000 + 10 × 6,000; 540,000; 50 × 2 × 10 + 10 × 10
    ['so do a future and a CFD', [held('ESZ5', 'long', '2', '6000', '5990'), held('US500', 'short', '10', '6000', '6010')], ['660000', {}, { SPX: '540000' }, '1100']],
    // 3 × 100 × 2.5 = 750; 10 × 200 = 2,000
    ['an option nets with no share: nobody told its delta', [held('AAPL_C', 'long', '3', '2.5'), held('AAPL', 'short', '10', '200', '210')], ['2750', {}, { AAPL_C: '750', AAPL: '-2000' }, '850']],
    // 8,000 ÷ 80 each
    ['shares at two exchanges are two things', [held('INFY', 'long', '5', '1600', null, { exchange: 'NSE' }), held('INFY', 'short', '5', '1600', '1680', { exchange: 'BSE' })], ['200', {}, { 'NSE:INFY': '100', 'BSE:INFY': '-100' }, '105']],
    // 10 × 0.61 + 0.17
    ['a binary counts what was paid', [bought('KX-T1', 'yes', '10', '0.61', '0.17')], ['6.27', {}, { 'KX-T1': '6.27' }, '6.27']],
    // 6.00 + 1.80 = 7.80 were paid; 4 pairs pay 4.00 in any case
    ['yes and no of one market net', [bought('KX-T1', 'yes', '10', '0.6'), bought('KX-T1', 'no', '4', '0.45')], ['3.8', {}, { 'KX-T1': '3.8' }, '3.8']],
    // 2.40 + 4.50 = 6.90; 4 pairs pay 4.00; more of no is held
    ['more no than yes counts below zero', [bought('KX-T1', 'yes', '4', '0.6'), bought('KX-T1', 'no', '10', '0.45')], ['2.9', {}, { 'KX-T1': '-2.9' }, '2.9']],
    // 10 × 0.30 + 10 × 0.50 = 8.00, and 10.00 come back
    ['a profit that is certain is no exposure', [bought('KX-T1', 'yes', '10', '0.3'), bought('KX-T1', 'no', '10', '0.5')], ['0', {}, {}, '0']],
    // 10 × 0.60 + 10 × (1 − 0.65) = 9.50, and 10.00 come back
    ['yes that is sold again nets with yes that was bought', [bought('KX-T1', 'yes', '10', '0.6'), held('KX-T1', 'short', '10', '0.65', null, { outcome: 'yes' })], ['0', {}, {}, '0']],
    // 6.00 + 4.50; no counts below zero
    ['two markets do not net', [bought('KX-T1', 'yes', '10', '0.6'), bought('KX-T2', 'no', '10', '0.45')], ['10.5', {}, { 'KX-T1': '6', 'KX-T2': '-4.5' }, '10.5']],
  ])('%s', (_what, holdings, expected) => {
    expect(shown(exposure(holdings, live))).toEqual(expected);
  });

  it('is in the currency of the account', () => {
    // 110,000 ÷ 1.2; legs 100,000 EUR and − 110,000 ÷ 1.2; 200 ÷ 1.2; rounded at the 18th digit, half to even
    const euro = exposure([held('EURUSD', 'long', '1', '1.1', '1.098')], { ...live, currency: 'EUR' });
    expect(euro.currency).toBe('EUR');
    expect(shown(euro)).toEqual(['91666.666666666666666667', { EUR: '100000', USD: '-91666.666666666666666667' }, {}, '166.666666666666666667']);
  });

  it('says what was assumed', () => {
    const unknown = [held('GBPUSD', 'long', '0.1', '1.5', '1.4'), held('TSLA', 'long', '2', '300', '290'), held('EURUSD', 'long', '1', '1.1', '1.09')];
    // 15,000 + 600 + 110,000; 1,000 + 20 + 1,000
    expect(exposure(unknown, { ...live, mode: 'paper' })).toMatchObject({ assumed: ['GBPUSD', 'TSLA'], grossNotional: { value: '125600' }, openRisk: { value: '2020' } });
    expect(exposure(unknown.slice(2), { ...live, mode: 'paper' }).assumed).toEqual([]);
  });

  it.each<[string, Holding[], Partial<Valuation>, unknown[]]>([
    ['an instrument, in live', [held('EURUSD', 'long', '1', '1.1', '1'), held('TSLA', 'long', '2', '300', '290')], {}, Array(4).fill(['INSTRUMENT_UNKNOWN'])],
    ['a rate', [held('INFY', 'long', '1', '1600')], { rates: [] }, [['RATE_MISSING'], {}, ['RATE_MISSING'], ['RATE_MISSING']]],
    ['a rate of the hour', [held('INFY', 'long', '1', '1600')], { now: '2026-01-05T13:00:00Z' }, [['RATE_STALE'], {}, ['RATE_STALE'], ['RATE_STALE']]],
    ['the rate of a leg only', [held('EURUSD', 'long', '1', '1.1', '1')], { rates: [] }, ['110000', ['RATE_MISSING'], {}, '10000']],
    ['a stop', [held('EURUSD', 'long', '1', '1.1')], {}, ['110000', { EUR: '120000', USD: '-110000' }, {}, ['STOP_MISSING']]],
    ['an outcome', [held('KX-T1', 'long', '1', '0.5')], {}, [['OUTCOME_MISSING'], {}, ['OUTCOME_MISSING'], ['OUTCOME_MISSING']]],
    ['a base currency', [held('EURUSD', 'long', '1', '1.1', '1', { terms: terms('fx', '1', '0.1', 'USD') })], {}, ['1.1', ['CURRENCY_MISSING'], {}, '0.1']],
    ['a number', [held('EURUSD', 'long', 'NaN', '1.1', '1')], {}, Array(4).fill(['NUMBER_UNREADABLE'])],
  ])('is unknown without %s', (_what, holdings, valuation, expected) => {
    expect(shown(exposure(holdings, { ...live, ...valuation }))).toEqual(expected);
  });
});

describe('any book', () => {
  const decimal = (max: bigint, digits: number) => fc.bigInt({ min: 0n, max }).map((units) => new Exact(units.toString()).div(new Exact(10).pow(digits)).toFixed());
  const direction = fc.constantFrom<'long' | 'short'>('long', 'short');
  const linear = fc.record({ symbol: fc.constantFrom('EURUSD', 'EURGBP', 'USDJPY', 'BTCUSD', 'ESZ5', 'ESH6', 'US500', 'INFY', 'AAPL_C', 'AAPL'), direction, size: decimal(10_000n, 2), price: decimal(10n ** 10n, 5), stop: decimal(10n ** 10n, 5) })
    .map(({ symbol, direction, size, price, stop }) => held(symbol, direction, size, price, stop));
  const binary = fc.record({ symbol: fc.constantFrom('KX-T1', 'KX-T2'), outcome: fc.constantFrom<'yes' | 'no'>('yes', 'no'), direction, size: decimal(1_000n, 0), price: decimal(100n, 2) })
    .map(({ symbol, outcome, direction, size, price }) => held(symbol, direction, size, price, null, { outcome }));
  const amount = (of: typeof notional, holding: Holding) => {
    const one = of(holding, live);
    if (!one.known) throw new Error(JSON.stringify(one.reasons));
    return one.value.amount;
  };
  const opposite = (holding: Holding): Holding => ({ ...holding, direction: holding.direction === 'long' ? 'short' : 'long' });
  const negated = (figures: unknown) => Object.fromEntries(Object.entries(figures as Record<string, string>).map(([key, text]) => [key, new Exact(text).negated().toFixed()]));

  it('has the gross notional and the risk of its parts', () => {
    fc.assert(fc.property(fc.array(linear, { maxLength: 12 }), (holdings) => {
      const all = exposure(holdings, live);
      expect(value(all.grossNotional)).toBe(sumOf(holdings.map((each) => amount(notional, each))));
      expect(value(all.openRisk)).toBe(sumOf(holdings.map((each) => amount(riskToStop, each))));
    }), { numRuns: 200 });
  });

  it('is worth the same in any order, and nothing more with positions of size 0', () => {
    fc.assert(fc.property(fc.array(fc.oneof(linear, binary), { maxLength: 10 }), fc.array(fc.oneof(linear, binary), { maxLength: 4 }), (holdings, flat) => {
      const more = [...flat.map((each) => ({ ...each, size: '0' })), ...holdings.toReversed()];
      expect(shown(exposure(more, live))).toEqual(shown(exposure(holdings, live)));
    }), { numRuns: 200 });
  });

  it('turned round has the same gross figures and the opposite net ones', () => {
    fc.assert(fc.property(fc.array(linear, { maxLength: 10 }), (holdings) => {
      const [gross, currencies, underlyings, risk] = shown(exposure(holdings, live));
      expect(shown(exposure(holdings.map(opposite), live))).toEqual([gross, negated(currencies), negated(underlyings), risk]);
    }), { numRuns: 200 });
  });

  it('with the opposite of each of its positions nets to nothing, and is gross twice as much', () => {
    fc.assert(fc.property(fc.array(linear, { minLength: 1, maxLength: 8 }), (holdings) => {
      const both = exposure([...holdings, ...holdings.map(opposite)], live);
      expect([value(both.netByCurrency), value(both.netByUnderlying)]).toEqual([{}, {}]);
      const once = exposure(holdings, live);
      expect(value(both.grossNotional)).toBe(sumOf([value(once.grossNotional), value(once.grossNotional)] as string[]));
    }), { numRuns: 200 });
  });

  it('of one market never loses more than was paid for it, and never less than the worst of yes and no', () => {
    fc.assert(fc.property(fc.array(binary.map((each) => ({ ...each, symbol: 'KX-T1' })), { maxLength: 8 }), (holdings) => {
      const paid = holdings.map((each) => amount(notional, each));
      const yes = (each: Holding) => (each.outcome === 'yes') === (each.direction === 'long');
      const pays = (side: boolean) => new Exact(sumOf(holdings.filter((each) => yes(each) === side).map(({ size }) => size)));
      const worst = Exact.max(0, new Exact(sumOf(paid)).minus(Exact.min(pays(true), pays(false))));
      expect(value(exposure(holdings, live).openRisk)).toBe(worst.toFixed());
    }), { numRuns: 200 });
  });
});
