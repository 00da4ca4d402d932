import { describe, expect, it } from '@jest/globals';
import { effectiveLimits } from '../limits/effective-limits.js';
import type { LimitValues } from '../limits/limit-fields.js';
import { dailyLoss, dailyTarget, drawdown, type LossFacts } from './loss-figures.js';

const FACTS: LossFacts = {
  equity: '9500', openingEquity: '10000', openingBalance: '10100', flowsToday: '0', initial: '10000', peakEquity: '12000', peakDayEndBalance: '11000', sinceReset: null, resetToday: false, wasReset: false,
};
const NOW = '2026-11-20T10:00:00Z';
const USD = { currency: 'USD', rates: [], now: NOW };
const limits = (values: Partial<LimitValues>, currency = 'USD') => effectiveLimits({ global: { values: { haltOnDrawdown: true, stopAfterTarget: true, ...values }, currency } });

describe('daily loss', () => {
  const of = (facts: Partial<LossFacts>, baseline: 'balance' | 'equity' | 'higher' | 'initial' = 'higher', values: Partial<LimitValues> = { dailyLossLimitAmount: '500' }) =>
    dailyLoss({ ...FACTS, ...facts }, { baseline }, limits(values), USD);

  it.each([['balance', '600'], ['equity', '500'], ['higher', '600'], ['initial', '500']] as const)('is measured from the %s of the day', (baseline, value) => {
    expect(of({}, baseline)).toMatchObject({ value, limit: '500' });
  });

  it('takes in what came and went since the rollover', () => {
    expect(of({ flowsToday: '250', equity: '9750' })).toMatchObject({ value: '600' });
    expect(of({ flowsToday: '-250', equity: '9250' })).toMatchObject({ value: '600' });
  });

  it('holds the tighter of an amount and a fraction of what it is measured from', () => {
    expect(of({}, 'balance', { dailyLossLimitAmount: '500', dailyLossLimitFraction: '0.04' })).toMatchObject({ limit: '404' });
    expect(of({}, 'balance', { dailyLossLimitAmount: '400', dailyLossLimitFraction: '0.04' })).toMatchObject({ limit: '400' });
  });

  it('begins anew with a reset of today, and not with one of yesterday', () => {
    expect(of({ sinceReset: '9600', resetToday: true, wasReset: true })).toMatchObject({ value: '100' });
    expect(of({ sinceReset: '9600', resetToday: false, wasReset: true })).toMatchObject({ value: '600' });
  });

  it('is not known without a limit, an equity or a beginning', () => {
    expect(of({ equity: '0', openingEquity: '0', openingBalance: '0' }, 'higher', { dailyLossLimitFraction: '0.05' })).toBeNull();
    expect(of({}, 'higher', {})).toBeNull();
    expect(of({ equity: null })).toBeNull();
    expect(of({ openingEquity: null, openingBalance: null })).toBeNull();
    expect(of({ initial: null }, 'initial')).toBeNull();
  });

  it('turns amounts of another currency into the account\'s, and leaves those out whose rate nobody knows', () => {
    const bounds = limits({ dailyLossLimitAmount: '500' });
    const rates = [{ from: 'EUR', to: 'USD', rate: '1.25', asOf: NOW }];
    expect(dailyLoss(FACTS, { baseline: 'higher' }, bounds, { currency: 'EUR', rates, now: NOW })).toMatchObject({ limit: '400' });
    expect(dailyLoss(FACTS, { baseline: 'higher' }, bounds, { currency: 'EUR', rates: [], now: NOW })).toBeNull();
    expect(dailyLoss(FACTS, { baseline: 'equity' }, limits({ dailyLossLimitAmount: '500', dailyLossLimitFraction: '0.05' }), { currency: 'EUR', rates: [], now: NOW })).toMatchObject({ limit: '500' });
  });
});

describe('the daily target', () => {
  it('is what was won, and no limit where trading goes on after it', () => {
    const facts = { ...FACTS, equity: '10700' };
    expect(dailyTarget(facts, { baseline: 'higher' }, limits({ dailyProfitTarget: '600' }), USD)).toMatchObject({ value: '600', limit: '600' });
    expect(dailyTarget(facts, { baseline: 'higher' }, limits({ dailyProfitTarget: '600', stopAfterTarget: false }), USD)).toBeNull();
    expect(dailyTarget(facts, { baseline: 'higher' }, limits({}), USD)).toBeNull();
  });
});

describe('drawdown', () => {
  const of = (facts: Partial<LossFacts>, reference: 'initial' | 'peak_equity' | 'peak_day_end_balance' = 'peak_equity', lockAtInitial = false, values: Partial<LimitValues> = { maxDrawdownFraction: '0.1' }) =>
    drawdown({ ...FACTS, ...facts }, { reference, lockAtInitial }, limits(values), USD);

  it.each([['initial', '500', '1000'], ['peak_equity', '2500', '1200'], ['peak_day_end_balance', '1500', '1100']] as const)('is measured from %s', (reference, value, limit) => {
    expect(of({}, reference)).toMatchObject({ value, limit });
  });

  it('has a floor that rises to the initial balance and no higher where it locks there', () => {
    // The floor would be 10,800 and is 10,000.
    expect(of({}, 'peak_equity', true)).toMatchObject({ value: '2500', limit: '2000' });
    // It is 9,900 yet.
    expect(of({ peakEquity: '11000' }, 'peak_equity', true)).toMatchObject({ limit: '1100' });
  });

  it('is measured from what was there at a reset, and from what was reached since', () => {
    expect(of({ wasReset: true, sinceReset: '9600', peakEquity: null })).toMatchObject({ value: '100' });
    expect(of({ wasReset: true, sinceReset: '9600', peakEquity: '9700' })).toMatchObject({ value: '200' });
  });

  it('begins with the day where no peak is known', () => {
    expect(of({ initial: null, peakEquity: null })).toMatchObject({ value: '500' });
    expect(of({ initial: null, peakDayEndBalance: null }, 'peak_day_end_balance')).toMatchObject({ value: '600' });
    expect(of({ initial: null }, 'initial')).toBeNull();
  });

  it('is no limit where haltOnDrawdown is false', () => {
    expect(of({}, 'peak_equity', false, { maxDrawdownFraction: '0.1', haltOnDrawdown: false })).toBeNull();
  });
});
