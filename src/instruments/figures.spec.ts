import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Exact } from '../common/decimal.js';
import { type FigureTerms, type Holding, notional, riskToStop, type Valuation } from './figures.js';
import type { Known } from './rates.js';

const NOW = '2026-01-05T12:00:00Z';
const RATES = [['EUR', 'USD', '1.25'], ['USD', 'JPY', '150'], ['USD', 'INR', '80']].map(([from = '', to = '', rate = '']) => ({ from, to, rate, asOf: NOW }));
const live: Valuation = { currency: 'USD', rates: RATES, now: NOW, mode: 'live' };
const paper: Valuation = { ...live, mode: 'paper' };

const terms = (kind: FigureTerms['kind'], contractSize: string, tickSize: string, tickValue: string, quoteCurrency: string, more: Partial<FigureTerms> = {}): FigureTerms =>
  ({ kind, contractSize, tickSize, tickValue, tickValueCurrency: quoteCurrency, baseCurrency: null, quoteCurrency, underlying: null, ...more });
const EURUSD = terms('fx', '100000', '0.00001', '1', 'USD', { baseCurrency: 'EUR' });
const USDJPY = terms('fx', '100000', '0.001', '100', 'JPY', { baseCurrency: 'USD' });
const ES = terms('future', '50', '0.25', '12.5', 'USD');
const SHARE = terms('stock', '1', '0.05', '0.05', 'INR');
const OPTION = terms('option', '100', '0.01', '1', 'USD', { underlying: 'AAPL' });
const BTC = terms('crypto', '1', '0.01', '0.01', 'USD', { baseCurrency: 'BTC' });
const US30 = terms('cfd', '1', '0.1', '0.1', 'USD');
const MARKET = terms('binary', '1', '0.01', '0.01', 'USD');

const holding = (given: FigureTerms | null, size: string, entryPrice: string, more: Partial<Holding> = {}): Holding =>
  ({ symbol: 'S', exchange: null, terms: given, direction: 'long', outcome: null, size, entryPrice, markPrice: null, stop: null, fees: null, ...more });
const shown = (figure: Known<{ amount: string; assumed: boolean }>) => (figure.known ? figure.value.amount + (figure.value.assumed ? ' assumed' : '') : figure.reasons[0]?.code);

describe('the notional', () => {
  it.each<[string, Holding, string]>([
    ['of a pair', holding(EURUSD, '0.1', '1.1'), '11000'], // 0.1 × 100,000 × 1.1
    ['of a pair that is quoted in yen', holding(USDJPY, '0.5', '150'), '50000'], // 0.5 × 100,000 × 150 ÷ 150
    ['at the mark, where there is one', holding(EURUSD, '1', '1.1', { markPrice: '1.2' }), '120000'], // 100,000 × 1.2
    ['of a future', holding(ES, '2', '6000.25'), '600025'], // 2 × 50 × 6,000.25
    ['of a share in rupees', holding(SHARE, '10', '1600.4'), '200.05'], // 10 × 1,600.4 ÷ 80
    ['of an option: its premium', holding(OPTION, '3', '2.5'), '750'], // 3 × 100 × 2.5
    ['of a coin', holding(BTC, '0.015', '60000'), '900'], // 0.015 × 60,000
    ['of a CFD on an index', holding(US30, '0.5', '44000'), '22000'], // 0.5 × 44,000
    ['of yes: what was paid', holding(MARKET, '10', '0.61', { outcome: 'yes', fees: '0.17' }), '6.27'], // 10 × 0.61 + 0.17
    ['of no', holding(MARKET, '10', '0.4', { outcome: 'no' }), '4'], // 10 × 0.40
    ['of yes that was sold, which is no that was bought', holding(MARKET, '10', '0.61', { outcome: 'yes', direction: 'short' }), '3.9'], // 10 × (1 − 0.61)
    ['of nothing', holding(EURUSD, '0', '1.1'), '0'],
    ['that a double would get wrong', holding(SHARE, '3', '0.1', { terms: { ...SHARE, quoteCurrency: 'USD' } }), '0.3'], // 0.1 + 0.1 + 0.1
  ])('%s', (_what, given, expected) => {
    expect(shown(notional(given, live))).toBe(expected);
    expect(shown(notional({ ...given, direction: given.terms?.kind === 'binary' ? given.direction : 'short' }, live))).toBe(expected);
  });
});

describe('the risk to the stop', () => {
  it.each<[string, Holding, string]>([
    ['of a pair', holding(EURUSD, '0.1', '1.1', { stop: '1.098' }), '20'], // 0.1 × 0.002 ÷ 0.00001 × 1 = 0.1 × 200
    ['of a pair that is quoted in yen', holding(USDJPY, '1', '150', { stop: '149.7' }), '200'], // 0.3 ÷ 0.001 × 100 = 30,000 yen ÷ 150
    ['with the tick value in the currency of the account', holding({ ...USDJPY, tickValue: '0.66', tickValueCurrency: null }, '1', '150', { stop: '149.7' }), '198'], // 300 × 0.66
    ['of a future', holding(ES, '2', '6000.25', { stop: '5990.25' }), '1000'], // 2 × 10 ÷ 0.25 × 12.5
    ['of a short one', holding(ES, '1', '6000', { stop: '6004', direction: 'short' }), '200'], // 4 ÷ 0.25 × 12.5
    ['of a share in rupees', holding(SHARE, '100', '1600', { stop: '1592' }), '10'], // 100 × 8 ÷ 0.05 × 0.05 = 800 ÷ 80
    ['of a share without a stop: all of it', holding(SHARE, '10', '1600'), '200'], // 10 × 1,600 ÷ 80
    ['of a bought option without a stop: its premium', holding(OPTION, '3', '2.5'), '750'],
    ['of a bought coin without a stop: all of it', holding(BTC, '0.5', '60000'), '30000'],
    ['of yes', holding(MARKET, '10', '0.61', { outcome: 'yes', fees: '0.17' }), '6.27'],
    ['of nothing without a stop', holding(EURUSD, '0', '1.1'), '0'],
    ['of a sold option without a stop', holding(OPTION, '3', '2.5', { direction: 'short' }), 'STOP_MISSING'],
    ['of a sold share without a stop', holding(SHARE, '3', '2.5', { direction: 'short' }), 'STOP_MISSING'],
    ['of a pair without a stop', holding(EURUSD, '1', '1.1'), 'STOP_MISSING'],
    ['of a future without a stop: prices have been below zero', holding(ES, '1', '6000'), 'STOP_MISSING'],
    ['with a tick of 0', holding({ ...EURUSD, tickSize: '0' }, '1', '1.1', { stop: '1' }), 'NUMBER_UNREADABLE'],
  ])('%s', (_what, given, expected) => {
    expect(shown(riskToStop(given, live))).toBe(expected);
  });
});

describe('an instrument that is not known', () => {
  const none = (symbol: string, more: Partial<Holding> = {}) => holding(null, '0.1', '1.1', { symbol, stop: '1.09', ...more });

  it.each<[string, Holding, string, string]>([
    ['a pair counts 100,000 a lot', none('EURUSD'), '11000 assumed', '100 assumed'], // 0.1 × 100,000 × 1.1; 0.1 × 0.01 × 100,000
    ['a pair in yen is converted', { ...none('USDJPY'), entryPrice: '150', stop: '147' }, '10000 assumed', '200 assumed'], // 10,000 × 150 ÷ 150; 10,000 × 3 ÷ 150
    ['anything else counts 1, in the currency of the account', none('AAPL', { size: '10' }), '11 assumed', '0.1 assumed'], // 10 × 1.1; 10 × 0.01
    ['six letters that are no pair count 1', none('NVIDIA', { size: '10' }), '11 assumed', '0.1 assumed'],
    ['a pair at an exchange is a contract of its own', none('USDINR', { exchange: 'NSE', size: '10' }), '11 assumed', '0.1 assumed'],
    ['what has an outcome is a binary', none('KXBTCD-25AUG0312-T114249.99', { size: '10', entryPrice: '0.61', outcome: 'yes', fees: '0.17' }), '6.27 assumed', '6.27 assumed'],
  ])('outside live: %s', (_what, given, amount, risk) => {
    for (const mode of ['paper', 'simulation'] as const) expect([shown(notional(given, { ...paper, mode })), shown(riskToStop(given, { ...paper, mode }))]).toEqual([amount, risk]);
  });

  it('is refused in live, and says why', () => {
    expect(notional(none('EURUSD'), live)).toEqual({ known: false, reasons: [{ code: 'INSTRUMENT_UNKNOWN', detail: "EURUSD is not in the account's list of instruments" }] });
    expect(shown(riskToStop(none('EURUSD'), live))).toBe('INSTRUMENT_UNKNOWN');
  });
});

describe('what is not known', () => {
  it.each<[string, Holding, Valuation, string]>([
    ['no rate', holding(SHARE, '10', '1600'), { ...live, rates: [] }, 'RATE_MISSING'],
    ['no rate on paper either', holding(SHARE, '10', '1600'), { ...paper, rates: [] }, 'RATE_MISSING'],
    ['an old rate', holding(SHARE, '10', '1600'), { ...live, now: '2026-01-05T13:00:00Z' }, 'RATE_STALE'],
    ['no outcome of a binary', holding(MARKET, '10', '0.6'), live, 'OUTCOME_MISSING'],
    ['a price of a binary in cents', holding(MARKET, '10', '61', { outcome: 'yes' }), live, 'NUMBER_UNREADABLE'],
    ...['NaN', 'Infinity', '-1', '', '1e3', '0x10', '1 000', '.5'].flatMap((bad): [string, Holding, Valuation, string][] => [
      [`a size of "${bad}"`, holding(EURUSD, bad, '1.1'), live, 'NUMBER_UNREADABLE'], [`a price of "${bad}"`, holding(EURUSD, '1', bad), live, 'NUMBER_UNREADABLE'],
      [`a stop of "${bad}"`, holding(EURUSD, '1', '1.1', { stop: bad }), live, 'NUMBER_UNREADABLE'], [`fees of "${bad}"`, holding(MARKET, '1', '0.1', { outcome: 'yes', fees: bad }), live, 'NUMBER_UNREADABLE'],
    ]),
  ])('is no number: %s', (_what, given, valuation, code) => {
    expect([shown(notional(given, valuation)), shown(riskToStop(given, valuation))]).toEqual([code, code]);
  });

  it('may be a rate that nothing needs', () => {
    expect(shown(notional(holding(SHARE, '0', '1600'), { ...live, rates: [] }))).toBe('0');
  });
});

describe('figures', () => {
  const decimal = (digits: number) => fc.bigInt({ min: 0n, max: 10n ** 12n }).map((units) => {
    const text = units.toString().padStart(digits + 1, '0');
    return { units, text: `${text.slice(0, -digits)}.${text.slice(-digits)}` };
  });

  it('are exact: as whole numbers of the smallest unit make them', () => {
    fc.assert(fc.property(decimal(8), decimal(5), decimal(2), (size, price, contractSize) => {
      const made = notional(holding({ ...EURUSD, contractSize: contractSize.text }, size.text, price.text), live);
      const units = (size.units * price.units * contractSize.units).toString().padStart(16, '0');
      const expected = `${units.slice(0, -15)}.${units.slice(-15)}`.replace(/\.?0+$/, '');
      return made.known && made.value.amount === expected;
    }), { numRuns: 500 });
  });

  it('are the same for long and short, and grow with the size', () => {
    fc.assert(fc.property(decimal(4), decimal(4), decimal(4), (size, entry, stop) => {
      const at = (more: Partial<Holding>) => [notional, riskToStop].map((of) => shown(of(holding(ES, size.text, entry.text, { stop: stop.text, ...more }), live)));
      const twice = `${size.units * 2n}`.padStart(5, '0');
      const [once, double] = [at({}), at({ size: `${twice.slice(0, -4)}.${twice.slice(-4)}` })];
      expect(at({ direction: 'short' })).toEqual(once);
      expect(double).toEqual(once.map((amount) => new Exact(amount ?? '').times(2).toFixed()));
    }), { numRuns: 300 });
  });

  it('are made without a float anywhere', () => {
    for (const file of ['figures', 'exposure', 'rates', 'terms']) {
      const code = readFileSync(new URL(`./${file}.ts`, import.meta.url), 'utf8').replace(/^\s*(\/\/|\*|\/\*\*).*$/gm, '');
      expect([file, /\bNumber\(|parseFloat|parseInt|Math\.|toNumber|unary|: number\b/.exec(code)?.[0]]).toEqual([file, undefined]);
    }
  });
});
